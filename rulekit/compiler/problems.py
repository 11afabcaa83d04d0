"""What is wrong with a rule file, collected so that several mistakes are reported at once."""

from __future__ import annotations

from rulekit.errors.diagnostic import Diagnostic, Label
from rulekit.errors.tree import RuleFileError
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.compiler.drafts import Loc

# After so many there is no use in more.
_MOST = 25


class Problems:
    """Errors and warnings of one load, in the order in which they were found."""

    def __init__(self) -> None:
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        file: str,
        loc: Loc,
        *,
        caret: str = "",
        help: str | None = None,  # noqa: A002
        labels: tuple[Label, ...] = (),
        at: str | None = None,
    ) -> Diagnostic:
        """Note an error; `at` is a text inside the place that the mark goes to."""
        found = Diagnostic(code, message, place(file, loc, at), caret, labels, (), help)
        if len(self.errors) < _MOST:
            self.errors.append(found)
        return found

    def warning(
        self,
        code: str,
        message: str,
        file: str,
        loc: Loc,
        *,
        help: str | None = None,  # noqa: A002
        at: str | None = None,
    ) -> None:
        """Note a warning."""
        self.warnings.append(
            Diagnostic(code, message, place(file, loc, at), help=help, severity="warning")
        )

    def raise_if_any(self) -> None:
        """Raise `RuleFileError` with all errors, if there are any."""
        if self.errors:
            raise RuleFileError(diagnostics=tuple(self.errors))


def place(file: str, loc: Loc, at: str | None = None) -> Span:
    """The span of a `loc`, or of the text `at` inside it if that can be found."""
    span = Span(file, *loc)
    if at:
        return _narrowed(span, at)
    return span


def _narrowed(span: Span, text: str) -> Span:
    try:
        with open(span.file, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError):
        return span
    first = text.split("\n", 1)[0]
    last = max(span.end_line, span.line)
    for number in range(span.line, min(last, len(lines)) + 1):
        start = span.column - 1 if number == span.line else 0
        column = lines[number - 1].find(first, start)
        if column >= 0:
            return Span(span.file, number, column + 1, number, column + 1 + len(first))
    return span
