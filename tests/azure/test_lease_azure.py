"""The formula that ends pools without a driver, judged by the emulator's evaluator."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
