"""Jobs on Azure Batch: settings, pools, tasks, the executor, and what keeps the bill small."""
