"""What the tests of the emulator share: clients by the real SDK, pools and jobs in a line."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import time

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError

from rulekit.emulator import auth
from rulekit.emulator.formats import http_date
from rulekit.emulator.messages import Call
from rulekit.emulator.server import Emulator

VERSION = "2025-06-01"
CONTENT = "application/json; odata=minimalmetadata"


def client_of(emulator: Emulator, **options) -> BatchClient:
    """The real client; it does not repeat requests unless asked."""
    options.setdefault("retry_total", 0)
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    return BatchClient(emulator.url, credential, **options)


@contextlib.contextmanager
def running(**options):
    """An emulator and a client; at the end the emulator must not have met a mistake of its own."""
    with Emulator(**options) as emulator, client_of(emulator) as client:
        yield emulator, client
        assert emulator.errors == []


def machine(**more) -> models.VirtualMachineConfiguration:
    """What machines of a pool run."""
    image = models.BatchVmImageReference(publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2404")
    return models.VirtualMachineConfiguration(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04", **more
    )


def make_pool(client: BatchClient, ident: str = "pool", nodes: int | None = 1, **more) -> str:
    """A pool of so many dedicated nodes."""
    more.setdefault("virtual_machine_configuration", machine())
    client.create_pool(
        models.BatchPoolCreateOptions(
            id=ident, vm_size="Standard_D2_v3", target_dedicated_nodes=nodes, **more
        )
    )
    return ident


def make_job(client: BatchClient, ident: str = "job", pool: str = "pool", **more) -> str:
    """A job on a pool."""
    info = more.pop("pool_info", None) or models.BatchPoolInfo(pool_id=pool)
    client.create_job(models.BatchJobCreateOptions(id=ident, pool_info=info, **more))
    return ident


def shell(ident: str, script: str, **more) -> models.BatchTaskCreateOptions:
    """A task that runs a shell script of one line (without single quotes)."""
    assert "'" not in script
    return models.BatchTaskCreateOptions(id=ident, command_line=f"/bin/sh -c '{script}'", **more)


def add(client: BatchClient, job: str, *tasks) -> None:
    """Add tasks in one request; all must be accepted."""
    group = models.BatchTaskGroup(task_values=list(tasks))
    found = client.create_task_collection(job, group).result_values
    assert [r.status.lower() for r in found] == ["success"] * len(tasks), found


def until(what, seconds: float = 90.0):
    """The first true value of `what()`; fails when that takes too long."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"it did not happen: {found!r}"
        time.sleep(0.01)


def finished(client: BatchClient, job: str = "job", *ids: str) -> dict[str, models.BatchTask]:
    """The tasks of a job (or those named), once all of them are completed."""

    def done():
        tasks = {t.id: t for t in client.list_tasks(job) if not ids or t.id in ids}
        good = tasks and all(t.state == "completed" for t in tasks.values())
        return tasks if good and len(tasks) >= len(ids) else None

    return until(done)


def output(client: BatchClient, job: str, task: str, name: str = "stdout.txt") -> str:
    """A file of a task."""
    return b"".join(client.download_task_file(job, task, name)).decode()


@contextlib.contextmanager
def refused(code: str, status: int | None = None):
    """What is inside must be answered with this error."""
    try:
        yield
    except HttpResponseError as error:
        assert error.error is not None and error.error.code == code, error
        assert status is None or error.status_code == status
        return
    raise AssertionError(f"{code} was expected")


class Raw:
    """Requests by hand, signed."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def __call__(self, verb, path, body=None, headers=None, query=None, sign=True, key=None):
        """(status, headers in small letters, body: JSON or bytes)."""
        values = {"api-version": VERSION} if query is None else query
        target = path + ("?" + "&".join(f"{k}={v}" for k, v in values.items()) if values else "")
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        sent = {"ocp-date": http_date(time.time()), "host": f"127.0.0.1:{self.emulator.port}"}
        if data:
            sent["content-type"] = CONTENT
            sent["content-length"] = str(len(data))
        sent.update({k.lower(): v for k, v in (headers or {}).items()})
        sent = {k: v for k, v in sent.items() if v is not None}
        if sign and "authorization" not in sent:
            call = Call(verb, target, sent, data)
            text = auth.string_to_sign(call, self.emulator.account)
            signature = auth.signature(text, key or self.emulator.key)
            sent["authorization"] = f"SharedKey {self.emulator.account}:{signature}"
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=90)
        try:
            connection.request(verb, target, body=data or None, headers=sent)
            answer = connection.getresponse()
            raw = answer.read()
            found = {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()
        if raw and found.get("content-type", "").startswith("application/json"):
            return answer.status, found, json.loads(raw)
        return answer.status, found, raw


def alive(marker: str) -> list[int]:
    """Processes whose command line holds a marker (Linux)."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as source:
                if marker.encode() in source.read():
                    found.append(int(name))
        except OSError:
            continue
    return found
