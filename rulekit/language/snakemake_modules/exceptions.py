"""`snakemake.exceptions`."""

from rulekit.language.exceptions import *  # noqa: F403
from rulekit.language.exceptions import LookupError, WorkflowError  # noqa: A004
from rulekit.model.rule import CheckpointPending

__all__ = ["CheckpointPending", "LookupError", "WorkflowError", "print_exception"]


def print_exception(ex: BaseException, linemaps: object = None) -> None:
    """Write an exception to stderr."""
    import sys

    sys.stderr.write(f"{type(ex).__name__}: {ex}\n")
