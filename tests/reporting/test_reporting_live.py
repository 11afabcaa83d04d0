"""The live view: its state follows the events, its lines fit the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting_jobs import info

from rulekit.events import CloudState, JobFailed, JobFinished, JobStarted, Progress, RunStarted
from rulekit.provenance.durations import mean_seconds
from rulekit.reporting.progress import RunState
from rulekit.reporting.terminal import harmless
from rulekit.reporting.viewlines import ASCII, Chosen, duration, memory, view_lines


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def started(rules, cores=4):
    return RunStarted("r", "/w", "/w/Rulefile", cores, rules, None)


def job(rule, number, **changes):
    values = {"threads": 1, "resources": {}, **changes}
    return info(
        id=number, rule=rule, key=f"{rule}:s={number}", wildcards={"s": str(number)}, **values
    )


def texts(state, now, width=120, height=40, **settings):
    lines = view_lines(state, now, width, height, **settings)
    return ["".join(text for _, text in line) for line in lines]


def test_bars_running_jobs_and_time_left():
    clock = Clock()
    state = RunState(clock)
    state.take(started({"align": 4, "report": 1}))
    for number in (1, 2):
        state.take(JobStarted(job("align", number, resources={"mem_mb": 1500}), 1))
    clock.now += 10
    state.take(JobFinished(1, "align:s=1", "align", 1, 10.0, {}))
    state.take(Progress(1, 5, 1, 0))
    assert state.rules["align"].running == 1
    # Three jobs of 10 s have not begun, the running one should be about to end; two side by side.
    assert state.seconds_left() == 15.0
    assert texts(state, clock.now) == [
        "1 of 5 jobs · 1 running · 1 of 4 cores · 1.5 GB · 10 s · about 15 s left",
        "align   █████░░░░░░░░░░░░░░░  1/4  1 running  µ 10 s",
        "report  ░░░░░░░░░░░░░░░░░░░░  0/1",
        "  align:s=2  10 s of about 10 s  1.5 GB",
    ]


def test_nothing_is_said_of_the_time_before_anything_is_known():
    state = RunState(Clock())
    state.take(started({"a": 3}))
    assert state.seconds_left() is None
    assert "left" not in texts(state, 101.0)[0]


def test_earlier_runs_say_how_long_it_will_take():
    state = RunState(Clock())
    state.take(started({"a": 8, "b": 1}))
    state.history = {"a": 10.0, "gone": 5000.0}
    # Eight jobs of 10 s and one that counts like them, on four cores.
    assert state.seconds_left() == pytest.approx(90 / 4)
    assert "earlier 10 s" in texts(state, 100.0)[1]
    # This run counts more and more.
    for number in range(3):
        state.take(JobStarted(job("a", number), 1))
        state.take(JobFinished(number, f"a:s={number}", "a", 1, 4.0, {}))
    assert state.expected("a") == pytest.approx(7.0)


def test_the_longest_job_is_never_undercut():
    clock = Clock()
    state = RunState(clock)
    state.take(started({"a": 1, "b": 1}, cores=64))
    state.history = {"a": 1000.0, "b": 1.0}
    assert state.seconds_left() == 1000.0


def test_jobs_a_minute():
    clock = Clock()
    state = RunState(clock)
    state.take(started({"a": 500}))
    for number in range(200):
        state.take(JobStarted(job("a", number), 1))
        state.take(JobFinished(number, f"a:s={number}", "a", 1, 0.1, {}))
        clock.now += 0.5
    assert state.per_minute() == pytest.approx(120, rel=0.02)
    clock.now += 61
    assert state.per_minute() is None


def test_failures_and_retries():
    state = RunState(Clock())
    state.take(started({"a": 2}))
    for retry in (True, False):
        state.take(JobStarted(job("a", 1), 1 if retry else 2))
        state.take(JobFailed(job("a", 1), 1, 1, "exit code 1", (), (), retry, ""))
    assert state.rules["a"].failed == 1 and state.rules["a"].running == 0
    assert not state.running and state.busy == 0
    assert "1 failed" in texts(state, 101.0)[0]


def test_the_cloud_has_a_line():
    state = RunState(Clock())
    state.take(started({"a": 2}, cores=1 << 30))
    state.take(CloudState("pool p1", 3, 8, 40, 12, 1.239))
    lines = texts(state, 101.0)
    assert "cores" not in lines[0]
    assert lines[1] == (
        "pool p1: 3 of 8 nodes · 40 queued · 12 running there · about 1.24 USD so far"
    )


def test_the_log_of_a_job():
    state = RunState(Clock())
    state.take(started({"a": 2}))
    state.take(JobStarted(job("a", 1), 1))
    chosen = Chosen("a:s=1", "logs/a.log", ("one", "two\x1b[2J"))
    lines = texts(state, 101.0, chosen=chosen, keys=True)
    assert lines[-5:] == [
        "▸ a:s=1  1.0 s",
        "▸ logs/a.log (a:s=1)",
        "  one",
        "  two\\x1b[2J",
        "l: close   j/k: next or previous job",
    ]


@given(
    rules=st.integers(0, 60),
    running=st.integers(0, 40),
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    keys=st.booleans(),
    log=st.integers(-1, 20),
)
def test_there_is_room_for_the_view_on_any_screen(rules, running, width, height, keys, log):
    state = RunState(Clock())
    state.take(started({f"rule_with_a_long_name_{i}": 5 for i in range(rules)}))
    for number in range(running):
        state.take(JobStarted(job("rule_with_a_long_name_0", number), 1))
    chosen = Chosen("x", "p", ("line",) * log) if log >= 0 else None
    lines = texts(state, 101.0, width, height, keys=keys, chosen=chosen)
    assert 1 <= len(lines) <= max(1, height - 1)
    assert lines[0].startswith("0 of")
    if height > 30:
        assert len(lines) < 35


def test_plain_signs_for_terminals_without_unicode():
    state = RunState(Clock())
    state.take(started({"a": 2}))
    state.take(JobFinished(1, "a:s=1", "a", 1, 1.0, {}))
    assert all(line.isascii() for line in texts(state, 101.0, look=ASCII))


def test_durations_and_sizes():
    assert [duration(s) for s in (0.25, 9.97, 12.4, 99, 100, 3599, 3900)] == [
        "0.2 s",
        "10 s",
        "12 s",
        "99 s",
        "1.7 m",
        "1 h 00",
        "1 h 05",
    ]
    assert [memory(m) for m in (300, 1500, 16000)] == ["300 MB", "1.5 GB", "16 GB"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\n", "plain\n"),
        ("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("50%\r\n", "50%\n"),
        ("a\x1b[2Jb\x1b[10;10Hc\x1b]0;title\x07d\x1b7\x08\n", "abcd\n"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "link\n"),
        ("tab\tstays\n", "tab\tstays\n"),
    ],
)
def test_what_jobs_write_cannot_move_the_cursor(written, shown):
    assert harmless(written) == shown


@given(st.text(alphabet="\x1b[]0123;?hlmHJKA\x07\\\x9b\r\n\x00ab", max_size=60))
def test_only_colours_are_left_of_controls(text):
    left = harmless(text)
    rest = left.replace("\n", "")
    while "\x1b[" in rest:
        head, _, tail = rest.partition("\x1b[")
        number, found, after = tail.partition("m")
        assert found and not number.strip("0123456789;:"), (text, left)
        rest = head + after
    assert rest.replace("\t", "").isprintable(), (text, left)


def test_means_of_earlier_runs_without_a_store(tmp_path):
    assert mean_seconds(str(tmp_path)) == {}
    (tmp_path / "provenance.sqlite").write_bytes(b"no database at all" * 100)
    assert mean_seconds(str(tmp_path)) == {}
