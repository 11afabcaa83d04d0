"""Temporary outputs after the run that made them was killed: the next one clears up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

RULES = """
rule all:
    input: "last", "other"

rule part:
    output: temp("part")
    shell: "echo 1 > {output}"

rule folder:
    output: temp(directory("folder"))
    shell: "mkdir {output}; echo 2 > {output}/two"

rule alone:
    output: "first", temp("alone")
    shell: "touch {output}"

rule other:
    input: "part", "first"
    output: "other"
    shell: "cat part > {output}"

rule last:
    input: "part", "folder", "other"
    output: "last"
    shell:
        "touch started; for i in $(seq 1200); do test -e go && break; sleep 0.1; done;"
        " cat part folder/two > {output}"
"""


def waiting_for(what, seconds=120):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def killed(project, *words):
    """The engine is killed while the last reader runs; the reader goes on to its end."""
    (project.path / "started").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "rulekit", "--cores", "2", *words],
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        waiting_for((project.path / "started").exists)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def rules(project):
    project.write("Rulefile", RULES)
    return project


def names(project):
    found = set(os.listdir(project.path)) - {".rulekit", "Rulefile", "started", "go"}
    return sorted(found)


def test_what_the_last_reader_left_goes(rules):
    killed(rules)
    rules.write("go", "")
    done = rules("--cores", "2")
    assert "2 temporary outputs of the run" in done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    assert names(rules) == ["first", "last", "other"]
    assert (rules.path / "last").read_text() == "1\n2\n"
    assert "temporary" not in rules("--cores", "2").stderr


def test_with_notemp_it_stays(rules):
    killed(rules, "--notemp")
    rules.write("go", "")
    assert "temporary" not in rules("--cores", "2").stderr
    assert names(rules) == ["alone", "first", "folder", "last", "other", "part"]


def test_what_somebody_changed_stays(rules):
    killed(rules)
    rules.write("go", "")
    last = rules.path / "last"
    waiting_for(lambda: last.exists() and last.read_text() == "1\n2\n")
    rules.write("part", "mine, and longer")
    done = rules("--cores", "2", "first")
    assert "1 temporary output of the run" in done.stderr
    assert (rules.path / "part").read_text() == "mine, and longer"
    assert not (rules.path / "folder").exists()


def test_what_another_job_reads_stays(rules):
    """The last reader fails after the kill: it is still to come."""
    rules.write("Rulefile", RULES.replace("folder/two >", "folder/two no-such-file >"))
    killed(rules)
    rules.write("go", "")
    rules("--cores", "2", "first")
    assert names(rules) == ["first", "folder", "other", "part"]
    rules.write("Rulefile", RULES)
    rules("--cores", "2")
    assert names(rules) == ["first", "last", "other"]
