"""Fixtures of this room."""

from __future__ import annotations

from cli_process import project

__all__ = ["project"]
