"""Random workflows, failures and edits against a plain evaluator (see `oracle`).

In CI a short version; ``RULEKIT_LONG=1 pytest tests/engine/test_random_workflows.py`` runs
10,000 cases and more. Each case is a seed, named in the failure.
"""

from __future__ import annotations

import os

import pytest
from engine.oracle import Case, Outcome

LONG = bool(os.environ.get("RULEKIT_LONG"))
FIRST = int(os.environ.get("RULEKIT_SEED", "0"))
CASES = int(os.environ.get("RULEKIT_CASES", "10000" if LONG else "300"))
CHUNK = 100

BY_RECORD = ("source", "touch", "delete", "tamper", "code", "params")
BY_TIME = ("source", "touch", "delete")


def check_results(case: Case, outcome: Outcome) -> None:
    """All targets hold what the evaluator says; no temporary file is left but wanted ones."""
    plan = outcome.stage.plan
    wanted = {path for job in plan.target_jobs for path in plan.inputs[job]}
    expected = case.expected(plan)
    for path in wanted:
        assert case.disk.files[path][0] == expected[path], path
    # A temporary file that a failed run left is not this run's business unless it was used.
    ran = {j for j in range(len(plan)) if plan.key(j) in outcome.ran}
    used = {path for j in ran for path in (*plan.inputs[j], *plan.outputs[j])}
    left = {path for path in case.temps & used if path in case.disk.files} - wanted
    assert not left, f"temporary files were left: {left}"


def check_nothing_to_do(case: Case, triggers: frozenset[str] | None) -> None:
    forecast = case.stage(triggers).forecast
    assert forecast.count == 0, [forecast.text(job) for job in range(len(forecast.run))]


def may_run(outcome: Outcome, changed: set[str], missing: set[str]) -> set[str]:
    """Jobs with a cause: below something changed, or making a missing file that such a job reads.

    `missing` are the files that were not there when the run began.
    """
    plan = outcome.stage.plan
    cause = {
        j
        for j in range(len(plan))
        if plan.rule_of(j).name in changed
        or changed & set(plan.inputs[j])
        or changed & set(plan.outputs[j])
    }
    while True:
        more = {j for j in range(len(plan)) if set(plan.needs[j]) & cause}
        more |= {
            plan.producer[path]
            for j in cause
            for path in plan.inputs[j]
            if path in missing and path in plan.producer
        }
        if more <= cause:
            return {plan.key(j) for j in cause}
        cause |= more


def one_case(seed: int) -> int:
    """Runs one case; the result is the number of jobs that were run in it."""
    with_memory = seed % 3 != 0
    triggers = None if with_memory else frozenset({"mtime"})
    case = Case(seed, with_memory=with_memory)
    chance = case.chance
    first = case.run(set(), triggers)
    assert first.finished.ok
    check_results(case, first)
    check_nothing_to_do(case, triggers)
    jobs = len(first.ran)
    for _ in range(chance.randint(1, 4)):
        # Edits, perhaps a run in which some rules fail, then one that must put all right.
        changed: set[str] = set()
        for _ in range(chance.randint(1, 3)):
            _, what = case.edit(first.stage.plan, BY_RECORD if with_memory else BY_TIME)
            changed |= what
        failing = set()
        if chance.random() < 0.4:
            failing = {rule for rule in case.code if chance.random() < 0.3}
        before = set(case.disk.files)
        outcome = case.run(failing, triggers)
        plan, forecast = outcome.stage.plan, outcome.stage.forecast
        foretold = {
            plan.key(j)
            for j in range(len(plan))
            if forecast.run[j] and plan.rule_of(j).body.kind != "none"
        }
        missing = {p for paths in plan.outputs for p in paths} - before
        assert set(outcome.ran) <= foretold, "a job ran that was not foretold"
        assert len(set(outcome.ran)) == len(outcome.ran), "a job ran twice"
        if with_memory:
            assert set(outcome.ran) <= may_run(outcome, changed, missing), "a job ran without cause"
        failed = {key.partition(":")[0] for key in outcome.ran} & failing
        assert bool(failed) != outcome.finished.ok
        jobs += len(outcome.ran)
        if failed:
            if case.settings.keep_going:
                blocked = {j for j in range(len(plan)) if plan.rule_of(j).name in failing}
                for j in range(len(plan)):
                    if set(plan.needs[j]) & {b for b in blocked if forecast.run[b]}:
                        blocked.add(j)
                free = {
                    plan.key(j) for j in range(len(plan)) if forecast.run[j] and j not in blocked
                }
                assert free <= set(outcome.ran) | {"all"}, "an independent job was not run"
            again = case.run(set(), triggers)
            assert again.finished.ok
            jobs += len(again.ran)
            outcome = again
        else:
            assert set(outcome.ran) == foretold, "a foretold job did not run"
        check_results(case, outcome)
        check_nothing_to_do(case, triggers)
    return jobs


@pytest.mark.parametrize("first", range(FIRST, FIRST + CASES, CHUNK))
def test_random_workflows(first: int) -> None:
    jobs = 0
    for seed in range(first, first + CHUNK):
        try:
            jobs += one_case(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert jobs > CHUNK  # the cases did something
