"""Locks of environments: by `flock`, and where a file system has none."""

from __future__ import annotations

import errno
import fcntl
import json
import subprocess
import sys

import pytest

from rulekit.environments.locks import try_hold
from rulekit.provenance.owner import this_process


@pytest.fixture(params=["flock", "owner file"])
def way(request, monkeypatch):
    if request.param == "owner file":

        def refuse(*_):
            raise OSError(errno.ENOLCK, "no locks here")

        monkeypatch.setattr(fcntl, "flock", refuse)
    return request.param


def test_one_at_a_time(way, tmp_path):
    path = str(tmp_path / "locks" / "one")
    held = try_hold(path)
    assert held is not None
    assert try_hold(path) is None
    other = try_hold(str(tmp_path / "locks" / "two"))
    assert other is not None
    other.release()
    held.release()
    again = try_hold(path)
    assert again is not None
    again.release()


def test_the_lock_of_a_dead_owner_is_free(way, tmp_path):
    path = tmp_path / "one"
    if way == "flock":
        script = (
            "import os, sys\nfrom rulekit.environments.locks import try_hold\n"
            "held = try_hold(sys.argv[1])\nassert held\nos.kill(os.getpid(), 9)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
        assert done.returncode == -9
    else:
        dead = {**this_process().to_json(), "pid": 2**22 - 1, "start": 1}
        (tmp_path / "one.owner").write_text(json.dumps(dead))
    held = try_hold(str(path))
    assert held is not None
    held.release()
    assert not list(tmp_path.glob("*.owner*"))


def test_a_lock_of_another_host_is_not_taken(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    foreign = {**this_process().to_json(), "host": "elsewhere"}
    (tmp_path / "one.owner").write_text(json.dumps(foreign))
    assert try_hold(str(tmp_path / "one")) is None
    assert (tmp_path / "one.owner").exists()
