"""What an error can say more when it is told: with a look at the rule file and at the disk.

Whoever raises an error knows what was asked of it; here is time to look around for what was meant.
A hint only fills in help that is missing or general, and is never wrong about a fact: it names
what is there.
"""

from __future__ import annotations

import os
import re

from rulekit.errors.diagnostic import Label, closest
from rulekit.frozen import replace
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulekit.errors.diagnostic import Diagnostic
    from rulekit.errors.tree import RulekitError

_MOST_FILES = 2000  # looked at in a folder
_MOST_FOLDERS = 300
_RULE = re.compile(r"^[ \t]*(?:rule|checkpoint)[ \t]+(\w+)[ \t]*:", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_KEYWORD = re.compile(r"(\w+)[ \t]*=(?!=)")


def improved(error: RulekitError, words: Sequence[str] = (), verbs: Iterable[str] = ()) -> None:
    """Completes the help of an error's diagnostics. `words`: the command line, for a misspelt one
    of `verbs`."""
    found = []
    for diagnostic in error.diagnostics:
        try:
            found.append(_hinted(error, diagnostic, words, verbs))
        except (OSError, ValueError, RecursionError):
            found.append(diagnostic)  # it was only for a look
    error.diagnostics = tuple(found)


def _hinted(
    error: RulekitError, one: Diagnostic, words: Sequence[str], verbs: Iterable[str]
) -> Diagnostic:
    code = one.code
    if code == "RK0402":
        return _missing(error, one)
    if code in ("RK0401", "RK0107"):
        return _verb(one, words, verbs)
    if code == "RK0232" and one.span is not None:
        return _no_rule(one, one.span) or _no_value(one, one.span) or one
    if code == "RK0231" and one.help is None and one.span is not None:
        return _set_below(one, one.span)
    if one.help is not None:
        return one
    if code == "RK0203" and one.span is not None:
        return _python(one, one.span)
    if code == "RK0205" and one.span is not None:
        return _colon(one, one.span)
    if code == "RK0302":
        return _yaml(one)
    return _general(one)


# -- files ---------------------------------------------------------------------------------------


def _missing(error: RulekitError, one: Diagnostic) -> Diagnostic:
    paths: tuple[str, ...] = getattr(error, "missing", ())
    known: tuple[str, ...] = getattr(error, "known", ())
    if not paths:
        return one
    two = _joined(paths[0], known)
    if two is not None:
        first, second = two
        return replace(
            one,
            help=f"`{first}` and `{second}` are there: is a comma missing between them? "
            "Python joins two strings that stand side by side",
        )
    if one.help is not None and "similar name" in one.help:
        return one
    near = near_file(paths[0])
    return one if near is None else replace(one, help=near)


def _joined(path: str, known: Sequence[str]) -> tuple[str, str] | None:
    """The two names that a name was made of, if both are files or known to the workflow."""
    names = set(known)
    for at in range(1, len(path)):
        first, second = path[:at], path[at:]
        if (first in names or os.path.isfile(first)) and (
            second in names or os.path.isfile(second)
        ):
            return first, second
    return None


def near_file(path: str) -> str | None:
    """A sentence about a file on the disk that may be meant: a similar name in the same folder, or
    the same name in another one. None if there is none."""
    folder, name = os.path.split(path)
    if folder and not os.path.isdir(folder):
        above, last = os.path.split(folder)
        near = closest(last, _names(above or ".", folders=True))
        if near is not None:
            other = os.path.join(above, near)
            return f"there is no folder `{folder}`, but one with a similar name: `{other}`"
    else:
        near = closest(name, _names(folder or ".", folders=False))
        if near is not None and _same_but_for_ending(name, near):
            return f"there is a file with a similar name: `{os.path.join(folder, near)}`"
    for other in _elsewhere(name, folder):
        return f"there is a file of that name in another folder: `{other}`"
    return None


def _same_but_for_ending(name: str, near: str) -> bool:
    """Whether two names are near without a common ending: `west.csv` is not meant by `south.csv`."""
    stem, ending = os.path.splitext(name)
    other, same = os.path.splitext(near)
    return ending != same or closest(stem, (other,)) is not None


def _names(folder: str, *, folders: bool) -> list[str]:
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() == folders and not entry.name.startswith("."):
                names.append(entry.name)
            if len(names) >= _MOST_FILES:
                break
    return names


def _elsewhere(name: str, folder: str) -> list[str]:
    """Files of a name in the folders below this one, two deep."""
    found: list[str] = []
    waiting = [("", 0)]
    looked = 0
    while waiting and looked < _MOST_FOLDERS:
        place, depth = waiting.pop(0)
        looked += 1
        path = os.path.join(place, name)
        if place != folder and os.path.isfile(path):
            found.append(path)
        if depth < 2:
            below = sorted(_names(place or ".", folders=True))
            waiting += [(os.path.join(place, one), depth + 1) for one in below]
    return found


# -- words of the command line -------------------------------------------------------------------


def _verb(one: Diagnostic, words: Sequence[str], verbs: Iterable[str]) -> Diagnostic:
    """A first word that is nearly a command."""
    if one.code == "RK0107":
        taken = [word for word in words[:1] if not word.startswith("-")]
    else:
        taken = [word for word in words if f"no rule makes `{word}`" in one.message]
    near = closest(taken[0], verbs) if taken and not os.path.exists(taken[0]) else None
    if near is None or near == taken[0]:
        return one
    text = f"there is a command with a similar name: `rulekit {near}`"
    if one.code == "RK0107":
        return replace(one, notes=(*one.notes, f"`{taken[0]}` was taken for a target: {text}"))
    if one.help is not None and "similar name" in one.help:
        return one
    return replace(one, help=text)


# -- the rule file -------------------------------------------------------------------------------


def _text(file: str) -> str:
    with open(file, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _no_rule(one: Diagnostic, span: Span) -> Diagnostic | None:
    said = re.match(r"there is no (?:rule|checkpoint) `(\w+)`", one.message)
    if said is None or (one.help is not None and "similar name" in one.help):
        return None
    text = _text(span.file)
    lines = {found[1]: _line(text, found.start(1)) for found in _RULE.finditer(text)}
    name = said[1]
    near = name if name in lines else closest(name, lines)
    if near is None:
        return None
    line = lines[near]
    if near == name:
        if line < span.line:
            return None
        column = len(text.split("\n")[line - 1]) - len(text.split("\n")[line - 1].lstrip()) + 1
        place = Span(span.file, line, column, line, column + 4)
        return replace(
            one,
            labels=(*one.labels, Label(place, "it is defined here, below its use")),
            help="a rule can be used below the place where it is defined: move it up, or name its "
            "file",
        )
    where = "" if line < span.line else f", but it is defined below, in line {line}"
    return replace(one, help=f"there is a rule with a similar name: `{near}`{where}")


def _no_value(one: Diagnostic, span: Span) -> Diagnostic | None:
    said = re.match(r"no values given for wildcard `(\w+)`", one.message)
    if said is None or one.help is not None:
        return None
    lines = _text(span.file).split("\n")[span.line - 1 : span.end_line]
    near = closest(said[1], _KEYWORD.findall("\n".join(lines)))
    if near is not None:
        return replace(one, help=f"there is a value with a similar name: `{near}`")
    return replace(
        one,
        help=f"give `{said[1]}=...`; to keep the wildcard, double its braces "
        f"(`{{{{{said[1]}}}}}`) or write `allow_missing=True`",
    )


def _set_below(one: Diagnostic, span: Span) -> Diagnostic:
    said = re.match(r"the name `(\w+)` is not defined", one.message)
    if said is None:
        return one
    text = _text(span.file)
    lines = {found[1]: _line(text, found.start(1)) for found in _ASSIGNMENT.finditer(text)}
    near = said[1] if said[1] in lines else closest(said[1], lines)
    if near is None or lines[near] <= span.line:
        return one
    which = "it is" if near == said[1] else f"there is a name with a similar name, `{near}`,"
    return replace(
        one, help=f"{which} set below, in line {lines[near]}: names are set from top down"
    )


def _python(one: Diagnostic, span: Span) -> Diagnostic:
    if "positional argument follows keyword argument" in one.message:
        return replace(
            one, help='values without a name stand before those with one: `input: "b", a="a"`'
        )
    lines = _text(span.file).split("\n")
    here = _indent(lines, span.line)
    for number in (span.line + 1, span.line - 1):
        there = _indent(lines, number)
        if here and there and ("\t" in here) != ("\t" in there):
            tab, blank = (span.line, number) if "\t" in here else (number, span.line)
            return replace(
                one,
                help=f"line {tab} is indented by a tab, line {blank} by blanks: use blanks only",
            )
    return one


def _colon(one: Diagnostic, span: Span) -> Diagnostic:
    if "needs a colon" not in one.message:
        return one
    line = _text(span.file).split("\n")[span.line - 1]
    at = min(span.column - 1, len(line))
    right = f"{line[:at].strip()}: {line[at:].strip()}".strip()
    return replace(one, help=f"write `{right}`")


# What helps with a code whatever the case is: the beginning of the message → the help.
_GENERAL = (
    ("RK0209", "the bracket", "close it; all that follows was read as a part of it"),
    (
        "RK0209",
        "this string",
        "close it on its line; a string over several lines begins and ends with three quotes",
    ),
    ("RK0230", "", "Python raised this in the code at the marked places"),
    (
        "RK0239",
        "`threads`",
        "for example `threads: 4`, or `threads: lambda wildcards, attempt: 2 * attempt`",
    ),
    (
        "RK0239",
        "`resources`",
        "for example `resources: mem_mb=4000, runtime=60`",
    ),
    ("RK0256", "", 'for example `mem="4GB"` or `mem_mb=4000`, `runtime="2h"` or minutes'),
    ("RK0238", "", "constraints are regular expressions of Python's `re`: `{sample,[a-z]+}`"),
    ("RK0452", "", "the function is called once for each job, with its wildcards"),
)


def _general(one: Diagnostic) -> Diagnostic:
    for code, begin, text in _GENERAL:
        if one.code == code and one.message.startswith(begin):
            return replace(one, help=text)
    return one


def _indent(lines: Sequence[str], number: int) -> str:
    if not 1 <= number <= len(lines):
        return ""
    line = lines[number - 1]
    return line[: len(line) - len(line.lstrip())] if line.strip() else ""


def _yaml(one: Diagnostic) -> Diagnostic:
    message = one.message
    if "expected ',' or" in message or "could not find expected ':'" in message:
        text = (
            "a bracket or a quote may be open since an earlier line, or a comma or `: ` is missing"
        )
    elif "mapping values are not allowed" in message:
        text = 'a value that holds `: ` needs quotes: key: "a: b"'
    elif "\\t" in message or "tab" in message:
        text = "YAML is indented by blanks, not by tabs"
    else:
        return one
    return replace(one, help=text)
