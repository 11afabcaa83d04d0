"""What runs did, read back from the records: for reports, timelines, crates and the dashboard."""
