"""The written forms that scripts read."""

from __future__ import annotations

import pytest
from reporting_jobs import info

from rulekit.reporting.blocks import job_block, job_stats, percentage, steps


def test_a_block_with_everything():
    assert job_block(info(), command=True) == (
        "rule a:\n"
        "    input: x.txt, z.txt\n"
        "    output: y.txt\n"
        "    log: logs/a.log\n"
        "    jobid: 2\n"
        "    benchmark: bench/a.tsv\n"
        "    reason: Missing output files: y.txt\n"
        "    wildcards: a=x, b=y\n"
        "    priority: 5\n"
        "    threads: 4\n"
        "    resources: tmpdir=/tmp, mem_mb=300\n"
        "Shell command: cat x.txt > y.txt"
    )


def test_a_block_says_only_what_there_is_to_say():
    bare = info(
        inputs=(), logs=(), benchmark=None, wildcards={}, priority=0, threads=1, resources={}
    )
    assert job_block(bare, reason=False) == "rule a:\n    output: y.txt\n    jobid: 2"


@pytest.mark.parametrize(
    ("kind", "local", "head"),
    [
        ("rule", True, "localrule a:"),
        ("checkpoint", False, "checkpoint a:"),
        ("checkpoint", True, "localcheckpoint a:"),
    ],
)
def test_heads(kind, local, head):
    assert job_block(info(kind=kind, local=local)).startswith(head + "\n")


def test_a_message_stands_for_the_listing():
    assert job_block(info(message="combining")) == (
        "Job 2: combining\nReason: Missing output files: y.txt"
    )


def test_the_table_of_jobs():
    assert job_stats({"a": 2, "a_long_rule": 10, "all": 1}) == (
        "Job stats:\n"
        "job            count\n"
        "-----------  -------\n"
        "a                  2\n"
        "a_long_rule       10\n"
        "all                1\n"
        "total             13"
    )


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [
        (0, 6, "0%"),
        (1, 6, "17%"),
        (6, 6, "100%"),
        (1, 1000, "0.1%"),
        (999, 1000, "99.9%"),
        (99_999, 100_000, "99.999%"),
    ],
)
def test_percentages_are_exact_at_the_ends_only(done, total, text):
    assert percentage(done, total) == text
    assert steps(done, total) == f"{done} of {total} steps ({text}) done"
