"""Offsets and the positions of editors: lines from 0, columns in UTF-16 units."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.syntax.source import Source

    Position = tuple[int, int]


def position(source: Source, offset: int) -> Position:
    """The position of an offset."""
    line = source.line(offset)
    start = source.line_start(line)
    return line - 1, units(source.text[start:offset])


def offset(source: Source, line: int, column: int) -> int:
    """The offset of a position; of one outside of the text, the nearest inside."""
    text = source.line_text(line + 1)
    if text is None:
        return len(source.text) if line >= 0 else 0
    start = source.line_start(line + 1)
    if text.isascii():
        return start + min(column, len(text))
    at = 0
    for index, char in enumerate(text):
        if at >= column:
            return start + index
        at += 2 if ord(char) > 0xFFFF else 1
    return start + len(text)


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(ord(char) > 0xFFFF for char in text)
