"""Pipes and services on Azure Batch: the jobs that they join are one task on one machine."""

from __future__ import annotations

import pytest
from azcommand import Cloud

PIPES = """
rule all:
    input: "sums.txt", "seen.txt"

rule numbers:
    input: "from.txt"
    output: pipe("numbers")
    shell: "seq $(cat {input}) 2000 > {output}"

rule add:
    input: "numbers"
    output: "sums.txt"
    threads: 2
    shell: "awk '{{ s += $1 }} END {{ print s }}' {input} > {output}"

rule server:
    output: service("socket.txt")
    shell: "echo ready > {output}; sleep 600"

rule client:
    input: "socket.txt"
    output: "seen.txt"
    shell: "cat {input} > {output}"
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()
    assert made.emulator.errors == []


def test_pipes_and_services_run_on_one_machine(cloud):
    cloud.write("Snakefile", PIPES)
    cloud.put("from.txt", "1")
    done = cloud.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.get("sums.txt") == f"{2000 * 2001 // 2}\n" and cloud.get("seen.txt") == "ready\n"
    assert sorted(cloud.names()) == ["from.txt", "seen.txt", "sums.txt"]
    tasks = {change.name for change in cloud.emulator.ledger.changes("task")}
    assert len(tasks) == 2 and cloud.left() == []
    again = cloud.run()
    assert "Nothing to be done" in again.stderr, again.stderr


def test_a_pipe_between_two_machines_is_refused_with_the_plan(cloud):
    cloud.write("Snakefile", "localrules: numbers\n" + PIPES)
    cloud.put("from.txt", "1")
    done = cloud.run()
    assert done.returncode != 0
    assert "RK0624" in done.stderr and "`numbers` is a pipe between" in done.stderr
    assert cloud.names() == ["from.txt"] and cloud.left() == []


def test_a_failed_end_of_a_pipe_fails_the_other(cloud):
    cloud.write("Snakefile", PIPES.replace("print s", "exit 3"))
    cloud.put("from.txt", "1")
    done = cloud.run("sums.txt")
    assert done.returncode == 1
    assert "exit code 3" in done.stderr or "exit status 3" in done.stderr, done.stderr
    assert cloud.names() == ["from.txt"] and cloud.left() == []
