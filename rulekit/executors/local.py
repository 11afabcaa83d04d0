"""The engine's side of local execution: orders out, answers in, over two pipes."""

from __future__ import annotations

import gc
import os
import select
import sys
import time

from rulekit.errors.tree import InfrastructureError
from rulekit.executors.framing import Reader, pack
from rulekit.frozen import frozen
from rulekit.runner import wire
from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)


@frozen
class Started:
    """A job's process runs."""

    token: str
    pid: int


class LocalExecutor:
    """Runs orders on this machine. One engine, one executor, one runner process.

    The runner process is made with the first `submit`. It does the starting and the waiting, and
    goes on if the engine dies: running jobs end, their results go to the journal.
    """

    def __init__(
        self,
        state_dir: str,
        journal_path: str | None = None,
        *,
        announce: bool = False,
        wake_fd: int | None = None,
        bodies: Callable[[JobSpec, int], int] | None = None,
    ) -> None:
        """`journal_path`: file that gets start and result lines (see `rulekit.provenance`).

        `announce`: whether `poll` tells of `Started` too. `wake_fd`: a file that ends `poll`
        when it can be read (the engine's pipe for signals); it is not read here. `bodies`
        carries out a `run:` body (order, turn of a benchmark) and gives its exit code; it is
        called in forks of the runner process, if that could be forked.
        """
        self.state_dir = state_dir
        self._journal = None if journal_path is None else os.path.abspath(journal_path)
        self._announce = announce
        self._wake = wake_fd
        self._bodies = bodies
        self._pid = 0
        self._control = -1
        self._answers = -1
        self._reader: Reader | None = None
        self._unsent = b""
        self._queue: list[object] = []
        self._running: dict[str, JobSpec] = {}
        self._poll = select.poll()
        if wake_fd is not None:
            self._poll.register(wake_fd, select.POLLIN)

    # --- orders ---------------------------------------------------------------------------

    def submit(self, spec: JobSpec) -> None:
        """Queue an order; it is on its way at the next `poll` at the latest.

        Raises InfrastructureError if there can be no runner process.
        """
        if not self._pid:
            self.start()
        self._running[spec.token] = spec
        self._queue.append(("submit", wire.spec_to_tuple(spec)))

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """Queue orders of attempts that run together: files stream between them.

        `amounts[i]` is what `specs[i]` uses of the resources that `budget` limits. Raises as
        `submit`.
        """
        if not self._pid:
            self.start()
        for spec in specs:
            self._running[spec.token] = spec
        orders = tuple([wire.spec_to_tuple(spec) for spec in specs])
        self._queue.append(("together", orders, list(map(dict, amounts)), dict(budget)))

    def submit_order(
        self,
        specs: Sequence[JobSpec],
        order: Mapping[str, Any],
        secrets: Mapping[str, Any],
        copies: str | None = None,
    ) -> None:
        """Queue an order for `rulekit.node`: attempts with stored files. `copies`: an absolute folder
        for copies of what is fetched. Raises as `submit`."""
        if not self._pid:
            self.start()
        for spec in specs:
            self._running[spec.token] = spec
        orders = tuple([wire.spec_to_tuple(spec) for spec in specs])
        self._queue.append(("order", orders, dict(order), dict(secrets), copies))

    def cancel(self, token: str, hard: bool = False) -> None:
        """Ask a job to end (SIGTERM, after ten seconds SIGKILL), or end it (`hard`).

        Its result comes by `poll` as ever, with the problem ``cancelled`` if it was in time.
        """
        if token in self._running:
            self._queue.append(("cancel", token, hard))

    def running(self) -> int:
        """How many orders have no answer yet."""
        return len(self._running)

    def poll(self, timeout_s: float | None) -> list[Started | JobResult]:
        """Send what is queued and wait for news, at most so long (None: until there is some).

        Returns early and empty-handed when `wake_fd` can be read. Raises nothing: if the runner
        process was killed, every job it ran is stopped and answered with the problem ``lost``.
        """
        if self._queue:
            self._unsent += pack(self._queue)
            self._queue = []
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        news: list[Started | JobResult] = []
        while True:
            if self._unsent:
                self._send()
            if self._reader is None and self._wake is None:
                return news
            wait = None
            if deadline is not None:
                wait = max(0, int((deadline - time.monotonic()) * 1000 + 0.999))
            woken = False
            for file, _ in self._poll.poll(wait):
                if file == self._answers and self._reader is not None:
                    self._take(self._reader, news)
                elif file == self._wake:
                    woken = True
            if news or woken:
                return news
            if deadline is not None and time.monotonic() >= deadline:
                return news

    def _send(self) -> None:
        try:
            written = os.write(self._control, self._unsent)
        except BlockingIOError:
            written = 0
        except OSError:
            written = len(self._unsent)  # the reader will see the end of the other side
        self._unsent = self._unsent[written:]
        if self._control >= 0:
            if self._unsent:
                self._poll.register(self._control, select.POLLOUT)
            else:
                try:
                    self._poll.unregister(self._control)
                except KeyError:
                    pass

    def _take(self, reader: Reader, news: list[Started | JobResult]) -> None:
        for message in reader.read():
            if message[0] == "result":
                result = wire.result_from_tuple(message[1])
                if self._running.pop(result.token, None) is not None:
                    news.append(result)
            else:
                news.append(Started(message[1], message[2]))
        if reader.ended:
            self._hang_up()
            self._lost(news)

    def _lost(self, news: list[Started | JobResult]) -> None:
        """The runner process is gone before its time: nothing it ran can be trusted."""
        from rulekit.runner import leftovers, orphans
        from rulekit.runner.attempt import Attempt, failed

        specs, self._running = list(self._running.values()), {}
        orphans.stop({spec.token for spec in specs}, 2.0)
        here = os.getcwd()
        for spec in specs:
            os.chdir(spec.workdir)
            detail = "the process that runs jobs was killed"
            news.append(failed(Attempt(spec), 1, "lost", detail))
            leftovers.sweep(spec.state_dir, (spec.token,))
        os.chdir(here)

    # --- the runner process ---------------------------------------------------------------

    def start(self) -> None:
        """Make the runner process now. `submit` does so by itself; the earlier the cheaper."""
        if self._pid:
            return
        control, self._control = os.pipe()
        self._answers, answers = os.pipe()
        try:
            if _is_threaded():
                self._pid = self._spawn(control, answers)
            else:
                self._pid = self._fork(control, answers)
        except OSError as error:
            for file in (self._control, self._answers):
                os.close(file)
            raise InfrastructureError(
                f"the process that runs jobs cannot be started: {error.strerror}",
                code="RK0601",
                help="the system has no room for another process: see `ulimit -u` and free memory",
            ) from error
        finally:
            os.close(control)
            os.close(answers)
        os.set_blocking(self._control, False)
        os.set_blocking(self._answers, False)
        self._reader = Reader(self._answers)
        self._poll.register(self._answers, select.POLLIN)

    def _fork(self, control: int, answers: int) -> int:
        # What is in the buffers now must not be written a second time by a fork.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        # What is frozen is not looked at by the collector, and so stays shared memory.
        gc.freeze()
        # No signal may find the new process with the handlers and the wake-up file of this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            raise
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            gc.unfreeze()
            return pid
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            from rulekit.executors import host

            os.close(self._control)
            os.close(self._answers)
            host.serve(control, answers, self._journal, self._announce, self._bodies)
            status = 0
        except BaseException:
            import traceback

            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        finally:
            os._exit(status)
        return 0

    def _spawn(self, control: int, answers: int) -> int:
        """A fresh interpreter: a fork of a process with threads could hang."""
        for file in (control, answers):
            os.set_inheritable(file, True)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.environ.get("PYTHONPATH")
        environment = {**os.environ, "PYTHONPATH": root + (os.pathsep + path if path else "")}
        words = [sys.executable, "-m", "rulekit.executors.host", str(control), str(answers)]
        words.append(str(int(self._announce)))
        if self._journal is not None:
            words.append(self._journal)
        return os.posix_spawn(sys.executable, words, environment)

    def fileno(self) -> int:
        """The file that can be read when there is news; -1 while there is no runner process."""
        return self._answers

    def close(self, wait: bool = True) -> None:
        """End the runner process. Jobs that still run go on to their end, waited for or not."""
        if not self._pid:
            return
        if self._unsent or self._queue:
            self.poll(0)
        pid = self._pid
        self._hang_up(reap=False)
        if wait:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass

    def _hang_up(self, reap: bool = True) -> None:
        for file in (self._control, self._answers):
            try:
                self._poll.unregister(file)
            except KeyError:
                pass
            os.close(file)
        if reap:
            try:
                os.waitpid(self._pid, 0)
            except ChildProcessError:
                pass
        self._reader = None
        self._control = self._answers = -1
        self._unsent = b""
        self._queue = []
        self._pid = 0


def _is_threaded() -> bool:
    try:
        return len(os.listdir("/proc/self/task")) > 1
    except OSError:
        return "threading" in sys.modules and sys.modules["threading"].active_count() > 1
