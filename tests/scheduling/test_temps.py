"""When temporary files may go."""

from __future__ import annotations

from support import FakeFiles, make_file, make_plan_of, make_rule

from rulekit.scheduling import TempFiles


def temp(text):
    return make_file(text, flags={"temp": True})


def plan_of(*rules, files=("raw",), targets=()):
    return make_plan_of(*rules, files=FakeFiles(files), targets=targets)


def number(plan, name):
    return next(job for job in range(len(plan)) if plan.key(job) == name)


def run_all(plan, **options):
    """The files given up after each job, when all run in order."""
    temps = TempFiles(plan, [1] * len(plan), **options)
    return {plan.key(job): temps.done(job) for job in range(len(plan)) if temps.done}


def test_a_file_goes_after_its_last_reader():
    plan = plan_of(
        make_rule("all", ["b", "c"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("c", ["a", "a"], ["c"]),
        make_rule("a", ["raw"], [temp("a")]),
    )
    assert run_all(plan) == {"a": [], "b": [], "c": ["a"], "all": []}


def test_a_file_that_nobody_reads_goes_at_once():
    plan = plan_of(make_rule("all", ["b"]), make_rule("b", ["raw"], ["b", temp("aside")]))
    assert run_all(plan) == {"b": ["aside"], "all": []}


def test_targets_stay():
    plan = plan_of(make_rule("a", ["raw"], [temp("{s}.a")]), targets=["x.a"])
    assert run_all(plan) == {"a:s=x": []}


def test_inputs_of_a_target_rule_without_outputs_stay():
    for action in ("none", "shell"):
        plan = plan_of(
            make_rule("all", ["a", "b"], action=action),
            make_rule("b", ["a"], ["b"]),
            make_rule("a", ["raw"], [temp("a")]),
        )
        assert run_all(plan) == {"a": [], "b": [], "all": []}


def test_only_readers_that_run_count():
    plan = plan_of(
        make_rule("all", ["b", "c"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("c", ["a"], ["c"]),
        make_rule("a", ["raw"], [temp("a")]),
    )
    run = [1] * len(plan)
    run[number(plan, "c")] = 0
    temps = TempFiles(plan, run)
    assert temps.done(number(plan, "a")) == []
    assert temps.done(number(plan, "b")) == ["a"]


def test_a_file_of_an_earlier_run_goes_when_the_last_that_wanted_it_is_done():
    plan = plan_of(
        make_rule("all", ["b"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("a", ["raw"], [temp("a")]),
    )
    run = [1] * len(plan)
    run[number(plan, "a")] = 0
    assert TempFiles(plan, run).done(number(plan, "b")) == ["a"]


def test_a_reader_that_failed_keeps_the_file():
    plan = plan_of(
        make_rule("all", ["b", "c"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("c", ["a"], ["c"]),
        make_rule("a", ["raw"], [temp("a")]),
    )
    temps = TempFiles(plan, [1] * len(plan))
    temps.done(number(plan, "a"))
    assert temps.done(number(plan, "b")) == []  # and `c` never gets done


def test_all_outputs_can_be_temporary():
    plan = plan_of(
        make_rule("all", ["b"]), make_rule("b", ["a"], ["b", "b2"]), make_rule("a", ["raw"], ["a"])
    )
    assert run_all(plan, all_temp=True) == {"a": [], "b": ["b2", "a"], "all": []}


def test_nothing_goes_while_a_checkpoint_is_open_and_the_next_plan_gives_it_up():
    plan = plan_of(
        make_rule("all", ["b"]),
        make_rule("b", ["a"], ["b"]),
        make_rule("a", ["raw"], [temp("a")]),
    )
    temps = TempFiles(plan, [1] * len(plan))
    temps.hold = True
    first = [temps.done(job) for job in range(len(plan))]
    assert first == [[], [], []]
    assert temps.unneeded([number(plan, "a")]) == []
    run = [0] * len(plan)
    after = TempFiles(plan, run)
    assert after.unneeded([number(plan, "a"), number(plan, "b")]) == ["a"]
    run[number(plan, "b")] = 1
    assert TempFiles(plan, run).unneeded([number(plan, "a")]) == []
