"""What a live view is told of the cloud: machines, tasks, cost."""

from __future__ import annotations

import json

import pytest
from azruns import Bench, gather, job

from rulekit.events import CloudState
from rulekit.executors.azure import worker
from rulekit.executors.azure.health import Limits


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker, "_TEND_S", 0.1)
    made = Bench(azurite, container)
    yield made
    made.close()
    assert made.emulator.errors == []


def test_machines_tasks_and_cost(bench):
    executor = bench.executor(limits=Limits(0.5, 0.5, 20.0, 3, 0.1), node_count=1)
    for number in range(3):
        executor.submit(job(number, f"sleep 1; echo > o{number}", [f"o{number}"], threads=4))
    gather(executor, 3)
    executor.close()
    told = [CloudState(**json.loads(text)) for level, text in bench.said if level == "cloud"]
    assert told
    assert any(one.nodes == 1 and one.running >= 1 for one in told)
    assert all(one.queued + one.running <= 3 and one.wanted >= one.nodes for one in told)
    assert all(one.place.startswith("pool ") for one in told)
    costs = [one.cost for one in told]
    assert costs == sorted(costs) and costs[-1] < 0.01
