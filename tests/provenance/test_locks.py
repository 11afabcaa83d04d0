from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys

import pytest

from rulekit.errors import InfrastructureError, LockedError
from rulekit.provenance import locks
from rulekit.provenance.locks import acquire, unlock


def names():
    return sorted(name for name in os.listdir(".rulekit/locks") if name.endswith(".lock"))


def rewrite_owner(path, **changes):
    with open(path, "rb") as handle:
        head, _, body = handle.read().partition(b"\n")
    values = json.loads(head)
    values["owner"].update(changes)
    with open(path, "wb") as handle:
        handle.write(json.dumps(values).encode() + b"\n" + body)


@pytest.mark.parametrize(
    ("outputs", "inputs", "free"),
    [
        (["x"], ["y"], True),
        ([], ["in1", "in2"], True),  # reading what the other reads
        (["out1"], [], False),  # making what it makes
        (["x"], ["out2"], False),  # reading what it makes
        (["in1"], [], False),  # making what it reads
        ([], [], True),
    ],
)
def test_overlap(here, outputs, inputs, free):
    acquire(".rulekit", "first", ["out1", "out2"], ["in1", "in2"])
    if free:
        acquire(".rulekit", "second", outputs, inputs)
        assert names() == ["first.lock", "second.lock"]
    else:
        with pytest.raises(LockedError) as caught:
            acquire(".rulekit", "second", outputs, inputs)
        assert caught.value.exit_code == 7
        shared = set(outputs + inputs) & {"out1", "out2", "in1"}
        assert f"`{shared.pop()}`" in str(caught.value)
        assert "--nolock" in caught.value.diagnostics[0].help
        assert names() == ["first.lock"]


def test_release(here):
    lock = acquire(".rulekit", "first", ["a"], [])
    lock.release()
    lock.release()
    assert acquire(".rulekit", "second", ["a"], []).cleared == ()


def test_a_run_may_hold_more_later(here):
    acquire(".rulekit", "first", ["a"], [])
    acquire(".rulekit", "first", ["a", "b"], [])
    with pytest.raises(LockedError):
        acquire(".rulekit", "second", ["b"], [])


def test_dead_owner_is_cleared(here):
    lock = acquire(".rulekit", "first", ["a"], [])
    rewrite_owner(lock.path, pid=2**22 + 1)
    assert acquire(".rulekit", "second", ["a"], []).cleared == (
        f"process {2**22 + 1} on host `{os.uname().nodename}`",
    )
    assert names() == ["second.lock"]


def test_owner_killed_for_real(here):
    code = (
        "import os; from rulekit.provenance.locks import acquire;"
        "acquire('.rulekit', 'first', ['a'], []); os.kill(os.getpid(), 9)"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(locks.__file__)))
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert names() == ["first.lock"]
    assert len(acquire(".rulekit", "second", ["a"], []).cleared) == 1


def test_foreign_owner_is_named(here):
    lock = acquire(".rulekit", "first", ["a"], [])
    rewrite_owner(lock.path, host="node7", pid=42)
    with pytest.raises(LockedError) as caught:
        acquire(".rulekit", "second", ["a"], [])
    (diagnostic,) = caught.value.diagnostics
    assert "process 42 on host `node7`" in diagnostic.notes[0]
    assert "--unlock" in diagnostic.help
    assert unlock(".rulekit") == ["process 42 on host `node7`"]
    acquire(".rulekit", "second", ["a"], [])


def test_unlock_without_locks(here):
    assert unlock(".rulekit") == []


def test_file_that_is_no_lock_is_cleared(here):
    acquire(".rulekit", "first", ["a"], []).release()
    (here / ".rulekit/locks/x.lock").write_text("rubbish")
    assert acquire(".rulekit", "second", ["a"], []).cleared == ("x.lock",)


@pytest.mark.parametrize("name", ["with blank", "new\nline", "\udcff", "é", '{"owner"'])
def test_odd_names(here, name):
    acquire(".rulekit", "first", [], [name])
    with pytest.raises(LockedError):
        acquire(".rulekit", "second", [name], [])


def test_many_files(here):
    acquire(".rulekit", "first", (f"results/{i}" for i in range(30_000)), ["config"])
    acquire(".rulekit", "second", (f"other/{i}" for i in range(30_000)), ["config"])
    with pytest.raises(LockedError, match="and 29997 more"):
        acquire(".rulekit", "third", (f"results/{i}" for i in range(30_000)), [])


def test_race_of_many_starts(here):
    """Of many runs that start at once for one file, exactly one gets it."""
    code = (
        "import sys; from rulekit.provenance.locks import acquire\n"
        "from rulekit.errors import LockedError\n"
        "sys.stdin.read(1)\n"
        "try:\n    acquire('.rulekit', sys.argv[1], ['a'], []); print('got')\n"
        "except LockedError:\n    print('no')\n"
        "sys.stdout.flush(); sys.stdin.read()\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(locks.__file__)))
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"run{i}"],
            env={**os.environ, "PYTHONPATH": root},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for i in range(6)
    ]
    for run in runs:
        run.stdin.write(b"x")
        run.stdin.flush()
    answers = sorted(run.stdout.readline().strip() for run in runs)
    for run in runs:
        run.communicate()
    assert answers == [b"got"] + [b"no"] * 5


def test_file_system_without_locks(here, monkeypatch):
    def unsupported(*_args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", unsupported)
    acquire(".rulekit", "first", ["a"], [])
    with pytest.raises(LockedError):
        acquire(".rulekit", "second", ["a"], [])
    assert sorted(os.listdir(".rulekit/locks")) == ["first.lock", "gate"]
    (here / ".rulekit/locks/gate.held").write_text("")
    monkeypatch.setattr(locks, "_PATIENCE_S", 0.1)
    with pytest.raises(InfrastructureError):
        acquire(".rulekit", "third", ["b"], [])


def test_folder_that_cannot_be_made(here):
    (here / ".rulekit").write_text("")
    with pytest.raises(InfrastructureError, match="cannot be read or written"):
        acquire(".rulekit", "first", [], [])
