"""The exceptions that rule files import, raise and catch.

They are plain exceptions, known to user code by the names that existing files use. What leaves
the compiler or the planner is a `RulekitError` with a place; the translation is done there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class WorkflowError(Exception):
    """A mistake that a rule file reports itself; all positional arguments are its text."""

    def __init__(
        self,
        *args: object,
        lineno: int | None = None,
        snakefile: str | None = None,
        rule: Any = None,
    ) -> None:
        super().__init__("\n".join(str(arg) for arg in args if arg is not None))
        self.lineno = lineno
        self.snakefile = snakefile
        self.rule = rule


class SourceFileError(WorkflowError):
    """A source file that cannot be read."""


class WildcardError(WorkflowError):
    """A wildcard without a value."""


class RuleException(WorkflowError):
    """A mistake in one rule."""


class InputFunctionException(WorkflowError):
    """An input function failed or gave something that is no file name."""


class LookupError(WorkflowError, KeyError):  # noqa: A001  the name that files catch
    """`lookup` found nothing."""

    def __init__(
        self,
        msg: str | None = None,
        exc: BaseException | None = None,
        query: str | None = None,
        dpath: str | None = None,
    ) -> None:
        asked = f"query `{query}`" if query is not None else f"path `{dpath}`"
        cause = msg or (str(exc) if exc is not None else "nothing was found")
        super().__init__(f"lookup of {asked}: {cause}")

    __str__ = Exception.__str__


class UnknownRuleException(RuleException):
    """A rule that does not exist."""
