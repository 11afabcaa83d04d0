"""The live view: its state follows the events, its lines fit the terminal."""

from __future__ import annotations

import io

from reporting_jobs import info

from rulekit.events import JobFailed, JobFinished, JobStarted, Progress, RunFinished, RunStarted
from rulekit.reporting.live import LiveView, RunState, duration, view_lines


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def started(rules):
    return RunStarted("r", "/w", "/w/Rulefile", 4, rules, None)


def job(rule, number):
    return info(id=number, rule=rule, key=f"{rule}:s={number}", wildcards={"s": str(number)})


def test_bars_running_jobs_and_time_left():
    clock = Clock()
    state = RunState(clock)
    state.take(started({"align": 4, "report": 1}))
    for number in (1, 2):
        state.take(JobStarted(job("align", number), 1))
    clock.now += 10
    state.take(JobFinished(1, "align:s=1", "align", 1, 10.0, {}))
    state.take(Progress(1, 5, 1, 0))
    assert state.rules["align"].running == 1
    # Four jobs are left at 10 s each, one at a time so far.
    assert state.seconds_left() == 40.0
    lines = view_lines(state, clock.now, 100)
    assert lines == [
        "1 of 5 jobs, 1 running, 4 cores   10 s, about 40 s left",
        "align   █████░░░░░░░░░░░░░░░     1/4  1 running  µ 10 s",
        "report  ░░░░░░░░░░░░░░░░░░░░     0/1",
        "  align:s=2  10 s",
    ]


def test_nothing_is_said_of_the_time_before_a_job_has_ended():
    state = RunState(Clock())
    state.take(started({"a": 3}))
    assert state.seconds_left() is None
    assert "left" not in view_lines(state, 101.0, 80)[0]


def test_failures_and_retries():
    state = RunState(Clock())
    state.take(started({"a": 2}))
    for retry in (True, False):
        state.take(JobStarted(job("a", 1), 1 if retry else 2))
        state.take(JobFailed(job("a", 1), 1, 1, "exit code 1", (), (), retry, ""))
    assert state.rules["a"].failed == 1 and state.rules["a"].running == 0
    assert not state.running


def test_many_rules_and_jobs_stay_a_few_short_lines():
    state = RunState(Clock())
    state.take(started({f"rule_with_a_long_name_{i}": 5 for i in range(100)}))
    for number in range(50):
        state.take(JobStarted(job("rule_with_a_long_name_0", number), 1))
    lines = view_lines(state, 101.0, 40)
    assert len(lines) < 25 and all(len(line) <= 40 for line in lines)


def test_durations():
    assert [duration(s) for s in (0.25, 12.4, 99, 100, 3599, 3900)] == [
        "0.2 s",
        "12 s",
        "99 s",
        "1.7 m",
        "60.0 m",
        "1 h 05",
    ]


def test_the_view_ends_with_the_run_and_leaves_the_failure_on_the_screen(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    view = LiveView()
    view(started({"a": 1}))
    view(JobStarted(job("a", 1), 1))
    view(JobFailed(job("a", 1), 1, 1, "exit code 1", (), (), False, ""))
    view(RunFinished(False, 0, ("a:s=1",), 0, 1.0, False))
    view.close()
    text = stream.getvalue()
    assert "Error in rule a:" in text
    assert "Exiting because a job execution failed" in text
