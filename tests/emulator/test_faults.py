"""Planned failures: of requests, of nodes, of tasks; in-process and over the control endpoint."""

from __future__ import annotations

import http.client
import json
import time

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from emukit import (
    add,
    client_of,
    finished,
    make_job,
    make_pool,
    output,
    refused,
    running,
    shell,
    until,
)


@pytest.fixture
def emu():
    with running() as (emulator, client):
        yield emulator, client


def test_a_status_before_anything_is_done(emu):
    emulator, client = emu
    emulator.faults.add(verb="POST", path="/pools", status=503, retry_after=7, times=1)
    with pytest.raises(HttpResponseError) as caught:
        make_pool(client, nodes=0)
    assert caught.value.status_code == 503
    assert caught.value.error.code == "ServerBusy"
    assert caught.value.response.headers["Retry-After"] == "7"
    assert list(client.list_pools()) == []
    make_pool(client, nodes=0)
    entry = emulator.ledger.requests("create_pool")[0]
    assert (entry.status, entry.code, entry.fault) == (503, "ServerBusy", "status")


def test_a_status_after_it_was_done(emu):
    emulator, client = emu
    emulator.faults.add(operation="create_pool", kind="after", times=1)
    with refused("InternalError", 500):
        make_pool(client, nodes=0)
    with refused("PoolExists", 409):
        make_pool(client, nodes=0)


def test_dropped_connections(emu):
    emulator, client = emu
    emulator.faults.add(operation="create_pool", kind="drop", times=1)
    emulator.faults.add(operation="create_pool", kind="drop-after", times=1)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        make_pool(client, nodes=0)
    assert list(client.list_pools()) == []
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        make_pool(client, nodes=0)
    assert [p.id for p in client.list_pools()] == ["pool"]


def test_half_answers(emu):
    emulator, client = emu
    make_pool(client, nodes=0)
    emulator.faults.add(operation="get_pool", kind="half", times=1)
    with pytest.raises(Exception):  # noqa: B017  which error it is depends on the transport
        client.get_pool("pool")
    assert client.get_pool("pool").id == "pool"


def test_the_sdks_own_retries_get_over_it(emu):
    emulator, _ = emu
    emulator.faults.add(operation="list_pools", status=429, retry_after=0, times=2)
    with client_of(emulator, retry_total=5, retry_backoff_factor=0.01) as client:
        assert list(client.list_pools()) == []
    assert [r.status for r in emulator.ledger.requests("list_pools")] == [429, 429, 200]


def test_skip_times_chance_and_seed(emu):
    emulator, client = emu
    number = emulator.faults.add(operation="list_pools", status=500, skip=2, times=1)

    def statuses(count):
        found = []
        for _ in range(count):
            try:
                list(client.list_pools())
                found.append(200)
            except HttpResponseError as error:
                found.append(error.status_code)
        return found

    assert statuses(5) == [200, 200, 500, 200, 200]
    emulator.faults.remove(number)
    emulator.faults.add(operation="list_*", status=500, chance=0.3)
    emulator.faults.seed(7)
    first = statuses(40)
    emulator.faults.seed(7)
    assert statuses(40) == first
    assert 3 < first.count(500) < 25
    emulator.faults.remove()
    assert statuses(3) == [200] * 3


def test_stale_reads(emu):
    emulator, client = emu
    make_pool(client, nodes=0)
    emulator.faults.add(operation="get_pool", kind="stale")
    assert client.get_pool("pool").metadata is None
    client.update_pool("pool", {"metadata": [{"name": "a", "value": "b"}]})
    assert client.get_pool("pool").metadata is None
    emulator.faults.remove()
    assert client.get_pool("pool").metadata is not None


def test_an_expired_link(emu):
    emulator, client = emu
    for name in ("a", "b"):
        make_pool(client, name, 0)
    emulator.faults.add(operation="list_pools", kind="expired-link", times=5)
    with refused("InvalidQueryParameterValue", 400):
        list(client.list_pools(max_results=1))


def test_a_slow_answer(emu):
    emulator, client = emu
    emulator.faults.add(operation="list_pools", kind="slow", seconds=0.3, times=1)
    begin = time.monotonic()
    list(client.list_pools())
    assert time.monotonic() - begin >= 0.3


def test_plans_that_cannot_be_understood(emu):
    emulator, _ = emu
    for plan in (
        {"kind": "explode"},
        {"event": "explode"},
        {"operaton": "list_pools", "status": 500},
    ):
        with pytest.raises(ValueError):
            emulator.faults.add(plan)
    assert emulator.faults.plans() == {}


def test_failures_of_tasks(emu):
    emulator, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client)
    emulator.faults.add(event="disk-full", task="full")
    emulator.faults.add(event="resource-file", task="res", code="BlobAccessDenied")
    emulator.faults.add(event="output-file", task="out")
    outputs = [
        models.OutputFile(
            file_pattern="*",
            destination=models.OutputFileDestination(
                container=models.OutputFileBlobContainerDestination(container_url="http://x/y")
            ),
            upload_options=models.OutputFileUploadConfiguration(upload_condition="taskcompletion"),
        )
    ]
    add(
        client,
        "job",
        shell("full", "true"),
        shell("res", "true"),
        shell("out", "true", output_files=outputs),
        shell("fine", "true"),
    )
    tasks = finished(client)
    codes = {n: t.execution_info.failure_info for n, t in tasks.items()}
    assert codes["full"].code == "DiskFull" and codes["full"].category == "servererror"
    assert codes["res"].code == "BlobAccessDenied"
    assert codes["out"].code == "FileUploadMiscError"
    assert codes["fine"] is None
    assert tasks["full"].execution_info.exit_code is None
    assert tasks["out"].execution_info.exit_code == 0
    assert tasks["out"].execution_info.result == "failure"


def test_failures_of_start_tasks_and_quotas(emu):
    emulator, client = emu
    emulator.faults.add(event="start-task", pool="bad*")
    start = models.BatchStartTask(command_line="true")
    make_pool(client, "good", start_task=start)
    make_pool(client, "bad1", start_task=start)
    until(lambda: [n.state for n in client.list_nodes("bad1")] == ["starttaskfailed"])
    until(lambda: [n.state for n in client.list_nodes("good")] == ["idle"])
    emulator.faults.add(event="quota", pool="small")
    make_pool(client, "small")
    found = until(lambda: client.get_pool("small").resize_errors)
    assert found[0].code == "AccountCoreQuotaReached"
    emulator.faults.add(event="quota", job="j*", times=1)
    with refused("ActiveJobAndScheduleQuotaReached", 409):
        make_job(client, "j1", "good")
    make_job(client, "j2", "good")


def test_preemption_in_the_middle_of_tasks(emu):
    """Many short preemptions; each task still ends well, and only requeues are counted."""
    emulator, client = emu
    emulator.faults.add(event="preempt", chance=0.5, after=[0.0, 0.15], times=12)
    make_pool(client, nodes=0, target_low_priority_nodes=4, task_slots_per_node=2)
    make_job(client)
    add(client, "job", *(shell(f"t{n}", f"sleep 0.05; echo {n}") for n in range(40)))
    tasks = finished(client)
    assert {t.execution_info.exit_code for t in tasks.values()} == {0}
    assert {t.execution_info.retry_count for t in tasks.values()} == {0}
    lost = [c for c in emulator.ledger.changes("node") if c.after == "preempted"]
    assert lost
    requeued = sum(t.execution_info.requeue_count for t in tasks.values())
    back = [c for c in emulator.ledger.tasks() if (c.before, c.after) == ("running", "active")]
    assert requeued == len(back)
    emulator.faults.remove()
    # What a task wrote can be read if its node was not lost afterwards.
    read = [
        name for name, task in tasks.items() if task.node_info.node_id not in {c.name for c in lost}
    ]
    for name in read:
        assert output(client, "job", name) == name[1:] + "\n"
    nodes = list(client.list_nodes("pool"))
    assert all(n.running_task_slots_count == 0 for n in nodes)


def control(emulator, verb, path="", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(verb, "/_emulator" + path, body=data, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def test_the_control_endpoint(emu):
    emulator, client = emu
    make_pool(client, nodes=0, target_low_priority_nodes=1)
    until(lambda: [n.state for n in client.list_nodes("pool")] == ["idle"])
    status, found = control(emulator, "GET")
    assert (status, found["pools"], found["nodes"], found["account"]) == (200, 1, 1, "emulated")
    status, made = control(emulator, "POST", "/faults", {"operation": "list_jobs", "status": 500})
    assert status == 201
    with refused("InternalError", 500):
        list(client.list_jobs())
    assert list(control(emulator, "GET", "/faults")[1]["value"]) == [str(made["number"])]
    assert control(emulator, "DELETE", "/faults", {"number": made["number"]})[0] == 200
    list(client.list_jobs())
    status, found = control(emulator, "POST", "/preempt", {"pool": "p*"})
    assert (status, len(found["nodes"])) == (200, 1)
    assert control(emulator, "POST", "/advance", {"seconds": 100})[0] == 200
    requests = control(emulator, "GET", "/requests")[1]["value"]
    assert [r["status"] for r in requests if r["operation"] == "list_jobs"] == [500, 200]
    assert {"preempted"} <= {c["after"] for c in control(emulator, "GET", "/changes")[1]["value"]}
    assert control(emulator, "GET", "/nodes")[1]["value"][0]["pool"] == "pool"
    assert control(emulator, "GET", "/cost")[1]["usd"] > 0
    for verb, path, body in (
        ("POST", "/faults", {"kind": "no"}),
        ("POST", "/faults", ["x"]),
        ("POST", "/advance", {}),
        ("POST", "/advance", {"seconds": "x"}),
    ):
        assert control(emulator, verb, path, body)[0] == 400
    assert control(emulator, "GET", "/else")[0] == 404
    assert control(emulator, "POST", "/else", {})[0] == 404
    # A page in a browser must not reach it.
    assert control(emulator, "POST", "/advance", {"seconds": 1}, Origin="http://evil")[0] == 403


def test_the_ledger_can_be_cleared(emu):
    emulator, client = emu
    list(client.list_pools())
    assert emulator.ledger.requests("list_pools")
    emulator.ledger.clear()
    assert emulator.ledger.requests() == []
