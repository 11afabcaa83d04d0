"""Backslashes with blanks behind them, at the ends of lines."""

from __future__ import annotations

import pytest

from rulekit.errors import RuleFileError
from rulekit.syntax import parse

TEXT = """\
x = '''no \\ @
joint'''
# no joint \\ @
y = (1 + \\ @
  2) \\\t @

rule a:
    input: "a", \\ @
      "b" \\ @
    output: "c" \\ @

    params: 1, \\ @
      2
rule b: output: "d" \\ @
rule c:
    run:
        z = 1 + \\ @
            2
""".replace("@", "")


def test_they_join_lines_and_warn() -> None:
    made = parse(TEXT, "f")
    assert [len(rule.directives) for rule in made.statements] == [3, 1, 0]
    (warning,) = made.warnings
    assert warning.code == "RK0296" and warning.severity == "warning"
    assert warning.span is not None and (warning.span.line, warning.span.column) == (4, 10)
    assert warning.notes == ("also on line 5, 8, 9, 10, 12, 14, 17",)


def test_strings_and_comments_stay() -> None:
    text = "x = 'a \\ b'  # \\ \ny = '''\\ \n'''\n"
    made = parse(text, "f")
    assert made.source.text == text
    assert not made.warnings


def test_before_a_directive_nothing_is_joined() -> None:
    made = parse('rule a:\n    input: "a", \\ \n    output: "b"\n', "f")
    assert [part.keyword.text for part in made.statements[0].directives] == ["input", "output"]


def test_without_blanks_it_is_joined_and_wrong() -> None:
    with pytest.raises(RuleFileError):
        parse('rule a:\n    input: "a", \\\n    output: "b"\n', "f")


def test_a_string_that_never_ends_hides_nothing() -> None:
    with pytest.raises(RuleFileError, match="never closed"):
        parse("x = 'a\ny = 1 + \\ \n  2\n", "f")
