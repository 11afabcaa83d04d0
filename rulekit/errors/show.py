"""Errors in writing, with the lines of the files they point into."""

from __future__ import annotations

from rulekit.errors.diagnostic import write_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from rulekit.errors.diagnostic import Diagnostic
    from rulekit.errors.tree import RulekitError

    class Stream(Protocol):
        def write(self, text: str, /) -> object: ...


def source_line(file: str, line: int) -> str | None:
    """A line of a text file, or None."""
    if line < 1:
        return None
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            for number, text in enumerate(stream, 1):
                if number == line:
                    return text.rstrip("\n")
    except (OSError, ValueError):
        pass
    return None


def written(
    diagnostics: tuple[Diagnostic, ...], paint: Callable[[str, str], str] | None = None
) -> str:
    """Diagnostics with their source lines, and where to read more; no final newline."""
    colour = paint or (lambda _style, text: text)
    parts = []
    for diagnostic in diagnostics:
        text = write_out(diagnostic, source_line, paint)
        if diagnostic.severity == "error":
            places = [label.span for label in diagnostic.labels]
            if diagnostic.span is not None:
                places.append(diagnostic.span)
            blank = " " * max((len(str(place.line)) for place in places), default=1)
            text += f"\n{blank} = {colour('help', 'more')}: rulekit explain {diagnostic.code}"
        parts.append(text)
    if len(diagnostics) > 1:
        errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
        parts.append(f"{errors} error{'s' if errors != 1 else ''}")
    return "\n\n".join(parts)


def show(
    error: RulekitError, stream: Stream, paint: Callable[[str, str], str] | None = None
) -> None:
    """Write an error on a stream."""
    stream.write(written(error.diagnostics, paint) + "\n")
