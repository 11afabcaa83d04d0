"""`rulekit azure gc` and `rulekit azure jobs|logs`, by the command itself."""

from __future__ import annotations

import json
import time

import pytest
from azruns import Bench, gather, job
from test_adoption_azure import died

from rulekit.cli.main import main
from rulekit.executors.azure import gc
from rulekit.executors.local import Started


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Bench(azurite, container)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_URL", made.emulator.url)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_NAME", made.emulator.account)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_KEY", made.emulator.key)
    monkeypatch.setenv("AZ_BLOB_ACCOUNT_URL", azurite.url)
    monkeypatch.setenv("AZ_BLOB_CREDENTIAL", azurite.key)
    yield made
    made.close()
    assert made.emulator.errors == []


def running(bench, command="echo one; sleep 90; echo two", run="run-1", **more):
    executor = bench.executor(run=run, **more)
    executor.submit(job(1, command, ["o"]))
    while not any(isinstance(item, Started) for item in executor.poll(1)):
        pass
    return executor


def test_what_lives_is_left_alone_and_what_is_dead_goes(bench, capsys):
    died(running(bench))
    service = bench.executor().service
    assert gc.find(service, time.time()) == []
    assert main(["azure", "gc"]) == 0
    assert "nothing is left" in capsys.readouterr().out
    found = gc.find(service, time.time() + 1801)
    assert sorted(one.kind for one in found) == ["files", "job", "pool"]
    assert {one.run for one in found} == {"run-1"}
    assert gc.find(service, time.time() + 1801, older_h=1) == []
    assert gc.find(service, time.time() + 1801, runs=["another"]) == []
    assert main(["azure", "gc", "-n", "--run", "run-1", "--even-alive"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("would remove") == 3
    assert len(bench.live_pools()) == 1
    assert main(["azure", "gc", "--run", "run-1", "--even-alive"]) == 0
    assert bench.live_pools() == [] and bench.live_jobs() == []
    assert [name for name in bench.names() if name.startswith(".rulekit")] == []


def test_gc_leaves_what_is_not_ours(bench):
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    died(running(bench))
    emulator = bench.emulator
    with BatchClient(
        emulator.url, AzureNamedKeyCredential(emulator.account, emulator.key)
    ) as client:
        client.create_job(job={"id": "theirs", "poolInfo": {"poolId": "nowhere"}})
    service = bench.executor().service
    found = gc.find(service, time.time() + 10**6, everything=True)
    assert "theirs" not in {one.name for one in found}
    assert all(trouble == "" for _, trouble in gc.remove(service, found))
    assert all(trouble == "" for _, trouble in gc.remove(service, found)), "twice is no error"
    assert bench.live_jobs() == ["theirs"]


def test_even_alive_needs_a_run(bench, capsys):
    assert main(["azure", "gc", "--even-alive"]) == 2
    assert "--run" in capsys.readouterr().err


def test_jobs_and_logs(bench, capsys):
    executor = running(bench)
    assert main(["azure", "jobs", "--json", "--tasks"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["run"] == "run-1"
    (task,) = row["tasks"]
    assert task["key"] == "rule:n=1"
    until = time.monotonic() + 60
    shown = ""
    while "one" not in shown and time.monotonic() < until:
        assert main(["azure", "logs", "rule:n=1"]) == 0
        shown = capsys.readouterr().out
    assert shown == "one\n"
    assert main(["azure", "logs", "no-such-task"]) == 6
    assert "RK0622" in capsys.readouterr().err
    executor.cancel("run.0.1.1", hard=True)
    gather(executor, 1)
    executor.close()


def test_logs_of_a_task_that_has_ended_and_its_copy(bench, capsys, tmp_path):
    hidden = {"HUSH": "planted-secret"}
    executor = bench.executor(outputs=str(tmp_path / "outputs"), live=True, environment=hidden)
    executor.submit(job(1, "echo before $HUSH; echo oops >&2; exit 3", ["o"]))
    (result,) = gather(executor, 1).values()
    assert result.exit_code == 3
    path = executor.output_of(result.token)
    assert path is not None
    with open(path) as file:
        assert file.read() == "before ***\noops\n"
    assert "planted-secret" not in str(bench.said)
    assert ("log", "rule:n=1: oops") in bench.said
    assert main(["azure", "logs", "rule:n=1"]) == 0
    assert capsys.readouterr().out.endswith("\noops\n")
    executor.close()


def test_commands_with_wrong_words(bench, capsys):
    assert main(["azure"]) == 2
    assert main(["azure", "--help"]) == 0
    assert "doctor" in capsys.readouterr().out
    assert main(["azure", "docter"]) == 2
    assert "`doctor`" in capsys.readouterr().err


def test_the_words_of_a_run_are_understood(bench, capsys):
    words = ["--az-batch", "--az-batch-enable-autoscale", "--container-image", "ubuntu"]
    words += ["--default-remote-provider", "AzBlob"]
    words += ["--default-remote-prefix", f"{bench.container}/pre"]
    assert main(["azure", "doctor", *words]) == 0, capsys.readouterr().out
    bench.put("a/b.txt", "text")
    assert main(["azure", "ls", *words[4:], "a/"]) == 0
    assert "b.txt" in capsys.readouterr().out
    assert main(["azure", "gc", "-n", *words]) == 0
    assert main(["azure", "jobs", "--az-batch"]) == 0
    assert main(["azure", "ls", "--default-storage-provider", "azur", *words[6:], "a/"]) == 2
    assert "RK0654" in capsys.readouterr().err
