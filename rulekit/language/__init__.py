"""The names that user code sees, and the pure helpers that turn rules into a job's values."""
