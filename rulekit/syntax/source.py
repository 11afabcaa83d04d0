"""A rule file's text and places in it."""

from __future__ import annotations

from bisect import bisect_right

from rulekit.frozen import frozen
from rulekit.model.span import Span


class Source:
    """A text with its path; turns offsets into lines and columns (both from 1)."""

    __slots__ = ("_starts", "path", "text")

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        starts = [0]
        find = text.find
        at = find("\n") + 1
        while at:
            starts.append(at)
            at = find("\n", at) + 1
        self._starts = starts

    def line(self, offset: int) -> int:
        """The number of the line that holds `offset`."""
        return bisect_right(self._starts, offset)

    def line_start(self, line: int) -> int:
        """The offset at which line number `line` begins."""
        return self._starts[line - 1]

    def line_text(self, line: int) -> str | None:
        """A line without its end, None if there is no such line."""
        if not 1 <= line <= len(self._starts):
            return None
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return self.text[start:end]

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; a place outside the text is moved to the nearest inside."""
        line = min(max(line, 1), len(self._starts))
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return min(max(start + column - 1, start), end)

    def loc(self, start: int, end: int) -> tuple[int, int, int, int]:
        """Line, column, end line and end column (exclusive) of text[start:end]."""
        starts = self._starts
        line = bisect_right(starts, start)
        last = line
        if line < len(starts) and end >= starts[line]:
            last = bisect_right(starts, end)
        return (line, start - starts[line - 1] + 1, last, end - starts[last - 1] + 1)

    def span(self, start: int, end: int) -> Span:
        """The span of text[start:end]."""
        return Span(self.path, *self.loc(start, end))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Source):
            return NotImplemented
        return self.text == other.text and self.path == other.path

    def __hash__(self) -> int:
        return hash((self.path, len(self.text)))

    def __repr__(self) -> str:
        return f"Source({self.path!r})"


@frozen
class Piece:
    """A stretch of a rule file, text[start:end]."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.source.span(self.start, self.end)

    @property
    def loc(self) -> tuple[int, int, int, int]:
        """Line, column, end line, end column; columns from 1, the end exclusive."""
        return self.source.loc(self.start, self.end)

    def __repr__(self) -> str:
        return f"Piece({self.source.line(self.start)}, {self.text!r})"
