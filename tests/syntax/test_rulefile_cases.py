"""Rule files beside the tree or the messages they must give.

``RULEKIT_REWRITE=1 pytest tests/syntax`` writes the expectations anew; read the diff.
"""

from __future__ import annotations

import os
import pathlib

import pytest

from rulekit.compiler.lowering import lower
from rulekit.errors import RuleFileError
from rulekit.errors.diagnostic import Diagnostic, write_out
from rulekit.syntax import parse, read
from rulekit.syntax.source import Piece
from rulekit.syntax.tree import Directive, RuleFile

CASES = pathlib.Path(__file__).parent / "cases"
REWRITE = bool(os.environ.get("RULEKIT_REWRITE"))


def names(folder: str) -> list[str]:
    found = sorted(path.stem for path in (CASES / folder).glob("*.smk"))
    assert found
    return found


def show(rulefile: RuleFile) -> str:
    """The tree, one field a line: place, then text."""
    out: list[str] = []

    def field(indent: str, name: str, value: object) -> None:
        if isinstance(value, Piece):
            line, column, last, last_column = value.loc
            out.append(f"{indent}{name} {line}:{column}-{last}:{last_column} {value.text!r}")
        elif isinstance(value, Directive):
            field(indent, name, value.keyword)
            field(indent + "    ", "value", value.value)
        elif isinstance(value, tuple):
            for item in value:
                field(indent, name, item)
            if not value:
                out.append(f"{indent}{name} ()")
        elif value not in (None, False):
            out.append(f"{indent}{name} {value}")

    for statement in rulefile.statements:
        out.append(type(statement).__name__)
        for name in type(statement).__match_args__:
            field("  ", name, getattr(statement, name))
    return "\n".join(out) + "\n"


def written(diagnostics: tuple[Diagnostic, ...], text: str) -> str:
    lines = text.split("\n")
    return "\n\n".join(
        write_out(found, lambda _file, line: lines[line - 1] if 0 < line <= len(lines) else None)
        for found in diagnostics
    )


def compare(path: pathlib.Path, got: str) -> None:
    if REWRITE:
        path.write_text(got, encoding="utf-8")
    assert got == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names("tree"))
def test_tree(name: str) -> None:
    text = read(str(CASES / "tree" / f"{name}.smk"))
    rulefile = parse(text, f"{name}.smk")
    assert not rulefile.warnings
    compare(CASES / "tree" / f"{name}.tree", show(rulefile))


@pytest.mark.parametrize("name", names("bad"))
def test_messages(name: str) -> None:
    text = read(str(CASES / "bad" / f"{name}.smk"))
    try:
        rulefile = parse(text, f"{name}.smk")
        lower(rulefile)
        found = rulefile.warnings
    except RuleFileError as error:
        found = error.diagnostics
    assert found, "this file has mistakes"
    compare(CASES / "bad" / f"{name}.txt", written(found, text) + "\n")
