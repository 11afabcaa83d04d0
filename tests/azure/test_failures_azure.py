"""What goes wrong on Azure: requests, machines, quotas. The run goes on, or ends with the reason."""

from __future__ import annotations

import pytest
from azruns import Bench, Gate, gather, job

from rulekit.errors import InfrastructureError
from rulekit.executors.azure import failures


def spoil(bench: Bench, chance: float) -> None:
    """Of all requests some fail, before or after they were carried out."""
    faults = bench.emulator.faults
    faults.add(kind="status", status=503, retry_after=0, chance=chance / 5)
    faults.add(kind="status", status=429, retry_after=0, chance=chance / 5)
    faults.add(kind="after", status=500, chance=chance / 5)
    faults.add(kind="drop", chance=chance / 5)
    faults.add(kind="drop-after", chance=chance / 10)
    faults.add(kind="half", chance=chance / 10)


def states(bench: Bench, kind: str) -> list[str]:
    return [change.after for change in bench.emulator.ledger.changes(kind)]


def test_one_request_in_five_fails_and_machines_are_taken_away(bench):
    spoil(bench, 0.2)
    bench.emulator.faults.add(event="preempt", after=0.7, times=2)
    executor = bench.executor(node_count=3, spot=True)
    for number in range(30):
        executor.submit(job(number, f"sleep 0.2; echo {number} > o{number}", [f"o{number}"]))
    found = gather(executor, 30)
    assert all(result.ok for result in found.values()), found
    assert all(bench.get(f"o{n}") == b"%d\n" % n for n in range(30))
    assert executor.service.repeated > 0
    assert "preempted" in states(bench, "node")
    bench.emulator.faults.remove()
    executor.close()


def started(executor) -> None:
    while not any(type(item).__name__ == "Started" for item in executor.poll(1)):
        pass


def test_a_preempted_task_is_no_failed_attempt(bench):
    executor = bench.executor(spot=True)
    executor.submit(job(1, "sleep 1.5; echo done > out", ["out"]))
    started(executor)
    assert len(bench.emulator.control.preempt()) == 1
    (result,) = gather(executor, 1).values()
    assert result.ok and result.token == "run.0.1.1"
    assert states(bench, "node").count("preempted") == 1
    executor.close()


def test_a_task_that_spot_machines_lose_too_often_leaves_them(bench, tmp_path):
    gate = Gate(tmp_path)
    executor = bench.executor(spot=True, spot_preemptions=2)
    executor.submit(job(1, f"{gate.wait}; echo done > out", ["out"]))
    started(executor)
    for _ in range(2):
        assert len(bench.emulator.control.preempt()) == 1
        started(executor)
    gate.open()
    (result,) = gather(executor, 1).values()
    assert result.ok and result.token == "run.0.1.1", result
    assert any("taken away 2 times: to a dedicated one" in text for _, text in bench.said)
    dedicated = {one.dedicated for one in bench.emulator.ledger.nodes()}
    assert dedicated == {True, False}
    executor.close()


def test_a_machine_out_of_order_is_taken_away_and_its_task_runs_elsewhere(bench, tmp_path):
    gate = Gate(tmp_path)
    executor = bench.executor()
    executor.submit(job(1, f"{gate.wait}; echo done > out", ["out"]))
    started(executor)
    (node,) = bench.emulator.control.make_unusable()
    gate.open()
    (result,) = gather(executor, 1).values()
    assert result.ok
    assert any(node in text and "taken away" in text for _, text in bench.said), bench.said
    executor.close()


def test_a_failed_start_task_ends_the_run_with_its_log(bench, azurite):
    bench.put("start.sh", "echo getting ready; echo no such package: frobnicate >&2; exit 4\n")
    token = azurite.container_sas(bench.container, "r")
    from rulekit.executors.azure.settings import Secret

    url = f"{azurite.url}/{bench.container}/pre/start.sh?{token}"
    executor = bench.executor(start_task_url=Secret(url))
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    (found,) = caught.value.diagnostics
    assert found.code == "RK0618"
    assert "start task failed (exit code 4)" in found.message
    assert any("frobnicate" in note for note in found.notes)
    executor.close()


@pytest.mark.parametrize(
    ("event", "code", "part"),
    [
        ("quota", "RK0616", "uota"),
        ("allocation", "RK0617", "llocation"),
    ],
)
def test_no_machine_ends_the_run_with_the_reason(bench, event, code, part):
    from rulekit.executors.azure.health import Limits

    bench.emulator.faults.add(event=event)
    executor = bench.executor(limits=Limits(1.0, 0.5, 3.0))
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    (found,) = caught.value.diagnostics
    assert found.code == code, found
    assert part in found.message
    assert found.help
    executor.close()


def test_a_wrong_key_is_told_once_and_at_once(bench):
    from rulekit.executors.azure.settings import Secret

    executor = bench.executor(account_key=Secret("d3Jvbmcga2V5IGZvciB0aGlzIGFjY291bnQ="))
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    (found,) = caught.value.diagnostics
    assert found.code == "RK0612"
    assert "clock" in found.help
    assert "d3Jvbmcg" not in str(found)
    executor.close()


def test_cancelled_jobs_are_answered(bench):
    executor = bench.executor()
    for number in range(3):
        executor.submit(job(number, "sleep 60", [f"o{number}"]))
    started(executor)
    executor.cancel("run.0.0.1")
    executor.cancel("run.0.1.1", hard=True)
    executor.cancel("run.0.2.1")
    found = gather(executor, 3)
    assert {result.problem for result in found.values()} == {"cancelled"}
    executor.close()
    assert bench.names("o") == []


CASES = [
    ({"exitCode": 75}, True, "the machine or the storage failed"),
    ({"exitCode": 127}, False, "command not found"),
    ({"exitCode": 137}, True, "killed"),
    ({"exitCode": 0}, True, "left no result"),
    ({"failureInfo": {"code": "BlobAccessDenied", "category": "usererror"}}, False, "not let in"),
    ({"failureInfo": {"code": "DiskFull", "category": "servererror"}}, False, "disk is full"),
    ({"exitCode": 1, "failureInfo": {"code": "FailureExitCode"}}, False, "ended with 1"),
    ({"exitCode": -9, "failureInfo": {"code": "TaskEnded"}}, False, "ended by the service"),
    ({"failureInfo": {"code": "NewCode", "category": "ServerError"}}, True, "NewCode"),
    ({}, False, "no reason given"),
]


@pytest.mark.parametrize(("info", "again", "part"), CASES)
def test_endings_are_explained(info, again, part):
    verdict = failures.judge({"executionInfo": info}, "tvm-1")
    assert verdict.again is again
    assert part in verdict.text and "tvm-1" in verdict.text


def test_the_end_of_the_output_is_in_the_message():
    verdict = failures.judge({"executionInfo": {"exitCode": 127}})
    text = failures.explain(verdict, b"line\n" * 100 + b"python3: not found\n")
    assert text.endswith("python3: not found")
    assert text.count("line\n") < 25


def test_a_task_that_never_began_has_times():
    assert failures.times({"executionInfo": {}}, 5.0) == (5.0, 5.0)
    facts = {"executionInfo": {"endTime": "2026-11-22T01:02:03.1234567Z"}}
    began, over = failures.times(facts, 5.0)
    assert began == over == 1795309323.1234567


def test_many_cancelled_jobs_cost_one_request(bench):
    executor = bench.executor()
    tokens = []
    for number in range(25):
        tokens.append(f"run.0.{number}.1")
        executor.submit(job(number, "sleep 60", [f"o{number}"]))
    started(executor)
    before = len(bench.emulator.ledger.requests())
    for token in tokens:
        executor.cancel(token)
    found = gather(executor, 25)
    assert {result.problem for result in found.values()} == {"cancelled"}
    paths = [entry.path for entry in bench.emulator.ledger.requests() if entry.verb == "POST"]
    assert sum(path.endswith("/terminate") for path in paths) == 1, paths
    assert len(bench.emulator.ledger.requests()) - before < 20
    executor.close()
    assert bench.live_pools() == []


def test_after_a_hopeless_pool_nothing_is_paid_for(bench):
    bench.emulator.faults.add(event="quota")
    executor = bench.executor()
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError):
        gather(executor, 2)
    executor.close()
    assert bench.live_pools() == [] and bench.live_jobs() == []


def test_a_task_that_somebody_deleted_is_sent_again(bench, tmp_path, monkeypatch):
    from rulekit.executors.azure import tracker

    monkeypatch.setattr(tracker, "_RECOUNT_S", 1.0)
    monkeypatch.setattr(tracker, "_LOST_S", 1.0)
    gate = Gate(tmp_path)
    executor = bench.executor(tasks_per_node=1)
    executor.submit(job(1, f"{gate.wait}; sleep 3; echo 1 > o1", ["o1"]))
    executor.submit(job(2, "echo 2 > o2", ["o2"]))
    started(executor)
    (found,) = bench.emulator.world.jobs.values()
    gone = next(task.id for task in found.tasks.values() if task.state == "active")
    executor.service.call("delete_task", found.id, gone)
    gate.open()
    results = gather(executor, 2)
    assert all(result.ok for result in results.values()), results
    assert any("does not know the task" in text for _, text in bench.said)
    executor.close()


def test_an_image_that_nobody_has_fails_its_jobs_once(
    azurite, container, tmp_path, monkeypatch, containers, registry
):
    from rulekit.executors.azure.tasks import Details

    monkeypatch.chdir(tmp_path)
    bench = Bench(azurite, container, environment=containers.environment)
    image = f"{registry}/no-such:1"
    images = {1: image, 2: image, 3: image, 4: None}
    executor = bench.executor(details=lambda spec: Details(images[spec.id]), tasks_per_node=1)
    executor.submit(job(1, "true", ["o1"]))
    (first,) = gather(executor, 1).values()
    assert first.problem == "image", first
    assert f"cannot pull the image `{image}`" in first.detail
    requests = len(bench.emulator.ledger.requests())
    executor.submit(job(2, "true", ["o2"]))
    executor.submit(job(3, "true", ["o3"]))
    others = gather(executor, 2).values()
    assert {(one.problem, one.detail) for one in others} == {("image", first.detail)}
    executor.submit(job(4, "echo 4 > o4", ["o4"]))
    (fourth,) = gather(executor, 1).values()
    assert fourth.ok, fourth
    added = [
        r for r in bench.emulator.ledger.requests()[requests:] if "addtaskcollection" in r.path
    ]
    assert len(added) <= 1, "tasks without an image are not sent"
    executor.close()
    bench.close()
    assert bench.emulator.errors == []


def test_a_start_script_that_is_too_long_is_refused(bench):
    import base64
    import os

    from rulekit.errors import InfrastructureError
    from rulekit.executors.azure.settings import Secret

    token = bench.azurite.container_sas(bench.container, "r")
    url = f"{bench.azurite.url}/{bench.container}/pre/start.sh?{token}"
    bench.put("start.sh", base64.b64encode(os.urandom(100_000)))
    executor = bench.executor(start_task_url=Secret(url))
    with pytest.raises(InfrastructureError) as caught:
        executor.pools.start_script()
    first = caught.value.diagnostics[0]
    assert first.code == "RK0693" and "too long: 133336 bytes" in first.message
    assert token not in str(caught.value)
    bench.put("start.sh", "echo fine\n" * 20_000)
    assert len(executor.pools.start_script()) == 200_000, "it is its packed size that counts"
    executor.close()
