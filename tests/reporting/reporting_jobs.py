"""A job for the tests of this room."""

from __future__ import annotations

from rulekit.events import JobInfo


def info(**changes) -> JobInfo:
    values = {
        "id": 2,
        "key": "a:a=x,b=y",
        "rule": "a",
        "kind": "rule",
        "local": False,
        "inputs": ("x.txt", "z.txt"),
        "outputs": ("y.txt",),
        "logs": ("logs/a.log",),
        "benchmark": "bench/a.tsv",
        "wildcards": {"a": "x", "b": "y"},
        "reason": "Missing output files: y.txt",
        "priority": 5,
        "threads": 4,
        "resources": {"tmpdir": "/tmp", "mem_mb": 300},
        "message": None,
        "command": "cat x.txt > y.txt",
    }
    return JobInfo(**{**values, **changes})
