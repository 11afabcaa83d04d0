"""Logical lines must be those that Python's own tokenizer sees."""

from __future__ import annotations

import ast
import io
import re
import string
import sys
import textwrap
import tokenize
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.syntax import lexer, parse, scanner
from rulekit.syntax.scanner import MOST_PROBLEMS, scan

LAYOUT = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def tokenized(text: str) -> list[tuple[int, int]] | None:
    """(first, end) of each logical line by `tokenize`; None if Python does not read the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    found: list[tuple[int, int]] = []
    first = end = -1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            if first >= 0:
                found.append((first, end))
            first = -1
        elif token.type not in LAYOUT:
            if first < 0:
                first = starts[token.start[0] - 1] + token.start[1]
            end = starts[token.end[0] - 1] + token.end[1]
    if first >= 0:
        found.append((first, end))
    return found


def scanned(text: str) -> list[tuple[int, int]]:
    lines, problems = scan(text)
    assert problems == []
    return [(line.first, line.end) for line in lines]


FIXED = [
    "",
    "\n\n",
    "# only a comment",
    "x = 1",
    "x = 1  # comment\n  \n\t# another\ny = 2\n",
    "x = (1,\n  2, # ]\n\n 3)\ny = [1, {2: (3)}]\n",
    "x = '''a\nb # no comment\n'''\nz\n",
    'x = """a"b""c\\"""" + "\\""\nz',
    "x = 'it\\'s' \"#\" '(' # )\n",
    "x = 1 + \\\n  2\ny\n",
    "x = 'a\\\nb'\ny\n",
    "if x:\n\ty\n\tif z:\n\t\tw\n",
    "\x0cx\n\x0c\ny\n",
    'f"{x}" f"{{(" f\'{x!r:>{y}}\'\nz\n',
    'rb\'\\\'\' + Rb"""\n"""\nz\n',
    'f"""{\n x\n}"""\nz\n',
    "if'a':pass\n",
    "x = f'{y:%H:%M}'  # c\n",
    "x = f\"{d['{']}\" + f\"{'}' + 'x'}\"\n",
    "a = {'{': '}'}\n",
]
SINCE_3_12 = [
    'x = f"{d["a"]}" # c\nz\n',
    'x = f"{"}"}{"{" + f"{"#"}"}"\nz\n',
    "x = f'{a + # comment '}\n b}' + c\nz\n",
    "x = f'{\n'''\n'''\n}'\nz\n",
    'x = rf"\\{y}" + f"\\{y}\\"" + f"\\N{DIGIT ONE}{"("}"\nz\n',
    'x = f"{x:{"a"}>{f"{y}"}}{{"\nz\n',
    'x = f"{(lambda: {1: 2})():x}"\nz\n',
    'x = Rf"""a"b{"""c"""}"""\nz\n',
    'x = f"{x!r:a}{y != "z"}"\nz\n',
]


@pytest.mark.parametrize("text", FIXED)
def test_same_lines_as_tokenize(text: str) -> None:
    assert scanned(text) == tokenized(text)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="these strings are legal since 3.12")
@pytest.mark.parametrize("text", SINCE_3_12)
def test_nested_fstrings(text: str) -> None:
    expected = tokenized(text)
    assert expected is not None, "the example is not Python"
    assert scanned(text) == expected


PARTS = [
    *"xy=+()[]{}:,#\\'\"\n",
    *("f'", 'f"', 'rf"', "b'", "{{", "}}", "{x}", "!r", ":>3"),
    *(" ", "  ", "\n", "\n\n", "\n  ", "\t", "\x0c", '"""', "'''", "\\\n", "é", "if x:\n  ", "0"),
    *("'a'", '"#"', "(1)", "[x]", "# c\n", "x = ", 'f"{x}"', "f'{x[\"a\"]}'", '"""a\nb"""'),
]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_same_lines_for_any_text(text: str) -> None:
    expected = tokenized(text)
    if expected is None:
        scan(text)
    elif text.isascii():
        assert scanned(text) == expected
    else:  # Python 3.12 counts bytes in strings of several lines
        assert [first for first, _ in scanned(text)] == [first for first, _ in expected]


@pytest.mark.parametrize("module", [textwrap, tokenize, string, ast, warnings])
def test_plain_python_stays_as_it_is(module: object) -> None:
    with open(module.__file__, encoding="utf-8") as file:
        text = file.read()
    assert scanned(text) == tokenized(text)
    rulefile = parse(text, "x.py")
    assert rulefile.statements == ()
    assert ast.dump(rulefile.python, include_attributes=True) == ast.dump(
        ast.parse(text), include_attributes=True
    )


def columns(text: str) -> list[int]:
    return [line.column for line in scan(text)[0]]


def test_columns() -> None:
    assert columns("a\n  b\n\tc\n  \td\n \x0c e\n") == [0, 2, 8, 8, 1]


def problems(text: str) -> list[tuple[str, int]]:
    return [(found.kind, found.start) for found in scan(text)[1]]


def test_problems_and_where_the_scan_goes_on() -> None:
    assert problems("x = (1\ny = 2\n") == [("open", 4)]
    assert len(scan("x = (1\ny = 2\n")[0]) == 2
    assert problems("x = (1]\ny = )\n") == [("mismatch", 6), ("close", 12)]
    assert problems("x = 'a\ny = \"b\n") == [("string", 4), ("string", 11)]
    assert problems('x = """a\ny = (\n') == [("string", 4)]
    # The second statement's brackets are its own matter.
    assert problems("x = [1,\n  2\ny = foo(1)\nz = 3)\n") == [("open", 4), ("close", 28)]
    assert len(problems(")\n" * 1000)) == MOST_PROBLEMS


def _possessive_loops(parsed: object) -> list[object]:
    """Possessive loops over more than one character, and atomic groups, in a parsed pattern."""
    bad: list[object] = []
    open_ = [parsed]
    while open_:
        part = open_.pop()
        if isinstance(part, tuple) and len(part) == 2:
            name = str(part[0])
            if name == "ATOMIC_GROUP" or (
                name == "POSSESSIVE_REPEAT"
                and (len(part[1][2]) != 1 or str(part[1][2][0][0]) not in _ONE_CHARACTER)
            ):
                bad.append(part)
        if isinstance(part, tuple | list):
            open_ += part
        elif hasattr(part, "data"):
            open_ += part.data
    return bad


_ONE_CHARACTER = {"LITERAL", "NOT_LITERAL", "IN", "ANY"}


@pytest.mark.parametrize("module", [scanner, lexer])
def test_patterns_are_right_on_every_python(module: object) -> None:
    """Before 3.11.5 `re` mistakes its place after longer possessive loops."""
    patterns = [value for value in vars(module).values() if isinstance(value, re.Pattern)]
    assert len(patterns) > 3
    for pattern in patterns:
        assert _possessive_loops(re._parser.parse(pattern.pattern, pattern.flags)) == []
    assert _possessive_loops(re._parser.parse(r"(?:ab?)*+")) != []
    assert _possessive_loops(re._parser.parse(r"x|(?>ab)")) != []


# Longer than what one match of a bounded loop takes.
MANY = 1700


@pytest.mark.parametrize(
    "text",
    [
        "\n" * MANY + "x = 1\n",
        "  # c\n" * MANY + "if x:\n    y\n",
        "x = '" + "\\a" * MANY + "'\ny\n",
        'x = """' + '""\\"a' * MANY + '"""\ny\n',
        "x = (" + "'a', # )\n" * MANY + ")  # c\ny\n",
        "x = [" + "('a', 2), " * MANY + "]\ny\n",
        "x = " + "('a') + " * MANY + "\\\n (2)\ny\n",
        "x = " + "'a' \\\n" * MANY + "'b' # c\ny\n",
    ],
)
def test_long_lines(text: str) -> None:
    assert scanned(text) == tokenized(text)


def test_many_joints_before_a_word() -> None:
    text = "if x:\n  " + "\\\n" * MANY + "y\nz\n"
    assert columns(text) == [0, 2, 0]
    assert scanned(text) == [(0, 5), (8 + 2 * MANY, 9 + 2 * MANY), (10 + 2 * MANY, 11 + 2 * MANY)]


@pytest.mark.parametrize("start", ["'", '"', "'''", '"""'])
def test_long_strings_without_an_end(start: str) -> None:
    assert problems("x = " + start + "\\a" * MANY) == [("string", 4)]
