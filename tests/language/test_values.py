"""`lookup`, `branch`, `evaluate`, `parse_input`."""

import pytest

from rulekit.language.call import accepted
from rulekit.language.exceptions import LookupError, WorkflowError
from rulekit.language.values import branch, evaluate, extract_checksum, lookup, parse_input
from rulekit.model.namedlist import Wildcards

WILDCARDS = Wildcards(["a", "2"], {"s": 0, "n": 1})


def test_branch():
    assert branch(True, then="x", otherwise="y") == "x"
    assert branch(False, then="x") == []
    assert branch("b", cases={"a": 1, "b": 2}) == 2
    assert branch("c", cases={"a": 1}, otherwise="z") == "z"
    with pytest.raises(WorkflowError, match="no case `c`"):
        branch("c", cases={"a": 1})
    with pytest.raises(WorkflowError):
        branch("c", then=1, cases={"a": 1})
    later = branch(lambda w: w.s == "a", then=lambda w: w.n, otherwise="no")
    assert later(WILDCARDS) == "2"
    by_case = branch(lambda w: w.s, cases={"a": "one", "b": "two"})
    assert by_case(WILDCARDS) == "one"


def test_evaluate():
    assert evaluate("int({n}) + 1")(WILDCARDS) == 3
    assert evaluate("{s} == 'a'")(WILDCARDS) is True
    with pytest.raises(WorkflowError, match="'a' / 1"):
        evaluate("{s} / 1")(WILDCARDS)


def test_parse_input(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text(" 3 \n")
    later = parse_input(lambda w, input: input[0], lambda file, k: int(file.read()) * k, k=2)
    assert accepted(later) == {"input"}
    assert later(WILDCARDS, input=[str(path)]) == 6
    assert parse_input(str(path), None)(WILDCARDS, input=[]) == "3"


def test_extract_checksum(tmp_path):
    path = tmp_path / "md5"
    path.write_text("abc  ./x/y.txt\ndef  z.txt\n")
    later = parse_input(str(path), extract_checksum, file="x/y.txt")
    assert later(WILDCARDS, input=[]) == "abc"
    with pytest.raises(WorkflowError, match="`q`"):
        parse_input(str(path), extract_checksum, file="q")(WILDCARDS, input=[])


DATA = {"a": {"2": "two", "3": "three"}, "list": [5, 6]}


def test_lookup_in_dicts():
    assert lookup(dpath="a/2", within=DATA) == "two"
    assert lookup("list/1", within=DATA) == 6
    assert lookup(dpath="a/*", within=DATA) == ["two", "three"]
    assert lookup(dpath="{s}/{n}", within=DATA)(WILDCARDS) == "two"
    assert lookup(dpath="{s}/{k}", within=DATA, k="3")(WILDCARDS) == "three"
    assert lookup(dpath="a/{k}", within=DATA, k="3") == "three"
    assert lookup(dpath="x/y", within=DATA, default=0) == 0
    assert lookup(dpath=lambda w: "a/{n}", within=DATA)(WILDCARDS) == "two"
    chained = lookup(dpath="a/{k}", within=DATA, k=lookup(dpath="m/{s}", within={"m": {"a": "3"}}))
    assert chained(WILDCARDS) == "three"
    with pytest.raises(LookupError, match="a/9"):
        lookup(dpath="a/9", within=DATA)


def test_lookup_in_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"s": ["a", "a", "b"], "n": [1, 2, 3], "t": ["x", "y", "z"]})
    rows = lookup(query="s == 'a'", within=frame)
    assert [row.t for row in rows] == ["x", "y"]
    assert lookup(query="s == 'b'", within=frame).n == 3
    assert lookup(query="s == '{s}'", within=frame, cols="n")(WILDCARDS) == [1, 2]
    assert lookup(query="s == 'b'", within=frame, cols=["n", "t"]) == (3, "z")
    assert lookup(query="s == 'a'", within=frame, is_nrows=2) is True
    assert lookup(query="s == 'q'", within=frame) == []
    assert lookup(query="s == 'q'", within=frame, default=None) is None
    series = pandas.Series([1, 2], name="v")
    assert lookup(query="v == 2", within=series, cols="v") == [2]
    with pytest.raises(LookupError):
        lookup(query="nothing ==", within=frame)
    with pytest.raises(LookupError):
        lookup(query="s == 'a'", within=frame, cols="missing")


def test_lookup_refuses():
    for options in ({}, {"within": DATA}, {"query": "a", "dpath": "b", "within": DATA}):
        with pytest.raises(LookupError):
            lookup(**options)
