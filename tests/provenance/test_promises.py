"""Promised outputs: doubtful only when start lines and intents may have been lost."""

from __future__ import annotations

import json

import pytest

from rulekit.provenance import journal


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = journal.Journal.create(".rulekit", "run1")
    one.promise(["a.txt", "b.txt"])
    return one


def test_after_the_death_of_processes_a_promise_alone_means_nothing(written):
    past = journal.read(written.path)
    assert past.promised == ["a.txt", "b.txt"]
    assert past.doubtful() == []


def test_after_the_crash_of_the_machine_every_promise_is_doubtful(written):
    lines = [line for line in open(written.path).read().splitlines() if line]
    head = json.loads(lines[0])
    head["owner"]["boot"] = "another boot"
    with open(written.path, "w") as file:
        file.write("\n".join([json.dumps(head), *lines[1:], ""]))
    assert journal.read(written.path).doubtful() == ["a.txt", "b.txt"]


def test_a_start_whose_intent_is_lost_makes_every_promise_doubtful(written):
    with open(written.path, "a") as file:
        file.write('{"s": ["token", 1.0]}\n')
    assert journal.read(written.path).doubtful() == ["a.txt", "b.txt"]


def test_a_torn_line_makes_every_promise_doubtful(written):
    with open(written.path, "a") as file:
        file.write('{"t": ["x"], "i": [["tok')
    assert journal.read(written.path).doubtful() == ["a.txt", "b.txt"]
