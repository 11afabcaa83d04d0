"""Filters, selections and expansions, against a plain evaluator over a tree."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.emulator.odata import (
    FIELDS,
    FilterError,
    compile_expand,
    compile_filter,
    compile_select,
    ticks,
)

TASKS = FIELDS["tasks"]
TASK = {
    "id": "Align-1",
    "state": "completed",
    "stateTransitionTime": "2026-01-01T00:00:00.0000001Z",
    "displayName": "it's",
    "executionInfo": {"exitCode": 3, "retryCount": 0, "result": "failure"},
    "nodeInfo": {"nodeId": "tvmps_1_d"},
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("id eq 'Align-1'", True),
        ("id eq 'ALIGN-1'", True),
        ("'align-1' eq id", True),
        ("id ne 'align-1'", False),
        ("startswith(id,'ALI')", True),
        ("startswith(id, 'x')", False),
        ("not startswith(id,'x')", True),
        ("displayName eq 'it''s'", True),
        ("executionInfo/exitCode gt 2", True),
        ("executionInfo/exitCode gt 3", False),
        ("2 lt executionInfo/exitCode", True),
        ("executionInfo/exitCode eq -3", False),
        ("executionInfo/exitCode eq 3L", True),
        ("executionInfo/exitCode lt 3.5", True),
        ("executionInfo/endTime eq null", True),
        ("executionInfo/endTime ne null", False),
        ("executionInfo/endTime lt DateTime'2027-01-01T00:00:00Z'", False),
        ("executionInfo/endTime ne DateTime'2027-01-01T00:00:00Z'", True),
        ("stateTransitionTime gt DateTime'2026-01-01T00:00:00Z'", True),
        ("stateTransitionTime gt DateTime'2026-01-01T00:00:00.0000001Z'", False),
        ("stateTransitionTime ge datetime'2026-01-01T01:00:00.0000001+01:00'", True),
        ("state eq 'active' or state eq 'completed' and id eq 'x'", False),
        ("(state eq 'active' or state eq 'completed') and id eq 'align-1'", True),
        ("not (state eq 'active') and not(id eq 'x')", True),
        ("  state  eq  'completed'  ", True),
    ],
)
def test_a_filter_says_which(text: str, wanted: bool) -> None:
    assert compile_filter(text, TASKS)(TASK) is wanted


def test_a_property_of_truth_stands_alone() -> None:
    spot = compile_filter("not isDedicated and state eq 'idle'", FIELDS["nodes"])
    assert spot({"isDedicated": False, "state": "idle"})
    assert not spot({"isDedicated": True, "state": "idle"})
    assert compile_filter("isDedicated eq true", FIELDS["nodes"])({"isDedicated": True})


def test_int64_as_text_is_a_number() -> None:
    large = compile_filter("properties/contentLength gt 9", FIELDS["files"])
    assert large({"properties": {"contentLength": "10"}})
    assert not large({"properties": {"contentLength": "9"}})


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("   ", 0),
        ("id", 2),
        ("id eq", 5),
        ("id eq 3", 6),
        ("id zz 'a'", 3),
        ("ID eq 'a'", 0),
        ("nothing eq 'a'", 0),
        ("(id eq 'a'", 10),
        ("id eq 'a')", 9),
        ("id eq 'a", 6),
        ("id eq 'a' and", 13),
        ("id eq 'a' id eq 'b'", 10),
        ("endswith(id,'a')", 0),
        ("startswith(executionInfo/exitCode,'a')", 11),
        ("executionInfo/exitCode eq '3'", 26),
        ("executionInfo/exitCode eq 3x", 26),
        ("creationTime gt DateTime'2026-13-01T00:00:00Z'", 16),
        ("creationTime gt DateTime'soon'", 16),
        ("id eq ; 'a'", 6),
        ("state eq 'a' or 5", 16),
        ("(" * 500, 61),
        ("not " * 500 + "id eq 'a'", 244),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, TASKS)
    assert caught.value.position == position


def test_a_long_filter_is_no_deep_one() -> None:
    many = " or ".join(f"id eq 'task{i}'" for i in range(5000))
    assert compile_filter(many, TASKS)({"id": "task4999"})


def test_select_keeps_what_is_named() -> None:
    assert compile_select("id, executionInfo/exitCode")({**TASK, "odata.metadata": "m"}) == {
        "odata.metadata": "m",
        "id": "Align-1",
        "executionInfo": {"exitCode": 3},
    }
    assert compile_select("id,executionInfo,executionInfo/result")(TASK)["executionInfo"] == {
        "exitCode": 3,
        "retryCount": 0,
        "result": "failure",
    }
    for wrong in ("", "id,", "id;state", "i d", "id/"):
        with pytest.raises(FilterError):
            compile_select(wrong)
    with pytest.raises(FilterError, match="position 3"):
        compile_select("id,nothing", frozenset({"id"}))


def test_expand() -> None:
    assert compile_expand("stats") == {"stats"}
    with pytest.raises(FilterError):
        compile_expand("stats,tasks")


def test_times_have_a_resolution_of_100_ns() -> None:
    assert ticks("1970-01-01T00:00:01.0000001Z") == 10_000_001
    assert ticks("1970-01-01") == 0
    with pytest.raises(ValueError):
        ticks("2026-02-30T00:00:00Z")


# -- against a plain evaluator ---------------------------------------------------------------

_NAMES = {"id": "string", "a/b": "string", "n": "int", "deep/n": "double", "t": "bool"}
_TEXT = st.text(st.sampled_from("aAbB' ")) | st.text(max_size=4)
_INTS = st.integers(-3, 3)
_OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def _quoted(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _leaf(name: str) -> st.SearchStrategy[tuple]:
    values = {"string": _TEXT, "int": _INTS, "double": _INTS, "bool": st.booleans()}
    operators = ["eq", "ne"] if _NAMES[name] == "bool" else list(_OPERATORS)
    value = st.none() | values[_NAMES[name]]
    return st.tuples(st.just("cmp"), st.just(name), st.sampled_from(operators), value)


_TREES = st.recursive(
    st.sampled_from(list(_NAMES)).flatmap(_leaf)
    | st.tuples(st.just("start"), st.sampled_from(["id", "a/b"]), _TEXT),
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner)
    ),
    max_leaves=8,
)
_ENTITIES = st.fixed_dictionaries(
    {},
    optional={
        "id": _TEXT,
        "n": _INTS,
        "t": st.booleans(),
        "a": st.fixed_dictionaries({}, optional={"b": _TEXT}),
        "deep": st.fixed_dictionaries({}, optional={"n": _INTS}),
    },
)


def _written(tree: tuple) -> str:
    if tree[0] == "cmp":
        return f"{tree[1]} {tree[2]} {_quoted(tree[3])}"
    if tree[0] == "start":
        return f"startswith({tree[1]},{_quoted(tree[2])})"
    if tree[0] == "not":
        return f"not ({_written(tree[1])})"
    return f"({_written(tree[1])}) {tree[0]} ({_written(tree[2])})"


def _holds(tree: tuple, entity: dict) -> bool:
    if tree[0] == "not":
        return not _holds(tree[1], entity)
    if tree[0] in ("and", "or"):
        both = _holds(tree[1], entity), _holds(tree[2], entity)
        return all(both) if tree[0] == "and" else any(both)
    value: object = entity
    for name in tree[1].split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    if tree[0] == "start":
        return isinstance(value, str) and value.lower().startswith(tree[2].lower())
    _, _, word, constant = tree
    if value is None or constant is None:
        same = value is None and constant is None
        return same if word == "eq" else (not same if word == "ne" else False)
    if isinstance(value, str):
        value, constant = value.lower(), constant.lower()
    return _OPERATORS[word](value, constant)


@given(_TREES, _ENTITIES)
def test_filters_agree_with_a_plain_evaluator(tree: tuple, entity: dict) -> None:
    assert compile_filter(_written(tree), _NAMES)(entity) is _holds(tree, entity)


@given(st.text(st.sampled_from("id n()' eqandotrsw,0.5Z-"), max_size=40))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        made = compile_filter(text, _NAMES)
    except FilterError as wrong:
        assert 0 <= wrong.position <= len(text)
    else:
        assert made({"id": "x", "n": 1}) in (True, False)
