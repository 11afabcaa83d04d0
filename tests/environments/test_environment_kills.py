"""Killed at any moment, an environment is whole or does not count, and the next run works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import channel as packages
import kills
import pytest

from rulekit.environments import EnvironmentStore, layout
from rulekit.environments.locks import try_hold

LONG = bool(os.environ.get("RULEKIT_LONG"))


@pytest.fixture
def files(envs, tmp_path):
    found = [envs(f"t{number}.yaml", f"tally ={number}", "binthing") for number in (1, 2, 3)]
    envs.text("t3.post-deploy.sh", 'sleep 0.2; echo done > "$CONDA_PREFIX/post-done"\n')
    if LONG:
        wheel = packages.wheel(tmp_path / "wheels", "greeter", "1.0", "def main(): print(1)\n")
        found.append(envs("p.yaml", "python", "pip", f"pip: [../wheels/{wheel.name}]"))
    return found


def test_kills_while_environments_are_made(files, tmp_path):
    count = int(os.environ.get("RULEKIT_KILLS", "100")) if LONG else 4
    seen = kills.campaign(tmp_path, files, count, seed=int(os.environ.get("RULEKIT_SEED", "7")))
    print(seen)
    assert seen["killed"] + seen["worker"] == count


def test_what_has_no_mark_is_made_anew(envs, tmp_path):
    path = envs("a.yaml", "tally =1")
    store = EnvironmentStore(str(tmp_path / "store"))
    prefix = Path(store.make([path])[path].prefix)
    (prefix / ".rulekit" / "complete.json").unlink()
    (prefix / "bin" / "tally").unlink()
    (prefix / "bin" / "rest").write_text("of before")
    assert not store.known(path).complete
    assert store.make([path])[path].how == "made"
    assert (prefix / "bin" / "tally").exists() and not (prefix / "bin" / "rest").exists()


_MAKE = """\
import sys
from rulekit.environments import EnvironmentStore
made = EnvironmentStore(sys.argv[1]).make(sys.argv[2:])
print(*sorted(one.how for one in made.values()))
"""


def test_several_processes_make_each_environment_once(files, tmp_path):
    command = [sys.executable, "-c", _MAKE, str(tmp_path / "store"), *files]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate()[0].split() for process in several]
    assert [process.returncode for process in several] == [0, 0, 0]
    assert sum(words.count("made") for words in said) == len(files)
    assert kills.check_complete(EnvironmentStore(str(tmp_path / "store"))) == len(files)


def test_a_script_that_outlives_its_worker_keeps_the_lock(envs, tmp_path):
    """The worker is killed alone; its post-deploy script goes on writing. The next run waits."""
    path = envs("a.yaml", "tally =1")
    envs.text(
        "a.post-deploy.sh",
        'echo $$ > "$CONDA_PREFIX/started"\n'
        f'while [ ! -e "{tmp_path}/go" ]; do sleep 0.05; done\n'
        'echo done > "$CONDA_PREFIX/post-done"\n',
    )
    store = EnvironmentStore(str(tmp_path / "store"))
    identity = store.lock_for(path)[0]
    prefix = Path(layout.prefix_of(store.folder, identity))
    process = subprocess.Popen(
        [sys.executable, "-c", _MAKE, store.folder, path], stderr=subprocess.PIPE, text=True
    )
    while not (prefix / "started").exists():
        assert process.poll() is None
        time.sleep(0.02)
    (worker,) = kills._children(process.pid)
    kills._kill(worker)
    assert "RK0500" in process.communicate()[1] or process.returncode
    assert try_hold(layout.side(store.folder, "locks", identity)) is None
    heard = []

    def say(news):
        heard.append(news.stage)
        (tmp_path / "go").touch()  # only now the script comes to its end

    made = store.make([path], say=say)
    assert heard[0] == "wait" and made[path].how == "made"
    kills.check_whole(prefix)


def test_when_the_caller_dies_everything_ends(envs, tmp_path):
    path = envs("a.yaml", "tally =1")
    envs.text("a.post-deploy.sh", 'echo $$ > "$CONDA_PREFIX/started"; exec sleep 60\n')
    store = EnvironmentStore(str(tmp_path / "store"))
    identity = store.lock_for(path)[0]
    started = Path(layout.prefix_of(store.folder, identity), "started")
    process = subprocess.Popen([sys.executable, "-c", _MAKE, store.folder, path])
    while not (started.exists() and started.read_text().strip()):
        assert process.poll() is None
        time.sleep(0.02)
    script = int(started.read_text())
    kills._kill(process.pid)
    process.wait()
    # The kill spreads over a pipe and a process group: it may take a moment, but not the minute
    # that the script would sleep.
    end = time.monotonic() + 30
    lock = layout.side(store.folder, "locks", identity)
    while (held := try_hold(lock)) is None:
        assert time.monotonic() < end, "somebody still writes"
        time.sleep(0.05)
    held.release()
    while _runs(script):  # a process lets go of its files before it counts as dead
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
