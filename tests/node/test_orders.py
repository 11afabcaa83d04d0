from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.model.places import Location
from rulekit.model.spec import FileResult, JobResult
from rulekit.node.orders import (
    METADATA_MOST,
    check_order,
    make_order,
    results_from_text,
    results_to_text,
)

from .conftest import make_spec

ACCOUNTS = {
    "main": {"url": "https://a.blob.core.windows.net", "auth": "sas", "client_id": None},
    "other": {"url": "https://b.blob.core.windows.net", "auth": "identity", "client_id": "c"},
    "unused": {"url": "https://c.blob.core.windows.net", "auth": "none", "client_id": None},
}


def find(path):
    key = "other" if path.startswith("o/") else "main"
    return None if path.startswith("/") else Location(key, "cont", "p/" + path)


segment = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8
).filter(lambda text: text not in (".", ".."))
path = st.lists(segment, min_size=1, max_size=3).map("/".join)


@given(
    st.lists(path, max_size=4, unique=True),
    st.lists(path, min_size=1, max_size=4, unique=True),
    st.lists(path, max_size=2, unique=True),
    st.text(max_size=30),
)
def test_an_order_is_read_as_it_was_made(inputs, outputs, logs, command):
    job = make_spec(command, outputs, inputs, logs=tuple(logs))
    order = make_order([job], find, ACCOUNTS, "run-1", envvars={"B": 1, "A": 2})
    read = check_order(json.loads(json.dumps(order)))
    assert read.specs == (job,)
    assert set(read.files) == {*inputs, *outputs, *logs}
    assert all(place[2] == "p/" + name for name, place in read.files.items())
    assert read.envvars == ("A", "B")
    assert "unused" not in read.accounts


def test_only_what_is_not_inside_is_stored():
    jobs = [
        make_spec("a", ["m"], ["o/in"], number=1),
        make_spec("b", ["out"], ["m", "/abs"], number=2, benchmark="bench", logs=("log",)),
    ]
    order = make_order(jobs, find, ACCOUNTS, "run", inner=["m"], images=["i", None])
    assert sorted(order["files"]) == ["bench", "log", "o/in", "out"]
    assert sorted(order["accounts"]) == ["main", "other"]
    read = check_order(order)
    assert read.inner == {"m"}
    assert read.images == ("i", None)
    assert read.token == jobs[0].token


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(anything)
def test_what_is_no_order_is_refused(document):
    with pytest.raises(ValueError):
        check_order(document)


FIELDS = sorted(make_order([make_spec()], find, ACCOUNTS, "run"))


@given(st.sampled_from(FIELDS), anything)
def test_a_field_of_another_kind_is_refused_or_taken(field, value):
    order = make_order([make_spec("true", ["a"], ["b"])], find, ACCOUNTS, "run")
    order[field] = value
    try:
        check_order(order)
    except ValueError as refused:
        assert str(refused)


@given(st.sampled_from(sorted(make_order([make_spec()], find, ACCOUNTS, "r")["jobs"][0]["spec"])), anything)  # fmt: skip
def test_a_job_of_another_kind_is_refused_or_taken(field, value):
    order = make_order([make_spec("true", ["a"], ["b"])], find, ACCOUNTS, "run")
    order["jobs"][0]["spec"][field] = value
    try:
        check_order(order)
    except ValueError as refused:
        assert str(refused)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 7}, "format 7"),
        ({"run": "a b"}, "`run` must be a name"),
        ({"files": {"../x": ["main", "c", "n"]}}, "leads out of the working directory"),
        ({"files": {"/x": ["main", "c", "n"]}}, "not relative"),
        ({"files": {"x": ["nobody", "c", "n"]}}, "does not describe"),
        ({"files": {"x": ["main", "c"]}}, "needs an account, a container and a name"),
        ({"accounts": {"main": {"url": "https://x/?sig=word", "auth": "sas"}}}, "has a secret"),
        ({"accounts": {"main": {"url": "x", "auth": "sas"}}}, "no address"),
        ({"accounts": {"main": {"url": "https://x", "auth": "word"}}}, "must have `auth`"),
        ({"jobs": []}, "at least one job"),
        ({"limit_s": "x"}, "seconds"),
        ({"sources": ["x"]}, "a place and a digest"),
        ({"moved": {"/a": "/b"}}, "not relative"),
        ({"inner": ["a"]}, "stay inside"),
    ],
)
def test_mistakes_are_named(change, said):
    order = make_order([make_spec("true", ["a"])], find, ACCOUNTS, "run")
    with pytest.raises(ValueError, match=said) as refused:
        check_order({**order, **change})
    assert "word" not in str(refused.value) or "auth" in said


def test_pipes_and_services_stay_inside():
    job = make_spec("true", [("p", {"pipe": True}), ("s", {"service": True}), "out"])
    order = make_order([job], find, ACCOUNTS, "run", limits=([{"_cores": 1}], {"_cores": 2}))
    read = check_order(order)
    assert list(read.files) == ["out"]
    assert read.limits == ([{"_cores": 1}], {"_cores": 2})


facts = st.builds(
    FileResult, path, st.integers(0), st.integers(-1), st.none() | st.text(max_size=9)
)
results = st.builds(
    JobResult,
    st.integers(0),
    st.just("t"),
    st.booleans(),
    st.integers(-20, 255),
    st.none() | st.just("disk"),
    st.text(),
    st.lists(facts, max_size=3).map(tuple),
    st.lists(facts, max_size=3).map(tuple),
    st.just(1.0),
    st.just(2.0),
    st.just({"user_s": 0.5}),
    st.lists(path, max_size=2).map(tuple),
)


@given(st.lists(results, max_size=3))
def test_results_come_back_and_can_be_metadata(made):
    text = results_to_text(made, {"node": "ü"})
    assert results_from_text(text) == made
    assert text.isascii()
    assert text.isprintable()
    assert METADATA_MOST < 8192
