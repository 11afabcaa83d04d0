"""The cluster executor with real commands: a queue made of background shells."""

from __future__ import annotations

import json
import os
import signal
import stat
import time

import pytest

from rulekit.errors import InfrastructureError
from rulekit.executors.cluster.adopt import settle
from rulekit.executors.cluster.executor import ClusterExecutor
from rulekit.executors.cluster.settings import ClusterSettings, Description
from rulekit.executors.cluster.submission import withdraw
from rulekit.frozen import replace
from rulekit.runner import wire

QSUB = """#!/bin/sh
mkdir -p queue
n=$(ls queue | grep -c script || true)
echo "$@" >> calls
for script; do :; done
cp "$script" queue/$n.script
echo "$SNAKEMAKE_CLUSTER_SIDECAR_VARS" > queue/sidecar
(setsid sh "$script" > queue/$n.out 2>&1 & echo $! > queue/$n.pid)
echo "job-$n"
"""


def program(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def cluster(here):
    program(here / "qsub", QSUB)
    (here / "journal").touch()
    made = []
    said = []

    def describe(specs):
        names = {
            "rule": specs[0].rule,
            "threads": sum(spec.threads for spec in specs),
            "jobid": specs[0].id,
            "resources": {"mem_mb": 5},
        }
        return Description(names, {"rule": specs[0].rule}, {"_cores": 2}, specs[0].rule)

    def make(submit="./qsub", **changes):
        one = ClusterExecutor(
            ClusterSettings(submit, **changes),
            run=f"run{len(made)}",
            journal=str(here / "journal"),
            say=said.append,
            describe=describe,
        )
        one.said = said
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def results(executor, count=1, seconds=120.0):
    end = time.monotonic() + seconds
    found = []
    while len(found) < count and time.monotonic() < end:
        found += executor.poll(end - time.monotonic())
    assert len(found) == count, executor.said
    return {result.token: result for result in found}


def wait_for(path):
    end = time.monotonic() + 120
    while not os.path.exists(path):
        assert time.monotonic() < end, path
        time.sleep(0.01)


def test_a_job_is_submitted_and_its_result_comes_back(cluster, order, here):
    executor = cluster("./qsub -l mem={resources[mem_mb]} -c {threads}")
    spec = order("echo hi > out", ["out"])
    executor.submit(spec)
    assert executor.running() == 1
    (result,) = results(executor).values()
    assert result.ok, result
    assert (here / "out").read_text() == "hi\n"
    assert [output.path for output in result.outputs] == ["out"]
    assert executor.running() == 0
    assert (here / "calls").read_text().startswith("-l mem=5 -c 1 ")
    properties = [
        line
        for line in (here / "queue/0.script").read_text().split("\n")
        if line.startswith("# properties = ")
    ]
    assert json.loads(properties[0].partition("=")[2]) == {"rule": "a"}
    lines = [json.loads(line) for line in (here / "journal").read_text().split("\n") if line]
    assert [sorted(line) for line in lines] == [["s"], ["r"]]
    assert wire.result_from_tuple(lines[1]["r"]) == result
    # The script comes to its end a little later; the folder stays if that takes long.
    wait_for(".rulekit/cluster/run0/done/1.ended")
    executor.close()
    assert not os.path.exists(".rulekit/cluster/run0")


def test_a_job_that_fails_says_so(cluster, order):
    executor = cluster()
    executor.submit(order("exit 3", ["out"]))
    (result,) = results(executor).values()
    assert (result.ok, result.exit_code) == (False, 3)


def test_many_jobs(cluster, order, here):
    executor = cluster()
    specs = [order(f"echo {i} > o{i}", [f"o{i}"]) for i in range(12)]
    for spec in specs:
        executor.submit(spec)
    assert all(result.ok for result in results(executor, 12).values())
    assert {(here / f"o{i}").read_text() for i in range(12)} == {f"{i}\n" for i in range(12)}


def test_jobs_of_a_group_run_in_order_as_one_submission(cluster, order, here):
    executor = cluster()
    first = order("sleep 0.2; echo 1 > a", ["a"])
    second = order("cat a > b", ["b"], ["a"])
    executor.submit_together([first, second], [{"_cores": 1}] * 2, {"_cores": 1})
    found = results(executor, 2)
    assert all(result.ok for result in found.values())
    assert (here / "b").read_text() == "1\n"
    assert len((here / "calls").read_text().splitlines()) == 1


def test_what_comes_after_a_failure_in_a_group_is_not_started(cluster, order, here):
    executor = cluster()
    first, second = order("exit 1", ["a"]), order("cat a > b", ["b"], ["a"])
    executor.submit_together([first, second], [{}, {}], {})
    found = results(executor, 2)
    assert not any(result.ok for result in found.values())
    assert found[second.token].problem == "partner"
    assert not (here / "b").exists()


def test_a_submit_command_that_fails(cluster, order):
    executor = cluster("echo no >&2; exit 5;")
    executor.submit(order("true", ["out"]))
    (result,) = results(executor).values()
    assert not result.ok
    assert result.detail == "the submit command failed (exit code 5)"


def test_a_submit_command_with_an_unknown_field(cluster, order):
    executor = cluster("./qsub {nothing}")
    executor.submit(order("true", ["out"]))
    (result,) = results(executor).values()
    assert "the submit command cannot be filled in" in result.detail


def test_a_command_that_waits_for_the_job(cluster, order):
    executor = cluster("sh", sync=True)
    for i in range(3):
        executor.submit(order(f"echo > s{i}", [f"s{i}"]))
    assert all(result.ok for result in results(executor, 3).values())


def test_a_script_that_dies_is_noticed(cluster, order, here):
    executor = cluster()
    executor.submit(order("sleep 60", ["out"]))
    end = time.monotonic() + 120
    taken = here / ".rulekit/cluster/run0/jobs/1/alive"
    # It is there a moment before its line is.
    while not (taken.exists() and taken.read_text()) and time.monotonic() < end:
        executor.poll(0.05)
    os.kill(int(taken.read_text().split()[1]), signal.SIGKILL)
    (result,) = results(executor).values()
    assert result.problem == "lost"
    assert "exit code 137" in result.detail


def test_the_status_command_tells_of_lost_jobs(cluster, order, here):
    program(here / "silent", "#!/bin/sh\necho 7\n")
    program(here / "status", '#!/bin/sh\necho "$1" >> asked\necho failed\n')
    executor = cluster("./silent", status="./status", check_seconds=0)
    executor.submit(order("true", ["out"]))
    (result,) = results(executor).values()
    assert result.detail == "the status command says it has failed"
    assert (here / "asked").read_text() == "7\n"


def test_a_status_command_that_makes_no_sense_is_given_up(cluster, order, here):
    program(here / "silent", "#!/bin/sh\necho 7\n")
    executor = cluster("./silent", status="echo huh", check_seconds=0, checks_per_second=1000)
    executor.submit(order("true", ["out"]))
    (result,) = results(executor).values()
    assert result.detail == "the status command does not work"
    assert any("it printed `huh 7`" in text for text in executor.said)


def test_cancelling_what_runs_without_a_command(cluster, order, here):
    executor = cluster()
    spec = order("touch begun; sleep 60", ["out"])
    executor.submit(spec)
    end = time.monotonic() + 120
    while not (here / "begun").exists() and time.monotonic() < end:
        executor.poll(0.05)
    executor.cancel(spec.token)
    (result,) = results(executor).values()
    assert result.problem == "cancelled"


def test_the_cancel_command_gets_ids_together(cluster, order, here):
    program(here / "silent", "#!/bin/sh\nbasename $(dirname $1)\n")
    program(here / "scancel", '#!/bin/sh\necho "$@" >> cancelled\n')
    executor = cluster("./silent", cancel="./scancel", cancel_nargs=2)
    specs = [order("true") for _ in range(3)]
    for spec in specs:
        executor.submit(spec)
    end = time.monotonic() + 120
    while sum("Submitted" in text for text in executor.said) < 3 and time.monotonic() < end:
        executor.poll(0.05)
    for spec in specs:
        executor.cancel(spec.token, hard=True)
    found = results(executor, 3)
    assert {result.problem for result in found.values()} == {"cancelled"}
    executor.close()
    assert sorted((here / "cancelled").read_text().splitlines()) == ["1 2", "3"]


def test_a_withdrawn_order_is_never_begun(cluster, order, here):
    program(here / "late", "#!/bin/sh\ncp $1 script\necho 1\n")
    executor = cluster("./late")
    spec = order("touch begun", ["out"])
    executor.submit(spec)
    while not executor.said:
        executor.poll(0.05)
    executor.cancel(spec.token)
    results(executor)
    assert os.system("sh ./script 2> told") != 0
    assert "withdrawn" in (here / "told").read_text()
    assert not (here / "begun").exists()


def test_the_sidecar_runs_beside_and_its_first_line_is_handed_on(cluster, order, here):
    program(here / "sidecar", "#!/bin/sh\necho $$ > pid\necho port-17\nexec sleep 1000\n")
    executor = cluster(sidecar="exec ./sidecar")
    executor.submit(order("true"))
    results(executor)
    assert (here / "queue/sidecar").read_text() == "port-17\n"
    executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((here / "pid").read_text()), 0)


def test_a_job_script_of_the_users(cluster, order, here):
    (here / "script").write_text("#!/bin/sh\n# properties = {properties}\nA=${{A}}\n{exec_job}\n")
    executor = cluster(jobscript=str(here / "script"), jobname="lab.{name}.{jobid}")
    spec = order("true")
    executor.submit(spec)
    (result,) = results(executor).values()
    assert result.ok
    assert "A=${A}\n" in (here / "queue/0.script").read_text()
    assert f"lab.a.{spec.id}" in (here / "calls").read_text()


@pytest.mark.parametrize("text", [None, "#!/bin/sh\necho nothing\n"])
def test_a_job_script_that_cannot_be_used(cluster, here, text):
    if text is not None:
        (here / "script").write_text(text)
    with pytest.raises(InfrastructureError) as caught:
        cluster(jobscript=str(here / "script"))
    assert caught.value.diagnostics[0].code == "RK0690"


def test_dependencies_are_ids_of_the_makers(cluster, order, here):
    executor = cluster("./qsub -d '{dependencies}'")
    executor.submit(order("touch x", ["x"]))
    results(executor)
    executor.submit(order("touch y", ["y"], ["x"]))
    results(executor)
    assert (here / "calls").read_text().splitlines()[1].startswith("-d job-0 ")


def test_submit_scripts_can_read_job_properties(cluster, order, here):
    program(
        here / "submit.py",
        "#!/usr/bin/env -S python3 -S\nimport sys, os\n"
        "from snakemake.utils import read_job_properties\n"
        "open('seen', 'w').write(read_job_properties(sys.argv[1])['rule'])\n"
        "print(1)\nsys.stdout.flush()\nos.execlp('sh', 'sh', sys.argv[1])\n",
    )
    executor = cluster("./submit.py")
    executor.submit(order("true"))
    (result,) = results(executor).values()
    assert result.ok
    assert (here / "seen").read_text() == "a"


def test_results_of_a_killed_run_are_found_later(cluster, order, here):
    executor = cluster()
    # It ends while it is waited for, not before.
    command = "while [ ! -e go ]; do sleep 0.05; done; touch r"
    running, waiting = order(command, ["r"]), order("touch w", ["w"])
    executor.submit(running)
    end = time.monotonic() + 120
    while not (here / ".rulekit/cluster/run0/jobs/1/taken.json").exists():
        assert time.monotonic() < end
        executor.poll(0.02)
    program(here / "qsub", "#!/bin/sh\necho later\n")
    executor.submit(waiting)
    while not (here / ".rulekit/cluster/run0/jobs/2/id").exists():
        assert time.monotonic() < end
        executor.poll(0)
    # The engine is killed here; its journal stays.
    (here / ".rulekit/journal").mkdir()
    journal = here / ".rulekit/journal/run0.jsonl"
    journal.touch()
    said = []

    def say(text):
        said.append(text)
        (here / "go").touch()

    assert settle(".rulekit", say, lambda path: True) >= 1
    assert "still on the cluster" in said[0]
    tokens = [json.loads(line)["r"][1] for line in journal.read_text().split("\n") if line]
    assert tokens == [running.token]
    assert not withdraw(".rulekit/cluster/run0/jobs/2") or os.path.exists(
        ".rulekit/cluster/run0/jobs/2/withdrawn.json"
    )
    journal.unlink()
    assert settle(".rulekit", said.append, lambda path: True) == 0
    assert not os.path.exists(".rulekit/cluster/run0")


def test_folders_of_live_runs_are_left_alone(cluster, order, here):
    executor = cluster()
    executor.submit(order("touch r", ["r"]))
    (here / ".rulekit/journal").mkdir(parents=True)
    (here / ".rulekit/journal/run0.jsonl").touch()
    assert settle(".rulekit", lambda text: None, lambda path: False) == 0
    assert results(executor)


def test_node_local_outputs_need_not_be_seen_here(cluster, order, here):
    executor = cluster()
    spec = order("touch n", [("n", {"nodelocal": True})])
    executor.submit(replace(spec, latency_wait_s=30.0))
    (result,) = results(executor).values()
    assert result.ok
