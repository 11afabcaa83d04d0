"""The order of work: random runs judged by a plain model, and the rules one by one."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.scheduling import Launch, Offer, Request, Schedule
from rulekit.scheduling.schedule import (
    DONE,
    FAILED,
    READY,
    RUNNING,
    SKIPPED,
    WANTED,
    IllegalTransition,
)


def make_plan(needs, waits=None):
    """All that a schedule asks of a plan."""
    return SimpleNamespace(needs=needs, waits=waits or {})


def make_schedule(
    needs,
    run=None,
    *,
    cores=2,
    jobs=None,
    resources=None,
    requests=None,
    retries=0,
    keep_going=False,
):
    """`requests[job]` is what a job asks for (one core if it is not named)."""
    offer = Offer(cores, jobs, resources)
    schedule = Schedule(
        make_plan(needs),
        run or [1] * len(needs),
        lambda job, attempt: (requests or {}).get(job, Request(1)),
        lambda job: retries,
        offer,
        keep_going,
    )
    schedule.validate(offer)
    return schedule, offer


def jobs_of(launches):
    return [launch.job for launch in launches]


# -- random runs ----------------------------------------------------------------------------


class Case:
    """A random graph, what its jobs ask for, how often they fail, and what there is."""

    def __init__(self, rng):
        count = rng.randint(1, 12)
        self.needs = [
            tuple(sorted(rng.sample(range(job), min(job, rng.choice([0, 1, 1, 2])))))
            for job in range(count)
        ]
        self.run = [int(rng.random() < 0.8) for _ in range(count)]
        limits = {"mem": 10, "disk": 4}
        self.offer = Offer(
            rng.randint(1, 4), rng.choice([None, 1, 3]), rng.choice([None, {}, limits])
        )
        named = sorted(self.offer.resources or {})
        self.requests = [
            Request(
                rng.randint(0, self.offer.cores),
                tuple((name, rng.randint(0, limits[name])) for name in named if rng.random() < 0.5),
                rng.choice([0, 0, 5, -1]),
            )
            for _ in range(count)
        ]
        self.failures = [rng.choice([0, 0, 0, 1, 3]) for _ in range(count)]
        self.retries = [rng.choice([0, 1, 2]) for _ in range(count)]
        self.keep_going = rng.random() < 0.5

    def succeeds(self, job):
        return self.failures[job] <= self.retries[job]


@settings(max_examples=400)
@given(st.integers(0, 1 << 40))
def test_random_runs(seed):
    rng = random.Random(seed)
    case = Case(rng)
    attempts = [0] * len(case.needs)

    def request(job, attempt):
        assert attempt == attempts[job] + 1
        return case.requests[job]

    schedule = Schedule(
        make_plan(case.needs),
        case.run,
        request,
        case.retries.__getitem__,
        case.offer,
        case.keep_going,
    )
    running, done, failed = set(), set(), set()
    for _ in range(500):
        schedule.validate(case.offer)
        for launch in schedule.launches(rng.choice([1, 2, 99])):
            schedule.validate(case.offer)
            attempts[launch.job] += 1
            assert launch.attempt == attempts[launch.job]
            assert case.run[launch.job] and launch.job not in running | done | failed
            assert all(n in done for n in case.needs[launch.job] if case.run[n])
            running.add(launch.job)
        check_limits(case, running)
        assert schedule.counts[RUNNING] == len(running)
        if not running:
            break
        job = rng.choice(sorted(running))
        running.remove(job)
        if attempts[job] <= case.failures[job]:
            again = schedule.failed(job)
            assert again == (attempts[job] <= case.retries[job] and not schedule.stopped)
            if not again:
                failed.add(job)
        else:
            schedule.succeeded(job)
            done.add(job)
    assert schedule.finished
    check_end(case, schedule, done, failed)


def check_limits(case, running):
    """Nothing is given out twice."""
    assert sum(case.requests[job].cores for job in running) <= case.offer.cores
    assert case.offer.jobs is None or len(running) <= case.offer.jobs
    for name, limit in (case.offer.resources or {}).items():
        used = sum(dict(case.requests[job].resources).get(name, 0) for job in running)
        assert used <= limit


def check_end(case, schedule, done, failed):
    """All that could be done is done: all of it if failures do not end the run."""
    wanted = {job for job, flag in enumerate(case.run) if flag}
    possible = set()
    for job in sorted(wanted):
        needed = [n for n in case.needs[job] if n in wanted]
        if case.succeeds(job) and all(n in possible for n in needed):
            possible.add(job)
    if not failed or case.keep_going:
        assert done == possible
        assert schedule.counts[WANTED] == schedule.counts[READY] == 0
        assert schedule.counts[SKIPPED] == len(wanted - done - failed)
    else:
        assert done <= possible
        assert schedule.stopped
    assert schedule.total == len(wanted)
    for job in wanted - done - failed:
        assert schedule.state(job) in (WANTED, READY, SKIPPED)


# -- one by one -----------------------------------------------------------------------------


def test_jobs_start_when_what_they_need_is_done():
    schedule, offer = make_schedule([(), (0,), (0,), (1, 2)], cores=3)
    assert schedule.launches() == [Launch(0, 1)]
    assert schedule.launches() == []
    schedule.succeeded(0)
    assert jobs_of(schedule.launches()) == [1, 2]
    schedule.succeeded(2)
    assert schedule.launches() == []
    schedule.succeeded(1)
    assert jobs_of(schedule.launches()) == [3]
    schedule.validate(offer)
    assert not schedule.finished
    schedule.succeeded(3)
    assert schedule.finished


def test_jobs_that_do_not_run_are_not_waited_for():
    schedule, _ = make_schedule([(), (0,)], run=[0, 1])
    assert jobs_of(schedule.launches()) == [1]
    assert schedule.state(0) is None


def test_higher_priority_first_then_lower_number():
    requests = {job: Request(1, (), priority) for job, priority in enumerate([0, 5, 0, 7.5])}
    schedule, _ = make_schedule([(), (), (), ()], cores=9, requests=requests)
    assert jobs_of(schedule.launches()) == [3, 1, 0, 2]


def test_what_does_not_fit_lets_smaller_ones_pass():
    requests = {0: Request(2, (), 9), 1: Request(4), 2: Request(1)}
    schedule, _ = make_schedule([(), (), ()], cores=4, requests=requests)
    assert jobs_of(schedule.launches()) == [0, 2]
    assert schedule.waiting_for() == "cores (needs 4, 1 free)"


def test_a_limited_resource_is_waited_for():
    requests = {0: Request(1, (("mem", 6),)), 1: Request(1, (("mem", 6),))}
    schedule, _ = make_schedule([(), ()], resources={"mem": 10}, requests=requests)
    assert jobs_of(schedule.launches()) == [0]
    assert schedule.waiting_for() == "mem (needs 6, 4 free)"
    schedule.succeeded(0)
    assert schedule.waiting_for() is None
    assert jobs_of(schedule.launches()) == [1]
    assert schedule.waiting_for() is None


def test_a_limit_of_jobs_at_once():
    schedule, _ = make_schedule([(), ()], cores=8, jobs=1)
    assert jobs_of(schedule.launches()) == [0]
    assert schedule.launches() == []
    assert schedule.waiting_for() == "a free job slot"


def test_jobs_that_ask_for_no_core_start_beside_those_that_hold_all():
    schedule, _ = make_schedule([(), ()], cores=1, requests={1: Request(0)})
    assert jobs_of(schedule.launches()) == [0, 1]


def test_no_more_than_asked_for_are_launched():
    schedule, _ = make_schedule([()] * 5, cores=5)
    assert jobs_of(schedule.launches(2)) == [0, 1]
    assert jobs_of(schedule.launches(0)) == []


def test_another_attempt_asks_anew_and_counts():
    asked = []

    def request(job, attempt):
        asked.append((job, attempt))
        return Request(attempt)

    offer = Offer(3)
    schedule = Schedule(make_plan([()]), [1], request, lambda job: 2, offer)
    assert schedule.launches() == [Launch(0, 1)]
    assert schedule.failed(0)
    assert schedule.launches() == [Launch(0, 2)]
    schedule.validate(offer)
    assert schedule.failed(0)
    assert schedule.launches() == [Launch(0, 3)]
    assert not schedule.failed(0)
    assert asked == [(0, 1), (0, 2), (0, 3)]
    assert schedule.state(0) == FAILED


def test_some_failures_are_final():
    schedule, _ = make_schedule([()], retries=3)
    schedule.launches()
    assert not schedule.failed(0, may_retry=False)


def test_after_a_failure_nothing_new_starts_and_what_runs_may_end():
    schedule, offer = make_schedule([(), (), (), (1,)])
    schedule.launches()
    schedule.failed(0)
    assert schedule.launches() == []
    assert not schedule.finished
    schedule.succeeded(1)
    assert schedule.finished
    assert schedule.state(2) == READY
    schedule.validate(offer)


def test_after_a_failure_a_running_job_gets_no_other_attempt():
    schedule, _ = make_schedule([(), ()], retries=1)
    schedule.launches()
    schedule.failed(0, may_retry=False)
    assert not schedule.failed(1)


def test_keep_going_skips_what_is_below_a_failure_only():
    schedule, offer = make_schedule([(), (), (0,), (2,), (1,), (3, 4)], keep_going=True)
    schedule.launches()
    schedule.failed(0)
    assert [schedule.state(job) for job in range(6)] == [
        FAILED, RUNNING, SKIPPED, SKIPPED, WANTED, SKIPPED,
    ]  # fmt: skip
    schedule.succeeded(1)
    assert jobs_of(schedule.launches()) == [4]
    schedule.succeeded(4)
    assert schedule.finished
    schedule.validate(offer)


def test_a_long_chain_below_a_failure_is_skipped_without_recursion():
    needs = [()] + [(job,) for job in range(20_000)]
    schedule, _ = make_schedule(needs, keep_going=True)
    schedule.launches()
    schedule.failed(0)
    assert schedule.counts[SKIPPED] == 20_000


def test_stop_starts_nothing_more():
    schedule, _ = make_schedule([(), ()], cores=1)
    schedule.launches()
    schedule.stop()
    schedule.succeeded(0)
    assert schedule.launches() == []
    assert schedule.finished


@pytest.mark.parametrize("act", ["succeeded", "failed"])
def test_only_running_jobs_can_end(act):
    schedule, offer = make_schedule([(), (0,)])
    for job in (0, 1, 7):
        with pytest.raises(IllegalTransition):
            getattr(schedule, act)(job)
        schedule.validate(offer)  # and nothing has changed
    schedule.launches()
    schedule.succeeded(0)
    with pytest.raises(IllegalTransition, match="job 0: done to"):
        getattr(schedule, act)(0)
    schedule.validate(offer)


def test_what_waits_for_a_checkpoint_is_not_ready_under_this_plan():
    plan = make_plan([(), (0,)], waits={1: 0})
    schedule = Schedule(plan, [1, 1], lambda job, attempt: Request(1), lambda job: 0, Offer(2))
    schedule.launches()
    schedule.succeeded(0)
    assert schedule.launches() == []
    assert schedule.state(1) == WANTED


def test_full_means_that_no_other_job_has_room():
    schedule, _ = make_schedule([(), ()], cores=2)
    assert not schedule.full
    schedule.launches()
    assert schedule.full
    schedule, _ = make_schedule([(), ()], cores=2, jobs=1)
    schedule.launches()
    assert schedule.full


# -- taking over from an earlier plan -------------------------------------------------------


def test_a_running_job_is_taken_over_with_what_its_attempt_holds():
    offer = Offer(3)
    schedule = Schedule(
        make_plan([(), (), (0,)]),
        [1, 1, 1],
        lambda job, attempt: Request(attempt),
        lambda job: 2,
        offer,
    )
    schedule.resume(0, 2)
    schedule.validate(offer)
    assert schedule.launches() == [Launch(1, 1)]
    assert schedule.failed(0)
    assert schedule.launches() == []  # the third attempt needs three cores
    schedule.succeeded(1)
    assert schedule.launches() == [Launch(0, 3)]
    schedule.validate(offer)


def test_a_running_job_that_now_waits_for_another_is_taken_over_too():
    schedule, _ = make_schedule([(), (0,)])
    schedule.resume(1, 1)
    assert schedule.state(1) == RUNNING
    schedule.launches()
    schedule.succeeded(1)
    schedule.succeeded(0)
    assert schedule.finished
    assert schedule.state(1) == DONE


def test_a_failure_is_taken_over():
    schedule, offer = make_schedule([(), (0,), ()], keep_going=True)
    schedule.assume_failed(0)
    schedule.validate(offer)
    assert [schedule.state(job) for job in range(3)] == [FAILED, SKIPPED, READY]
    assert not schedule.stopped
