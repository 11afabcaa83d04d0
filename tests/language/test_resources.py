"""Resources: units, the command line, one attempt's values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors import PlanError, UsageError
from rulekit.language import resources
from rulekit.language.resources import (
    constant_resources,
    evaluate_resources,
    evaluate_threads,
    job_resources,
    parse_defaults,
    parse_limits,
    parse_overrides,
    parse_threads,
    plain_value,
    size_in_mb,
    standard_table,
    time_in_minutes,
)
from rulekit.language.tbd import TBD
from rulekit.model.namedlist import InputFiles, Wildcards
from rulekit.model.rule import Body, Rule
from rulekit.model.span import Span

WILDCARDS = Wildcards(["a"], {"s": 0})


def rule(threads=1, **table):
    return Rule(
        name="r", index=0, kind="rule", span=Span("Rulefile", 3), docstring=None, inputs=(),
        outputs=(), logs=(), benchmark=None, params=(), wildcard_names=("s",), constraints={},
        threads=threads, resources=standard_table(table), priority=0, message=None, retries=None,
        group=None, shadow=None, conda=None, container=None, envmodules=(), cache=False,
        localrule=False, handover=False, body=Body("none", "", None, None, ""), namespace={},
        basedir=".",
    )  # fmt: skip


def values(made, defaults=None, overrides=None, **more):
    found = evaluate_resources(
        made,
        WILDCARDS,
        more.get("input", InputFiles()),
        more.get("threads", 1),
        more.get("attempt", 1),
        defaults or {},
        overrides or {},
        more.get("limits"),
    )
    return {name: value for name, value in found.items() if name not in ("_cores", "_nodes")}


@pytest.mark.parametrize(
    ("text", "mb"),
    [("1GB", 1000), ("1 GiB", 1074), ("500M", 500), ("0.5 k", 1), ("1.5TB", 1500000), ("10", 1)],
)
def test_sizes(text, mb):
    assert size_in_mb(text) == mb


@pytest.mark.parametrize(
    ("text", "minutes"), [("2h", 120), ("90m", 90), ("1d 12h", 2160), ("30s", 1), ("1w", 10080)]
)
def test_times(text, minutes):
    assert time_in_minutes(text) == minutes


@pytest.mark.parametrize("bad", ["", "x", "1 parsec", "GB", "-1h", "1 2 x"])
def test_what_is_no_size_and_no_time(bad):
    with pytest.raises(ValueError):
        size_in_mb(bad)
    with pytest.raises(ValueError):
        time_in_minutes(bad)


@given(st.integers(1, 10**7))
def test_mebibytes_hold_at_least_as_much(mb):
    assert resources.mib_to_mb(resources.mb_to_mib(mb)) >= mb


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mem", "8GB", 8000),
        ("disk", "'500'", 500),
        ("runtime", "2h", 120),
        ("partition", "short", "short"),
        ("x", 1000.1, 1000),
        ("x", 2.5, 2),
        ("x", True, 1),
        ("x", None, None),
    ],
)
def test_plain_values(name, value, expected):
    assert plain_value(name, value) == expected
    with pytest.raises(TypeError):
        plain_value(name, [])


def test_standard_names():
    assert standard_table({"mem": "1GB", "gpu": 2, "disk_mib": 100}) == {
        "mem_mb": 1000,
        "gpu": 2,
        "disk_mb": 104,
    }
    assert standard_table({"mem_mb": "2000"}) == {"mem_mb": 2000}
    assert standard_table({"mem_mib": 953.67}) == {"mem_mb": 1000}
    for pair in ({"mem": 1, "mem_mb": 2}, {"disk_mib": 1, "disk": 2}, {"mem_mb": 1, "mem": 2}):
        with pytest.raises(ValueError, match="only one"):
            standard_table(pair)


def test_a_job_answers_to_all_forms():
    found = job_resources({"mem_mb": 1500, "tmpdir": "/t", "unset": None}, 4)
    assert found.mem_mb == 1500 and found.mem == "1.5 GB" and found.mem_mib == 1431
    assert found._cores == 4 and found.get("unset") is None and found["tmpdir"] == "/t"


def test_functions():
    made = rule(
        mem=lambda w, attempt: f"{attempt} GB",
        runtime=lambda w, input: len(input),
        n=lambda w, threads: threads * 1.4,
        none=lambda w: None,
        text=lambda w: w.s,
    )
    assert constant_resources(made, {}, {}) is None
    found = values(made, input=["x", "y"], attempt=2, threads=3)
    assert found == {
        "mem_mb": 2000, "mem": "2 GB", "mem_mib": 1908, "runtime": 2, "n": 4, "text": "a",
    }  # fmt: skip


def test_a_missing_input_leaves_it_open(tmp_path):
    import os

    made = rule(mem_mb=lambda w, input: os.path.getsize(input[0]))
    found = values(made, input=InputFiles([str(tmp_path / "no")]))
    assert found["mem_mb"] is TBD and found["mem"] is TBD


def test_precedence():
    made = rule(a=1, b=1)
    assert values(made, {"a": 2, "c": 3}, {"b": 9}) == {"a": 1, "c": 3, "b": 9}
    assert constant_resources(made, {"a": 2, "c": 3}, {"b": 9}) == {"a": 1, "c": 3, "b": 9}


def test_limits():
    assert values(rule(a=5, t="x"), limits={"a": 3}) == {"a": 3, "t": "x"}
    with pytest.raises(PlanError):
        values(rule(a="text"), limits={"a": 3})


def test_failing_function_names_the_rule():
    with pytest.raises(PlanError, match="resource `a` of rule `r` failed"):
        values(rule(a=lambda w: 1 / 0))
    with pytest.raises(PlanError, match="rule `r`"):
        values(rule(a=lambda w: []))


def test_threads():
    assert evaluate_threads(rule(4), WILDCARDS, ()) == 4
    assert evaluate_threads(rule(lambda w, attempt: attempt * 2), WILDCARDS, (), 3) == 6
    assert evaluate_threads(rule(4), WILDCARDS, (), 1, override=8) == 8
    assert evaluate_threads(rule(lambda w: 2.6), WILDCARDS, ()) == 3
    with pytest.raises(PlanError):
        evaluate_threads(rule(lambda w: "many"), WILDCARDS, ())


def test_limits_on_the_command_line():
    assert parse_limits(["mem_mb=100", "mem=1GB"][:1]) == {"mem_mb": 100}
    assert parse_limits(["mem=1GB", "gpu=2"]) == {"mem_mb": 1000, "gpu": 2}
    for bad in ("mem_mb", "1x=3", "a=b", "a=-1"):
        with pytest.raises(UsageError):
            parse_limits([bad])


def test_defaults():
    assert parse_defaults(None, full=False).keys() == {"tmpdir"}
    full = parse_defaults([], full=False)
    assert list(full) == ["mem_mb", "disk_mb", "tmpdir"]
    assert values(rule(), full)["mem_mb"] == 1000
    assert values(rule(), full)["disk_mb"] == 50000
    without = parse_defaults(["mem_mb=None", "x=2*3", "part='a-b'"], full=True)
    assert without["mem_mb"] is None and without["x"] == 6 and without["part"] == "a-b"


def test_expressions(tmp_path, monkeypatch):
    big = tmp_path / "big"
    big.write_bytes(b"x" * 3 * 1024**2)
    monkeypatch.setenv("HOW_MANY", "7")
    table = parse_overrides([
        "r:mem_mb=max(input.size_mb * 2, attempt)", "r:n=$HOW_MANY", "r:part=n1-standard-4",
        "r:host=short", "r:t=threads+1", "s:a=1",
    ])  # fmt: skip
    found = values(rule(), {}, table["r"], input=InputFiles([str(big)]), threads=3)
    assert found["mem_mb"] == 6 and found["n"] == 7 and found["t"] == 4
    assert found["part"] == "n1-standard-4" and found["host"] == "short"
    assert table["s"] == {"a": 1}
    with pytest.raises(UsageError):
        values(rule(), {}, parse_overrides(["r:x=1/0"])["r"])


def test_threads_on_the_command_line():
    table = parse_threads(["r=4", "s=attempt*2"])
    assert table["r"] == 4
    assert evaluate_threads(rule(1), WILDCARDS, (), 3, override=table["s"]) == 6
    with pytest.raises(UsageError):
        parse_threads(["r"])
