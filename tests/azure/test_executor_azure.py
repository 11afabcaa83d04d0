"""Orders on the emulator, end to end: real SDK, real processes, real Azurite."""

from __future__ import annotations

import json
import time

import pytest
from azruns import Bench, gather, job

from rulekit.executors.local import Started


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Bench(azurite, container)
    yield made
    made.close()
    assert made.emulator.errors == []


def test_one_job_from_blob_to_blob(bench, tmp_path):
    bench.put("in/a.txt", "hello\n")
    journal = tmp_path / "run-1.jsonl"
    executor = bench.executor(journal)
    executor.submit(job(1, "tr a-z A-Z < in/a.txt > out/b.txt", ["out/b.txt"], ["in/a.txt"]))
    (result,) = gather(executor, 1).values()
    assert result.ok, result
    assert bench.get("out/b.txt") == b"HELLO\n"
    assert [f.path for f in result.outputs] == ["out/b.txt"]
    executor.close()
    lines = [json.loads(line) for line in journal.read_text().splitlines() if line]
    assert [next(iter(line)) for line in lines] == ["b", "s", "r"]
    time.sleep(0.3)
    assert bench.live_pools() == [] and bench.live_jobs() == []
    assert [name for name in bench.names() if name.startswith(".rulekit")] == []


def test_many_jobs_and_one_that_fails(bench):
    executor = bench.executor()
    for number in range(20):
        command = "exit 3" if number == 7 else f"echo {number} > o{number}"
        executor.submit(job(number, command, [f"o{number}"]))
    news = []
    while sum(not isinstance(item, Started) for item in news) < 20:
        news += executor.poll(30)
    found = {item.id: item for item in news if not isinstance(item, Started)}
    assert [n for n, r in found.items() if not r.ok] == [7]
    assert found[7].exit_code == 3
    assert len(bench.names("o")) == 19
    assert {item.token for item in news if isinstance(item, Started)} <= {
        r.token for r in found.values()
    }
    executor.close()
