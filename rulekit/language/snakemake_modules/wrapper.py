"""`snakemake.wrapper`."""

from __future__ import annotations


def is_url(path: str) -> bool:
    """True if a wrapper is given by its whole address."""
    return path.startswith(("http://", "https://", "file:", "git+file:"))
