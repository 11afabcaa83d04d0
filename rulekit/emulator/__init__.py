"""An Azure Batch service on loopback, for tests and for trying things out without an account.

It speaks the data plane of Azure Batch (api-version 2025-06-01) as the real service does where
that is documented, and runs tasks as real processes in directories that stand for nodes. A package
of its own: it knows nothing of workflows. See `server.Emulator`.
"""
