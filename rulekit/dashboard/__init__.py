"""A live page about a run: served on this machine only, read-only, behind a token."""
