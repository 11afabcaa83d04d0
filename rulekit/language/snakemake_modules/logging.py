"""`snakemake.logging`."""

from __future__ import annotations

from rulekit.language.logger import Logger, logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Logger", "logger", "setup_logger"]


def setup_logger(*args: Any, **kwargs: Any) -> None:
    """Nothing to set up: rulekit writes its own log."""
