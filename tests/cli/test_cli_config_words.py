"""`--config key=value`: the readings, in Snakemake's order."""

from __future__ import annotations

import math

import pytest

from rulekit.cli.configwords import parse_config
from rulekit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("007", 7),
        ("1_000", 1000),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("True", True),
        ("False", False),
        ("true", "true"),
        ("", None),
        ("null", "null"),
        ("abc", "abc"),
        ("a b", "a b"),
        ("a/b-c.txt", "a/b-c.txt"),
        ("[1, a]", ["1", "a"]),
        ("{x: 1, y: [True]}", {"x": "1", "y": ["True"]}),
        ("'quoted'", "quoted"),
        ('"5"', 5),
        ("a=b", "a=b"),
        ("http://x/y", "http://x/y"),
        ("[unclosed", "[unclosed"),
        ("@home", "@home"),
        ("#none", "#none"),
        ("a: b", {"a": "b"}),
    ],
)
def test_values(text, value):
    got = parse_config([f"key={text}"])["key"]
    assert got == value and type(got) is type(value)


def test_not_a_number():
    assert math.isnan(parse_config(["key=nan"])["key"])


def test_keys_given_twice_are_merged():
    assert parse_config(["ab={x: 1}", "ab={y: 2}", "cd=1", "cd=2"]) == {
        "ab": {"x": "1", "y": "2"},
        "cd": 2,
    }


@pytest.mark.parametrize("word", ["novalue", "a=1", "1a=2", "a.b=1", "=1", "-x=1"])
def test_wrong_keys(word):
    with pytest.raises(UsageError) as caught:
        parse_config([word])
    assert caught.value.diagnostics[0].code == "RK0103"
