"""A job's values from its rule and its wildcards."""

from pathlib import Path

import pytest

from rulekit.errors import PlanError
from rulekit.language import deferred, jobvalues
from rulekit.language.filenames import subpath
from rulekit.language.flags import ancient, temp, unpack
from rulekit.language.jobvalues import (
    constant_params,
    evaluate_params,
    expand_entries,
    expand_inputs,
    make_wildcards,
    nonderived_params,
    static_layout,
)
from rulekit.language.tbd import TBD
from rulekit.model.flags import FlaggedFunction, flags_of
from rulekit.model.namedlist import InputFiles, OutputFiles, Resources
from rulekit.model.rule import Body, CheckpointPending, Entry, FileItem, Rule, Value
from rulekit.model.span import Span
from rulekit.patterns import Pattern

WILDCARDS = make_wildcards(("s", "n"), ("tumor", "1"))


def item(value):
    if isinstance(value, str):
        return FileItem(str(value), Pattern(value), None, flags_of(value))
    if isinstance(value, FlaggedFunction):
        return FileItem("", None, value.function, value.flags)
    return FileItem("", None, value, {})


def entry(*values, name=None, is_list=False):
    return Entry(name, tuple(map(item, values)), is_list)


def rule(**fields):
    given = {
        "name": "r", "index": 0, "kind": "rule", "span": Span("Rulefile", 3), "docstring": None,
        "inputs": (), "outputs": (), "logs": (), "benchmark": None, "params": (),
        "wildcard_names": ("s", "n"), "constraints": {}, "threads": 1, "resources": {}, "priority": 0,
        "message": None, "retries": None, "group": None, "shadow": None, "conda": None,
        "container": None, "envmodules": (), "cache": False, "localrule": False, "handover": False,
        "body": Body("none", "", None, None, ""), "namespace": {}, "basedir": ".",
    }  # fmt: skip
    return Rule(**{**given, **fields})


def files(*entries, **options):
    paths, names = expand_entries(entries, WILDCARDS, **options)
    return [str(path) for path in paths], names


def test_static_entries():
    entries = (
        entry("{s}.a"),
        entry("{n}/{s}.b", "c", name="both", is_list=True),
        entry("d", name="one"),
        entry(name="none", is_list=True),
    )
    expected = {"both": (1, 3), "one": 3, "none": (4, 4)}
    assert files(*entries) == (["tumor.a", "1/tumor.b", "c", "d"], expected)
    items, names = static_layout(entries)
    assert [one.text for one in items] == ["{s}.a", "{n}/{s}.b", "c", "d"]
    assert names == expected
    assert static_layout((entry(lambda w: "x"),)) is None


@pytest.mark.parametrize(
    ("function", "expected", "named"),
    [
        (lambda w: w.s + ".txt", ["tumor.txt"], 0),
        (lambda w: Path("a") / w.s, ["a/tumor"], 0),
        (lambda w: ["a", ["b", (Path("c"),)]], ["a", "b", "c"], (0, 3)),
        (lambda w: (one for one in "ab"), ["a", "b"], (0, 2)),
        (lambda w: lambda w: w.n, ["1"], 0),
        (lambda w, groupid: groupid, ["local"], 0),
        (lambda w: [], [], (0, 0)),
        (lambda w: "{s}.txt", ["tumor.txt"], 0),
        (lambda w: "{other}{s,x}.txt", ["{other}tumor.txt"], 0),
        (lambda w: {"k": "v"}, ["k"], (0, 1)),
    ],
)
def test_results_of_input_functions(function, expected, named):
    assert files(entry(function, name="x")) == (expected, {"x": named})


def test_unpack():
    found = files(entry("first"), entry(unpack(lambda w: {"a": w.s, "b": ["x", "y"], "c": []})))
    assert found == (["first", "tumor", "x", "y"], {"a": 1, "b": (2, 4), "c": (4, 4)})
    assert files(entry(unpack(lambda w: ["x", "y"]))) == (["x", "y"], {})
    with pytest.raises(PlanError, match="dict or a list"):
        files(entry(unpack(lambda w: "x")))
    with pytest.raises(PlanError, match="names of their own"):
        files(entry(unpack(lambda w: {}), name="x"))


def test_flags_of_items_and_of_results():
    paths, _ = expand_entries(
        (entry(temp("a"), "b"), entry(ancient(lambda w: ["c", temp("d")]))), WILDCARDS
    )
    assert [flags_of(path) for path in paths] == [
        {"temp": True},
        {},
        {"ancient": True},
        {"ancient": True, "temp": True},
    ]


@pytest.mark.parametrize("bad", [None, 3, ["a", None], True])
def test_results_that_are_no_files(bad):
    with pytest.raises(PlanError, match="rule `r`") as caught:
        files(entry(lambda w: bad), rule=rule())
    assert caught.value.diagnostics[0].span == Span("Rulefile", 3)


def test_a_function_that_gives_functions_for_ever():
    def again(wildcards):
        return again

    with pytest.raises(PlanError, match="ten times"):
        files(entry(again))


def test_expand_inputs_names_the_rule_and_lets_checkpoints_through():
    def fails(wildcards):
        return {}["missing"]

    with pytest.raises(PlanError) as caught:
        expand_inputs(rule(inputs=(entry(fails),)), ("tumor", "1"))
    text = caught.value.diagnostics[0].message
    assert "rule `r`" in text and "`missing`" in text and "s=tumor" in text

    def pending(wildcards):
        raise CheckpointPending("c", (), ())

    with pytest.raises(CheckpointPending):
        expand_inputs(rule(inputs=(entry(pending),)), ("tumor", "1"))


def test_log_functions_are_not_filled():
    assert files(entry(lambda w: "{s}.log"), fill_results=False)[0] == ["{s}.log"]


def params_of(*values, **more):
    made = rule(params=tuple(Value(name, value) for name, value in values))
    found = evaluate_params(
        made,
        WILDCARDS,
        more.get("input", InputFiles(["in/x.txt"], {"x": 0})),
        OutputFiles(["out.txt"]),
        more.get("threads", 4),
        more.get("resources", Resources([8], {"mem_mb": 0})),
    )
    return made, found


def test_params():
    _, found = params_of(
        (None, "plain"),
        ("text", "{s}-{n}"),
        ("listed", ["{s}", 3, ["{s}"]]),
        ("kept", {"k": "{s}"}),
        ("fn", lambda w, input, output: (w.s, input[0], output[0])),
        ("both", lambda wc, threads, resources: (threads, resources.mem_mb)),
        ("literal", lambda wc: "{s}"),
        ("item", deferred.input.x),
        ("folder", subpath(deferred.output[0], parent=True)),
        ("threads", deferred.threads),
        ("whole", deferred.input),
        ("generated", lambda wc: (i for i in range(2))),
    )
    assert list(found) == [
        "plain", "tumor-1", ["tumor", 3, ["{s}"]], {"k": "{s}"}, ("tumor", "in/x.txt", "out.txt"),
        (4, 8), "{s}", "in/x.txt", ".", 4, ["in/x.txt"], [0, 1],
    ]  # fmt: skip
    assert found.text == "tumor-1" and found.listed[0] == "tumor"


def test_params_errors():
    with pytest.raises(PlanError, match="`other`"):
        params_of(("x", "{other}"))
    with pytest.raises(PlanError, match="param `x`"):
        params_of(("x", lambda w: 1 / 0))
    with pytest.raises(PlanError, match="unpack"):
        params_of(("x", unpack(lambda w: {})))


def test_params_that_read_a_missing_input_are_open(tmp_path):
    missing = str(tmp_path / "later.txt")

    def read(wildcards, input):
        with open(input[0]) as file:
            return file.read()

    _, found = params_of(("x", read), input=InputFiles([missing]))
    assert found.x == TBD

    def read_other(wildcards, input):
        with open(tmp_path / "other.txt") as file:
            return file.read()

    with pytest.raises(PlanError):
        params_of(("x", read_other), input=InputFiles([missing]))


def test_what_the_params_trigger_compares():
    made, found = params_of(
        ("b", "text"),
        ("a", 1),
        ("derived", lambda w, input: input[0]),
        ("own", lambda w: w.s),
        ("item", deferred.input.x),
        ("any", lambda w, **rest: 1),
        ("set", {"x", "y", "z"}),
        ("odd", object()),
    )
    texts = nonderived_params(made, found)
    assert texts == tuple(
        sorted(["'text'", "1", "'tumor'", "{'x', 'y', 'z'}", "<builtins.object>"])
    )


def test_constant_params():
    constant = rule(params=(Value(None, "a"), Value("b", [1, "x"])))
    params, texts = constant_params(constant)
    assert list(params) == ["a", [1, "x"]] and params.b == [1, "x"]
    assert texts == ("'a'", "[1, 'x']")
    for value in ("{s}", ["{s}"], lambda w: 1, deferred.input[0], deferred.input):
        assert constant_params(rule(params=(Value(None, value),))) is None


def test_wildcards_object():
    assert WILDCARDS.s == "tumor" and dict(WILDCARDS.items()) == {"s": "tumor", "n": "1"}
    assert str(WILDCARDS) == "tumor 1"
    assert jobvalues.call_function(lambda w: w.n, WILDCARDS) == "1"
