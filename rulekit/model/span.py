"""Where something stands in a rule file."""

from __future__ import annotations

from rulekit.frozen import frozen


@frozen
class Span:
    """A place: lines and columns count from 1, columns in characters; the end is exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
