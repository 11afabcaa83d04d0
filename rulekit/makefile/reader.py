"""The lines of a Makefile: assignments, rules, conditions, and what is none of these."""

from __future__ import annotations

import os
import re

from rulekit.errors.tree import RuleFileError
from rulekit.frozen import frozen
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class Assign:
    """``name op text``; op is ``=``, ``:=``, ``?=``, ``+=`` or ``!=``."""

    line: int
    name: str
    op: str
    text: str
    export: bool = False


@frozen
class Made:
    """A rule: texts as they are written. `pattern` is the target pattern of a static pattern rule;
    `recipe` None: only prerequisites are added."""

    line: int
    targets: str
    prerequisites: str
    order_only: str
    pattern: str | None
    recipe: tuple[str, ...] | None
    double: bool
    grouped: bool
    comment: tuple[str, ...] = ()


@frozen
class Condition:
    """``ifeq`` and the like: `kind` without ``if``, `args` one or two texts."""

    line: int
    kind: str
    args: tuple[str, ...]
    body: tuple[Item, ...]
    orelse: tuple[Item, ...]


@frozen
class Unknown:
    """What cannot be translated, and why."""

    line: int
    text: str
    why: str


Item = Assign | Made | Condition | Unknown

_ASSIGN = re.compile(
    r"((?:(?:export|override|private)\s+)*)([^\s:#=!?+]+)\s*(:::=|::=|:=|\?=|\+=|!=|=)[ \t]*(.*)\Z",
    re.DOTALL,
)
_IF = re.compile(r"(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)\Z", re.DOTALL)
_OWN_VARIABLE = re.compile(r"\s*(?:(?:export|override|private)\s+)*[\w.-]+\s*[:+?!]*=")
MOST_INCLUDES = 50


def read_makefile(path: str) -> tuple[Item, ...]:
    """The items of a Makefile and of those it includes.

    Raises `RuleFileError` (RK0164) if it cannot be read, or a condition has no end.
    """
    return tuple(_Reader(path, 0, os.path.dirname(path)).items())


class _Reader:
    def __init__(self, path: str, depth: int, folder: str) -> None:
        self.path = path
        self.depth = depth
        self.folder = folder  # in which make is run: included files are relative to it
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise RuleFileError(
                f"the Makefile `{path}` cannot be read: {why.lower()}", code="RK0164"
            ) from None
        self.lines = text.split("\n")
        self.at = 0

    def items(self, *, inside: int = 0) -> Iterator[Item]:
        """Items up to the end, or up to the `else` or `endif` of the condition that began on line
        `inside`; these are left to be read."""
        comment: list[str] = []
        while self.at < len(self.lines):
            number = self.at + 1
            raw = self.lines[self.at]
            stripped = raw.strip()
            if not stripped:
                comment = []
                self.at += 1
                continue
            if stripped.startswith("#"):
                comment.append(stripped)
                self.at += 1
                continue
            first = stripped.split()[0]
            if first in ("else", "endif") and inside:
                return
            if raw.startswith("\t"):
                self.at += 1
                yield Unknown(number, stripped, "a command without a rule")
                continue
            line = self._logical()
            yield from self._item(number, line, tuple(comment))
            comment = []
        if inside:
            raise RuleFileError(
                "this condition has no `endif`", code="RK0164", span=Span(self.path, inside)
            )

    def _logical(self) -> str:
        """The next line with those it is joined to; without comments."""
        out = ""
        while self.at < len(self.lines):
            line = self.lines[self.at].rstrip("\r")
            self.at += 1
            joined = line.endswith("\\") and not line.endswith("\\\\")
            out += (" " if out else "") + (line[:-1].rstrip() if joined else line).lstrip(
                " \t" if out else ""
            )
            if not joined:
                break
        found = re.search(r"(?<!\\)#", out)
        if found is not None:
            out = out[: found.start()]
        return out.replace("\\#", "#")

    def _item(self, number: int, line: str, comment: tuple[str, ...]) -> Iterator[Item]:
        text = line.strip()
        condition = _IF.match(text)
        if condition is not None:
            yield self._condition(number, condition[1], condition[2])
            return
        word = text.split()[0] if text else ""
        if word in ("include", "-include", "sinclude"):
            yield from self._include(number, text[len(word) :].split(), word == "include")
            return
        if word == "define":
            while self.at < len(self.lines) and self.lines[self.at].strip() != "endef":
                self.at += 1
            self.at += 1
            yield Unknown(number, text, "`define` with several lines")
            return
        assign = _ASSIGN.match(line.lstrip())  # blanks at the end belong to the value
        if assign is not None:
            op = ":=" if assign[3].count(":") else assign[3]
            yield Assign(number, assign[2], op, assign[4], "export" in assign[1])
            return
        if word in ("export", "unexport", "vpath", "undefine"):
            if word == "export" and len(text.split()) > 1:
                for name in text.split()[1:]:
                    yield Assign(number, name, "export", "", True)
                return
            yield Unknown(number, text, f"`{word}`")
            return
        colon = _colon(text)
        if colon < 0:
            yield Unknown(number, text, "not understood")
            return
        yield self._rule(number, text, colon, comment)

    def _rule(self, number: int, text: str, colon: int, comment: tuple[str, ...]) -> Item:
        targets, rest = text[:colon], text[colon + 1 :]
        double = rest.startswith(":")
        rest = rest[1:] if double else rest
        grouped = targets.endswith("&")
        targets = targets[:-1] if grouped else targets
        first = None
        semicolon = rest.find(";")
        if semicolon >= 0:
            rest, first = rest[:semicolon], rest[semicolon + 1 :].strip()
        recipe = self._recipe()
        if first:
            recipe.insert(0, first)
        if _OWN_VARIABLE.match(rest):
            return Unknown(number, text, "a variable for one target")
        pattern = None
        second = _colon(rest)
        if second >= 0:
            pattern, rest = rest[:second].strip(), rest[second + 1 :]
        plain, _, order_only = rest.partition("|")
        has_recipe = bool(recipe) or semicolon >= 0
        return Made(
            number,
            targets.strip(),
            plain.strip(),
            order_only.strip(),
            pattern,
            tuple(recipe) if has_recipe else None,
            double,
            grouped,
            comment,
        )

    def _recipe(self) -> list[str]:
        """The commands below a rule; each with the lines it is joined to."""
        out: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.startswith("\t"):
                # Empty lines and comments may stand between commands.
                if line.strip() and not line.strip().startswith("#"):
                    break
                after = self.at
                while after < len(self.lines) and (
                    not self.lines[after].strip() or self.lines[after].strip().startswith("#")
                ):
                    if self.lines[after].startswith("\t"):
                        break
                    after += 1
                if after >= len(self.lines) or not self.lines[after].startswith("\t"):
                    break
                self.at = after
                continue
            command = line[1:]
            self.at += 1
            while command.endswith("\\") and self.at < len(self.lines):
                command += "\n" + self.lines[self.at].removeprefix("\t")
                self.at += 1
            if command.strip():
                out.append(command.strip())
        return out

    def _condition(self, number: int, kind: str, rest: str) -> Item:
        rest = rest.strip()
        if kind in ("ifdef", "ifndef"):
            args: tuple[str, ...] = (rest,)
        elif rest.startswith("("):
            from rulekit.makefile.parts import closing, split

            pair = split(rest[1 : closing(rest, 0)], 2)
            args = (pair[0].strip(), pair[1].strip() if len(pair) > 1 else "")
        else:
            found = re.findall(r"\"([^\"]*)\"|'([^']*)'", rest)
            args = tuple(one or other for one, other in found[:2])
            args += ("",) * (2 - len(args))
        body = tuple(self.items(inside=number))
        orelse: tuple[Item, ...] = ()
        if self.at < len(self.lines) and self.lines[self.at].split()[0] == "else":
            follows = _IF.match(self.lines[self.at].strip()[4:].strip())
            self.at += 1
            if follows is not None:
                return Condition(
                    number,
                    kind[2:],
                    args,
                    body,
                    (self._condition(self.at, follows[1], follows[2]),),
                )
            orelse = tuple(self.items(inside=number))
        self.at += 1  # endif
        return Condition(number, kind[2:], args, body, orelse)

    def _include(self, number: int, words: list[str], must: bool) -> Iterator[Item]:
        for word in words:
            path = os.path.join(self.folder, word)
            if "$" in word or "*" in word:
                yield Unknown(number, f"include {word}", "files to include that are computed")
            elif self.depth > MOST_INCLUDES:
                yield Unknown(number, f"include {word}", "too many files that include each other")
            elif not os.path.exists(path) and not must:
                yield Unknown(number, f"-include {word}", "the file is not there")
            else:
                yield from _Reader(path, self.depth + 1, self.folder).items()


def _colon(text: str) -> int:
    """The colon that ends the targets, -1 if there is none."""
    from rulekit.makefile.parts import closing

    at = 0
    while at < len(text):
        if text[at] == "$" and text[at + 1 : at + 2] in ("(", "{"):
            at = closing(text, at + 1)
        elif text[at] == ":":
            return at
        at += 1
    return -1
