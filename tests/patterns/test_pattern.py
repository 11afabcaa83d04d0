"""Paths with wildcards: parse, match, fill."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rulekit.patterns import (
    Pattern,
    PatternError,
    fill_names,
    parse,
    strip_constraints,
    wildcard_names,
)
from rulekit.patterns.pattern import unknown_names

# Names as they occur, and as they ought not to: blanks, quotes, line ends, what means something to
# a format or to the shell, and bytes that are no UTF-8.
ODD = st.text(st.sampled_from("ab. %s'\"\n\\$()[]*+?|^/~\udcff\udc80é"), min_size=1, max_size=8)
NAMES = st.sampled_from(["x", "y", "sample", "1x", "_", "名"])


@st.composite
def patterns_and_values(draw):
    """A pattern's text and values for its wildcards."""
    parts = draw(st.lists(st.one_of(ODD, NAMES.map(lambda name: "{" + name + "}")), max_size=6))
    text = "".join(parts)
    return text, {name: draw(ODD) for name in wildcard_names(text)}


def naive_match(text, path):
    """All that the documentation says, as one regular expression made field by field."""
    regex, seen, end = "", {}, 0
    for field in re.finditer(r"\{(\w+)\}", text):
        regex += re.escape(text[end : field.start()])
        end = field.end()
        if field[1] in seen:
            regex += rf"\{seen[field[1]]}"
        else:
            seen[field[1]] = len(seen) + 1
            regex += "([\\s\\S]+)"
        regex += "(?:)"  # keeps a digit that follows apart from a group's number
    found = re.fullmatch(regex + re.escape(text[end:]), path)
    return None if found is None else dict(zip(seen, found.groups(), strict=True))


@given(patterns_and_values())
def test_what_was_matched_fills_to_the_same_path(case):
    text, values = case
    pattern = parse(text)
    path = fill_names(text, values)
    found = pattern.match(path)
    assert found is not None
    assert pattern.fill(found) == path
    assert pattern.fill([values[name] for name in pattern.names]) == path


@given(patterns_and_values(), ODD)
def test_matches_what_a_plain_regular_expression_matches(case, other):
    text, values = case
    pattern = parse(text)
    for path in (fill_names(text, values), other, text):
        expected = naive_match(text, path)
        found = pattern.match(path)
        assert (found is None) == (expected is None)
        if found is not None:
            assert dict(zip(pattern.names, found, strict=True)) == expected


@given(patterns_and_values())
def test_the_template_is_the_path_with_one_hole_for_each_field(case):
    text, values = case
    pattern = parse(text)
    filled = pattern.template % tuple(values[pattern.names[slot]] for slot in pattern.slots)
    assert filled == fill_names(text, values)
    assert filled.startswith(pattern.prefix)
    assert filled.endswith(pattern.suffix)


@given(ODD, ODD)
def test_text_without_fields_matches_itself_only(text, other):
    assume(text != other)
    pattern = parse(text)
    assert pattern.names == ()
    assert pattern.match(text) == ()
    assert pattern.match(other) is None
    assert pattern.fill(()) == text


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("{a}_{b}.txt", "x_y_z.txt", ("x_y", "z")),  # greedy from the left
        ("{p}/{q}.c", "nest/a/b.c", ("nest/a", "b")),  # and across folders
        ("{x}", "", None),  # at least one character
        ("{x}/{x}.txt", "a/a.txt", ("a",)),  # the same text both times
        ("{x}/{x}.txt", "a/b.txt", None),
        (r"{x,\d{3}}.txt", "123.txt", ("123",)),  # braces in pairs in a constraint
        (r"{x,\d{3}}.txt", "12.txt", None),
        ("{ x }.txt", "a.txt", ("a",)),  # blanks around the name
        ("{x , [ab] }.txt", "b.txt", ("b",)),
        ("{x,a|b}.txt", "b.txt", ("b",)),  # an alternative stays inside its field
        ("{x,a|b}.txt", "ab.txt", None),
        ("{x,(a)(b)}{y}", "abc", ("ab", "c")),  # groups of the user's own
        ("{x,(?!tmp).+}.txt", "tmp1.txt", None),  # a look-ahead
        ("{x,(?!tmp).+}.txt", "x1.txt", ("x1",)),
        ("{1x}.txt", "a.txt", ("a",)),  # a digit first
        ("{x,}.txt", "a.txt", ("a",)),  # an empty constraint is none
        ("{x}.txt", "a.txt\n", None),  # the whole name
        ("{x}.txt", "a\nb.txt", ("a\nb",)),  # a line end is a character like others
        ("a.txt", "aXtxt", None),  # text between fields is literal
        ("{x}%s{y}", "a%sb", ("a", "b")),
        ("{}.txt", "{}.txt", ()),  # no fields: literal braces
        ("{a b}", "{a b}", ()),
        ("{{x}}", "{v}", ("v",)),  # there are no escapes
    ],
)
def test_examples(text, path, values):
    assert parse(text).match(path) == values


def test_inline_constraints_win_over_given_ones():
    pattern = parse("{x,[ab]}{y}{z}", {"x": "[0-9]", "y": "[0-9]"})
    assert pattern.constraints == ("[ab]", "[0-9]", None)
    assert pattern.match("a1z") == ("a", "1", "z")
    assert pattern.match("11z") is None


def test_an_empty_inline_constraint_lifts_a_given_one():
    assert parse("{x,}", {"x": "[0-9]"}).match("a") == ("a",)


def test_a_constraint_stands_at_the_first_occurrence():
    assert parse("{x,[ab]}_{x}").match("a_a") == ("a",)
    with pytest.raises(PatternError, match="`x` must stand at its first occurrence"):
        parse("{x}_{x,[ab]}")


def test_a_constraint_that_is_no_regular_expression_is_named_when_it_is_used():
    pattern = parse("d/{x,(}_{y,[ab]}")
    assert pattern.match("elsewhere") is None  # the literal text does not fit: not looked at
    with pytest.raises(PatternError, match=r"the constraint `\(` of pattern"):
        pattern.match("d/a_b")


def test_a_nul_character_is_refused():
    with pytest.raises(PatternError, match="NUL"):
        parse("a\0b")


@pytest.mark.parametrize(
    "text", ["{x," + " " * 20_000, "{x " * 20_000, "{x," * 20_000, "{" * 20_000]
)
def test_unclosed_fields_of_any_length_are_literal_text(text):
    """Would take minutes if the field's expression went back over what it has read."""
    assert parse(text).names == ()


def test_patterns_are_values():
    one, same, other = parse("{x}", {"x": "a"}), parse("{x}", {"x": "a"}), parse("{x}", {"x": "b"})
    assert one == same and hash(one) == hash(same)
    assert one != other
    assert one != "{x}"
    assert repr(one) == "Pattern('{x}')"
    with pytest.raises(AttributeError, match="frozen"):
        one.text = "y"


def test_names_of_wildcards():
    assert wildcard_names("{b}/{a,x}/{b}") == ("b", "a")
    assert wildcard_names("plain") == ()
    assert unknown_names(parse("{a}{b}{c}"), ["b"]) == ("a", "c")


def test_constraints_are_stripped():
    assert strip_constraints(r"{a,\d{2}}/{ b }/c") == "{a}/{b}/c"
    assert strip_constraints("plain") == "plain"


def test_filling_by_name():
    assert fill_names("{a}/{b,x}/{a}", {"a": 1, "b": "%s"}) == "1/%s/1"
    assert fill_names("{a}/{b}", {"a": "x"}, keep_missing=True) == "x/{b}"
    with pytest.raises(KeyError, match="b"):
        fill_names("{a}/{b}", {"a": "x"})


def test_a_filled_value_is_not_filled_again():
    assert Pattern("{a}").fill(["{a}"]) == "{a}"
    assert fill_names("{a}{b}", {"a": "{b}", "b": "x"}) == "{b}x"


@given(st.text("{}ab,1 .%/é", max_size=12))
def test_fields_are_found_the_same_with_and_without_the_expression(text):
    from rulekit.patterns.pattern import _FIELD, _split

    assert _split(text) == re.split(_FIELD, text)
