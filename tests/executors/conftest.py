from __future__ import annotations

import pytest

from rulekit.executors.local import LocalExecutor
from rulekit.frozen import replace
from rulekit.model.spec import JobSpec, OutputSpec


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def order(here):
    numbers = iter(range(1, 10**6))

    def make(command="true", outputs=(), inputs=(), **changes):
        number = next(numbers)
        spec = JobSpec(
            id=number,
            key=f"a:n={number}",
            rule="a",
            attempt=1,
            token=f"r{here.name}-{number}-1",
            workdir=str(here),
            body={
                "kind": "shell",
                "command": command,
                "executable": "bash",
                "prefix": "set -euo pipefail; ",
                "suffix": "",
            },
            inputs=tuple(inputs),
            outputs=tuple(
                OutputSpec(o, {}) if isinstance(o, str) else OutputSpec(*o) for o in outputs
            ),
            logs=(),
            benchmark=None,
            benchmark_repeats=1,
            environment={},
            threads=1,
            timeout_s=None,
            shadow=None,
            keep_incomplete=False,
            latency_wait_s=0.0,
            digest_limit=1_000_000,
            context=None,
        )
        return replace(spec, **changes)

    return make


@pytest.fixture
def executor(here):
    made = LocalExecutor(".rulekit", str(here / "journal"))
    yield made
    made.close()


def results(executor, count):
    """The next `count` results, in the order in which they come."""
    found = []
    while len(found) < count:
        news = executor.poll(120)
        assert news, "nothing came for 120 seconds"
        found += [item for item in news if hasattr(item, "ok")]
    return found
