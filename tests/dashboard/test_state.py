"""What a live page knows, from events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rulekit.dashboard.state import MOST_FAILURES, MOST_RUNNING, LiveState


def started(key, time, attempt=1):
    job = {"key": key, "rule": "r", "threads": 1, "reason": "", "resources": {}}
    return {"event": "JobStarted", "time": time, "job": job, "attempt": attempt}


def finished(key, time, attempt=1):
    body = {"key": key, "rule": "r", "attempt": attempt, "seconds": 1.0, "usage": {"user_s": 0.5}}
    return {"event": "JobFinished", "time": time, **body}


def failed(key, time, attempt=1, retry=False):
    body = {"job": {"key": key, "rule": "r"}, "cause": "exit code 1", "log_tail": [["l", "no"]]}
    return {"event": "JobFailed", "time": time, "attempt": attempt, "will_retry": retry, **body}


def test_a_run_from_begin_to_end():
    state = LiveState("t")
    state.take({"event": "RunStarted", "time": 1.0, "run": "x", "jobs": {"r": 3}, "cores": 2})
    state.take(started("r:1", 1.0))
    state.take(started("r:2", 1.0))
    assert state.view()["at_work"] == 2 and state.view()["total"] == 3
    state.take(finished("r:1", 2.0))
    state.take(failed("r:2", 2.0, retry=True))
    state.take(started("r:2", 2.0, attempt=2))
    state.take(failed("r:2", 3.0, attempt=2))
    view = state.view()
    assert (view["done"], view["failed"], view["at_work"]) == (1, 1, 0)
    assert view["rules"] == [{"name": "r", "total": 3, "done": 1, "running": 0, "failed": 1}]
    assert [one["attempt"] for one in view["failures"]] == [2, 1]
    assert [row[4] for row in state.ended_since(0)] == ["done", "failed", "failed"]
    assert state.ended_since(2) == state.ended_since(0)[2:]
    state.take({"event": "RunFinished", "time": 4.0, "ok": False, "skipped": 1})
    assert state.view()["ended"]["ok"] is False
    state.lost(9.0)
    assert state.view()["ended"]["time"] == 4.0  # it has said how it ended


def test_a_view_stays_small():
    state = LiveState("t")
    for number in range(5000):
        state.take(started(f"r:{number}", float(number)))
    for number in range(1000):
        state.take(failed(f"r:{number}", 1.0))
    view = state.view()
    assert len(view["running"]) == MOST_RUNNING and view["at_work"] == 4000
    assert len(view["failures"]) == MOST_FAILURES and view["failed"] == 1000


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
names = ("RunStarted", "JobStarted", "JobFinished", "JobFailed", "Progress", "Note", "RunFinished")
fields = (
    "time",
    "job",
    "jobs",
    "key",
    "rule",
    "attempt",
    "seconds",
    "usage",
    "ok",
    "total",
    "done",
)


@given(st.lists(st.tuples(st.sampled_from(names), st.dictionaries(st.sampled_from(fields), junk))))
def test_a_line_that_is_no_event_does_no_harm(lines):
    state = LiveState("t")
    for name, body in lines:
        state.take({"event": name, **body})
    state.view()
