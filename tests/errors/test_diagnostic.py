"""How a diagnostic is written out, and the exceptions that carry it."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit import errors
from rulekit.errors import Diagnostic, Label, PlanError, RulekitError, closest, did_you_mean
from rulekit.errors.diagnostic import visible, write_out
from rulekit.model.span import Span

SOURCE = {
    ("Rulefile", 1): "rule all:",
    ("Rulefile", 2): '    input: "a.txt", "b.txt"',
    ("Rulefile", 12): "rule b:",
    ("part.smk", 3): "rule c:",
    ("Rulefile", 20): "\tshell:\t'x' # \x1b[31m \udcff",
    ("Rulefile", 30): "x" * 500 + "MARK" + "y" * 500,
}


def line_of(file, line):
    return SOURCE.get((file, line))


def written(**fields):
    fields = {"code": "RK0999", "message": "something is wrong", **fields}
    return write_out(Diagnostic(**fields), line_of)


def expected(text):
    return dedent(text).strip("\n")


def test_a_message_alone():
    assert written() == "error[RK0999]: something is wrong"
    assert written(severity="warning") == "warning[RK0999]: something is wrong"


def test_a_place_with_caret_notes_and_help():
    text = written(
        span=Span("Rulefile", 2, 12, 2, 19),
        caret="not there",
        notes=("first\nsecond line", "another"),
        help="write it\nor not",
    )
    assert text == expected(
        """
        error[RK0999]: something is wrong
         --> Rulefile:2:12
          |
        2 |     input: "a.txt", "b.txt"
          |            ^^^^^^^ not there
          |
          = note: first
                  second line
          = note: another
          = help: write it
                  or not
        """
    )


def test_second_places_stand_in_the_order_of_lines():
    text = written(
        span=Span("Rulefile", 12, 1, 12, 7),
        caret="here",
        labels=(Label(Span("Rulefile", 1, 1, 1, 9), "and there"),),
    )
    assert text == expected(
        """
        error[RK0999]: something is wrong
          --> Rulefile:12:1
           |
         1 | rule all:
           | -------- and there
        12 | rule b:
           | ^^^^^^ here
        """
    )


def test_places_in_other_files_are_named_and_stand_last():
    text = written(
        span=Span("part.smk", 3, 1, 3, 7),
        labels=(Label(Span("Rulefile", 12, 1, 12, 7), "used here"),),
    )
    assert text.splitlines()[1:] == [
        "  --> part.smk:3:1",
        "   |",
        " 3 | rule c:",
        "   | ^^^^^^",
        "   ::: Rulefile:12",
        "12 | rule b:",
        "   | ------ used here",
    ]


def test_a_file_that_cannot_be_read_gives_its_place_only():
    text = written(span=Span("gone", 7, 2), help="look")
    assert text == "error[RK0999]: something is wrong\n --> gone:7:2\n  = help: look"


def test_a_span_over_several_lines_is_marked_to_the_end_of_the_first():
    text = written(span=Span("Rulefile", 1, 6, 3, 2))
    assert text.splitlines()[-1] == "  |      ^^^^"


def test_a_span_beyond_the_line_still_has_a_mark():
    text = written(span=Span("Rulefile", 1, 40, 1, 50))
    assert text.splitlines()[-1].endswith("^")


def test_very_long_lines_are_cut_around_the_mark():
    text = written(span=Span("Rulefile", 30, 501, 30, 505))
    source, marker = text.splitlines()[-2:]
    assert len(source) < 170
    assert source[marker.index("^") : marker.rindex("^") + 1] == "MARK"


def test_each_character_of_the_source_takes_one_place_so_that_the_mark_stands_right():
    text = written(span=Span("Rulefile", 20, 2, 20, 8))
    source, marker = text.splitlines()[-2:]
    assert source == "20 |  shell: 'x' # ?[31m ?"
    assert source[marker.index("^") : marker.rindex("^") + 1] == "shell:"


def test_colours_are_put_around_the_parts():
    diagnostic = Diagnostic("RK0999", "m", Span("Rulefile", 1, 1, 1, 5), "c", help="h")
    text = write_out(diagnostic, line_of, lambda style, part: f"<{style}>{part}</{style}>")
    assert "<error>error[RK0999]</error>: m" in text
    assert "<place>--></place> Rulefile:1:1" in text
    assert "<error>^^^^ c</error>" in text
    assert "= <help>help</help>: h" in text


def test_what_a_terminal_would_act_on_is_escaped():
    text = written(
        message="no `a\nb\x1b]0;title\x07`",
        notes=("in `\x1b[2J`\nand \udcff",),
        help="é is fine, \u202e is not",
    )
    assert text == expected(
        r"""
        error[RK0999]: no `a\nb\x1b]0;title\x07`
          = note: in `\x1b[2J`
                  and \xff
          = help: é is fine, \u202e is not
        """
    )


@given(st.text())
def test_anything_can_be_shown_in_one_line_and_encoded(text):
    shown = visible(text)
    assert shown.isprintable()
    assert "\n" not in shown
    shown.encode("utf-8")
    if text.isprintable():
        assert shown == text


# -- near names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pool", "found"),
    [
        ("mpa", ["map", "sort"], "map"),
        ("ALL", ["all"], "all"),
        ("aling", ["align", "index"], "align"),
        ("index", ["align", "map"], None),
        ("x", [], None),
    ],
)
def test_the_nearest_name(name, pool, found):
    assert closest(name, pool) == found


def test_help_says_what_there_is():
    assert (
        did_you_mean("rule", "aling", ["align"]) == "there is a rule with a similar name: `align`"
    )
    assert did_you_mean("rule", "zzz", ["align"]) is None


# -- exceptions -----------------------------------------------------------------------------


def test_an_error_has_one_diagnostic_from_its_arguments():
    span = Span("Rulefile", 1)
    error = PlanError("no plan", code="RK0402", span=span, help="h", notes=("n",))
    assert str(error) == "no plan"
    assert error.diagnostics == (Diagnostic("RK0402", "no plan", span, notes=("n",), help="h"),)
    assert PlanError("x").diagnostics[0].code == "RK0400"


def test_an_error_can_hold_several_diagnostics():
    several = (Diagnostic("RK0201", "one"), Diagnostic("RK0202", "two"))
    error = RulekitError(diagnostics=several)
    assert error.diagnostics == several
    assert str(error) == "one"


def test_exit_codes_are_those_of_the_documentation():
    documented = {
        line.split()[1]: int(line.split()[2])
        for line in (errors.__doc__ or "").splitlines()
        if line.strip().startswith(("├──", "└──"))
    }
    assert len(documented) == 7
    for name, code in documented.items():
        assert getattr(errors, name).exit_code == code
        assert issubclass(getattr(errors, name), RulekitError)
