"""Access of machines to the storage is made anew while a run goes on."""

from __future__ import annotations

import time

from azruns import gather, job
from test_adoption_azure import died, places

from rulekit.executors.azure import access


def until_over(began, seconds):
    """Waits for a moment; what was made before it has ended then."""
    time.sleep(max(0.0, began + seconds - time.time()))


def test_access_is_renewed_at_half_of_its_life(bench, monkeypatch):
    life = 24.0
    monkeypatch.setattr(access, "lifetime_s", lambda _settings: life)
    executor = bench.executor(tasks_per_node=2)
    began = time.time()
    executor.submit(job(1, "echo 1 > o1", ["o1"]))
    (first,) = gather(executor, 1).values()
    assert first.ok and len(bench.live_jobs()) == 1
    until_over(began, life / 2 + 1.5)
    # This one begins with the new access and ends when the old one is over.
    executor.submit(job(2, f"sleep {began + life + 2 - time.time()}; cat o1 > o2", ["o2"], ["o1"]))
    executor.submit(job(3, "echo 3 > o3", ["o3"]))
    results = gather(executor, 2).values()
    assert all(result.ok for result in results), results
    assert time.time() > began + life and bench.get("o2") == b"1\n"
    assert len(bench.live_jobs()) == 2 and len(bench.live_pools()) == 1
    executor.close()
    assert bench.live_jobs() == [] and bench.live_pools() == []
    assert bench.names(".rulekit/") == []


def test_a_renewal_that_fails_is_told_and_tried_again(bench, monkeypatch):
    from rulekit.errors import InfrastructureError

    monkeypatch.setattr(access, "lifetime_s", lambda _settings: 600.0)
    executor = bench.executor()
    executor.submit(job(1, "echo 1 > o1", ["o1"]))
    gather(executor, 1)
    setup = executor._worker._submission._setup
    good = access.grant

    def bad(*_words):
        raise InfrastructureError("the login is over", code="RK0647")

    monkeypatch.setattr(access, "grant", bad)
    later = time.time() + 301
    assert setup.renew(later - 10) is False
    assert setup.renew(later) is False and setup.renew(later + 1) is False
    assert setup.renew(later + 601) is False
    executor.poll(0.2)
    told = [text for _, text in bench.said if "cannot be renewed" in text]
    assert len(told) == 1 and "the login is over" in told[0]
    monkeypatch.setattr(access, "grant", good)
    assert setup.renew(later + 1300) is True
    executor.close()


def test_a_later_run_takes_over_what_is_in_several_jobs(bench, monkeypatch, tmp_path):
    life = 600.0
    monkeypatch.setattr(access, "lifetime_s", lambda _settings: life)
    path = tmp_path / "journal.jsonl"
    executor = bench.executor(journal=path, tasks_per_node=4)
    executor.submit(job(1, "sleep 4; echo 1 > o1", ["o1"]))
    executor.submit(job(2, "sleep 60", ["o2"]))
    wait_for(executor, 2)
    executor._worker._submission._setup._renewal = 0.0
    executor.submit(job(3, "sleep 4; echo 3 > o3", ["o3"]))
    wait_for(executor, 1)
    died(executor)
    left = places(path)
    assert len({place["job"] for place in left}) == 2

    second = bench.executor(run="run-2")
    found = second.earlier(left)
    assert set(found) == {"run.0.1.1", "run.0.2.1", "run.0.3.1"}
    second.attach("run.0.3.1")
    second.release()
    # The job without anything attached is gone; what it shares with the other one is not.
    (result,) = gather(second, 1).values()
    assert result.ok, result
    assert bench.get("o3") == b"3\n"
    second.close()
    assert bench.live_jobs() == [] and bench.live_pools() == []
    assert bench.names(".rulekit/") == []


def wait_for(executor, count):
    begun = 0
    while begun < count:
        begun += sum(type(item).__name__ == "Started" for item in executor.poll(1))
