"""`project`: a directory in which the command is run."""

from __future__ import annotations

from cli.cli_process import project

__all__ = ["project"]
