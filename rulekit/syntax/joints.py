"""Blanks behind a backslash at a line's end, as old rule files have them.

Python's tokenizer refuses such a backslash, but the one in Python's library, which Snakemake reads
rule files with, took it for a line joint up to Python 3.11. So files that never failed hold them,
and they are read here as they were there, with a warning, by every version of Python.
"""

from __future__ import annotations

import re

from rulekit.errors.diagnostic import Diagnostic
from rulekit.syntax.keywords import RULE_DIRECTIVES, STATEMENT_TOKENS
from rulekit.syntax.scanner import string_end
from rulekit.syntax.source import Source

_JOINT = re.compile(r"\\[ \t\f]+(?=\n)")
_STOP = re.compile(r"[\"'#]|\\[ \t\f]+(?=\n)")
_WORDS = "|".join(sorted({*STATEMENT_TOKENS, *RULE_DIRECTIVES}, key=len, reverse=True))
# A directive or a statement on the next line: there is nothing that could be joined to this one.
_NOT_JOINED = re.compile(
    rf"\n[ \t\f]*(?:(?:{_WORDS})\b[ \t]*:|(?:rule|checkpoint)[ \t]+\w+[ \t]*:)"
)


def straighten(source: Source) -> tuple[Source, list[Diagnostic]]:
    """The text with each such backslash moved to the end of its line, and a warning if there is one.

    Nothing else moves: all offsets, lines and columns stay what they are.
    """
    text = source.text
    if _JOINT.search(text) is None:
        return source, []
    parts: list[str] = []
    places: list[int] = []
    done = at = 0
    while (found := _STOP.search(text, at)) is not None:
        start, at = found.span()
        char = text[start]
        if char == "#":
            end = text.find("\n", start)
            at = len(text) if end < 0 else end
        elif char == "\\":
            joined = _NOT_JOINED.match(text, at) is None
            parts += (text[done:start], " " * (at - start - 1), "\\" if joined else " ")
            done = at
            places.append(start)
        else:
            end = string_end(text, start)
            at = at if end < 0 else end
    if not places:
        return source, []
    return Source("".join((*parts, text[done:])), source.path), [_warning(source, places)]


def _warning(source: Source, places: list[int]) -> Diagnostic:
    others = sorted({source.line(place) for place in places[1:]})
    numbers = ", ".join(map(str, others[:10])) + (", ..." if len(others) > 10 else "")
    return Diagnostic(
        "RK0296",
        "a backslash with blanks behind it",
        source.span(places[0], places[0] + 1),
        "the line ends behind the blanks",
        notes=(f"also on line {numbers}",) if others else (),
        help="remove the blanks: Python 3.12 and newer refuse this in Snakemake",
        severity="warning",
    )
