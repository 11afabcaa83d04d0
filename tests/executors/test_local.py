from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

import pytest

from rulekit.executors import local
from rulekit.executors.local import LocalExecutor, Started
from rulekit.model.flags import FlaggedStr
from rulekit.runner import drive, orphans

from .conftest import results


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def test_jobs_run_and_are_in_the_journal(here, order, executor):
    specs = [order(f"echo {i} > {i}.txt", [f"{i}.txt"]) for i in range(20)]
    for spec in specs:
        executor.submit(spec)
    assert executor.running() == 20
    found = results(executor, 20)
    assert {r.token for r in found} == {s.token for s in specs} and all(r.ok for r in found)
    assert executor.running() == 0
    executor.close()
    body = lines(here / "journal")
    started = [line["s"][0] for line in body if "s" in line]
    ended = [line["r"][1] for line in body if "r" in line]
    assert sorted(started) == sorted(ended) == sorted(s.token for s in specs)
    for token in started:
        order_of = [
            i for i, line in enumerate(body) if token in (line.get("s") or line.get("r", ()))
        ]
        assert order_of == sorted(order_of)


def test_start_line_is_there_before_the_action(here, order, executor):
    executor.submit(order("cat journal > seen", ["seen"]))
    (result,) = results(executor, 1)
    assert any(line.get("s", [""])[0] == result.token for line in lines(here / "seen"))


def test_result_line_is_there_before_the_result(here, order, executor):
    executor.submit(order())
    (result,) = results(executor, 1)
    assert lines(here / "journal")[-1]["r"][1] == result.token


def test_jobs_run_side_by_side(order, executor):
    executor.submit(order("mkfifo p 2>/dev/null || :; echo x > p"))
    executor.submit(order("mkfifo p 2>/dev/null || :; cat p"))
    assert all(r.ok for r in results(executor, 2))


def test_poll_returns_empty_after_its_time(order, executor):
    assert executor.poll(0) == []
    executor.submit(order("sleep 30"))
    assert executor.poll(0.05) == []
    executor.cancel(executor_token(executor), hard=True)
    results(executor, 1)


def executor_token(executor):
    return next(iter(executor._running))


def test_wake_file_ends_poll(here, order):
    read, write = os.pipe()
    executor = LocalExecutor(".rulekit", wake_fd=read)
    executor.submit(order("sleep 30"))
    os.write(write, b"x")
    assert executor.poll(None) == []
    os.read(read, 1)
    executor.cancel(executor_token(executor), hard=True)
    assert results(executor, 1)[0].problem == "cancelled"
    executor.close()


def test_announced_starts(order):
    executor = LocalExecutor(".rulekit", announce=True)
    spec = order("sleep 0.1")
    executor.submit(spec)
    (news,) = executor.poll(120)
    assert isinstance(news, Started) and news.token == spec.token and news.pid > 1
    results(executor, 1)
    executor.close()


def test_names_with_flags_and_large_orders_travel(here, order, executor):
    (here / "in").write_text("x")
    many = [FlaggedStr("in", {"ancient": True})] * 30_000
    spec = order("test 1", inputs=many, outputs=[(FlaggedStr("out", {}), {"touch": True})])
    executor.submit(spec)
    (result,) = results(executor, 1)
    assert result.ok and len(result.inputs) == 30_000


def test_soft_cancel_lets_the_job_clean_up(here, order, executor):
    command = "trap 'echo bye > bye; exit 3' TERM; touch out ready; while :; do sleep 0.02; done"
    spec = order(command, ["out"])
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    executor.cancel(spec.token)
    (result,) = results(executor, 1)
    assert (result.problem, result.ok, result.removed) == ("cancelled", False, ("out",))
    assert (here / "bye").exists()


def test_cancel_of_a_job_that_does_not_listen(here, order, executor, monkeypatch):
    monkeypatch.setattr("rulekit.executors.host.GRACE_S", 0.2)
    spec = order("trap '' TERM; touch ready; while :; do sleep 0.02 || :; done")
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    executor.cancel(spec.token)
    (result,) = results(executor, 1)
    assert result.problem == "cancelled" and result.exit_code == -signal.SIGKILL


def test_cancel_reaches_processes_that_left_the_group(here, order, executor):
    command = "setsid bash -c 'echo $$ > pid; sleep 60' & while [ ! -s pid ]; do sleep 0.01; done; "
    spec = order(command + "touch ready; wait")
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    assert len(orphans.of({spec.token})) >= 2
    executor.cancel(spec.token)
    results(executor, 1)
    assert orphans.of({spec.token}) == []


def test_hard_cancel(here, order, executor):
    spec = order("trap '' TERM; touch ready; sleep 60")
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    executor.cancel(spec.token)
    executor.cancel(spec.token, hard=True)
    (result,) = results(executor, 1)
    assert result.problem == "cancelled"


def test_cancel_of_what_is_over_is_nothing(order, executor):
    spec = order()
    executor.submit(spec)
    results(executor, 1)
    executor.cancel(spec.token)
    assert executor.poll(0.05) == []


@pytest.mark.parametrize("driven", [False, True])
def test_time_out(here, order, executor, driven):
    spec = order("touch out; sleep 60", ["out"], timeout_s=0.2)
    if driven:
        spec = order("touch out; sleep 60", ["out"], timeout_s=0.2, shadow="minimal")
    executor.submit(spec)
    (result,) = results(executor, 1)
    assert result.problem == "timeout" and "0.2 s" in result.detail
    assert not (here / "out").exists()
    assert orphans.of({spec.token}) == []


@pytest.mark.parametrize("hard", [False, True])
def test_cancel_of_a_driven_job(here, order, executor, hard):
    spec = order("touch ../../../ready; sleep 60", ["out"], shadow="minimal")
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    executor.cancel(spec.token, hard=hard)
    (result,) = results(executor, 1)
    assert result.problem == "cancelled"
    assert orphans.of({spec.token}) == []
    assert os.listdir(".rulekit/shadow") == []


def test_late_output_is_waited_for(here, order, executor):
    spec = order("(sleep 0.3; touch late) >/dev/null 2>&1 &", ["late"], latency_wait_s=10.0)
    executor.submit(spec)
    (result,) = results(executor, 1)
    assert result.ok


def test_output_that_never_comes(order, executor):
    executor.submit(order("true", ["never"], latency_wait_s=0.2))
    (result,) = results(executor, 1)
    assert result.problem == "missing-output"


def test_late_input_is_waited_for(here, order, executor):
    executor.submit(order("cat late > out", ["out"], ["late"], latency_wait_s=10.0))
    assert executor.poll(0.1) == []
    (here / "late").write_text("x")
    assert results(executor, 1)[0].ok


def test_others_go_on_while_one_waits(order, executor):
    executor.submit(order("true", ["never"], latency_wait_s=120.0))
    executor.submit(order("true"))
    (first,) = results(executor, 1)
    assert first.ok
    executor.cancel(executor_token(executor))
    assert results(executor, 1)[0].problem == "cancelled"


def test_directory_outputs_are_driven(here, order, executor):
    spec = order("mkdir d; touch d/x", [("d", {"directory": True})])
    executor.submit(spec)
    (result,) = results(executor, 1)
    assert result.ok and result.outputs[0].size == -1
    executor.close()
    assert [sorted(line)[0] for line in lines(here / "journal")] == ["h", "s", "r"]


def test_stdin_is_given_on_if_it_is_no_terminal(here, order):
    (here / "data").write_text("from stdin\n")
    saved = os.dup(0)
    file = os.open("data", os.O_RDONLY)
    os.dup2(file, 0)
    try:
        executor = LocalExecutor(".rulekit")
        executor.submit(order("read line; echo $line > out", ["out"]))
        assert results(executor, 1)[0].ok
        executor.close()
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(file)
    assert (here / "out").read_text() == "from stdin\n"


def test_jobs_inherit_no_files(here, order):
    left_open = os.open("x", os.O_WRONLY | os.O_CREAT)
    os.set_inheritable(left_open, True)
    executor = LocalExecutor(".rulekit", str(here / "journal"))
    executor.submit(order("ls -l /proc/$$/fd > out", ["out"]))
    assert results(executor, 1)[0].ok
    executor.close()
    os.close(left_open)
    listing = (here / "out").read_text()
    assert str(here / "x") not in listing and "journal" not in listing


def test_signals_are_the_default_in_jobs(here, order, executor):
    executor.submit(order("grep -E 'Sig(Blk|Ign)' /proc/self/status > out", ["out"]))
    results(executor, 1)
    blocked, ignored = (line.split()[1] for line in (here / "out").read_text().splitlines())
    assert int(blocked, 16) == 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
        assert not int(ignored, 16) >> (number - 1) & 1


def test_killed_host_is_told_and_its_jobs_are_stopped(here, order, executor):
    spec = order("touch out ready; sleep 60", ["out"])
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    os.kill(executor._pid, signal.SIGKILL)
    (result,) = results(executor, 1)
    assert result.problem == "lost" and result.removed == ("out",)
    assert orphans.of({spec.token}) == []
    executor.submit(order("touch again", ["again"]))
    assert results(executor, 1)[0].ok


def test_killed_warden_is_told(here, order, executor):
    spec = order("mkdir out; touch ready; sleep 60", [("out", {"directory": True})])
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    (child,) = [
        int(pid)
        for pid in open(f"/proc/{executor._pid}/task/{executor._pid}/children").read().split()
        if int(pid) not in orphans.of({spec.token})
    ]
    os.kill(child, signal.SIGKILL)
    (result,) = results(executor, 1)
    assert result.problem == "lost" and not (here / "out").exists()
    assert orphans.of({spec.token}) == []


def test_close_lets_running_jobs_end(here, order, executor):
    executor.submit(order("sleep 0.2; touch out", ["out"]))
    executor.close()
    assert (here / "out").exists()
    assert lines(here / "journal")[-1]["r"][2] is True


def test_process_with_threads_gets_a_fresh_host(here, order, monkeypatch):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    forked = []
    monkeypatch.setattr(os, "fork", lambda: forked.append(1))
    try:
        executor = LocalExecutor(".rulekit", str(here / "journal"))
        executor.submit(order("echo hello > out", ["out"]))
        (result,) = results(executor, 1)
        executor.close()
    finally:
        stop.set()
        thread.join()
    assert result.ok and not forked
    assert lines(here / "journal")[-1]["r"][1] == result.token


def test_no_more_processes(order, executor, monkeypatch):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr(local, "_is_threaded", lambda: False)
    with pytest.raises(local.InfrastructureError, match="cannot be started"):
        executor.submit(order())


def test_journal_that_cannot_be_written_stops_starts(here, order):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    executor = LocalExecutor(".rulekit", "/dev/full")
    executor.submit(order("touch out", ["out"]))
    (result,) = results(executor, 1)
    executor.close()
    assert result.problem == "disk" and not (here / "out").exists()


def test_run_in_one_call(here, order):
    """`drive.run` in a process of its own, as a node does it."""
    from rulekit.runner import wire

    (here / "spec.json").write_text(json.dumps(wire.spec_to_json(order("touch out", ["out"]))))
    root = os.path.dirname(os.path.dirname(os.path.dirname(drive.__file__)))
    words = [sys.executable, "-m", "rulekit.runner", "spec.json", "result.json"]
    pid = os.posix_spawn(words[0], words, {**os.environ, "PYTHONPATH": root})
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert wire.result_from_json(json.loads((here / "result.json").read_text())).ok


def test_killed_warden_of_an_update(here, order, executor):
    (here / "db").write_text("old")
    spec = order("echo more >> db; touch ready; sleep 60", [("db", {"update": True})])
    executor.submit(spec)
    executor.poll(0)
    wait_for((here / "ready").exists)
    (child,) = [
        int(pid)
        for pid in open(f"/proc/{executor._pid}/task/{executor._pid}/children").read().split()
        if int(pid) not in orphans.of({spec.token})
    ]
    os.kill(child, signal.SIGKILL)
    (result,) = results(executor, 1)
    assert result.problem == "lost" and (here / "db").read_text() == "old"
