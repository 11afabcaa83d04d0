from __future__ import annotations

import os

import pytest

from rulekit.model.spec import FileResult, JobResult
from rulekit.provenance.facts import Finished, JobFacts
from rulekit.provenance.store import Store


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(here):
    made = Store.open(".rulekit")
    yield made
    made.close()


def facts(token="r-1-1", outputs=("out",), **changes):
    values = {
        "token": token,
        "key": f"a:{token}",
        "rule": "a",
        "wildcards": {"x": "1"},
        "attempt": 1,
        "outputs": tuple(outputs),
        "code": "touch {output}",
        "command": "touch out",
        "params": ("p=1", "q"),
        "environment": "",
        "logs": (),
        **changes,
    }
    return JobFacts(**values)


def file(path, mtime_ns=10**18, size=1, digest=None):
    return FileResult(path, mtime_ns, size, digest)


def as_is(path):
    """What a result says of a file that is there."""
    stat = os.lstat(path)
    return FileResult(str(path), stat.st_mtime_ns, stat.st_size, None)


def result(token="r-1-1", ok=True, outputs=(), inputs=(), **changes):
    values = {
        "id": 1,
        "token": token,
        "ok": ok,
        "exit_code": 0 if ok else 1,
        "problem": None,
        "detail": "",
        "outputs": tuple(outputs),
        "inputs": tuple(inputs),
        "started": 1000.5,
        "ended": 1002.0,
        "usage": {"user_s": 0.25, "max_rss_kb": 1000},
        "removed": (),
        **changes,
    }
    return JobResult(**values)


def done(token="r-1-1", outputs=("out",), inputs=(), ok=True, **changes):
    return Finished(
        facts(token, outputs, **changes),
        result(token, ok, [file(o) for o in outputs] if ok else (), [file(i) for i in inputs]),
    )
