"""The emulator with the real client: tasks that run, their files, their states."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError
from emukit import (
    add,
    alive,
    finished,
    make_job,
    make_pool,
    output,
    refused,
    running,
    shell,
    until,
)

from rulekit.emulator.server import Emulator


@pytest.fixture
def emu():
    with running() as (emulator, client):
        yield emulator, client


def test_a_task_runs_in_the_documented_directory_with_the_documented_variables(emu):
    emulator, client = emu
    make_pool(client)
    make_job(client, common_environment_settings=[{"name": "COMMON", "value": "of the job"}])
    settings = [
        models.EnvironmentSetting(name="COMMON2", value="x"),
        models.EnvironmentSetting(name="OWN", value="a b"),
    ]
    add(client, "job", shell("t", "pwd; env", environment_settings=settings))
    task = finished(client)["t"]
    assert task.execution_info.exit_code == 0
    assert task.execution_info.result == "success"
    lines = output(client, "job", "t").splitlines()
    values = dict(line.split("=", 1) for line in lines[1:])
    root = values["AZ_BATCH_NODE_ROOT_DIR"]
    assert lines[0] == f"{root}/workitems/job/job-1/t/wd" == values["AZ_BATCH_TASK_WORKING_DIR"]
    assert values["AZ_BATCH_TASK_DIR"] == f"{root}/workitems/job/job-1/t"
    assert values["AZ_BATCH_NODE_SHARED_DIR"] == f"{root}/shared"
    assert values["AZ_BATCH_NODE_STARTUP_DIR"] == f"{root}/startup"
    assert values["AZ_BATCH_NODE_MOUNTS_DIR"] == f"{root}/fsmounts"
    assert values["AZ_BATCH_ACCOUNT_NAME"] == emulator.account
    assert values["AZ_BATCH_ACCOUNT_URL"] == emulator.url + "/"
    assert values["AZ_BATCH_POOL_ID"] == "pool"
    assert values["AZ_BATCH_JOB_ID"] == "job"
    assert values["AZ_BATCH_TASK_ID"] == "t"
    assert values["AZ_BATCH_NODE_IS_DEDICATED"] == "true"
    assert values["AZ_BATCH_NODE_ID"] == task.node_info.node_id
    assert (values["COMMON"], values["COMMON2"], values["OWN"]) == ("of the job", "x", "a b")
    assert task.node_info.task_root_directory == "workitems/job/job-1/t"


def test_nothing_of_the_emulators_own_environment_reaches_a_task(emu, monkeypatch):
    _, client = emu
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_KEY", "planted")
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "env"))
    finished(client)
    assert "planted" not in output(client, "job", "t")


def test_a_command_is_not_run_by_a_shell(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(
        client,
        "job",
        models.BatchTaskCreateOptions(id="plain", command_line="echo $HOME | cat"),
        models.BatchTaskCreateOptions(id="none", command_line="no-such-program-here 1"),
        models.BatchTaskCreateOptions(id="open", command_line="echo 'half"),
    )
    tasks = finished(client)
    assert output(client, "job", "plain") == "$HOME | cat\n"
    missing = tasks["none"].execution_info
    assert missing.exit_code is None
    assert missing.failure_info.code == "CommandProgramNotFound"
    assert missing.failure_info.category == "usererror"
    assert tasks["open"].execution_info.result == "failure"


def test_exit_codes_and_signals(emu):
    _, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client)
    add(client, "job", *(shell(f"e{n}", f"exit {n}") for n in (0, 1, 77)))
    add(client, "job", shell("killed", "kill -9 $$"))
    tasks = finished(client)
    assert {t.id: t.execution_info.exit_code for t in tasks.values()} == {
        "e0": 0,
        "e1": 1,
        "e77": 77,
        "killed": 137,
    }
    failed = tasks["e77"].execution_info.failure_info
    assert (failed.code, failed.category) == ("FailureExitCode", "usererror")
    counts = client.get_job_task_counts("job").task_counts
    assert (counts.succeeded, counts.failed, counts.completed, counts.active) == (1, 3, 4, 0)


def test_retries_on_a_nonzero_exit_code_only(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    retry = models.BatchTaskConstraints(max_task_retry_count=2)
    add(
        client,
        "job",
        shell("third", "echo x >> n; test $(wc -l < n) = 3", constraints=retry),
        shell("never", "exit 5", constraints=retry),
        models.BatchTaskCreateOptions(id="absent", command_line="nothing-here", constraints=retry),
    )
    tasks = finished(client)
    assert tasks["third"].execution_info.exit_code == 0
    assert tasks["third"].execution_info.retry_count == 2
    assert tasks["never"].execution_info.retry_count == 2
    assert tasks["never"].execution_info.exit_code == 5
    assert tasks["absent"].execution_info.retry_count == 0


def test_the_wall_clock_limit_kills_the_whole_group(emu):
    emulator, client = emu
    make_pool(client)
    make_job(client)
    limit = models.BatchTaskConstraints(max_wall_clock_time="PT1H", max_task_retry_count=3)
    add(client, "job", shell("t", "sleep 987654 & sleep 987653", constraints=limit))
    until(lambda: alive("sleep\x00987654"))
    emulator.clock.advance(3601)
    info = finished(client)["t"].execution_info
    assert info.failure_info.code == "TaskEnded"
    assert info.retry_count == 0
    until(lambda: not alive("sleep\x00987653") and not alive("sleep\x00987654"))


def test_terminate_reactivate_delete(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "test -e ../../../again && exit 0; sleep 987652"))
    until(lambda: client.get_task("job", "t").state == "running" and alive("sleep\x00987652"))
    client.terminate_task("job", "t")
    task = client.get_task("job", "t")
    assert task.state == "completed"
    assert task.execution_info.failure_info.code == "TaskEnded"
    until(lambda: not alive("sleep\x00987652"))
    with refused("TaskCompleted", 409):
        client.terminate_task("job", "t")
    client.reactivate_task("job", "t")
    until(lambda: client.get_task("job", "t").state == "running" and alive("sleep\x00987652"))
    with refused("TaskNotCompleted", 409):
        client.reactivate_task("job", "t")
    client.delete_task("job", "t")
    with refused("TaskNotFound", 404):
        client.get_task("job", "t")
    until(lambda: not alive("sleep\x00987652"))
    counts = client.get_job_task_counts("job").task_counts
    assert (counts.active, counts.running, counts.completed) == (0, 0, 0)
    # Its slot is free again.
    add(client, "job", shell("u", "true"))
    assert finished(client)["u"].execution_info.exit_code == 0
    with refused("TaskSucceeded", 409):
        client.reactivate_task("job", "u")


def test_files_of_tasks_and_nodes(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "mkdir -p d/e; printf 0123456789 > d/e/f; ln -s /etc/passwd l"))
    task = finished(client)["t"]
    names = sorted(f.name for f in client.list_task_files("job", "t", recursive=True))
    assert names == [
        "certs",
        "stderr.txt",
        "stdout.txt",
        "wd",
        "wd/d",
        "wd/d/e",
        "wd/d/e/f",
        "wd/l",
    ]
    assert sorted(f.name for f in client.list_task_files("job", "t")) == names[:4]
    assert output(client, "job", "t", "wd/d/e/f") == "0123456789"

    def part(text):
        return b"".join(client.download_task_file("job", "t", "wd/d/e/f", ocp_range=text))

    assert part("bytes=3-5") == b"345"
    assert part("bytes=7-") == b"789"
    assert part("bytes=0-99") == b"0123456789"
    with pytest.raises(HttpResponseError) as caught:
        part("bytes=10-")
    assert caught.value.status_code == 416
    properties = client.get_task_file_properties("job", "t", "wd/d/e/f")
    assert properties.content_length == 10
    assert properties.is_directory is False
    assert client.get_task_file_properties("job", "t", "wd/d").is_directory is True
    for name in ("wd/none", "wd/l", "../../../../../../etc/passwd"):
        with pytest.raises(HttpResponseError) as caught:
            b"".join(client.download_task_file("job", "t", name))
        assert caught.value.status_code == 404, name
    node = task.node_info.node_id
    inside = "workitems/job/job-1/t/wd/d/e/f"
    assert b"".join(client.download_node_file("pool", node, inside)) == b"0123456789"
    assert inside in [f.name for f in client.list_node_files("pool", node, recursive=True)]
    client.delete_task_file("job", "t", "wd/d", recursive=True)
    with pytest.raises(HttpResponseError):
        b"".join(client.download_task_file("job", "t", "wd/d/e/f"))


def test_output_of_a_running_task_can_be_read(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    with pytest.raises(HttpResponseError):
        output(client, "job", "t")
    add(client, "job", shell("t", "echo one; while ! test -e stop; do sleep 0.02; done; echo two"))
    until(lambda: client.get_task("job", "t").state == "running")

    def first():
        try:
            return output(client, "job", "t") == "one\n"
        except HttpResponseError:
            return False

    until(first)
    client.terminate_task("job", "t")


def test_files_are_gone_after_the_retention_time_and_with_the_node(emu):
    emulator, client = emu
    make_pool(client)
    make_job(client)
    keep = models.BatchTaskConstraints(retention_time="PT2H")
    add(client, "job", shell("short", "true", constraints=keep), shell("long", "true"))
    finished(client)
    emulator.clock.advance(7300)
    with pytest.raises(HttpResponseError) as caught:
        output(client, "job", "short")
    assert caught.value.response.status_code == 409
    assert output(client, "job", "long") == ""
    client.begin_resize_pool(
        "pool", models.BatchPoolResizeOptions(target_dedicated_nodes=0), polling_interval=0.02
    ).wait()
    until(lambda: not list(client.list_nodes("pool")))
    with refused_file("TaskFilesUnavailable"):
        list(client.list_task_files("job", "long"))


def refused_file(code):
    return refused(code, 409)


def test_a_task_that_never_ran_is_ended_after_180_days(emu):
    emulator, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    add(client, "job", shell("t", "true"))
    emulator.clock.advance(179 * 86400)
    assert client.get_task("job", "t").state == "active"
    emulator.clock.advance(2 * 86400)
    info = finished(client)["t"].execution_info
    assert (info.failure_info.code, info.start_time) == ("TaskEnded", None)


def test_a_thousand_tasks(emu):
    emulator, client = emu
    make_pool(client, nodes=4, task_slots_per_node=4)
    make_job(client)
    for chunk in range(10):
        add(
            client,
            "job",
            *(
                models.BatchTaskCreateOptions(id=f"t{chunk}-{n}", command_line="true")
                for n in range(100)
            ),
        )
    until(lambda: client.get_job_task_counts("job").task_counts.completed == 1000, 300)
    ids = {t.id for t in client.list_tasks("job", select=["id"], max_results=300)}
    assert len(ids) == 1000
    # One request for each page of 300, none for each task.
    assert len(emulator.ledger.requests("list_tasks")) == 4
    assert len(emulator.ledger.requests("create_task_collection")) == 10
    nodes = list(client.list_nodes("pool"))
    assert sum(n.total_tasks_run for n in nodes) == 1000
    assert all(n.running_tasks_count == 0 for n in nodes)


def zombies():
    """Children of this process that have ended and were not waited for."""
    words = ["ps", "-o", "pid=,stat=", "--ppid", str(os.getpid())]
    out = subprocess.run(words, capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines() if line.split()[1].startswith("Z")}


def test_close_leaves_no_process_and_no_file(tmp_path):
    others = zombies()  # of tests that ran here before
    with running(nodes_root=str(tmp_path)) as (_, client):
        make_pool(client)
        make_job(client)
        # In a session of its own it escapes from the process group.
        add(client, "job", shell("t", "setsid sleep 987651 & sleep 987650"))
        until(lambda: alive("sleep\x00987651") and alive("sleep\x00987650"))
        assert os.listdir(tmp_path)
    assert os.listdir(tmp_path) == []
    until(lambda: not alive("sleep\x00987650") and not alive("sleep\x00987651"))
    assert zombies() <= others


def test_an_emulator_that_is_not_closed_ends_with_its_process(tmp_path):
    words = (
        "import sys; from rulekit.emulator.server import Emulator; from emukit import *;"
        "e = Emulator(nodes_root=sys.argv[1]); c = client_of(e); make_pool(c); make_job(c);"
        "add(c, 'job', shell('t', 'sleep 987649')); until(lambda: alive('sleep\\x00987649'))"
    )
    here = os.path.dirname(os.path.abspath(__file__))
    environment = {**os.environ, "PYTHONPATH": here}
    subprocess.run([sys.executable, "-c", words, str(tmp_path)], check=True, env=environment)
    until(lambda: not alive("sleep\x00987649"))
    assert os.listdir(tmp_path) == []


def test_two_emulators_do_not_know_each_other():
    with running() as (_, one), running() as (_, two):
        make_pool(one)
        with refused("PoolNotFound", 404):
            two.get_pool("pool")


def test_importing_the_package_brings_no_sdk():
    words = "import sys, rulekit.emulator.server; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in out.stdout.split()}
    assert not loaded & {"azure", "requests", "lark", "networkx", "yaml", "rich", "psutil"}
    rooms = {n.split(".")[1] for n in out.stdout.split() if n.startswith("rulekit.")}
    assert rooms <= {"emulator", "errors", "model", "frozen", "patterns"}


def test_the_async_client():
    import asyncio

    from azure.batch.aio import BatchClient as AsyncClient
    from azure.core.credentials import AzureNamedKeyCredential

    pytest.importorskip("aiohttp")

    async def look(emulator):
        credential = AzureNamedKeyCredential(emulator.account, emulator.key)
        async with AsyncClient(emulator.url, credential) as client:
            return [pool.id async for pool in client.list_pools(max_results=1)]

    with running() as (emulator, client):
        for name in ("a", "b", "c"):
            make_pool(client, name, 0)
        assert asyncio.run(look(emulator)) == ["a", "b", "c"]


def test_closing_twice_and_use_after_it():
    emulator = Emulator()
    emulator.close()
    emulator.close()
    with pytest.raises(Exception):  # noqa: B017  whatever the transport says
        BatchClient(emulator.url, None).get_pool("x")  # type: ignore[arg-type]


def test_the_ledger_knows_the_states_of_a_task(emu):
    emulator, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "true"))
    finished(client)
    moves = [(c.before, c.after) for c in emulator.ledger.tasks() if c.name == "job/t"]
    assert moves == [("", "active"), ("active", "running"), ("running", "completed")]
    assert [n.pool for n in emulator.ledger.nodes()] == ["pool"]
    assert emulator.ledger.cost() > 0
    before = emulator.ledger.nodes()[0].seconds
    emulator.clock.advance(3600)
    assert emulator.ledger.nodes()[0].seconds - before > 3599
    time.sleep(0)
