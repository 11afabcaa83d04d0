"""What jobs on Azure are told when they end without a result of their own."""

from __future__ import annotations

from azruns import gather, job

from rulekit.errors import InfrastructureError
from rulekit.executors.azure import failures
from rulekit.executors.azure.tasks import Task


def test_what_we_ended_ourselves_was_ended_by_no_time_limit(bench):
    executor = bench.executor()
    executor.submit(job(1, "sleep 600", ["o"]))
    while not any(type(one).__name__ == "Started" for one in executor.poll(1.0)):
        pass
    executor.cancel("run.0.1.1")
    (result,) = gather(executor, 1).values()
    assert (result.problem, result.detail) == ("cancelled", "")
    executor.close()


def test_the_next_step_of_an_error():
    error = InfrastructureError("no more pools", code="RK0616", help="ask for a higher quota")
    assert failures.of_error(error) == "no more pools\nask for a higher quota"
    assert failures.of_error(InfrastructureError("no")) == "no"


def test_a_machine_that_tells_why_it_failed_is_quoted(bench):
    from azure.storage.blob import ContentSettings

    wrong = ContentSettings(content_md5=bytearray(16))
    bench.put("in", b"content")
    with bench.azurite.client() as client:
        client.get_blob_client(bench.container, "pre/in").set_http_headers(wrong)
    executor = bench.executor()
    executor.submit(job(1, "cat in > o", ["o"], ["in"]))
    (result,) = gather(executor, 1).values()
    assert not result.ok
    warnings = [text for level, text in bench.said if level == "warning" and "once more" in text]
    assert warnings and all("does not have the content" in text for text in warnings), bench.said
    executor.close()


def test_a_task_of_an_earlier_run_has_the_name_of_its_job():
    task = Task.earlier("run.0.1.1,run.0.2.1 mean:a=1 b", "mean-1f-a1", "rk-1", 1)
    assert task.tokens == ("run.0.1.1", "run.0.2.1") and task.key == "mean:a=1 b"
