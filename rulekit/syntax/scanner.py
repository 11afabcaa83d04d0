"""Logical lines: where Python's tokenizer would see one begin and end.

Python's own `tokenize` costs some 20 µs a line. All that is needed here are strings, comments,
brackets and line joining, and a regular expression steps over those at 1 µs a line. That it
agrees with `tokenize` is tested.

Time and memory are linear in the text. Nothing here is recursive, and what a loop steps over can
be cut up in one way only: giving up a step never helps, so going back costs once the steps made.
Only single characters are repeated possessively: before Python 3.11.5, `re` stands at a wrong
place after the last, half-matched round of any longer possessive loop. `re` keeps some 200 bytes
for each round, so loops are bounded; what is longer takes the path of `_long_line`.
"""

from __future__ import annotations

import re
import sys

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Line(NamedTuple):
        """One logical line that is not blank; offsets into the text.

        `first` is the first token, `column` its indentation as Python counts it (tabs to
        multiples of eight), `end` is behind the last token, `next` is where the next line begins.
        """

        first: int
        column: int
        end: int
        next: int

else:
    from collections import namedtuple

    Line = namedtuple("Line", ("first", "column", "end", "next"))


@frozen
class Problem:
    """Something that cannot be closed: `kind` ``open`` | ``mismatch`` | ``close`` | ``string``.

    For ``mismatch`` `start` is the closing bracket and `other` the opening one.
    """

    kind: str
    start: int
    end: int
    other: int = -1


_NESTED_FSTRINGS = sys.version_info >= (3, 12)
# A string's prefix is only known from the characters before its quote. From 3.12 on, quotes may
# stand inside the braces of an f-string; such strings (and raw ones, for the shared letter `r`)
# leave the fast path.
_GUARD = "(?<![fFtTrR])" if _NESTED_FSTRINGS else ""
_ROUNDS = "{0,500}"
_INNER = {
    '"""': rf'(?:[^"\\]++|\\.|"(?!"")){_ROUNDS}',
    "'''": rf"(?:[^'\\]++|\\.|'(?!'')){_ROUNDS}",
    '"': rf'(?:[^"\\\n]++|\\.){_ROUNDS}',
    "'": rf"(?:[^'\\\n]++|\\.){_ROUNDS}",
}
_STRING = "|".join(
    f"{quote}{'' if len(quote) == 3 else f'(?!{quote * 2})'}{inner}{quote}"
    for quote, inner in _INNER.items()
)
_PLAIN = r"[^\n\"'#()\[\]{}\\]++"
_SKIP = rf"{_PLAIN}|{_GUARD}(?:{_STRING})|\\\n"
# Whole logical lines whose brackets do not nest.
_FLAT = rf"(?:{_SKIP}|\n|\#[^\n]*+){_ROUNDS}"
# Line joints before the first token count for nothing; the indentation is that of the first line.
_LEAD = r"([ \t\f]*+)(?:\\\n[ \t\f]*+){0,50}(?!\\\n)"
_LINE = re.compile(
    rf"{_LEAD}((?:{_SKIP}|\({_FLAT}\)|\[{_FLAT}\]|\{{{_FLAT}\}}){_ROUNDS})"
    r"(?:\#[^\n]*+)?(?:\n|\Z)",
    re.DOTALL,
)
_BLANKS = re.compile(r"[ \t\f]*+")
_BLANK_LINES = re.compile(rf"(?:[ \t\f]*+(?:\#[^\n]*+)?\n){_ROUNDS}")
_STEP = re.compile(rf"(?:{_SKIP}){_ROUNDS}", re.DOTALL)
_INSIDE = {quote: re.compile(inner, re.DOTALL) for quote, inner in _INNER.items()}
_ANY_STRING = re.compile(_STRING, re.DOTALL)
_LETTER = "[fFtT]" if sys.version_info >= (3, 14) else "[fF]"
_PREFIX = re.compile(rf"(?<!\w)(?:[rR]?{_LETTER}|{_LETTER}[rR])\Z")
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_FIRST_WORD = re.compile(r"[ \t\f]*+[^\W\d]")
# Enough to be useful, few enough that a hostile file costs linear time.
MOST_PROBLEMS = 20


def scan(text: str) -> tuple[list[Line], list[Problem]]:
    """The logical lines of `text` and what is wrong with its brackets and strings.

    After a problem the scan goes on at the next line that looks like a new statement.
    """
    lines: list[Line] = []
    problems: list[Problem] = []
    add = lines.append
    match_line = _LINE.match
    skip_blank = _BLANK_LINES.match
    size = len(text)
    at = 0
    while at < size:
        blank = skip_blank(text, at)
        assert blank is not None
        if blank.end() > at:
            at = blank.end()
            continue  # there may be more of them than one match takes
        found = match_line(text, at)
        if found is not None:
            first, end = found.span(2)
            after = found.end()
            indent = found[1]
        else:
            first = _past_blanks(text, at)
            indent = text[at:first]
            while text.startswith("\\\n", first):
                first = _past_blanks(text, first + 2)
            end, after, problem, opened = _long_line(text, first)
            if problem is not None:
                if opened:
                    # The line that looks like a new statement behind the first open bracket:
                    # what stands after it does not belong to this one.
                    resume = _resume(text, len(indent), opened[0])
                    if resume <= problem.start or problem.kind == "open":
                        inner = max(start for start in opened if start < resume)
                        problem = Problem("open", inner, inner + 1)
                        end = resume
                        after = resume
                problems.append(problem)
                if len(problems) >= MOST_PROBLEMS:
                    break
                if problem.kind == "string" and _is_triple(text, problem.start):
                    end = after = size
        while first < end and (char := text[end - 1]) in " \t\f\n":
            end -= 2 if char == "\n" else 1  # a line end is here only with its backslash
        if first < end:
            column = len(indent)
            if "\t" in indent or "\f" in indent:
                column = _column(indent)
            add(Line(first, column, end, after))
        at = after
    return lines, problems


def _past_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None
    return found.end()


def _column(indent: str) -> int:
    column = 0
    for char in indent:
        if char == " ":
            column += 1
        elif char == "\t":
            column = (column // 8 + 1) * 8
        else:
            column = 0
    return column


def _long_line(text: str, first: int) -> tuple[int, int, Problem | None, list[int]]:
    """End of the content, start of the next line, what is wrong, and the brackets then open."""
    size = len(text)
    step = _STEP.match
    opened: list[int] = []
    at = first
    while True:
        found = step(text, at)
        assert found is not None
        if found.end() > at:
            at = found.end()
            continue
        if at >= size:
            problem = Problem("open", opened[-1], opened[-1] + 1) if opened else None
            return size, size, problem, opened
        char = text[at]
        if char == "\n":
            if not opened:
                return at, at + 1, None, opened
            at += 1
        elif char in "([{":
            opened.append(at)
            at += 1
        elif char in ")]}":
            if not opened or _CLOSER[text[opened[-1]]] != char:
                end = _line_end(text, at)
                if opened:
                    return end, end + 1, Problem("mismatch", at, at + 1, opened[-1]), opened
                return end, end + 1, Problem("close", at, at + 1), opened
            opened.pop()
            at += 1
        elif char == "#":
            end = _line_end(text, at)
            if not opened:
                return at, end + 1, None, opened
            at = end
        elif char == "\\":
            at += 1  # not before a line end: Python will have its say
        else:
            end = string_end(text, at)
            if end < 0:
                stop = _line_end(text, at)
                return stop, stop + 1, Problem("string", at, stop), opened
            at = end


def _is_triple(text: str, at: int) -> bool:
    return text[at : at + 3] in ('"""', "'''")


def string_end(text: str, at: int) -> int:
    """The offset behind the string whose opening quote is at `at`, -1 if it has no end."""
    if _NESTED_FSTRINGS:
        prefix = _PREFIX.search(text, max(0, at - 3), at)
        if prefix is not None:
            return _fstring_end(text, at, "r" in prefix[0].lower())
    return _plain_end(text, at)


def _plain_end(text: str, at: int) -> int:
    """As `string_end`, for strings without fields."""
    found = _ANY_STRING.match(text, at)
    if found is not None:
        return found.end()
    quote = text[at : at + 3] if _is_triple(text, at) else text[at]
    inside = _INSIDE[quote]
    at += len(quote)
    while True:
        found = inside.match(text, at)
        assert found is not None
        if found.end() == at:
            return at + len(quote) if text.startswith(quote, at) else -1
        at = found.end()


_LITERAL_STOP = re.compile(r"[\"'{}\\\n]")
_FIELD_STOP = re.compile(r"[\"'(){}\[\]#:]")


def _fstring_end(text: str, at: int, raw: bool) -> int:
    """As `string_end`, for strings with fields (PEP 701: any Python may stand in a field)."""
    # Frames: (kind, quote, raw, depth of brackets); kind "text" | "field" | "spec".
    quote = text[at : at + 3] if _is_triple(text, at) else text[at]
    stack: list[list[object]] = [["text", quote, raw, 0]]
    at += len(quote)
    size = len(text)
    while stack:
        kind, quote, raw, depth = stack[-1]  # type: ignore[assignment]
        if kind == "field":
            found = _FIELD_STOP.search(text, at)
            if found is None:
                return -1
            at = found.start()
            char = text[at]
            if char in "\"'":
                prefix = _PREFIX.search(text, max(0, at - 3), at)
                if prefix is not None:
                    inner = text[at : at + 3] if _is_triple(text, at) else char
                    stack.append(["text", inner, "r" in prefix[0].lower(), 0])
                    at += len(inner)
                else:
                    at = _plain_end(text, at)
                    if at < 0:
                        return -1
                continue
            at += 1
            if char == "#":
                at = _line_end(text, at)
            elif char in "([{":
                stack[-1][3] = int(depth) + 1  # type: ignore[call-overload]
            elif char in ")]}":
                if depth:
                    stack[-1][3] = int(depth) - 1  # type: ignore[call-overload]
                elif char == "}":
                    stack.pop()
                else:
                    return -1
            elif not depth:
                stack[-1][0] = "spec"  # the colon
            continue
        found = _LITERAL_STOP.search(text, at)
        if found is None:
            return -1
        at = found.start()
        char = text[at]
        if char == "\n":
            if len(quote) == 1:
                return -1
            at += 1
        elif char == "\\":
            if raw and text[at + 1 : at + 2] in ("{", "}"):
                at += 1
            elif text[at + 1 : at + 3] == "N{" and not raw:
                close = text.find("}", at)
                if close < 0:
                    return -1
                at = close + 1
            elif text[at + 1 : at + 2] in ("{", "}"):
                at += 1
            else:
                at += 2
                if at > size:
                    return -1
        elif char == "{":
            if kind == "text" and text.startswith("{{", at):
                at += 2
            else:
                stack.append(["field", quote, raw, 0])
                at += 1
        elif char == "}":
            at += 1
            if kind == "spec":
                stack.pop()
        elif text.startswith(quote, at):
            if kind == "spec":
                return -1
            stack.pop()
            at += len(quote)
        else:
            at += 1
    return at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _resume(text: str, width: int, after: int) -> int:
    """Where to go on after an unclosed bracket of a line indented by `width` characters.

    The next physical line behind `after` that begins with a word and is not indented deeper.
    """
    at = _line_end(text, after) + 1
    while at < len(text):
        word = _FIRST_WORD.match(text, at)
        if word is not None and word.end() - 1 - at <= width:
            return at
        at = _line_end(text, at) + 1
    return len(text)
