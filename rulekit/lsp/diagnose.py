"""What is wrong in a file, or could be better, as far as its text tells."""

from __future__ import annotations

import re

from rulekit.errors.tree import RulekitError
from rulekit.frozen import frozen
from rulekit.lint.catalogue import CHECKS
from rulekit.lint.files import check_file
from rulekit.lint.finding import allowed_in, is_allowed
from rulekit.syntax.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.errors.diagnostic import Diagnostic

    Range = tuple[int, int, int, int]  # line, column, end line, end column; from 1, in characters

_WORD = re.compile(r"\w+|\S")


@frozen
class Problem:
    """One remark. severity: ``error`` | ``warning`` | ``hint``; `related`: further places."""

    code: str
    message: str
    place: Range
    severity: str
    related: tuple[tuple[str, Range, str], ...] = ()
    fixable: bool = False


def problems(text: str, path: str, *, alone: bool = True) -> list[Problem]:
    """All mistakes of a text; if there are none, warnings and what the linter says of the file.

    `alone`: it is the only file of its workflow.
    """
    try:
        rulefile = parse(text, path)
    except RulekitError as error:
        return [_problem(one, text) for one in error.diagnostics]
    found = [_problem(one, text) for one in rulefile.warnings]
    allowed = allowed_in(rulefile.text)
    for one in check_file(rulefile, alone=alone, envvars=_announced(rulefile.text)):
        if is_allowed(one, allowed):
            continue
        line = rulefile.source.line_text(one.line) or ""
        begin = len(line) - len(line.lstrip()) + 1
        check = CHECKS[one.code]
        place = (one.line, begin, one.line, max(len(line.rstrip()), begin) + 1)
        message = f"{one.message}\n{check.fix}"
        found.append(Problem(one.code, message, place, "hint", fixable=check.mended))
    return found


def _announced(text: str) -> frozenset[str]:
    """Names in strings behind `envvars:`; roughly, as the workflow is not run."""
    at = text.find("envvars:")
    return (
        frozenset(re.findall(r"[\"'](\w+)[\"']", text[at : at + 1000])) if at >= 0 else frozenset()
    )


def _problem(one: Diagnostic, text: str) -> Problem:
    message = one.message
    for note in one.notes:
        message += f"\n{note}"
    if one.help:
        message += f"\nhelp: {one.help}"
    related = tuple((label.span.file, _range(label.span, ""), label.text) for label in one.labels)
    place = _range(one.span, text) if one.span is not None else (1, 1, 1, 2)
    return Problem(one.code, message, place, one.severity, related)


def _range(span: object, text: str) -> Range:
    line, column = span.line, span.column  # type: ignore[attr-defined]
    last, last_column = span.end_line, span.end_column  # type: ignore[attr-defined]
    if last < line or (last == line and last_column <= column):
        # Nothing is there to be marked: the word behind the place, else one character.
        last, last_column = line, column + 1
        rows = text.split("\n")
        if line <= len(rows):
            word = _WORD.match(rows[line - 1], column - 1)
            if word is not None:
                last_column = word.end() + 1
    return line, column, last, last_column
