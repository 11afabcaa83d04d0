"""Tasks that nobody in his right mind adds: each one ends, none hangs, nothing inside breaks."""

from __future__ import annotations

import time

import pytest
import requests

from rulekit.emulator.server import Emulator

HEADERS = {"Content-Type": "application/json; odata=minimalmetadata"}
VERSION = {"api-version": "2025-06-01"}


class Client:
    """The emulator without the SDK, which would not send most of this."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: dict) -> requests.Response:
        return requests.post(
            self.url + path, json=body, headers=HEADERS, params=VERSION, timeout=30
        )

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(self.url + path, params={**VERSION, **query}, timeout=30)

    def ended(self, task: str) -> dict:
        end = time.monotonic() + 90
        while True:
            found = self.get(f"/jobs/j/tasks/{task}").json()
            if found["state"] == "completed":
                return found["executionInfo"]
            assert time.monotonic() < end, f"{task} hangs: {found}"
            time.sleep(0.03)

    def run(self, task: str, **spec: object) -> dict:
        answer = self.post("/jobs/j/tasks", {"id": task, "commandLine": "/bin/true", **spec})
        assert answer.status_code == 201, answer.text
        return self.ended(task)


@pytest.fixture(scope="module")
def emulator():
    with Emulator(verify=False) as server:
        yield server
        assert server.errors == []


@pytest.fixture(scope="module")
def client(emulator):
    made = Client(emulator.url)
    image = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"}
    machine = {"imageReference": image, "nodeAgentSKUId": "batch.node.ubuntu 24.04"}
    pool = {"id": "p", "vmSize": "standard_d2s_v5", "virtualMachineConfiguration": machine}
    made.post("/pools", {**pool, "targetDedicatedNodes": 1, "taskSlotsPerNode": 4})
    made.post("/jobs", {"id": "j", "poolInfo": {"poolId": "p"}})
    made.run("source", commandLine="/bin/echo source")
    return made


NOWHERE = "http://127.0.0.1:9/x"
RESOURCES = {
    "mode-of-letters": ({"fileMode": "abc"}, "ResourceFileWriteFailed"),
    "mode-too-large": ({"fileMode": "9" * 20}, "ResourceFileWriteFailed"),
    "nul-in-path": ({"filePath": "a\0b"}, "ResourceFileWriteFailed"),
    "path-out-of-wd": ({"filePath": "../../../escape"}, "ResourceFileCreateFailed"),
    "absolute-path": ({"filePath": "/tmp/rulekit-escape"}, "ResourceFileCreateFailed"),
    "long-name": ({"filePath": "x" * 300}, "ResourceFileWriteFailed"),
    "wd-itself": ({"filePath": "."}, "ResourceFileWriteFailed"),
    "bad-host": ({"httpUrl": "http://[::bad/"}, "BlobDownloadMiscError"),
    "blank-in-host": ({"httpUrl": "http://exa mple/"}, "BlobDownloadMiscError"),
    "bad-port": ({"httpUrl": "http://127.0.0.1:99999/x"}, "BlobDownloadMiscError"),
    "split-header": ({"httpUrl": "http://127.0.0.1:9/x\r\nHost: y"}, "BlobDownloadMiscError"),
    "local-file": ({"httpUrl": "file:///etc/passwd"}, "BlobDownloadMiscError"),
}


@pytest.mark.parametrize("name", RESOURCES)
def test_resource_files(client, name):
    change, code = RESOURCES[name]
    source = f"{client.url}/jobs/j/tasks/source/files/stdout.txt?api-version=2025-06-01"
    info = client.run(name, resourceFiles=[{"httpUrl": source, "filePath": "f", **change}])
    assert (info["result"], info["failureInfo"]["code"]) == ("failure", code)
    assert "exitCode" not in info


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("empty", {"commandLine": ""}, "CommandProgramNotFound"),
        ("blank", {"commandLine": "  "}, "CommandProgramNotFound"),
        ("open-quote", {"commandLine": "'"}, "CommandLaunchFailed"),
        ("nul", {"commandLine": "/bin/echo \0"}, "CommandLaunchFailed"),
        ("too-long", {"commandLine": "/bin/echo " + "y" * 200_000}, "CommandLaunchFailed"),
        ("a-folder", {"commandLine": "/tmp"}, "CommandProgramNotFound"),
        ("name-with-equals", {"environmentSettings": [{"name": "A=B", "value": "x"}]}, "CommandLaunchFailed"),
        ("nul-in-value", {"environmentSettings": [{"name": "A", "value": "\0"}]}, "CommandLaunchFailed"),
        ("large-value", {"environmentSettings": [{"name": "A", "value": "z" * 200_000}]}, "CommandLaunchFailed"),
        ("killed", {"commandLine": "/bin/sh -c 'kill -9 $$'"}, "FailureExitCode"),
        ("no-container-pool", {"containerSettings": {"imageName": "x"}}, "ContainerPoolNotSupported"),
    ],
)  # fmt: skip
def test_commands(client, name, change, code):
    info = client.run(name, **change)
    assert (info["result"], info["failureInfo"]["code"]) == ("failure", code)


@pytest.mark.parametrize(
    "pattern", ["**", "[", "*" * 100, "../../../../../etc/passwd", "pipe", "a\0b", "loop/**"]
)
def test_output_files(client, pattern):
    name = f"out-{abs(hash(pattern))}"
    condition = {"uploadCondition": "taskcompletion"}
    where = {"container": {"containerUrl": NOWHERE}}
    info = client.run(
        name,
        commandLine="/bin/sh -c 'echo a > a.txt; mkdir d; mkfifo pipe; ln -s . loop'",
        outputFiles=[{"filePattern": pattern, "destination": where, "uploadOptions": condition}],
    )
    assert info["exitCode"] == 0
    if pattern == "**":
        assert info["failureInfo"]["code"] == "FileUploadMiscError"


def test_what_a_task_leaves_behind_can_be_listed(client):
    info = client.run(
        "odd-names",
        commandLine='/bin/sh -c \'echo x > "$(printf "a\\\\377b")"; ln -s / root; mkfifo pipe; '
        'echo y > "new\nline"\'',
    )
    assert info["exitCode"] == 0
    listed = client.get("/jobs/j/tasks/odd-names/files", recursive="true")
    assert listed.status_code == 200
    names = {one["name"] for one in listed.json()["value"]}
    assert {"stdout.txt", "wd/new\nline"} <= names
    for path in ("..%2f..%2fetc%2fpasswd", "wd/root/etc/passwd", "%00", "wd/pipe", "wd"):
        answer = client.get(f"/jobs/j/tasks/odd-names/files/{path}")
        assert answer.status_code in (404, 409), path


def test_a_task_may_remove_its_own_directory(client):
    info = client.run("gone", commandLine="/bin/sh -c 'rm -rf \"$AZ_BATCH_TASK_DIR\"; exit 4'")
    assert info["exitCode"] == 4
    assert client.get("/jobs/j/tasks/gone/files/stdout.txt").status_code == 404
