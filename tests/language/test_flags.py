"""Flags on file names, functions and lists."""

from pathlib import Path

import pytest

from rulekit.language import flags
from rulekit.language.exceptions import WorkflowError
from rulekit.language.flags import flag, is_flagged, remove_flag
from rulekit.model.flags import FlaggedFunction, flags_of


def test_flags_do_not_change_what_they_are_given():
    name = flags.temp("a.txt")
    both = flags.touch(name)
    assert name == "a.txt" and flags_of(name) == {"temp": True}
    assert flags_of(both) == {"temp": True, "touch": True}


def test_flags_on_lists_paths_and_functions():
    listed = flags.ancient(["a", Path("b/c"), ["d"]])
    assert listed == ["a", "b/c", ["d"]]
    assert all(is_flagged(one, "ancient") for one in (*listed[:2], listed[2][0]))

    def function(wildcards):
        return "x"

    flagged = flags.unpack(flags.ancient(function))
    assert isinstance(flagged, FlaggedFunction)
    assert flagged.function is function
    assert flagged.flags == {"ancient": True, "unpack": True}
    assert flagged(None) == "x"


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("protected", "temp"),
        ("temp", "protected"),
        ("protected", "pipe"),
        ("protected", "service"),
        ("pipe", "directory"),
        ("directory", "pipe"),
        ("nodelocal", "protected"),
    ],
)
def test_flags_that_exclude_each_other(inner, outer):
    with pytest.raises(WorkflowError, match=f"`{outer}` and `{inner}` cannot be combined"):
        getattr(flags, outer)(getattr(flags, inner)("x"))


@pytest.mark.parametrize(
    ("inner", "outer"), [("temp", "directory"), ("directory", "protected"), ("touch", "temp")]
)
def test_flags_that_go_together(inner, outer):
    both = getattr(flags, outer)(getattr(flags, inner)("x"))
    assert set(flags_of(both)) == {inner, outer}


def test_values():
    assert flags_of(flags.ensure("x", non_empty=True, md5="0"))["ensure"] == {
        "non_empty": True,
        "md5": "0",
    }
    with pytest.raises(WorkflowError):
        flags.ensure("x", md5="0", sha1="1")
    assert flags_of(flags.repeat("b.tsv", 3)) == {"repeat": 3}
    with pytest.raises(WorkflowError):
        flags.repeat("b.tsv", 0)
    assert flags_of(flags.temp("x", group_jobs=True)) == {"nodelocal": True, "temp": True}
    assert flags_of(flags.report("x", category="c"))["report"]["category"] == "c"
    assert flags_of(flags.access.multi("x")) == {"access_pattern": "multi"}


def test_removing():
    name = remove_flag(flags.touch(flags.temp("x")), "temp")
    assert name == "x" and flags_of(name) == {"touch": True}
    assert remove_flag("x", "temp") == "x"


def test_what_cannot_be_flagged():
    with pytest.raises(WorkflowError):
        flag(3, "temp")
    with pytest.raises(WorkflowError, match="rule files only"):
        flags.dynamic("x")
    with pytest.raises(WorkflowError, match="finish_sentinel"):
        flags.from_queue(object())
