"""Texts of Make, `$(...)` and all, cut into parts; their value; their form in Python."""

from __future__ import annotations

import re

from rulekit.frozen import frozen
from rulekit.makefile.functions import FUNCTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@frozen
class Part:
    """kind: ``text`` | ``ref`` (a variable, `text` is its name) | ``sub`` (`$(X:a=b)`: `args` are a
    and b) | ``call`` (a function) | ``auto`` (`$@`, `$(@D)`, ...) | ``bad`` (not to be translated)."""

    kind: str
    text: str
    args: tuple[tuple[Part, ...], ...] = ()


Parts = tuple[Part, ...]
_AUTO = frozenset("@<^+*?|%")
_UNKNOWN = frozenset(
    {"call", "eval", "value", "origin", "flavor", "guile", "file", "let", "intcmp"}
)
_SILENT = frozenset({"error", "warning", "info"})


def cut(text: str) -> Parts:
    """The parts of a text."""
    out: list[Part] = []
    at = 0
    plain = ""
    while at < len(text):
        char = text[at]
        if char != "$" or at + 1 >= len(text):
            plain += char
            at += 1
            continue
        following = text[at + 1]
        if following == "$":
            plain += "$"
            at += 2
            continue
        if plain:
            out.append(Part("text", plain))
            plain = ""
        if following in "({":
            end = closing(text, at + 1)
            out.append(_reference(text[at + 2 : end]))
            at = end + 1
        else:
            out.append(Part("auto" if following in _AUTO else "ref", following))
            at += 2
    if plain:
        out.append(Part("text", plain))
    return tuple(out)


def closing(text: str, at: int) -> int:
    """Where the bracket at `at` is closed (the text's end, if it is not)."""
    opened, closed = text[at], ")" if text[at] == "(" else "}"
    depth = 0
    while at < len(text):
        if text[at] == opened:
            depth += 1
        elif text[at] == closed:
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(text)


def split(text: str, most: int) -> list[str]:
    """The arguments of a function: at most so many, split at commas outside of brackets."""
    out = [""]
    at = 0
    while at < len(text):
        char = text[at]
        if char == "$" and text[at + 1 : at + 2] in ("(", "{"):
            end = closing(text, at + 1)
            out[-1] += text[at : end + 1]
            at = end + 1
            continue
        if char in "({":
            end = closing(text, at)
            out[-1] += text[at : end + 1]
            at = end + 1
            continue
        if char == "," and len(out) < most:
            out.append("")
        else:
            out[-1] += char
        at += 1
    return out


def _reference(inside: str) -> Part:
    word, blank, rest = inside.partition(" ") if " " in inside else inside.partition("\t")
    if blank and word in FUNCTIONS:
        count = FUNCTIONS[word][1]
        args = split(rest.lstrip(), count)
        args += [""] * (count - len(args))
        return Part("call", word, tuple(cut(arg) for arg in args))
    if blank and word in ("foreach", "if", "or", "and"):
        args = split(rest.lstrip(), 3 if word in ("foreach", "if") else 99)
        if word == "if":
            args += [""] * (3 - len(args))
        return Part("call", word, tuple(cut(arg.strip()) for arg in args))
    if blank and word in _SILENT:
        return Part("text", "")
    if blank and word in _UNKNOWN:
        return Part("bad", f"$({inside})")
    if len(inside) in (1, 2) and inside[0] in _AUTO and inside[1:] in ("", "D", "F"):
        return Part("auto", inside)
    name, colon, change = inside.partition(":")
    if colon and "=" in change and "$" not in name:
        old, _, new = change.partition("=")
        if "%" not in old:
            old, new = f"%{old}", f"%{new}"
        kind = "auto" if name in _AUTO else "ref"
        return Part("sub", name, (cut(old), cut(new), (Part(kind, name),)))
    if "$" in inside:
        return Part("bad", f"$({inside})")
    return Part("ref", inside)


def names(parts: Parts) -> Iterator[str]:
    """All variables that parts refer to."""
    for part in parts:
        if part.kind == "ref":
            yield part.text
        inner = [name for arg in part.args for name in names(arg)]
        if part.kind == "call" and part.text == "foreach":
            own = "".join(one.text for one in part.args[0]).strip()
            inner = [name for name in inner if name != own]
        yield from inner


def has(parts: Parts, kind: str) -> bool:
    """Whether there is a part of a kind anywhere in them."""
    return any(part.kind == kind or any(has(arg, kind) for arg in part.args) for part in parts)


def bad(parts: Parts) -> str | None:
    """The first part that cannot be translated, as it is written."""
    for part in parts:
        if part.kind == "bad":
            return part.text
        for arg in part.args:
            found = bad(arg)
            if found is not None:
                return found
    return None


def value(parts: Parts, variable: Callable[[str], str]) -> str:
    """The text, with variables as they are now. Automatic variables are empty."""
    out = ""
    for part in parts:
        if part.kind == "text":
            out += part.text
        elif part.kind == "ref":
            out += variable(part.text)
        elif part.kind == "sub":
            old, new, words = (value(arg, variable) for arg in part.args)
            out += str(FUNCTIONS["patsubst"][0](old, new, words))
        elif part.kind == "call":
            out += _call_value(part, variable)
    return out


def _call_value(part: Part, variable: Callable[[str], str]) -> str:
    if part.text == "foreach":
        name = value(part.args[0], variable).strip()
        out = []
        for word in value(part.args[1], variable).split():

            def with_word(asked: str, word: str = word) -> str:
                return word if asked == name else variable(asked)

            out.append(value(part.args[2], with_word))
        return " ".join(out)
    args = [value(arg, variable) for arg in part.args]
    if part.text == "if":
        return args[1] if args[0] else args[2]
    if part.text == "or":
        return next((arg for arg in args if arg), "")
    if part.text == "and":
        return args[-1] if all(args) else ""
    try:
        return str(FUNCTIONS[part.text][0](*args))
    except ValueError:
        return ""


_SAFE = re.compile(r"[^\W\d]\w*\Z")


class Python:
    """Parts as expressions of Python. `name` gives the Python name of a variable; `used` collects
    the functions that are needed."""

    def __init__(self, name: Callable[[str], str]) -> None:
        self.name = name
        self.used: set[str] = set()
        self.auto: dict[str, str] = {}  # what automatic variables are, where they may be used
        self.stem = ""  # what `%` becomes in a literal

    def expression(self, parts: Parts) -> str:
        """An expression whose value is the text."""
        pieces: list[tuple[bool, str]] = []  # (literal, text or expression)
        for part in parts:
            if part.kind == "text":
                text = part.text
                if pieces and pieces[-1][0]:
                    pieces[-1] = (True, pieces[-1][1] + text)
                else:
                    pieces.append((True, text))
            else:
                pieces.append((False, self.one(part)))
        if not pieces:
            return '""'
        if len(pieces) == 1:
            return quoted(pieces[0][1]) if pieces[0][0] else pieces[0][1]
        if all(literal or _SAFE.match(text) for literal, text in pieces):
            inside = "".join(
                text.replace("{", "{{").replace("}", "}}") if literal else f"{{{text}}}"
                for literal, text in pieces
            )
            return "f" + quoted(inside)
        return " + ".join(quoted(text) if literal else text for literal, text in pieces)

    def one(self, part: Part) -> str:
        """An expression for one part that is no text."""
        if part.kind == "ref":
            return self.name(part.text)
        if part.kind == "auto":
            return self.auto.get(part.text, '""')
        if part.kind == "sub":
            args = ", ".join(self.expression(arg) for arg in part.args)
            self.used.add("mk_patsubst")
            return f"mk_patsubst({args})"
        if part.kind == "call":
            return self._call(part)
        return quoted(part.text)

    def _call(self, part: Part) -> str:
        if part.text == "foreach":
            name = "".join(one.text for one in part.args[0]).strip()
            words = self.expression(part.args[1])
            body = self.expression(part.args[2])
            return f'" ".join({body} for {self.name(name)} in ({words}).split())'
        args = [self.expression(arg) for arg in part.args]
        if part.text == "if":
            return f"({args[1]} if {args[0]} else {args[2]})"
        if part.text in ("or", "and"):
            return "(" + f" {part.text} ".join(args) + ")"
        function = FUNCTIONS[part.text][0].__name__
        self.used.add(function)
        return f"{function}({', '.join(args)})"


def quoted(text: str) -> str:
    """A literal in double quotes."""
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{out}"'
