"""Text → `RuleFile`: statements with spans; Python stays Python.

Importing this package is cheap; Lark and `ast` come with the first call of `parse`.
"""

from __future__ import annotations

from rulekit.syntax.reading import decode, read, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.syntax.tree import RuleFile

__all__ = ["decode", "parse", "read", "read_bytes"]


def parse(text: str, path: str) -> RuleFile:
    """The statements and the Python of a rule file; `path` is for spans and tracebacks.

    Raises `RuleFileError` with a diagnostic for every independent mistake.
    """
    from rulekit.syntax.parser import parse as parse_text

    return parse_text(text, path)
