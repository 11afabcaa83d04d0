"""An attempt from begin to end in one call: for nodes, and for jobs that need more than a start.

Uses the signal machinery of its process, so it must be called in the main thread of a process
that does nothing else: the command ``python -m rulekit.runner`` or a fork of the local runner.
"""

from __future__ import annotations

import os
import select
import time

from rulekit.runner import attempt as steps
from rulekit.runner import orphans
from rulekit.runner.attempt import Attempt
from rulekit.runner.files import Refused, refusal
from rulekit.runner.signals import GRACE_S, signal, signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec
    from rulekit.runner.command import Environments


class Watch:
    """Wakes when a child ended or somebody asked to stop.

    SIGTERM and SIGINT ask once, politely; asked again, or by SIGUSR2, the job is killed. So it is
    when nobody reads any more from the pipe `listener` is the writing end of: then the result
    could not be told to anybody.
    """

    __slots__ = ("_listener", "_old", "_poll", "_read", "_write", "asked")

    def __init__(self, listener: int | None = None) -> None:
        self._listener = listener
        self.asked = 0
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        if listener is not None:
            self._poll.register(listener, 0)  # errors are always told
        self._old = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGCHLD, self._child),
                (signal.SIGTERM, self._ask),
                (signal.SIGINT, self._ask),
                (signal.SIGUSR2, self._insist),
            )
        }
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def _child(self, _number: int, _frame: Any) -> None:
        pass

    def _ask(self, _number: int, _frame: Any) -> None:
        self.asked += 1

    def _insist(self, _number: int, _frame: Any) -> None:
        self.asked += 2

    def pause(self, seconds: float | None) -> None:
        """Wait for a signal, at most so long (None: as long as it takes)."""
        wait = None if seconds is None else max(0, int(seconds * 1000) + 1)
        for file, _ in self._poll.poll(wait):
            if file == self._listener:
                self._poll.unregister(file)
                self.asked += 2
                continue
            try:
                os.read(self._read, 4096)
            except BlockingIOError:
                pass

    def wake(self) -> None:
        """End a pause now. Safe to call from threads."""
        try:
            os.write(self._write, b"\0")
        except OSError:
            pass  # it is awake, or closed

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)
        self._write = -1  # a thread that is late must not write to whoever gets the number


def run(
    spec: JobSpec,
    environments: Environments,
    started: Callable[[int], None] | None = None,
    listener: int | None = None,
    watch: Watch | None = None,
) -> JobResult:
    """Run one attempt. `started` is told the process id of each process of the job.

    `listener`: a pipe's writing end; when its reader is gone, the job is killed. `watch`: the one
    of a caller who does more than this attempt; who asked it to stop before has asked the job.

    The current directory becomes the job's working directory. Never raises for what a job or
    its files do.
    """
    own = watch or Watch(listener)
    environments.asked = lambda: bool(own.asked)
    try:
        return _run(spec, environments, own, started or (lambda _pid: None))
    finally:
        if watch is None:
            own.close()


def _run(
    spec: JobSpec,
    environments: Environments,
    watch: Watch,
    started: Callable[[int], None],
) -> JobResult:
    try:
        os.chdir(spec.workdir)
    except OSError as error:
        return steps.refused(spec, refusal(error, f"cannot enter the directory `{spec.workdir}`"))
    _wait_until(lambda: not steps.missing_inputs(spec), spec.latency_wait_s, watch)
    try:
        attempt = steps.prepare(spec)
    except Refused as refused:
        return steps.refused(spec, refused)
    shadow = None
    try:
        if spec.shadow:
            from rulekit.runner.shadow import Shadow

            shadow = Shadow(spec)
        problem, detail, status = _action(attempt, environments, watch, started, shadow)
        if shadow is not None:
            shadow.bring_back(only_logs=problem is not None or status != 0)
    except Refused as refused:
        problem, detail, status = refused.problem, refused.detail, 1 << 8
    finally:
        os.chdir(spec.workdir)
        if shadow is not None:
            shadow.discard()
    if problem is not None:
        exit_code = os.waitstatus_to_exitcode(status)
        return steps.failed(attempt, exit_code, problem, detail)
    if status == 0:
        _wait_until(lambda: not steps.missing_outputs(spec), spec.latency_wait_s, watch)
    return steps.finish(attempt, status)


def _action(
    attempt: Attempt,
    environments: Environments,
    watch: Watch,
    started: Callable[[int], None],
    shadow: Any,
) -> tuple[str | None, str, int]:
    """Run the action, several times for a benchmark. Problem, its detail, last wait status."""
    spec = attempt.spec
    measured = []
    deadline = None if spec.timeout_s is None else time.monotonic() + spec.timeout_s
    if shadow is not None:
        os.chdir(shadow.path)
    for turn in range(max(1, spec.benchmark_repeats) if spec.benchmark else 1):
        began = time.monotonic()
        if watch.asked:
            return "cancelled", "", 1 << 8
        if not steps.start(attempt, environments, turn):
            status, problem, sampler = 0, None, None
        else:
            started(attempt.pid)
            sampler = None
            if spec.benchmark:
                from rulekit.runner.benchmark import Sampler

                sampler = Sampler(attempt.pid, spec.token if steps.asks(spec) else None)
            status, rusage, problem = _wait(attempt, deadline, watch, sampler)
            steps.add_usage(attempt, rusage)
            if sampler is not None:
                seconds = time.monotonic() - began
                measured.append(sampler.result(seconds, steps.used(attempt, rusage)))
        if problem == "timeout":
            return problem, f"the job ran longer than {spec.timeout_s:g} s", status
        if problem is not None:
            return problem, "", status
        if status != 0:
            return None, "", status
    if spec.benchmark:
        from rulekit.runner.benchmark import write

        os.chdir(spec.workdir)
        write(spec, measured)
    return None, "", 0


def _wait(
    attempt: Attempt, deadline: float | None, watch: Watch, sampler: Any
) -> tuple[int, Any, str | None]:
    """Wait for the end of the job's process: status, usage, and why it was stopped."""
    pid = attempt.pid
    problem: str | None = None
    kill_at: float | None = None
    killed = False
    while True:
        ended, status, rusage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        now = time.monotonic()
        if problem is None and watch.asked:
            problem, kill_at = "cancelled", now + GRACE_S
            signal_group(pid, signal.SIGTERM)
        if problem is None and deadline is not None and now >= deadline:
            problem, kill_at = "timeout", now + GRACE_S
            signal_group(pid, signal.SIGTERM)
        if kill_at is not None and not killed and (now >= kill_at or watch.asked > 1):
            signal_group(pid, signal.SIGKILL)
            killed = True
        waits = [moment - now for moment in (deadline, kill_at) if moment and moment > now]
        if sampler is not None:
            waits.append(sampler.due(now))
        watch.pause(min(waits, default=None))
    if problem is not None:
        # What left the group, or does not listen, goes too.
        signal_group(pid, signal.SIGKILL if killed else signal.SIGTERM)
        grace = 0.0 if killed or kill_at is None else max(0.0, kill_at - time.monotonic())
        orphans.stop((attempt.spec.token,), grace)
    return status, rusage, problem


def _wait_until(done: Callable[[], bool], seconds: float, watch: Watch) -> None:
    deadline = time.monotonic() + seconds
    pause = 0.02
    while not done() and not watch.asked:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        watch.pause(min(pause, left))
        pause = min(pause * 2, 1.0)
