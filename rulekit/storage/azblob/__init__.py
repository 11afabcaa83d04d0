"""Files in Azure Blob Storage, as the driver of a run sees them."""
