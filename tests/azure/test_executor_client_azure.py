"""The client of the Batch service: what it repeats, what it tells, what it hides."""

from __future__ import annotations

import pytest

from rulekit.emulator.server import Emulator
from rulekit.errors import InfrastructureError
from rulekit.executors.azure import sender
from rulekit.executors.azure.client import BatchService, ServiceError
from rulekit.executors.azure.settings import AzureSettings, Secret


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as made:
        yield made
        assert made.errors == []


@pytest.fixture
def service(emulator):
    settings = AzureSettings(emulator.url, emulator.account, Secret(emulator.key))
    made = BatchService(settings, deadline_s=20, first_pause_s=0.01)
    yield made
    made.close()
    emulator.faults.remove()


@pytest.mark.parametrize(
    "plan",
    [
        {"kind": "status", "status": 503, "retry_after": 0},
        {"kind": "status", "status": 429, "retry_after": 0},
        {"kind": "status", "status": 500},
        {"kind": "after", "status": 500},
        {"kind": "drop"},
        {"kind": "drop-after"},
        {"kind": "half"},
    ],
    ids=lambda plan: str(plan["kind"]),
)
def test_passing_trouble_is_repeated_and_nothing_is_done_twice(service, emulator, plan):
    name = f"job-{plan['kind']}-{plan.get('status', 0)}-{plan.get('retry_after', 'x')}"
    emulator.faults.add({**plan, "times": 2})
    sender.create_job(service, {"id": name, "poolInfo": {"poolId": "p"}})
    emulator.faults.remove()
    assert [row["id"] for row in service.rows("/jobs", {"$select": "id"})].count(name) == 1
    body = {"id": "t", "commandLine": "true"}
    emulator.faults.add({**plan, "times": 2})
    assert sender.send(service, name, [body]) == {}
    emulator.faults.remove()
    assert len(list(service.rows(f"/jobs/{name}/tasks", {}))) == 1
    assert service.repeated >= 1


def test_trouble_that_stays_ends_with_the_last_reason(service, emulator):
    service.hurry(0.2)
    emulator.faults.add(kind="status", status=503, code="ServerBusy", retry_after=0)
    with pytest.raises(ServiceError) as caught:
        service.raw("/jobs", {})
    (found,) = caught.value.diagnostics
    assert found.code == "RK0612" and "ServerBusy" in found.message


def test_a_refusal_keeps_code_and_request(service):
    with pytest.raises(ServiceError) as caught:
        service.call("get_job", "no-such-job")
    assert caught.value.name == "JobNotFound" and caught.value.status == 404
    assert "RequestId:" in str(caught.value)


def test_values_of_a_refusal_are_notes(service):
    with pytest.raises(ServiceError) as caught:
        service.call("create_job", job={"id": "bad id", "poolInfo": {"poolId": "p"}})
    assert caught.value.status == 400
    assert caught.value.diagnostics[0].notes


def test_lists_go_on_after_a_page_that_failed(service, emulator):
    sender.create_job(service, {"id": "paged", "poolInfo": {"poolId": "p"}})
    bodies = [{"id": f"t{n:03}", "commandLine": "true"} for n in range(230)]
    assert sender.send(service, "paged", bodies) == {}
    emulator.faults.add(kind="drop", chance=0.4)
    rows = [row["id"] for row in service.rows("/jobs/paged/tasks", {"maxresults": "20"})]
    emulator.faults.remove()
    assert rows == [body["id"] for body in bodies]
    emulator.faults.add(kind="drop", chance=0.4)
    seen = [task.id for task in service.each("list_tasks", "paged", max_results=20)]
    emulator.faults.remove()
    assert seen == rows


def test_what_is_refused_is_told_for_each_task(service):
    sender.create_job(service, {"id": "mixed", "poolInfo": {"poolId": "p"}})
    bodies = [{"id": "good", "commandLine": "true"}, {"id": "good", "commandLine": "true"}]
    assert sender.send(service, "mixed", bodies) == {}, "the same task twice is one"


def test_a_key_that_is_no_base64_is_told_without_it():
    settings = AzureSettings("http://127.0.0.1:9", "a", Secret("this is no key!"))
    with pytest.raises(InfrastructureError) as caught:
        BatchService(settings).call("get_job", "x")
    text = str(caught.value.diagnostics)
    assert "no base64" in text and "this is no key" not in text


def test_signatures_and_hidden_values_are_stars(service, emulator):
    service.hide(["planted-secret", "4"])
    text = service.masked(f"GET /x?sig=abc%2Bdef&se=1 {emulator.key} planted-secret 4")
    assert "abc" not in text and emulator.key not in text and "planted" not in text
    assert text.endswith(" 4")
