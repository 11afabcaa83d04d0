"""Parts of a plan: --until, --omit-from, --batch."""

from __future__ import annotations

import pytest
from support import FakeFiles, make_plan_of, make_rule

from rulekit.errors import PlanError
from rulekit.planning import PlanOptions


def diamond(options, files=("raw",)):
    """all <- d <- (b, c) <- a <- raw, and a report of c."""
    return make_plan_of(
        make_rule("all", ["d", "report"]),
        make_rule("d", ["b", "c"], ["d"]),
        make_rule("report", ["c"], ["report"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("c", ["a"], ["c"]),
        make_rule("a", ["raw"], ["a"]),
        files=FakeFiles(files),
        options=options,
    )


def keys(plan):
    return {plan.key(number) for number in range(len(plan))}


def targets(plan):
    return {plan.key(number) for number in plan.target_jobs}


def check_closed(plan):
    """Numbers fit, and every column has one entry for each job."""
    for column in (plan.wildcards, plan.inputs, plan.outputs, plan.needs, plan.input_flags):
        assert len(column) == len(plan)
    assert all(needed < number for number, row in enumerate(plan.needs) for needed in row)
    for path, number in plan.producer.items():
        assert path in plan.outputs[number]


@pytest.mark.parametrize(
    ("until", "kept", "ends"),
    [
        (["b"], {"a", "b"}, {"b"}),
        (["b", "c"], {"a", "b", "c"}, {"b", "c"}),
        (["all"], {"all", "d", "report", "a", "b", "c"}, {"all"}),
        (["raw"], set(), set()),
    ],
)
def test_until_keeps_what_the_named_need(until, kept, ends):
    plan = diamond(PlanOptions(until=frozenset(until)))
    assert keys(plan) == kept
    assert targets(plan) == ends
    check_closed(plan)


@pytest.mark.parametrize(
    ("omit", "kept", "ends"),
    [
        (["b"], {"a", "c", "report"}, {"a", "report"}),
        (["d", "report"], {"a", "b", "c"}, {"b", "c"}),
        (["a"], set(), set()),
        (["all"], {"a", "b", "c", "d", "report"}, {"d", "report"}),
    ],
)
def test_omit_from_drops_the_named_and_what_is_made_of_them(omit, kept, ends):
    plan = diamond(PlanOptions(omit_from=frozenset(omit)))
    assert keys(plan) == kept
    assert targets(plan) >= ends
    assert set(plan.targets) == {path for j in plan.target_jobs for path in plan.outputs[j]}
    check_closed(plan)


def test_until_and_omit_from_together():
    plan = diamond(PlanOptions(until=frozenset(["d"]), omit_from=frozenset(["b"])))
    assert keys(plan) == {"a", "c"}


def gather(options, count=7, there=()):
    names = [f"{i}.txt" for i in range(count)]
    return make_plan_of(
        make_rule("all", ["sum"]),
        make_rule("sum", names, ["sum"]),
        make_rule("part", [], ["{i}.txt"]),
        files=FakeFiles(there),
        options=options,
    )


def test_batches_share_the_inputs_out():
    parts = [keys(gather(PlanOptions(batch=("sum", i, 3)))) for i in (1, 2)]
    assert [sorted(part) for part in parts] == [
        ["part:i=0", "part:i=1", "part:i=2"],
        ["part:i=3", "part:i=4"],
    ]


def test_the_last_batch_runs_the_rule_with_all_its_inputs():
    there = [f"{i}.txt" for i in range(5)]
    plan = gather(PlanOptions(batch=("sum", 3, 3)), there=there)
    assert keys(plan) == {"part:i=5", "part:i=6", "sum", "all"}
    number = plan.producer["sum"]
    assert plan.inputs[number] == tuple(f"{i}.txt" for i in range(7))


def test_one_batch_of_one_is_the_whole_plan():
    assert keys(gather(PlanOptions(batch=("sum", 1, 1)))) == keys(gather(PlanOptions()))


def test_named_files_and_rules_are_targets_too():
    """What --until, --forcerun and --prioritize name is planned even where no target needs it."""
    rules = [
        make_rule("all", ["a"]),
        make_rule("a", [], ["a"]),
        make_rule("b", [], ["b"]),
        make_rule("w", [], ["{x}.w"]),
    ]
    plan = make_plan_of(*rules, files=FakeFiles(()), options=PlanOptions(also=("b", "w", "1.w")))
    assert keys(plan) == {"all", "a", "b", "w:x=1"}
    assert len(plan.target_jobs) == 3
    with pytest.raises(PlanError, match="nosuch"):
        make_plan_of(*rules, files=FakeFiles(()), options=PlanOptions(also=("nosuch",)))
