"""Pools that follow a formula: growing with their tasks, shrinking, failing, letting go."""

from __future__ import annotations

import time

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential

from rulekit.emulator.formats import http_date
from rulekit.emulator.server import Emulator

MACHINE = {
    "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
    "nodeAgentSKUId": "batch.node.ubuntu 24.04",
}
# The kind of formula that most systems use: the mean of what waits, once there are samples.
BY_TASKS = """
percent = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 5);
tasks = percent < 50 ? 0 : avg($PendingTasks.GetSample(TimeInterval_Minute * 5));
$TargetDedicatedNodes = min(3, ceil(tasks / 2));
$TargetLowPriorityNodes = 0;
$NodeDeallocationOption = taskcompletion;
"""


@pytest.fixture
def emulator():
    with Emulator() as server:
        yield server
        assert server.errors == []


@pytest.fixture
def client(emulator):
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    with BatchClient(emulator.url, credential, retry_total=0) as made:
        yield made


def until(condition, seconds: float = 60.0):
    """Waits for a true value and gives it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def pool(client, formula: str) -> None:
    client.create_pool(
        {
            "id": "p",
            "vmSize": "standard_d2s_v5",
            "virtualMachineConfiguration": MACHINE,
            "enableAutoScale": True,
            "autoScaleFormula": formula,
            "autoScaleEvaluationInterval": "PT5M",
            "taskSlotsPerNode": 2,
        }
    )


def test_a_pool_grows_with_its_tasks_and_shrinks_after_them(client, tmp_path):
    pool(client, BY_TASKS)
    client.create_job({"id": "j", "poolInfo": {"poolId": "p"}})
    # None ends before the pool is large: a sample that comes late must not keep it small.
    over = tmp_path / "over"
    command = f"/bin/sh -c 'while ! test -e {over}; do sleep 0.1; done'"
    tasks = [{"id": f"t{i}", "commandLine": command} for i in range(6)]
    client.create_task_collection("j", {"value": tasks})
    until(lambda: client.get_pool("p").current_dedicated_nodes == 3)
    over.touch()
    until(lambda: client.get_job_task_counts("j").task_counts.completed == 6)
    until(lambda: client.get_pool("p").current_dedicated_nodes == 0)
    run = client.get_pool("p").auto_scale_run
    assert run.error is None
    assert run.results.startswith("$TargetDedicatedNodes=0;$TargetLowPriorityNodes=0;")
    assert "$NodeDeallocationOption=taskcompletion" in run.results
    counts = client.get_job_task_counts("j").task_counts
    assert (counts.succeeded, counts.failed) == (6, 0)


def test_a_formula_that_fails_leaves_the_pool_alone(client):
    pool(client, "$TargetDedicatedNodes = 1;")
    until(lambda: client.get_pool("p").current_dedicated_nodes == 1)
    client.enable_pool_auto_scale("p", {"autoScaleFormula": "$TargetDedicatedNodes = nothing;"})
    found = client.get_pool("p")
    assert found.auto_scale_run.error.code == "AutoScalingFormulaEvaluationError"
    assert found.auto_scale_run.results.startswith("$TargetDedicatedNodes=1;")
    time.sleep(0.5)
    assert client.get_pool("p").current_dedicated_nodes == 1


def test_a_lease_that_ends_gives_the_nodes_back(client, emulator):
    end = http_date(time.time() + 100)
    pool(client, f'$TargetDedicatedNodes = time() < time("{end}") ? 2 : 0;')
    until(lambda: client.get_pool("p").current_dedicated_nodes == 2)
    emulator.clock.advance(100)
    until(lambda: client.get_pool("p").current_dedicated_nodes == 0)
