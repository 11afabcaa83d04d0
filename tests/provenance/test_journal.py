from __future__ import annotations

import json
import os

import pytest

from rulekit.errors import InfrastructureError, StateError
from rulekit.provenance import journal
from rulekit.provenance.journal import Journal
from rulekit.provenance.owner import this_process
from rulekit.runner import wire

from .conftest import facts, file, result


def made(run="r1"):
    return Journal.create(".rulekit", run)


def append(path, text):
    with open(path, "a") as handle:
        handle.write(text)


def test_round_trip(here):
    one = made()
    jobs = [
        facts("t1", ["a", "b"], wildcards={"x": "1"}, logs=("l",), code="c1"),
        facts("t2", ["\udcff"], params=(), command=None, code="c2"),
    ]
    one.intent(jobs)
    one.intent([facts("t3", ["c"], code="c1", environment="env")])
    answer = result("t1", outputs=[file("a")], inputs=[file("i", digest="sha256:00")])
    append(one.path, json.dumps({"h": [12, 34]}) + "\n")
    append(one.path, json.dumps({"s": ["t1", 5.0]}) + "\n" + json.dumps({"s": ["t2", 6.0]}) + "\n")
    append(one.path, json.dumps({"r": wire.result_to_tuple(answer)}) + "\n")
    one.committed(["t1"])
    past = journal.read(one.path)
    assert past.run == "r1" and past.owner == this_process() and past.workdir == str(here)
    assert [past.intents[t] for t in ("t1", "t2")] == jobs
    assert (past.intents["t3"].code, past.intents["t3"].environment) == ("c1", "env")
    assert past.results == {"t1": answer} and past.host == (12, 34)
    assert past.committed == {"t1"} and not past.damaged
    assert past.maybe_started() == ["t2"]
    one.close(remove=True)
    assert journal.left_behind(".rulekit") == []


def test_same_run_twice_is_refused(here):
    made()
    with pytest.raises(InfrastructureError):
        made()


@pytest.mark.parametrize("tail", ['{"s": ["t2", 1', '{"s": ["t2"', "\x00\x00\x00"])
def test_torn_last_line_makes_every_intent_doubtful(here, tail):
    one = made()
    one.intent([facts("t1"), facts("t2")])
    append(one.path, tail)
    past = journal.read(one.path)
    assert past.damaged and past.maybe_started() == ["t1", "t2"]


@pytest.mark.parametrize(
    "line", ["garbage", "[1]", '{"r": [1, 2]}', '{"i": [[1]]}', '{"s": 5}', "null"]
)
def test_spoilt_line_in_the_middle(here, line):
    one = made()
    one.intent([facts("t1")])
    append(one.path, line + "\n")
    append(one.path, json.dumps({"r": wire.result_to_tuple(result("t1"))}) + "\n")
    past = journal.read(one.path)
    assert past.damaged and set(past.results) == {"t1"}


def test_write_after_a_torn_one_is_not_spoilt(here):
    one = made()
    append(one.path, '{"i": [["cut sho')
    one.intent([facts("t1")])
    assert set(journal.read(one.path).intents) == {"t1"}


def test_lost_texts_are_noticed(here):
    one = made()
    one.intent([facts("t1", code="first")])
    one.intent([facts("t2", code="second")])
    with open(one.path) as handle:
        lines = [line for line in handle if '"t1"' not in line]
    with open(one.path, "w") as handle:
        handle.writelines(lines)
    past = journal.read(one.path)
    # What t2 says of its parameters was in the lost line.
    assert past.damaged and past.intents == {}


def test_newer_version_is_refused(here):
    one = made()
    with open(one.path) as handle:
        text = handle.read().replace('"v": 1', '"v": 99')
    with open(one.path, "w") as handle:
        handle.write(text)
    with pytest.raises(StateError, match="newer version"):
        journal.read(one.path)


def test_full_disk_at_an_intent(here, monkeypatch):
    one = made()
    one.intent([facts("t1", code="a")])
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
        with pytest.raises(InfrastructureError, match="no space left"):
            one.intent([facts("t2", code="b")])
    one.intent([facts("t3", code="b")])
    past = journal.read(one.path)
    assert set(past.intents) == {"t1", "t3"} and past.intents["t3"].code == "b"


def test_folder_that_cannot_be_made(here):
    (here / ".rulekit").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        made()
    assert caught.value.diagnostics[0].help


def test_sweep_takes_only_old_parts(here):
    one = made()
    for name in (".old.part", ".new.part"):
        (here / ".rulekit/journal" / name).write_text("")
    os.utime(".rulekit/journal/.old.part", (1, 1))
    journal.sweep(".rulekit")
    assert sorted(os.listdir(".rulekit/journal")) == [".new.part", os.path.basename(one.path)]
