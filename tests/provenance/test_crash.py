"""The engine, or all of it, is killed at random moments: the next start puts things right."""

from __future__ import annotations

import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from rulekit.provenance.store import Store
from rulekit.runner import orphans

from . import driver

ROOT = pathlib.Path(__file__).parents[2]
LONG = bool(os.environ.get("RULEKIT_LONG"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def start(seed):
    words = [sys.executable, str(ROOT / "tests/provenance/driver.py"), str(seed)]
    return subprocess.Popen(
        words, env=ENVIRONMENT, stderr=open("stderr", "ab"), start_new_session=True
    )


def descendants(pid):
    try:
        children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    except OSError:
        return []
    found = [int(child) for child in children]
    for child in list(found):
        found += descendants(child)
    return found


def tokens(path):
    return path.read_text().split() if path.exists() else []


def job_of(token):
    return int(token.split("-")[1])


def campaign(here, seed, everything):
    """Kill and restart until it is done; how often it was killed."""
    chance = random.Random(seed)
    kills = 0
    while True:
        process = start(seed)
        try:
            process.wait(chance.uniform(0.08, 0.6) if kills < 4 else 60)
        except subprocess.TimeoutExpired:
            family = [process.pid]
            if everything:
                family += descendants(process.pid)
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0, (here / "stderr").read_text()
        return kills


def check(here, seed):
    needs, _ = driver.graph(seed)
    for j in needs:
        path = here / f"o{j}"
        text = (path / "x" if path.is_dir() else path).read_text()
        assert text == driver.content(j, needs)
    store = Store.open(".rulekit", readonly=True)
    assert store.notes == () and store.incomplete() == frozenset()
    assert set(store.snapshot().outputs) == {f"o{j}" for j in needs}
    store.close()
    assert [name for name in os.listdir(".rulekit/journal") if name.endswith(".jsonl")] == []
    assert orphans.find("run") == {} or not [
        pid for pid, t in orphans.find("run").items() if t in set(tokens(here / "begun"))
    ]
    for folder in ("tmp", "scripts", "shadow"):
        assert not os.path.exists(f".rulekit/{folder}") or os.listdir(f".rulekit/{folder}") == []
    return needs


@pytest.mark.parametrize("seed", range(60 if LONG else 4))
def test_killed_engine_loses_nothing_and_repeats_nothing(here, seed):
    campaign(here, seed, everything=False)
    needs = check(here, seed)
    # The runner process lived on: every job ran exactly once.
    for name in ("begun", "ended"):
        count = collections.Counter(map(job_of, tokens(here / name)))
        assert count == dict.fromkeys(needs, 1), (here / "stderr").read_text()


@pytest.mark.parametrize("seed", range(100, 160 if LONG else 104))
def test_everything_killed_at_once(here, seed):
    kills = campaign(here, seed, everything=True)
    needs = check(here, seed)
    ran = collections.Counter(map(job_of, tokens(here / "begun")))
    assert set(ran) == set(needs)
    # At most two jobs run at a time, so at most two can be lost by a kill.
    assert sum(ran.values()) <= len(needs) + 2 * kills


def test_second_start_while_the_first_recovers(here):
    """Two starts at once after a kill: one of them recovers, both come to their end."""
    process = start(7)
    time.sleep(0.5)
    process.kill()
    process.wait()
    code = (
        "from rulekit.provenance.store import Store\n"
        "from rulekit.provenance.recover import recover\n"
        "store = Store.open('.rulekit')\n"
        "print(len(recover('.rulekit', store).runs))\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [int(one.communicate(timeout=60)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0] and sum(answers) <= 1
    assert campaign(here, 7, everything=False) >= 0
    check(here, 7)
