"""`expand` and the other helpers for file names."""

import os
from collections import namedtuple
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.language.call import accepted
from rulekit.language.deferred import RuleItem
from rulekit.language.exceptions import WildcardError, WorkflowError
from rulekit.language.filenames import (
    as_py_module,
    collect,
    expand,
    flatten,
    glob_wildcards,
    limit,
    multiext,
    prepend_param,
    subpath,
)
from rulekit.language.flags import temp
from rulekit.model.flags import FlaggedStr, flags_of
from rulekit.model.namedlist import InputFiles, Wildcards

NAMES = st.sampled_from(["a", "b", "sample", "x1"])
TEXTS = st.text(alphabet="ab%/ .{}é'", max_size=4)


@st.composite
def patterns(draw):
    """A pattern of literal text (without braces) and plain fields, as a list of pieces."""
    pieces = []
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            pieces.append(("text", draw(st.text(alphabet="ab%/ .é'$", max_size=4))))
        else:
            pieces.append(("field", draw(NAMES)))
    return pieces


@given(patterns(), st.dictionaries(NAMES, st.lists(TEXTS, max_size=3)), st.booleans())
def test_expand_is_the_product_over_the_names_in_the_pattern(pieces, values, pairs):
    pattern = "".join(text if kind == "text" else "{" + text + "}" for kind, text in pieces)
    used = {text for kind, text in pieces if kind == "field"}
    combiner = zip if pairs else product
    if used - values.keys():
        with pytest.raises(WildcardError):
            expand(pattern, combiner, **values)
        return
    names = [name for name in values if name in used]
    expected = [
        "".join(
            text if kind == "text" else dict(zip(names, combination, strict=True))[text]
            for kind, text in pieces
        )
        for combination in combiner(*(values[name] for name in names))
    ]
    assert expand(pattern, combiner, **values) == expected


@given(patterns(), st.dictionaries(NAMES, st.lists(TEXTS, min_size=1, max_size=2)))
def test_allow_missing_leaves_other_fields_in_place(pieces, values):
    pattern = "".join(text if kind == "text" else "{" + text + "}" for kind, text in pieces)
    names = [name for name in values if ("field", name) in pieces]
    expected = [
        "".join(
            text
            if kind == "text"
            else dict(zip(names, combination, strict=True)).get(text, "{" + text + "}")
            for kind, text in pieces
        )
        for combination in product(*(values[name] for name in names))
    ]
    assert expand(pattern, allow_missing=True, **values) == expected


def test_last_wildcard_is_the_fastest_and_patterns_come_in_turn():
    assert expand(["{a}{b}", "{b}"], a=["x", "y"], b=[1, 2]) == [
        "x1", "x2", "y1", "y2", "1", "2",
    ]  # fmt: skip


def test_text_counts_as_one_value_and_other_iterables_as_many():
    Row = namedtuple("Row", "name kind")
    row = Row("n", "k")
    assert expand("{a}.{b}", a="text", b=(i for i in range(2))) == ["text.0", "text.1"]
    assert expand("{r.name}-{r.kind}", r=row) == ["n-k"]
    assert expand("{r.name}", r=[row, Row("m", "k")]) == ["n", "m"]
    assert expand("{a}", a=7) == ["7"]


def test_format_language_in_patterns():
    assert expand("{x:03d}{{keep}}", x=[1, 20]) == ["001{keep}", "020{keep}"]
    assert expand("{d[key]}", d={"key": "v"} and [{"key": "v"}]) == ["v"]
    assert expand("{x:>3}{y}", allow_missing=True, x="a") == ["  a{y}"]


def test_zip_cuts_to_the_shortest():
    assert expand("{a}{b}", zip, a=["1", "2", "3"], b=["x", "y"]) == ["1x", "2y"]


def test_own_combiner_gets_pairs():
    def first_only(*lists):
        return [tuple(one[0] for one in lists)]

    assert expand("{a}{b:>2}", first_only, a=[1, 2], b=[3, 4]) == ["1 3"]


def test_paths_are_patterns(tmp_path):
    assert expand(tmp_path / "{a}", a="x") == [os.path.join(tmp_path, "x")]


def test_flagged_patterns_are_refused():
    with pytest.raises(WorkflowError, match="flags go outside"):
        expand(temp("{a}"), a="x")


def test_a_file_of_a_rule_may_be_expanded():
    assert expand(FlaggedStr("{a}.txt", {"fixed_rule": "r"}), a=["x"]) == ["x.txt"]
    kept = expand(FlaggedStr("p/{a}.txt", {"path_modified": True}), a=["x"])
    assert flags_of(kept[0]) == {"path_modified": True}


def test_functions_make_a_function():
    later = expand("{x}-{y}", x=lambda wildcards: ["1", wildcards.s], y=["a", lambda w: "b"])
    assert later(Wildcards(["q"], {"s": 0})) == ["1-a", "1-b", "q-a", "q-b"]
    assert accepted(later) == frozenset()
    with_input = expand("{x}", x=lambda wildcards, input: input[0])
    assert accepted(with_input) == {"input"}
    assert with_input(Wildcards(), input=["f"]) == ["f"]


def test_unknown_wildcard_is_named():
    with pytest.raises(WildcardError, match="`b`"):
        expand("{a}{b}", a="x")
    with pytest.raises(WildcardError, match="`b`"):
        expand("{a:>2}{b}", a="x")


def test_many_values():
    found = expand("out/{s}.{k}.txt", s=range(20000), k=["a", "b"])
    assert len(found) == 40000
    assert found[-1] == "out/19999.b.txt"


def test_collect_is_expand():
    assert collect("{a}", a=["1"]) == ["1"]


def test_multiext():
    found = multiext("idx/genome", ".1.bt2", ".2.bt2")
    assert found == ["idx/genome.1.bt2", "idx/genome.2.bt2"]
    assert flags_of(found[0])["multiext"] == {"prefix": "idx/genome", "name": None}
    named = multiext("x", a=".a", b=".b")
    assert [flags_of(one)["multiext"]["name"] for one in named] == ["a", "b"]
    for bad in (("x",), ("x", "a/b")):
        with pytest.raises(WorkflowError):
            multiext(*bad)
    with pytest.raises(WorkflowError):
        multiext("x", ".a", b=".b")


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_glob_wildcards(tmp_path, monkeypatch):
    for name in ("reads/a_1.fq", "reads/a_2.fq", "reads/sub/b_1.fq", "reads/c.txt"):
        touch(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    found = glob_wildcards("reads/{sample}_{n,[12]}.fq")
    assert sorted(zip(found.sample, found.n, strict=True)) == [
        ("a", "1"),
        ("a", "2"),
        ("sub/b", "1"),
    ]
    assert glob_wildcards("./reads/{x}.txt").x == ["c"]
    assert sorted(glob_wildcards("{top}/c.txt").top) == ["reads"]
    # Directories count as well.
    assert "sub" in glob_wildcards("reads/{x}").x
    absolute = glob_wildcards(str(tmp_path / "reads" / "{x}.txt"))
    assert absolute.x == ["c"]
    assert glob_wildcards("{a}-{a}", files=["x-x", "x-y"]).a == ["x"]
    assert glob_wildcards("nowhere/{x}").x == []


def test_glob_wildcards_finds_links_to_folders_only_when_asked(tmp_path, monkeypatch):
    touch(tmp_path / "real" / "f.txt")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert sorted(glob_wildcards("{d}/f.txt").d) == ["real"]
    assert sorted(glob_wildcards("{d}/f.txt", followlinks=True).d) == ["link", "real"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"strip_suffix": ".txt"}, "a/b/c"),
        ({"strip_suffix": "txt", "with_suffix": "md"}, "a/b/c.md"),
        ({"basename": True}, "c.txt"),
        ({"parent": True}, "a/b"),
        ({"ancestor": 2}, "a"),
        ({"ancestor": 9}, "."),
        ({"strip_suffix": ".txt", "basename": True}, "c"),
    ],
)
def test_subpath(options, expected):
    assert subpath("a/b/c.txt", **options) == expected
    later = subpath(RuleItem("input")[0], **options)
    assert accepted(later) == {"input"}
    assert later(Wildcards(), input=["a/b/c.txt"]) == expected


def test_subpath_refuses():
    with pytest.raises(WorkflowError):
        subpath("a", basename=True, parent=True)
    with pytest.raises(WorkflowError):
        subpath("a.txt", strip_suffix=".md")
    with pytest.raises(WorkflowError):
        subpath(["a", "b"], parent=True)


def test_small_helpers():
    assert flatten([["a", [1]], "b"]) == ["a", "1", "b"]
    assert prepend_param("-i", ["a", "b"]) == "-i a -i b"
    assert prepend_param("-i", "a", space=False) == "-ia"
    later = prepend_param("-i", RuleItem("input").files)
    assert later(Wildcards(), input=InputFiles(["a", "b"], {"files": (0, 2)})) == "-i a -i b"
    whole = prepend_param("-i", RuleItem("input"))
    assert whole(Wildcards(), input=["a"]) == "-i a"
    assert as_py_module("pkg/sub/mod.py") == "pkg.sub.mod"
    with pytest.raises(WorkflowError):
        as_py_module("a-b/c.py")
    assert as_py_module()(Wildcards(), input=InputFiles(["p/m.py"], {"script": 0})) == "p.m"
    assert limit("{s}.txt", s=["a", "b"]) == "{s,a|b}.txt"
