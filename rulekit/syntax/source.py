"""A rule file's text: reading it, and places in it."""

from __future__ import annotations

import os
from bisect import bisect_right

from rulekit.errors.tree import RuleFileError
from rulekit.frozen import frozen
from rulekit.model.span import Span


def read_bytes(path: str) -> bytes:
    """The content of a rule file. Raises `RuleFileError` (RK0201) if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise RuleFileError(f"there is no rule file `{path}`", code="RK0201") from None
    except IsADirectoryError:
        raise RuleFileError(
            f"the rule file `{path}` is a directory",
            code="RK0201",
            help="name a file inside it",
        ) from None
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise RuleFileError(
            f"the rule file `{path}` cannot be read: {str(why).lower()}", code="RK0201"
        ) from None


def decode(data: bytes, path: str) -> str:
    """The text of a rule file with ``\\n`` line ends and no byte order mark.

    Raises `RuleFileError` (RK0202) with the line for bytes that are not UTF-8 text.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    zero = data.find(b"\0")
    if zero >= 0:
        raise RuleFileError(
            f"`{path}` is not a text file: it holds a zero byte",
            code="RK0202",
            span=Span(path, data.count(b"\n", 0, zero) + 1, 1),
            help="a rule file is UTF-8 text",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise RuleFileError(
            f"`{path}` is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}",
            code="RK0202",
            span=Span(path, line, column),
            help="save the file as UTF-8",
        ) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def read(path: str) -> str:
    """The text of the rule file at `path`. Raises `RuleFileError` if it cannot be had."""
    return decode(read_bytes(path), path)


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
