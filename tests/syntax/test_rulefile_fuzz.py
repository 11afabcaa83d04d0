"""Whatever the text: a `RuleFile` whose spans fit, or a `RuleFileError` whose spans fit."""

from __future__ import annotations

import ast
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulekit.compiler.lowering import compile_file
from rulekit.errors import RuleFileError
from rulekit.errors.diagnostic import Diagnostic, write_out
from rulekit.syntax import decode, parse
from rulekit.syntax.tree import RuleFile

CASES = pathlib.Path(__file__).parent / "cases"
SEEDS = [path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*/*.smk"))]


def check_diagnostic(found: Diagnostic, text: str) -> None:
    lines = text.split("\n")
    for span in [found.span, *(label.span for label in found.labels)]:
        assert span is not None
        assert 1 <= span.line <= span.end_line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
    assert found.code.startswith("RK02")
    assert found.message
    write_out(found, lambda _file, line: lines[line - 1])


def check(text: str) -> RuleFile | None:
    """Parse and compile; None if the text was refused in order."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    try:
        rulefile = parse(text, "f")
        compile_file(rulefile)
    except RuleFileError as error:
        assert error.diagnostics
        for found in error.diagnostics:
            assert found.severity == "error"
            check_diagnostic(found, text)
        return None
    for found in rulefile.warnings:
        check_diagnostic(found, text)
    ends = [0]
    for statement in rulefile.statements:
        header = statement.header
        assert ends[-1] <= header.start < header.end <= len(text)
        assert header.start == statement.keyword.start
        ends.append(header.end)
    rows = len(text.split("\n"))
    for node in ast.walk(rulefile.python):
        if hasattr(node, "lineno"):
            assert 1 <= node.lineno <= node.end_lineno <= rows
    return rulefile


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_rule_files(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SEEDS))
    other = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        kind = data.draw(st.integers(0, 3))
        if kind == 0:
            new = ""
        elif kind == 1:
            new = data.draw(st.text(max_size=4))
        elif kind == 2:
            new = data.draw(st.sampled_from([*"()[]{}'\"#:=,\\\n\t ;@*", "\n    ", '"""']))
        else:
            at = data.draw(st.integers(0, len(other)))
            new = other[at : at + data.draw(st.integers(1, 60))]
        text = text[:start] + new + text[end:]
    check(text)


WORDS = [
    *("rule", "a", "b:", ":", "input:", "output", "run:", "shell: 'x'", "include:", "use", "from"),
    *("module", "storage", "as", "with:", "*", "if x:", "else:", "def f():", "class A:", "x = 1"),
    *("(", ")", "'", '"""', "#", "\\", ",", "onstart:", "ruleorder:", ">", "lambda:", "yield"),
    *("\n", "\n", "\n  ", "\n    ", "\n        ", "\t", " ", " ", "return", "await x", "break"),
]


@settings(max_examples=800, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_random_words(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_random_text(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes(data: bytes) -> None:
    try:
        text = decode(data, "f")
    except RuleFileError as error:
        assert error.diagnostics[0].code == "RK0202"
        return
    check(text)


N = 30_000
HOSTILE = {
    "open brackets": "(" * N,
    "all kinds of brackets": "[{(" * N,
    "brackets in a value": "rule a:\n input: " + "(" * 2000 + ")" * 2000,
    "minus": "x = " + "-" * N + "1",
    "attributes": "x = a" + ".b" * N,
    "sum in a value": "rule a:\n input: 1" + "+1" * N,
    "lambdas": "x = " + "lambda: " * N + "1",
    "quotes": '"' * N,
    "open strings": "'\n" * N,
    "open brackets on lines": "(\n" * N,
    "header": "rule " * N,
    "use": "use rule " + "a, " * N,
    "order": "ruleorder: a" + " > b" * N,
    "joined lines": "\\\n" * N,
    "indentation": "\n".join(" " * i + "if 1:" for i in range(300)),
    "tabs": "\t" * N + "x",
    "colonless rules": "rule a\n" * 3000,
    "unknown directives": "rule a:\n" + "  foo: 1\n" * 3000,
    "fields": 'f"' + "{" * N,
    "nested fields": 'x=f"' + "{f'" * 200,
    "specs": 'f"{x:' + "{y:" * N,
    "decorators": "@a\n" * N,
    "elifs": "if 1: pass\n" + "elif 1: pass\n" * 6000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts(name: str) -> None:
    check(HOSTILE[name])


def test_a_million_characters() -> None:
    assert check("x = '" + "a" * 1_000_000 + "'") is not None
    assert check("rule a:\n    shell: '" + "a" * 1_000_000 + "'  # " + "b" * 100_000) is not None


def test_as_deep_as_python_itself() -> None:
    text = "x = " + "+".join(["a"] * 1400)
    compile(text, "f", "exec")
    assert check(text) is not None
