from __future__ import annotations

import os

import pytest

from rulekit.model.places import Location
from rulekit.model.spec import JobSpec, OutputSpec
from rulekit.node.orders import make_order
from rulekit.node.work import run_order


def make_spec(command="true", outputs=(), inputs=(), **changes):
    """A shell job; outputs are names, or (name, flags)."""
    number = changes.pop("number", 1)
    body = changes.pop("body", None) or {
        "kind": "shell",
        "command": command,
        "executable": "/bin/bash",
        "prefix": "set -euo pipefail; ",
        "suffix": "",
    }
    values = {
        "id": number,
        "key": f"job{number}",
        "rule": "rule",
        "attempt": 1,
        "token": f"run{os.getpid()}.0.{number}.1",
        "workdir": "/driver/project",
        "body": body,
        "inputs": tuple(inputs),
        "outputs": tuple(
            OutputSpec(name, {}) if isinstance(name, str) else OutputSpec(*name) for name in outputs
        ),
        "logs": (),
        "benchmark": None,
        "benchmark_repeats": 1,
        "environment": {},
        "threads": 1,
        "timeout_s": None,
        "shadow": None,
        "keep_incomplete": False,
        "latency_wait_s": 0.0,
        "digest_limit": 100_000,
        "context": None,
        **changes,
    }
    return JobSpec(**values)


@pytest.fixture
def spec():
    return make_spec


class Bench:
    """Orders against the real server; every relative path is stored below `p/`."""

    def __init__(self, azurite, container, folder) -> None:
        self.azurite = azurite
        self.container = container
        self.root = str(folder / "root")
        self.sas = azurite.account_sas()
        self.said: list[str] = []

    def find(self, path):
        return None if path[0] == "/" else Location("main", self.container, "p/" + path)

    @property
    def accounts(self):
        return {"main": {"url": self.azurite.url, "auth": "sas", "client_id": None}}

    def secrets(self, **environment):
        return {"sas": {"main": self.sas}, "environment": environment}

    def order(self, *specs, **options):
        options.setdefault("run", "run-1")
        return make_order(specs, options.pop("find", self.find), self.accounts, **options)

    def run(self, *specs, secrets=None, local_root=None, patience_s=20.0, **options):
        before = os.getcwd()
        try:
            return run_order(
                self.order(*specs, **options),
                self.secrets() if secrets is None else secrets,
                self.root,
                self.said.append,
                local_root=local_root,
                patience_s=patience_s,
            )
        finally:
            os.chdir(before)

    def put(self, path, data=b"", **options):
        self.azurite.put(self.container, "p/" + path, data, **options)

    def get(self, path):
        return self.azurite.get(self.container, "p/" + path)

    def names(self):
        return [name[2:] for name in self.azurite.names(self.container, "p/")]


@pytest.fixture
def bench(azurite, container, tmp_path):
    return Bench(azurite, container, tmp_path)
