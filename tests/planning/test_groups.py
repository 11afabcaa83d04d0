"""Groups: which jobs are submitted as one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import FakeFiles, make_rule, make_workflow

from rulekit.errors import PlanError
from rulekit.frozen import replace
from rulekit.planning import PlanOptions, make_plan
from rulekit.planning.groups import Grouping, group_units, is_local, layers, unit_amounts


def plan_of(*rules, files=(), target="all", **changes):
    workflow = replace(make_workflow(*rules), **changes)
    return make_plan(workflow, (target,), FakeFiles(files), PlanOptions())


def grouped(rule, group):
    return replace(rule, group=group)


def units(plan, grouping=None):
    found = group_units(plan, [1] * len(plan), grouping or Grouping())
    return {(unit.group, tuple(sorted(plan.key(job) for job in unit.jobs))) for unit in found}


def chains(group="g", count=3):
    return (
        make_rule("all", [f"{i}.c" for i in range(count)]),
        grouped(make_rule("a", [], ["{s}.a"]), group),
        grouped(make_rule("b", ["{s}.a"], ["{s}.b"]), group),
        make_rule("c", ["{s}.b"], ["{s}.c"]),
    )


def test_connected_jobs_of_a_group_are_a_unit():
    assert units(plan_of(*chains())) == {("g", (f"a:s={i}", f"b:s={i}")) for i in range(3)}


def test_jobs_that_do_not_run_are_in_no_unit():
    plan = plan_of(*chains(count=1))
    run = [plan.rule_of(job).name != "a" for job in range(len(plan))]
    assert group_units(plan, run, Grouping()) == ()


def test_components_join_units_of_a_name():
    found = units(plan_of(*chains()), Grouping(components={"g": 2}))
    assert sorted(len(jobs) for _, jobs in found) == [2, 4]


def test_the_command_line_names_groups():
    plan = plan_of(*chains(group=None), files=())
    assert units(plan) == set()
    assert units(plan, Grouping(names={"b": "x", "c": "x"})) == {
        ("x", (f"b:s={i}", f"c:s={i}")) for i in range(3)
    }


def test_names_can_hold_wildcards_and_be_functions():
    assert {name for name, _ in units(plan_of(*chains("g-{s}")))} == {"g-0", "g-1", "g-2"}
    by_function = units(plan_of(*chains(lambda wildcards: "f" + wildcards.s)))
    assert {name for name, _ in by_function} == {"f0", "f1", "f2"}


def test_a_function_that_fails_is_told():
    with pytest.raises(PlanError, match="group function"):
        units(plan_of(*chains(lambda wildcards: wildcards.nothing)))


def test_a_job_between_two_of_a_unit_is_an_error():
    plan = plan_of(
        make_rule("all", ["e"]),
        grouped(make_rule("e", ["d", "a"], ["e"]), "g"),
        make_rule("d", ["a"], ["d"]),
        grouped(make_rule("a", [], ["a"]), "g"),
    )
    with pytest.raises(PlanError) as caught:
        units(plan)
    assert caught.value.diagnostics[0].code == "RK0418"
    assert "`d` would have to run after" in str(caught.value)


def test_two_groups_that_need_each_other_are_an_error():
    plan = plan_of(
        make_rule("all", ["x2", "y2"]),
        grouped(make_rule("x1", [], ["x1"]), "x"),
        grouped(make_rule("x2", ["x1", "y1"], ["x2"]), "x"),
        grouped(make_rule("y1", [], ["y1"]), "y"),
        grouped(make_rule("y2", ["y1", "x1"], ["y2"]), "y"),
    )
    with pytest.raises(PlanError):
        units(plan)


def test_local_rules():
    rules = [*chains(), replace(make_rule("l", [], ["l"]), localrule=True)]
    plan = plan_of(*rules, target="l")
    assert is_local(plan, 0, {})
    assert not is_local(plan, 0, {"l": "g"})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, "g", "h"]), st.lists(st.integers(0, 30), max_size=3)),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 4),
)
def test_units_never_make_a_cycle(shape, count):
    rules = [make_rule("all", [f"f{i}" for i in range(len(shape))])]
    for i, (group, needs) in enumerate(shape):
        inputs = sorted({f"f{n % i}" for n in needs}) if i else []
        rules.append(grouped(make_rule(f"r{i}", inputs, [f"f{i}"]), group))
    plan = plan_of(*rules)
    try:
        found = group_units(plan, [1] * len(plan), Grouping(components={"g": count}))
    except PlanError:
        return
    jobs = [job for unit in found for job in unit.jobs]
    assert len(jobs) == len(set(jobs))
    leader = {job: unit.jobs[0] for unit in found for job in unit.jobs}
    edges = {
        (leader.get(needed, needed), leader.get(job, job))
        for job in range(len(plan))
        for needed in plan.needs[job]
    }
    edges = {edge for edge in edges if edge[0] != edge[1]}
    left = set(itertools.chain(*edges))
    while left:
        free = {node for node in left if not any(b == node and a in left for a, b in edges)}
        assert free, "a cycle"
        left -= free


def test_layers():
    assert layers({1: [], 2: [], 3: [1], 5: [3, 2], 7: []}) == [[1, 2, 7], [3], [5]]


def test_amounts_of_a_unit():
    steps = [
        [{"mem_mb": 10, "runtime": 5, "_cores": 1}] * 3,
        [{"mem_mb": 20, "runtime": 7, "_cores": 2}],
    ]
    assert unit_amounts(steps, {}) == {"mem_mb": 30, "_cores": 3, "runtime": 12}
    # Three at once do not fit: two turns.
    assert unit_amounts(steps, {"mem_mb": 20}) == {"mem_mb": 20, "_cores": 3, "runtime": 17}
    assert unit_amounts([], {}) == {}
