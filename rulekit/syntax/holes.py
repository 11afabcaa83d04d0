"""Python with holes: edits that make a rule file plain Python without moving anything in it.

A statement of the language is overwritten in place by Python of the same length that keeps its
values where they are, so that one call of Python's own parser yields all expressions of the
file with their true lines and columns::

    rule a:                     if 0  :
        input: "x", y="z"           input( "x", y="z")
        threads: 4                  threads( 4)
        run:                        if 0:
            body                        body
    include: "b.smk"            include( "b.smk")
    use rule * from m           0
    rule b: "documented"        if      "documented":
        input: "x"                  input( "x")

The inserted brackets stand behind the last token of a line, where only a comment may follow.
`rulekit.compiler.lowering` finds these places in the tree again by their line.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    Edit = tuple[int, int, str]  # text[start:end] becomes the string

_OTHER = re.compile(r"\\\n|[^\n]")
_BODY_START = re.compile(r"[ \t]")


def _blank(text: str) -> str:
    """Blanks of the same number of bytes (Python counts columns in them), same line joints."""
    if "\n" not in text:
        return " " * len(text.encode("utf-8", "surrogatepass"))
    return _OTHER.sub(
        lambda found: (
            found[0] if found[0] == "\\\n" else " " * len(found[0].encode("utf-8", "surrogatepass"))
        ),
        text,
    )


def header(text: str, start: int, after_colon: int, *, empty: bool) -> list[Edit]:
    """A header such as ``rule a:`` becomes ``if 0  :``; with ``pass`` if it has no body."""
    old = text[start:after_colon]
    if old[3] == "\\":  # `run` and a line joint: nothing else stands on this line
        new = "if 0" + _blank(old[3:-1]) + ":"
    elif len(old) >= 5:
        new = "if 0" + _blank(old[4:-1]) + ":"
    else:  # `run:` is one character too short: take the blank behind it, if there is one
        new = "if 0:"
        if _BODY_START.match(text, after_colon) is not None:
            after_colon += 1
    if empty:
        new += "pass"
    return [(start, after_colon, new)]


def documented(text: str, start: int, after_colon: int, end: int, *, empty: bool) -> list[Edit]:
    """A header with a docstring on its line, ``rule a: "x"``, becomes ``if      "x":``."""
    old = text[start:after_colon]
    return [
        (start, after_colon, "if" + _blank(old[2:])),
        (end, end, ":pass" if empty else ":"),
    ]


def call(text: str, word_end: int, colon: int, end: int) -> list[Edit]:
    """``word: value`` becomes ``word( value)``."""
    return [(word_end, colon + 1, _blank(text[word_end:colon]) + "("), (end, end, ")")]


def nothing(text: str, start: int, end: int) -> list[Edit]:
    """A statement without Python in it becomes ``0``."""
    old = text[start:end]
    # Not joined any more: the lines of a list of names are just blank ones.
    rest = re.sub(r"[^\n]", " ", old[1:])
    return [(start, end, "0" + rest)]


def fill(text: str, edits: list[Edit]) -> str:
    """`text` with all edits made; they are in order and do not overlap."""
    parts: list[str] = []
    at = 0
    for start, end, new in edits:
        parts.append(text[at:start])
        parts.append(new)
        at = end
    parts.append(text[at:])
    return "".join(parts)
