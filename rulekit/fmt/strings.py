"""Strings side by side, one a line: the lines of a command are the author's, not the formatter's.

A general formatter joins `"a " "b"` where there is room. For a command that is written over
several lines this would undo what makes it readable.
"""

from __future__ import annotations

import io
import re
import tokenize

from rulekit.frozen import frozen

# Two strings with a line's end between them: worth a closer look.
_CHAIN = re.compile(r"[\"'][ \t]*(?:#[^\n]*|\\)?\n(?:\s*#[^\n]*\n)*\s*[rRbBfFuUtT]{0,2}[\"']")
_SIMPLE = re.compile(r"([rRbBuU]{0,2})'([^'\"\\\n]*)'")
_BEGINS = frozenset({"FSTRING_START", "TSTRING_START"})
_ENDS = frozenset({"FSTRING_END", "TSTRING_END"})
_NOISE = frozenset({"NL", "NEWLINE", "INDENT", "DEDENT"})


@frozen
class Chain:
    """text[start:end] are strings side by side; `lines` is each string, or comment, with how it
    stands: ``string``, ``comment`` on a line of its own, or ``behind`` a string."""

    start: int
    end: int
    lines: tuple[tuple[str, str], ...]

    def written(self, indent: str) -> str:
        """The strings, one a line; the first one where the chain begins."""
        out = ""
        for kind, text in self.lines:
            if kind == "behind":
                out += f"  {text}"
            else:
                out += f"\n{indent}{text}" if out else text
        return out


def chains(text: str, start: int, end: int) -> list[Chain]:
    """The arguments in text[start:end], a directive's value, that are strings over several lines."""
    value = text[start:end]
    if _CHAIN.search(value) is None:
        return []
    found: list[Chain] = []
    lines = [0]
    for line in f"({value}\n)".splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    pieces: list[tuple[str, int, int]] = []
    depth = 0
    begun = -1
    inner = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"({value}\n)").readline):
            kind = tokenize.tok_name[token.type]
            at = start - 1 + lines[token.start[0] - 1] + token.start[1]
            stop = start - 1 + lines[token.end[0] - 1] + token.end[1]
            if kind in _BEGINS:
                inner += 1
                if inner == 1:
                    begun = at
                continue
            if kind in _ENDS:
                inner -= 1
                if inner:
                    continue
                kind, at = "STRING", begun
            elif inner or kind in _NOISE:
                continue
            if kind == "OP" and token.string in "([{":
                depth += 1
                if depth == 1:
                    continue
            elif kind == "OP" and token.string in ")]}":
                depth -= 1
            if depth == 0 or (depth == 1 and kind == "OP" and token.string == ","):
                _take(text, pieces, found)
                pieces = []
                continue
            pieces.append((kind if depth == 1 else "OTHER", at, stop))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return []
    return found


def _take(text: str, pieces: list[tuple[str, int, int]], found: list[Chain]) -> None:
    """Add the argument made of `pieces` if it is nothing but strings over several lines."""
    strings = [piece for piece in pieces if piece[0] == "STRING"]
    others = [piece for piece in pieces if piece[0] not in ("STRING", "COMMENT")]
    named = [(kind, text[at:stop]) for kind, at, stop in others]
    if named and not (len(named) == 2 and named[0][0] == "NAME" and named[1] == ("OP", "=")):
        return
    if len(strings) < 2 or "\n" not in text[strings[0][2] : strings[-1][1]]:
        return
    if others and others[-1][1] > strings[0][1]:
        return
    lines: list[tuple[str, str]] = []
    last = strings[0][1]
    for kind, at, stop in pieces:
        if not strings[0][1] <= at <= strings[-1][1]:
            continue
        if kind == "STRING":
            lines.append(("string", _quoted(text[at:stop])))
        else:
            lines.append(("comment" if "\n" in text[last:at] else "behind", text[at:stop]))
        last = stop
    found.append(Chain(strings[0][1], strings[-1][2], tuple(lines)))


def _quoted(string: str) -> str:
    """A string with double quotes, if that is nothing but another pair of quotes."""
    found = _SIMPLE.fullmatch(string)
    return string if found is None else f'{found[1]}"{found[2]}"'
