from __future__ import annotations

import os

import pytest

from rulekit.frozen import replace
from rulekit.model.spec import JobSpec, OutputSpec
from rulekit.runner import attempt as steps
from rulekit.runner.command import Environments
from rulekit.runner.files import Refused


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The job's working directory, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def order(here):
    """Makes a `JobSpec` for a shell command; outputs are names, or (name, flags)."""

    def make(command="true", outputs=(), inputs=(), **changes):
        spec = JobSpec(
            id=1,
            key="a",
            rule="a",
            attempt=1,
            # Another one for each process: who stops an attempt stops all processes of its token.
            token=changes.pop("token", f"r{os.getpid()}-1-1"),
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


def attempt(spec):
    """One attempt by the three steps, as the host takes them."""
    try:
        prepared = steps.prepare(spec)
    except Refused as refused:
        return steps.refused(spec, refused)
    try:
        if not steps.start(prepared, Environments()):
            return steps.finish(prepared, 0)
    except Refused as refused:
        return steps.failed(prepared, 1, refused.problem, refused.detail)
    _, status, rusage = os.wait4(prepared.pid, 0)
    steps.add_usage(prepared, rusage)
    return steps.finish(prepared, status)
