"""The formula that ends pools without a driver, judged by the emulator's evaluator."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from rulekit.emulator.autoscale import SampleStore, evaluate
from rulekit.executors.azure import lease
from rulekit.executors.azure.lease import Lease, LeaseKeeper

NOW = 1_795_000_000.0


@given(st.integers(0, 2_000), st.floats(0, 4_000_000_000), st.booleans())
def test_the_end_of_a_lease_is_read_back(nodes, end, spot):
    text = lease.formula(Lease(nodes, end, spot))
    assert lease.end_of(text) == int(end)
    assert len(text) < 1_000


def test_a_foreign_formula_has_no_lease():
    assert lease.end_of("$TargetDedicatedNodes = 4;") is None
    assert lease.end_of('lease = time("soon");') is None
    assert lease.end_of(None) is None


def test_a_lease_is_renewed_after_a_third_of_it():
    keeper = LeaseKeeper(30, False)
    first = keeper.due(2, NOW)
    assert first == Lease(2, NOW + 1800, False)
    keeper.sent(first, NOW)
    assert keeper.due(2, NOW + 500) is None
    again = keeper.due(2, NOW + 601)
    assert again is not None and again.end == NOW + 601 + 1800


def test_growth_goes_at_once_but_not_faster_than_the_service_allows():
    keeper = LeaseKeeper(30, False)
    keeper.sent(Lease(1, NOW + 1800), NOW)
    assert keeper.due(9, NOW + 29) is None
    assert keeper.due(9, NOW + 36) is not None


def test_shrinking_waits_for_more_work():
    keeper = LeaseKeeper(30, False)
    keeper.sent(Lease(4, NOW + 1800), NOW)
    assert keeper.due(0, NOW + 100) is None
    assert keeper.due(2, NOW + 100) is None
    assert keeper.due(0, NOW + 301) == Lease(0, NOW + 301 + 1800, False)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.5, 400)), max_size=60))
def test_a_lease_that_is_looked_after_never_ends(steps):
    keeper = LeaseKeeper(10, False)
    now = NOW
    last = keeper.due(1, now)
    keeper.sent(last, now)
    for nodes, pause in steps:
        before = now
        now += min(pause, 60.0)
        due = keeper.due(nodes, now)
        if due is not None:
            assert now - before >= 0
            keeper.sent(due, now)
        assert keeper.last.end > now


@given(st.integers(1, 500), st.integers(0, 10**9), st.booleans())
def test_the_formula_holds_machines_until_its_end_and_none_after(nodes, end, spot):
    text = lease.formula(Lease(nodes, end, spot))
    assert lease.is_spot(text) is spot
    before = evaluate(text, SampleStore(), end - 1)
    after = evaluate(text, SampleStore(), end + 1, {"$TargetDedicatedNodes": nodes})
    for run in (before, after):
        assert run.error is None, run.error
        assert run.deallocation == "taskcompletion"
    assert (before.dedicated, before.spot) == ((0, nodes) if spot else (nodes, 0))
    assert (after.dedicated, after.spot) == (0, 0)


def test_a_dead_driver_has_no_machines_after_its_lease(azurite, container, tmp_path, monkeypatch):
    from azruns import Bench, gather, job
    from test_adoption_azure import died

    monkeypatch.chdir(tmp_path)
    bench = Bench(azurite, container)
    try:
        executor = bench.executor(lease_minutes=10)
        executor.submit(job(1, "true"))
        gather(executor, 1)
        died(executor)
        (pool,) = bench.emulator.world.pools.values()
        assert len(pool.nodes) == 1
        for minutes in range(0, 21, 5):
            bench.emulator.control.advance(300)
            until = time.monotonic() + 60
            gone = minutes >= 10
            while gone and pool.nodes and time.monotonic() < until:
                time.sleep(0.05)
        assert not pool.nodes
        assert bench.emulator.errors == []
    finally:
        bench.close()
