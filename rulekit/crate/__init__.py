"""A run as a Workflow Run RO-Crate: its files, its jobs and what made what, as JSON-LD."""
