"""Runs on the emulator: orders by hand, the real SDK, Azurite for the files."""

from __future__ import annotations

import os
import time

from rulekit.emulator.server import Emulator
from rulekit.executors.azure import worker
from rulekit.executors.azure.client import BatchService
from rulekit.executors.azure.executor import AzureBatchExecutor
from rulekit.executors.azure.health import Limits
from rulekit.executors.azure.pace import Pace
from rulekit.executors.azure.settings import AzureSettings, Secret
from rulekit.executors.azure.setup import RunFacts
from rulekit.model.places import Places, Root
from rulekit.model.spec import JobResult, JobSpec, OutputSpec
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage

BASH = "/bin/bash"
worker._TEND_S = 0.5  # seconds between looks at pools; tests do not wait five


def job(number: int, command: str, outputs=(), inputs=(), **more) -> JobSpec:
    """An order for a shell command."""
    rule = more.pop("rule", "rule")
    attempt = more.pop("attempt", 1)
    values = {
        "id": number,
        "key": f"{rule}:n={number}",
        "rule": rule,
        "attempt": attempt,
        "token": more.pop("token", f"run.0.{number}.{attempt}"),
        "workdir": os.getcwd(),
        "body": {
            "kind": "shell",
            "command": command,
            "executable": BASH,
            "prefix": "",
            "suffix": "",
        },
        "inputs": tuple(inputs),
        "outputs": tuple(OutputSpec(path, {}) for path in outputs),
        "logs": (),
        "benchmark": None,
        "benchmark_repeats": 1,
        "environment": {},
        "threads": 1,
        "timeout_s": None,
        "shadow": None,
        "keep_incomplete": False,
        "latency_wait_s": 0.0,
        "digest_limit": 1 << 20,
        "context": None,
    }
    values.update(more)
    return JobSpec(**values)


class Bench:
    """An emulator, a container, and executors over them."""

    def __init__(self, azurite, container: str, **options) -> None:
        self.azurite = azurite
        self.container = container
        self.emulator = Emulator(**options)
        self.storage = AzBlobStorage({"main": account_of(azurite.url, azurite.key, key="main")})
        self.places = Places(default=Root("", "main", container, "pre/"))
        self.said: list[tuple[str, str]] = []
        self.open: list[AzureBatchExecutor] = []

    def settings(self, **more) -> AzureSettings:
        values = {
            "account_url": self.emulator.url,
            "account_name": self.emulator.account,
            "account_key": Secret(self.emulator.key),
            "vm_size": "Standard_D4ds_v5",
        }
        return AzureSettings(**{**values, **more})

    def executor(self, journal=None, run="run-1", environment=None, **more) -> AzureBatchExecutor:
        names = AzureSettings.__match_args__
        settings = self.settings(**{k: more.pop(k) for k in list(more) if k in names})
        service = BatchService(settings, deadline_s=more.pop("deadline_s", 60), first_pause_s=0.05)
        made = AzureBatchExecutor(
            settings,
            more.pop("storage", self.storage),
            self.places,
            run=run,
            journal=None if journal is None else str(journal),
            say=lambda level, text: self.said.append((level, text)),
            facts=RunFacts(environment or {}),
            service=service,
            pace=more.pop("pace", Pace(0.1, 1.0)),
            limits=more.pop("limits", Limits(0.5, 0.5, 20.0)),
            **more,
        )
        self.open.append(made)
        return made

    def put(self, path: str, data: bytes | str = b"") -> None:
        self.azurite.put(self.container, "pre/" + path, data)

    def get(self, path: str) -> bytes:
        return self.azurite.get(self.container, "pre/" + path)

    def names(self, below: str = "") -> list[str]:
        return [name[4:] for name in self.azurite.names(self.container, "pre/" + below)]

    def live_pools(self) -> list[str]:
        return lasting(self.emulator, "pools")

    def live_jobs(self) -> list[str]:
        return lasting(self.emulator, "jobs")

    def close(self) -> None:
        for executor in self.open:
            executor.service.close()
        self.emulator.close()
        self.storage.close()


def lasting(emulator: Emulator, kind: str, seconds: float = 60.0) -> list[str]:
    """`pools` or `jobs` that are there, once those that are being deleted have gone."""
    until = time.monotonic() + seconds
    while True:
        with emulator.world.lock:
            found = dict(getattr(emulator.world, kind))
            going = [name for name, one in found.items() if one.state == "deleting"]
        if not going:
            return list(found)
        assert time.monotonic() < until, f"{going} are not gone after {seconds} s"
        time.sleep(0.02)


class Gate:
    """Lets a command of a job wait until the test says so: for a file beside the folder of the run,
    as paths inside of it are others on a node."""

    def __init__(self, folder) -> None:
        self.path = folder.with_name(folder.name + "-gate-is-open")
        self.wait = f"while ! test -e '{self.path}'; do sleep 0.1; done"

    def open(self) -> None:
        self.path.touch()


def gather(executor, count: int, seconds: float = 180.0) -> dict[str, JobResult]:
    """Results by token, until there are so many."""
    found: dict[str, JobResult] = {}
    until = time.monotonic() + seconds
    while len(found) < count:
        left = until - time.monotonic()
        assert left > 0, f"{len(found)} of {count} results after {seconds} s"
        for item in executor.poll(min(left, 1.0)):
            if isinstance(item, JobResult):
                assert item.token not in found
                found[item.token] = item
    return found
