"""Events in, lines out: console, log file, JSON lines, failure cards."""

from __future__ import annotations

import io
import json

import pytest
from reporting_jobs import info

from rulekit.events import (
    FileRemoved,
    JobFailed,
    JobFinished,
    JobStarted,
    Note,
    Progress,
    RunFinished,
    RunStarted,
)
from rulekit.reporting.console import Console
from rulekit.reporting.digest import first_errors
from rulekit.reporting.failure import exit_meaning
from rulekit.reporting.jsonlines import JsonLines
from rulekit.reporting.logfile import LogFile
from rulekit.reporting.paint import ansi, plain, wants_colour

STARTED = RunStarted("r1", "/w", "/w/Rulefile", 2, {"a": 1, "all": 1}, "/w/.rulekit/log/x.log")


def failed(**changes) -> JobFailed:
    values = {
        "job": info(),
        "attempt": 1,
        "exit_code": 3,
        "cause": "exit code 3",
        "log_tail": (("logs/a.log", "one\ntwo\n"),),
        "removed": ("y.txt",),
        "will_retry": False,
        "again": "rulekit -c 1 -- y.txt",
    }
    return JobFailed(**{**values, **changes})


def told(*events, **settings) -> str:
    stream = io.StringIO()
    console = Console(stream, clock=lambda: "NOW", **settings)
    for event in events:
        console(event)
    console.close()
    return stream.getvalue()


def test_a_whole_run():
    assert told(
        STARTED,
        JobStarted(info(), 1),
        JobFinished(2, "a:a=x,b=y", "a", 1, 0.5, {}),
        Progress(1, 2, 0, 0),
        FileRemoved("x.txt", "temp"),
        RunFinished(True, 2, (), 0, 1.0, False),
    ) == (
        "Provided cores: 2\n"
        "Job stats:\n"
        "job      count\n"
        "-----  -------\n"
        "a            1\n"
        "all          1\n"
        "total        2\n"
        "\n"
        "\n"
        "[NOW]\n"
        "rule a:\n"
        "    input: x.txt, z.txt\n"
        "    output: y.txt\n"
        "    log: logs/a.log\n"
        "    jobid: 2\n"
        "    benchmark: bench/a.tsv\n"
        "    reason: Missing output files: y.txt\n"
        "    wildcards: a=x, b=y\n"
        "    priority: 5\n"
        "    threads: 4\n"
        "    resources: tmpdir=/tmp, mem_mb=300\n"
        "[NOW]\n"
        "Finished jobid: 2 (Rule: a)\n"
        "1 of 2 steps (50%) done\n"
        "Removing temporary output x.txt.\n"
        "Complete log(s): /w/.rulekit/log/x.log\n"
    )


def test_a_failure_card():
    text = told(failed(), RunFinished(False, 0, ("a:a=x,b=y",), 1, 1.0, False))
    assert text == (
        "[NOW]\n"
        "Error in rule a:\n"
        "    jobid: 2\n"
        "    wildcards: a=x, b=y\n"
        "    input: x.txt, z.txt\n"
        "    output: y.txt\n"
        "    log: logs/a.log (check log file(s) for error details)\n"
        "    shell:\n"
        "        cat x.txt > y.txt\n"
        "        (command exited with non-zero exit code)\n"
        "    cause: exit code 3\n"
        "    end of logs/a.log:\n"
        "    | one\n"
        "    | two\n"
        "    run it again: rulekit -c 1 -- y.txt\n"
        "Removing output files of failed job a since they might be corrupted:\n"
        "y.txt\n"
        "\n"
        "1 failed job of rule a: exit code 3\n"
        "    a=x, b=y (log: logs/a.log)\n"
        "        | two\n"
        "        run it again: rulekit -c 1 -- y.txt\n"
        "1 job was not run because of that.\n"
        "Exiting because a job execution failed. Look above for error messages\n"
    )


def test_what_was_not_run_is_named_by_rule():
    started = RunStarted("r1", "/w", "/w/Rulefile", 2, {"a": 2, "b": 3, "all": 1}, None)
    done = JobFinished(1, "a:s=1", "a", 1, 0.5, {})
    text = told(started, done, failed(), RunFinished(False, 1, ("x",), 4, 1.0, False))
    assert "4 jobs were not run because of that: b (3), all.\n" in text
    # After a checkpoint the numbers of the start need not hold.
    text = told(started, done, failed(), RunFinished(False, 1, ("x",), 9, 1.0, False))
    assert "9 jobs were not run because of that.\n" in text


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ("reading\nERROR: no index\nusage: x\nError: gave up\nerror again\n",
         ["ERROR: no index", "Error: gave up"]),
        ("Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    raise\n"
         "ValueError: bad\n", ["ValueError: bad"]),
        ("one\ntwo\n\n", ["two"]),
        ("bash: line 1: bwa: command not found\n", ["bash: line 1: bwa: command not found"]),
        ("error \x1b[2J\n", ["error \\x1b[2J"]),
        ("", []),
    ],
)  # fmt: skip
def test_the_first_lines_that_speak_of_an_error(log, lines):
    assert first_errors(failed(log_tail=(("a.log", ""), ("b.log", log)))) == lines


def test_only_the_end_of_a_long_log_is_shown_unless_all_is_wanted(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i}\n" for i in range(100)))
    event = failed(log_tail=((str(log), log.read_text()),))
    short = told(event)
    assert "| line 99\n" in short and "| line 80\n" in short and "line 79\n" not in short
    assert "| line 0\n" in told(event, show_failed_logs=True)


def test_an_empty_log_is_said_to_be_empty():
    assert "    logs/a.log is empty\n" in told(failed(log_tail=(("logs/a.log", ""),)))


def test_a_retry_is_announced_without_advice():
    text = told(failed(will_retry=True))
    assert "Trying to restart job 2.\n" in text and "run it again" not in text


def test_many_alike_failures_are_short_and_summed_up():
    events = [failed(job=info(id=i, wildcards={"s": str(i)})) for i in range(10)]
    text = told(*events, RunFinished(False, 0, ("x",) * 10, 0, 1.0, False))
    assert text.count("Error in rule a:") == 10
    assert text.count("    | one\n") == 3
    assert (
        "10 failed jobs of rule a: exit code 3\n    s=0 (log: logs/a.log)\n        | two\n" in text
    )
    assert "and 7 more: `rulekit logs --failed` has them all" in text


def test_causes_that_name_the_own_files_of_jobs_are_alike():
    events = [
        failed(
            job=info(id=i, wildcards={"s": str(i)}, outputs=(f"o/{i}.txt",)),
            cause=f"the job did not make `o/{i}.txt`",
        )
        for i in range(10)
    ]
    text = told(*events, RunFinished(False, 0, ("x",) * 10, 0, 1.0, False))
    assert text.count("    | one\n") == 3  # cards in full
    assert "\n10 failed jobs of rule a: the job did not make `output[0]`\n" in text
    assert "    cause: the job did not make `o/9.txt`\n" in text
    text = told(events[4], RunFinished(False, 0, ("x",), 0, 1.0, False))
    assert "\n1 failed job of rule a: the job did not make `o/4.txt`\n" in text


@pytest.mark.parametrize(
    ("quiet", "present", "absent"),
    [
        ({"progress"}, ["rule a:"], ["steps", "Finished", "Job stats", "Complete log"]),
        ({"rules"}, ["Finished jobid: 2"], ["rule a:", "Removing temporary"]),
        ({"reason"}, ["rule a:"], ["reason:"]),
        ({"all"}, [], ["rule a:", "steps", "Provided", "info text"]),
    ],
)
def test_quiet(quiet, present, absent):
    text = told(
        STARTED,
        Note("info", "info text"),
        JobStarted(info(), 1),
        FileRemoved("t", "temp"),
        JobFinished(2, "k", "a", 1, 0.5, {}),
        Progress(1, 2, 0, 0),
        RunFinished(True, 2, (), 0, 1.0, False),
        quiet=frozenset(quiet),
    )
    assert all(part in text for part in present)
    assert not any(part in text for part in absent)


def test_failures_and_warnings_are_told_however_quiet():
    text = told(Note("warning", "careful"), failed(), quiet=frozenset({"all"}))
    assert "careful" in text and "Error in rule a:" in text


def test_debug_notes_only_when_verbose():
    assert told(Note("debug", "details")) == ""
    assert told(Note("debug", "details"), verbose=True) == "details\n"


def test_each_event_is_written_at_once():
    stream = io.StringIO()
    console = Console(stream)
    console(Note("info", "here"))
    assert stream.getvalue() == "here\n"


def test_colour_is_put_around_lines_and_changes_no_text():
    coloured = told(failed(), paint=ansi)
    assert "\x1b[" in coloured
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == told(failed(), paint=plain)


def test_who_wants_colour(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Terminal()) and not wants_colour(io.StringIO())
    assert not wants_colour(Terminal(), nocolor=True)
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "exit status 1"),
        (127, "not found"),
        (137, "SIGKILL"),
        (-9, "out of memory"),
        (139, "segmentation fault"),
        (141, "pipe"),
        (200, "exit status 200"),
    ],
)
def test_exit_codes_in_words(code, words):
    assert words in exit_meaning(code)


def test_json_lines_hold_every_field_and_a_schema():
    stream = io.StringIO()
    listener = JsonLines(stream, clock=lambda: 12.5)
    listener(failed())
    listener(Progress(1, 2, 0, 0))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines[1] == {
        "event": "Progress",
        "schema": 1,
        "time": 12.5,
        "done": 1,
        "total": 2,
        "running": 0,
        "failed": 0,
    }
    assert lines[0]["job"]["wildcards"] == {"a": "x", "b": "y"}
    assert lines[0]["log_tail"] == [["logs/a.log", "one\ntwo\n"]]


def test_json_lines_survive_names_that_are_no_text():
    stream = io.StringIO()
    JsonLines(stream)(FileRemoved("bad\udcff\nname", "temp"))
    assert json.loads(stream.getvalue())["path"] == "bad\udcff\nname"
    assert stream.getvalue().count("\n") == 1


def test_the_log_file_is_made_when_the_run_starts(tmp_path):
    path = tmp_path / "log" / "x.log"
    log = LogFile(str(path))
    log(Note("info", "Building DAG of jobs..."))
    assert not path.exists()
    log(STARTED)
    log(JobStarted(info(), 1))
    log.close()
    text = path.read_text()
    assert text.startswith("Building DAG of jobs...\nProvided cores: 2\n")
    assert "Shell command: cat x.txt > y.txt" in text


def test_a_log_file_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "log").write_text("a file where the folder should be")
    log = LogFile(str(tmp_path / "log" / "x.log"))
    log(STARTED)
    log(JobStarted(info(), 1))
    log.flush()
    log.close()
