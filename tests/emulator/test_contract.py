"""A broad session with the real SDK, every exchange held against the contract of the service."""

from __future__ import annotations

import contextlib
import datetime
import time

import pytest
import requests
from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from contract import Contract, faults, find, operations

from rulekit.emulator.server import Emulator

MACHINE = {
    "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
    "nodeAgentSKUId": "batch.node.ubuntu 24.04",
}


@pytest.fixture
def judged():
    with Emulator() as emulator:
        contract = Contract()
        emulator.service.on_exchange = contract.note
        yield emulator, contract
        assert emulator.errors == []
        assert "\n".join(contract.violations) == ""


def client_of(emulator) -> BatchClient:
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    return BatchClient(emulator.url, credential, retry_total=0)


def until(condition, seconds: float = 90.0):
    """Waits for a true value and gives it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.03)


def refused(code: str, call, *arguments, **options) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call(*arguments, **options)
    found = caught.value.error.code if caught.value.error else None
    assert found == code or found is None


def test_pools_and_nodes(judged):
    emulator, contract = judged
    with client_of(emulator) as client:
        pool = {
            "id": "p1",
            "vmSize": "Standard_D2s_v5",
            "virtualMachineConfiguration": MACHINE,
            "targetDedicatedNodes": 2,
            "targetLowPriorityNodes": 1,
            "taskSlotsPerNode": 4,
            "taskSchedulingPolicy": {"nodeFillType": "pack"},
            "startTask": {
                "commandLine": "/bin/sh -c 'echo started; echo x > x.txt'",
                "waitForSuccess": True,
                "environmentSettings": [{"name": "A", "value": "b"}],
            },
            "metadata": [{"name": "k", "value": "v"}],
            "userAccounts": [{"name": "u", "password": "secret-not-shown"}],
        }
        client.create_pool(pool)
        refused("PoolExists", client.create_pool, pool)
        refused("InvalidPropertyValue", client.create_pool, {**pool, "id": "not an id"})
        refused("PoolNotFound", client.get_pool, "none")
        until(lambda: client.get_pool("p1").allocation_state == "steady")
        nodes = until(
            lambda: (lambda found: len(found) == 3 and found)(
                [n for n in client.list_nodes("p1") if n.state == "idle"]
            )
        )
        assert client.pool_exists("p1")
        assert client.get_pool("p1", select=["id", "state"]).id == "p1"
        etag = client.get_pool("p1").etag
        client.get_pool("p1", etag=etag, match_condition=MatchConditions.IfNotModified)
        refused(
            "ConditionNotMet", client.get_pool, "p1",
            etag="0x0", match_condition=MatchConditions.IfNotModified,
        )  # fmt: skip
        assert [p.id for p in client.list_pools(filter="startswith(id,'P')")] == ["p1"]
        assert len(list(client.list_nodes("p1", filter="isDedicated eq true"))) == 2
        refused(
            "InvalidQueryParameterValue", lambda: list(client.list_pools(filter="nothing eq 1"))
        )
        client.update_pool("p1", {"metadata": [{"name": "k", "value": "w"}]})
        client.replace_pool_properties("p1", {"metadata": [], "applicationPackageReferences": []})
        counts = next(iter(client.list_pool_node_counts()))
        assert (counts.dedicated.idle, counts.low_priority.idle) == (2, 1)
        node = nodes[0].id
        client.get_node("p1", node)
        assert b"started" in b"".join(client.download_node_file("p1", node, "startup/stdout.txt"))
        names = [f.name for f in client.list_node_files("p1", node, recursive=True)]
        assert "startup/stdout.txt" in names
        client.get_node_file_properties("p1", node, "startup/stdout.txt")
        client.delete_node_file("p1", node, "startup/wd/x.txt")
        refused("FileNotFound", client.get_node_file_properties, "p1", node, "startup/none")
        client.disable_node_scheduling("p1", node, {"nodeDisableSchedulingOption": "requeue"})
        client.enable_node_scheduling("p1", node)
        client.create_node_user("p1", node, {"name": "me", "password": "kqz-Pw1", "isAdmin": True})
        client.replace_node_user("p1", node, "me", {"password": "other-Pw1"})
        client.delete_node_user("p1", node, "me")
        client.get_node_remote_login_settings("p1", node)
        list(client.list_node_extensions("p1", node))
        rebooted = nodes[1].id
        client.begin_reboot_node(
            "p1", rebooted, {"nodeRebootOption": "requeue"}, polling_interval=0.05
        ).wait()
        until(lambda: client.get_node("p1", rebooted).state == "idle")
        client.begin_reimage_node(
            "p1", rebooted, {"nodeReimageOption": "requeue"}, polling_interval=0.05
        ).wait()
        until(lambda: client.get_node("p1", rebooted).state == "idle")
        client.begin_remove_nodes("p1", {"nodeList": [rebooted]}, polling_interval=0.05).wait()
        until(lambda: client.get_pool("p1").allocation_state == "steady")
        client.begin_resize_pool(
            "p1", {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0}, polling_interval=0.05
        ).wait()
        formula = "$TargetDedicatedNodes = 1;"
        client.enable_pool_auto_scale(
            "p1", {"autoScaleFormula": formula, "autoScaleEvaluationInterval": "PT5M"}
        )
        run = client.evaluate_pool_auto_scale("p1", {"autoScaleFormula": "$nothing_useful"})
        assert run.error.code == "AutoScalingFormulaEvaluationError"
        refused(
            "AutoScalingFormulaSyntaxError",
            client.evaluate_pool_auto_scale, "p1", {"autoScaleFormula": "$x = (;"},
        )  # fmt: skip
        assert client.get_pool("p1").auto_scale_run.results.startswith("$TargetDedicatedNodes=1;")
        client.disable_pool_auto_scale("p1")
        with contextlib.suppress(ResourceExistsError):  # if the pool was faster
            client.begin_stop_pool_resize("p1", polling_interval=0.05).wait()
        list(client.list_supported_images(filter="verificationType eq 'verified'"))
        client.begin_delete_pool("p1", polling_interval=0.05).wait()
        refused("PoolNotFound", client.get_pool, "p1")
        list(client.list_applications())
        list(client.list_pool_usage_metrics())
    assert len(contract.seen) > 30


def test_jobs_and_tasks(judged):
    emulator, contract = judged
    with client_of(emulator) as client:
        client.create_pool(
            {
                "id": "p", "vmSize": "standard_d2s_v5", "virtualMachineConfiguration": MACHINE,
                "targetDedicatedNodes": 1, "taskSlotsPerNode": 4,
            }
        )  # fmt: skip
        job = {
            "id": "j", "poolInfo": {"poolId": "p"}, "usesTaskDependencies": True,
            "jobPreparationTask": {"commandLine": "/bin/true"},
            "jobReleaseTask": {"commandLine": "/bin/true"},
            "commonEnvironmentSettings": [{"name": "C", "value": "d"}],
            "constraints": {"maxTaskRetryCount": 1, "maxWallClockTime": "PT1H"},
        }  # fmt: skip
        client.create_job(job)
        refused("JobExists", client.create_job, job)
        client.create_task(
            "j",
            models.BatchTaskCreateOptions(
                id="one",
                command_line="/bin/sh -c 'echo out; echo err >&2; echo f > wd.txt'",
                constraints=models.BatchTaskConstraints(
                    max_wall_clock_time=datetime.timedelta(minutes=5)
                ),
            ),
        )
        refused("TaskExists", client.create_task, "j", {"id": "ONE", "commandLine": "x"})
        group = [{"id": f"t{i}", "commandLine": "/bin/true"} for i in range(10)]
        group.append({"id": "one", "commandLine": "/bin/true"})
        group.append(
            {"id": "fails", "commandLine": "/bin/sh -c 'exit 3'", "dependsOn": {"taskIds": ["t0"]}}
        )
        group.append({"id": "lost", "commandLine": "/no/such/program"})
        answers = client.create_task_collection("j", {"value": group}).result_values
        assert {a.status.lower() for a in answers} == {"success", "clienterror"}
        done = "state eq 'completed'"
        until(lambda: len(list(client.list_tasks("j", filter=done))) == 13)
        assert len(list(client.list_tasks("j", max_results=4, select=["id", "state"]))) == 13
        task = client.get_task("j", "one")
        assert (task.execution_info.exit_code, task.execution_info.result) == (0, "success")
        failed = client.get_task("j", "fails").execution_info
        assert (failed.exit_code, failed.retry_count) == (3, 1)
        assert (
            client.get_task("j", "lost").execution_info.failure_info.code
            == "CommandProgramNotFound"
        )
        counts = client.get_job_task_counts("j").task_counts
        assert (counts.succeeded, counts.failed) == (11, 2)
        assert b"".join(client.download_task_file("j", "one", "stdout.txt")) == b"out\n"
        part = client.download_task_file("j", "one", "stdout.txt", ocp_range="bytes=1-1")
        assert b"".join(part) == b"u"
        names = {f.name for f in client.list_task_files("j", "one", recursive=True)}
        assert {"stdout.txt", "stderr.txt", "wd/wd.txt"} <= names
        assert client.get_task_file_properties("j", "one", "stderr.txt").content_length == 4
        client.delete_task_file("j", "one", "wd/wd.txt")
        refused("FileNotFound", lambda: b"".join(client.download_task_file("j", "one", "none")))
        client.reactivate_task("j", "fails")
        list(client.list_subtasks("j", "one"))
        client.delete_task("j", "t1")
        client.create_task("j", {"id": "long", "commandLine": "/bin/sleep 100"})
        client.replace_task("j", "long", {"constraints": {"retentionTime": "P1D"}})
        until(lambda: client.get_task("j", "long").state == "running")
        client.terminate_task("j", "long")
        until(lambda: client.get_task("j", "long").state == "completed")
        assert client.get_task("j", "long").execution_info.failure_info.code == "TaskEnded"
        list(client.list_job_preparation_and_release_task_status("j"))
        client.update_job("j", {"priority": 5, "constraints": {"maxWallClockTime": "PT2H"}})
        client.replace_job("j", {"poolInfo": {"poolId": "p"}, "priority": 1})
        assert [j.id for j in client.list_jobs(filter="state eq 'active'", expand=["stats"])] == [
            "j"
        ]
        client.begin_disable_job("j", {"disableTasks": "requeue"}, polling_interval=0.05).wait()
        until(lambda: client.get_job("j").state == "disabled")
        client.begin_enable_job("j", polling_interval=0.05).wait()
        client.begin_terminate_job("j", {"terminateReason": "over"}, polling_interval=0.05).wait()
        until(lambda: client.get_job("j").state == "completed")
        refused("JobCompleted", client.create_task, "j", {"id": "late", "commandLine": "x"})
        client.begin_delete_job("j", polling_interval=0.05).wait()
        refused("JobNotFound", client.get_job, "j")
    assert len(contract.seen) > 22


def test_schedules(judged):
    emulator, contract = judged
    with client_of(emulator) as client:
        schedule = {
            "id": "s",
            "schedule": {"recurrenceInterval": "PT1H"},
            "jobSpecification": {"poolInfo": {"poolId": "p"}},
        }
        client.create_job_schedule(schedule)
        refused("JobScheduleExists", client.create_job_schedule, schedule)
        assert client.job_schedule_exists("s")
        client.get_job_schedule("s")
        list(client.list_job_schedules())
        list(client.list_jobs_from_schedule("s"))
        client.update_job_schedule("s", {"schedule": {"recurrenceInterval": "PT2H"}})
        client.replace_job_schedule(
            "s",
            {
                "schedule": {"recurrenceInterval": "PT3H"},
                "jobSpecification": {"poolInfo": {"poolId": "p"}},
            },
        )
        client.disable_job_schedule("s")
        client.enable_job_schedule("s")
        client.begin_terminate_job_schedule("s", polling_interval=0.05).wait()
        client.begin_delete_job_schedule("s", polling_interval=0.05).wait()
    assert len(contract.seen) >= 10


def test_what_is_not_of_the_contract_is_refused(judged):
    emulator, _ = judged
    with client_of(emulator) as client:
        refused(
            "InvalidRequestBody", client.create_job, {"id": "j", "poolInfo": {}, "colour": "red"}
        )
        refused("MissingRequiredProperty", client.create_job, {"id": "j"})
        refused("InvalidPropertyValue", client.create_job, {"id": "j", "poolInfo": "p"})


@pytest.mark.parametrize("version", ["2024-02-01.19.0", "2023-05-01.17.0"])
def test_older_clients_are_understood(version):
    """What azure-batch 14 and azure-cli send, with properties that are no more."""
    with Emulator(verify=False) as emulator:

        def send(path: str, body: dict, version: str) -> int:
            return requests.post(
                f"{emulator.url}{path}?api-version={version}",
                json=body,
                headers={"Content-Type": "application/json; odata=minimalmetadata"},
                timeout=30,
            ).status_code

        pool = {
            "id": "p",
            "vmSize": "standard_d2s_v5",
            "virtualMachineConfiguration": MACHINE,
            "targetNodeCommunicationMode": "classic",
            "certificateReferences": [],
            "targetDedicatedNodes": "0",
        }
        assert send("/pools", pool, "2025-06-01") == 400
        assert send("/pools", pool, "2019-01-01.1.0") == 400
        assert send("/pools", pool, version) == 201
        task = {"id": "m", "commandLine": "x", "authenticationTokenSettings": {"access": ["job"]}}
        job = {"id": "j", "poolInfo": {"poolId": "p"}, "jobManagerTask": task}
        assert send("/jobs", job, version) == 201
        assert emulator.errors == []


# -- the judge itself ------------------------------------------------------------------------


def test_the_judge_finds_faults():
    assert find("GET", "/jobs/a/tasks/b/files/wd/sub/x.txt").name == "download_task_file"
    assert find("GET", "/jobs/a/tasks").name == "list_tasks"
    assert find("PATCH", "/nothing") is None
    assert len(operations()) == 72
    task = {"id": "x", "state": "flying", "creationTime": "yesterday", "color": "red"}
    said = " ".join(faults("#/definitions/BatchTask", task))
    for word in ("flying", "yesterday", "color"):
        assert word in said
    assert faults("#/definitions/BatchTask", {"id": 3}, "none")
    spread = {"nodeFillType": "Spread"}
    assert faults("#/definitions/BatchTaskSchedulingPolicy", spread) == []
    assert faults("#/definitions/BatchTaskSchedulingPolicy", {"nodeFillType": "SPREAD"})
