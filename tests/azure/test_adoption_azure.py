"""A driver dies: the next run takes results and running tasks over, and clears the rest away."""

from __future__ import annotations

import json
import time

import pytest
from azruns import Gate, gather, job

from rulekit.executors.local import Started


def died(executor) -> None:
    """As after SIGKILL: the thread is gone, nothing was cleaned."""
    executor._worker.inbox.put(("close",))
    executor._thread.join()
    executor.service.close()


def places(path) -> list[dict]:
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    return [line["b"] for line in lines if "b" in line]


def leave_behind(bench, journal, before="sleep 2"):
    """One job done, one that runs (`before` and then its work), one that waits."""
    first = bench.executor(journal, tasks_per_node=1)
    first.submit(job(1, "echo 1 > o1", ["o1"]))
    gather(first, 1)
    first.submit(job(2, f"{before}; echo 2 > o2", ["o2"]))
    first.submit(job(3, "echo 3 > o3", ["o3"]))
    while not any(isinstance(item, Started) for item in first.poll(1)):
        pass
    died(first)


def test_what_has_ended_and_what_runs_is_taken_over(bench, tmp_path):
    journal = tmp_path / "a.jsonl"
    leave_behind(bench, journal)
    (place,) = places(journal)
    assert "key" not in json.dumps(place).lower()
    second = bench.executor(tmp_path / "b.jsonl", run="run-2")
    states = second.earlier([place])
    assert set(states) == {"run.0.1.1", "run.0.2.1", "run.0.3.1"}
    assert states["run.0.1.1"] == "ended"
    tasks = len(bench.emulator.ledger.requests("create_task_collection"))
    for token in states:
        second.attach(token)
    second.release()
    found = gather(second, 3)
    assert all(result.ok for result in found.values())
    assert [bench.get(f"o{n}") for n in (1, 2, 3)] == [b"1\n", b"2\n", b"3\n"]
    assert len(bench.emulator.ledger.requests("create_task_collection")) == tasks
    second.close()
    assert bench.live_pools() == [] and bench.live_jobs() == []
    assert [n for n in bench.names() if n.startswith(".rulekit")] == []


def test_what_is_not_attached_is_ended_before_new_work(bench, tmp_path):
    journal = tmp_path / "a.jsonl"
    gate = Gate(tmp_path)
    leave_behind(bench, journal, gate.wait)
    second = bench.executor(None, run="run-2")
    assert second.earlier(places(journal))
    second.release()
    second.submit(job(3, "echo new > o3", ["o3"], token="run2.0.3.1"))
    (result,) = gather(second, 1).values()
    assert result.ok and bench.get("o3") == b"new\n"
    second.close()
    gate.open()  # whoever still waits there would write now
    time.sleep(2)
    assert "o2" not in bench.names(), "a task that was ended has written"
    assert bench.live_pools() == [] and bench.live_jobs() == []
    assert [n for n in bench.names() if n.startswith(".rulekit")] == []


def test_another_account_and_a_broken_line_are_passed_over(bench):
    executor = bench.executor()
    place = {
        "account": "https://other.x.batch.azure.com",
        "run": "r",
        "pool": "p",
        "ours": True,
        "job": "j",
        "storage": ["main", bench.container, "pre/"],
    }
    assert executor.earlier([place]) == {}
    assert executor.earlier([{**place, "account": bench.emulator.url}]) == {}
    assert executor.earlier([{"account": 3}]) == {}
    assert "cannot be found" in bench.said[-1][1]
    with pytest.raises(KeyError):
        executor.attach("x")
    executor.release()
    executor.close()
