"""The engine's side of Azure Batch: the words of `executors.local.LocalExecutor`."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque

from rulekit.errors import RulekitError
from rulekit.executors.azure import names
from rulekit.executors.azure.client import BatchService
from rulekit.executors.azure.logs import LiveLogs
from rulekit.executors.azure.pools import Pools
from rulekit.executors.azure.setup import RunFacts, Setup
from rulekit.executors.azure.staging import RunFiles
from rulekit.executors.azure.tasks import Details, Task
from rulekit.executors.azure.worker import Worker
from rulekit.executors.local import Started
from rulekit.model.spec import JobResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.executors.azure.adoption import Earlier
    from rulekit.executors.azure.health import Limits
    from rulekit.executors.azure.pace import Pace
    from rulekit.executors.azure.packs import Packs
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.places import Places
    from rulekit.model.spec import JobSpec

_AT_ONCE = 100
_LAST_S = 30.0  # how long requests are repeated at the end


class AzureBatchExecutor:
    """Runs orders on Azure Batch. One engine, one executor, one thread that talks to Azure."""

    def __init__(
        self,
        settings: AzureSettings,
        storage: Any,
        places: Places,
        *,
        run: str,
        journal: str | None = None,
        wake_fd: int | None = None,
        say: Callable[[str, str], None] | None = None,
        facts: RunFacts | None = None,
        details: Callable[[JobSpec], Details] | None = None,
        service: BatchService | None = None,
        pace: Pace | None = None,
        limits: Limits | None = None,
        outputs: str | None = None,
        live: bool = False,
        packs: Packs | None = None,
    ) -> None:
        """`storage` is an `AzBlobStorage`; `places` has a default root. `journal`: file that gets
        the start, result and place lines. `wake_fd`: a file that ends `poll` when it can be read.
        `say(level, text)` is called by `poll` only. `facts` are what all tasks need, `details`
        tells container and resources of a job. `outputs`: a folder
        that gets what failed jobs wrote to stdout and stderr. `live`: `say("log", ...)` shows what
        running jobs write. `packs`: the environments of jobs that have one. `service`, `pace`,
        `limits`: for tests.

        Nothing is asked of Azure before the first order is on its way.
        """
        assert places.default is not None
        self.settings = settings
        self._details = details or (lambda _spec: Details())
        self._say = say or (lambda _level, _text: None)
        self._outbox: deque[Any] = deque()
        self._news, self._news_in = os.pipe()
        os.set_blocking(self._news, False)
        os.set_blocking(self._news_in, False)
        self._wake = wake_fd
        self._poll = select.poll()
        self._poll.register(self._news, select.POLLIN)
        if wake_fd is not None:
            self._poll.register(wake_fd, select.POLLIN)
        self._queue: list[Task] = []
        self._running: set[str] = set()
        self._storage = storage
        self._earlier: list[Earlier] = []
        self.service = service or BatchService(settings)
        self.files = RunFiles(storage, places.default, run)
        # What `rulekit azure gc` finds them by.
        labels = {
            names.MARK + "-host": os.uname().nodename[:100],
            names.STORAGE: f"{self.files.root.container}/{self.files.base}",
        }
        whisper = self._whisper
        self.pools = Pools(self.service, settings, run, whisper, labels)
        facts = facts or RunFacts({})
        self.service.hide(facts.environment.values())
        self._packs = packs
        setup = Setup(settings, storage, places, self.files, facts, whisper, packs)
        self._worker = Worker(
            self.service,
            self.pools,
            setup,
            self.files,
            None if journal is None else os.path.abspath(journal),
            self._outbox,
            self._ring,
            whisper,
            pace,
            limits,
            LiveLogs(self.service, self._line) if live else None,
            outputs,
        )
        self._thread: threading.Thread | None = None

    # --- orders ---------------------------------------------------------------------------

    def submit(self, spec: JobSpec) -> None:
        """Queue an order; it is on its way at the next `poll` at the latest."""
        self._add(Task([spec], [self._details(spec)]))

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """Queue orders of attempts that run together in one task: files stream between them."""
        together = (list(map(dict, amounts)), dict(budget))
        self._add(Task(specs, [self._details(spec) for spec in specs], together))

    def submit_group(self, specs: Sequence[JobSpec], inner: Sequence[str] = ()) -> None:
        """Queue orders that run one after the other, in this order, in one task. `inner` are files
        that are made and used inside and not stored."""
        self._add(Task(specs, [self._details(spec) for spec in specs], inner=inner))

    def _add(self, task: Task) -> None:
        if self._packs is not None:
            self._packs.have(task.specs)
        self._running.update(task.tokens)
        self._queue.append(task)
        if len(self._queue) >= _AT_ONCE:
            self._send()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._worker.run, name="rulekit-azure", daemon=True
            )
            self._thread.start()

    def _send(self) -> None:
        self._start()
        tasks, self._queue = self._queue, []
        self._worker.inbox.put(("submit", tasks))

    def cancel(self, token: str, hard: bool = False) -> None:
        """End a job. Its result comes by `poll`, with the problem ``cancelled``; `hard`: without
        waiting for the service."""
        if token in self._running:
            if self._queue:
                self._send()
            self._worker.inbox.put(("cancel", token, hard))

    # --- earlier runs ---------------------------------------------------------------------

    def earlier(self, places: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Attempts of runs whose driver died that can be attached: their tokens, and whether each
        has ``ended``, is ``running`` or ``waiting``.

        `places` are the `b` lines of their journals. What is not attached is to be ended by
        `release`. Raises InfrastructureError.
        """
        from rulekit.executors.azure import adoption

        found: dict[str, str] = {}
        for place in places:
            try:
                one = adoption.find(self.service, self._storage, place, self.settings.lease_minutes)
            except ValueError as error:
                self._say("warning", f"an earlier run on Azure cannot be found: {error}")
                continue
            if one is not None:
                for other in self._earlier:
                    if other.opened.pool_id == one.opened.pool_id:
                        one.join(other)
                        break
                self._earlier.append(one)
                found.update((token, one.state_of(token)) for token in one.tasks)
        return found

    def attach(self, token: str) -> None:
        """Take an attempt of an earlier run over: its result comes by `poll` as if it had been
        submitted here (with the number -1 if there is none to be had). Raises KeyError."""
        for one in self._earlier:
            task = one.tasks.get(token)
            if task is None:
                continue
            if task.id not in one.attached:
                one.attached.add(task.id)
                self._running.update(task.tokens)
                self.pools.adopt(one.opened)
                self._start()
                self._worker.inbox.put(("attach", task, one.opened))
            return
        raise KeyError(token)

    def release(self) -> None:
        """End what earlier runs have left and nobody attached: to be called before the same work
        is submitted again. Raises InfrastructureError."""
        if self._earlier:
            from rulekit.executors.azure import adoption

            self._earlier = adoption.release(self.service, self._earlier, self._say)

    def running(self) -> int:
        """How many orders have no answer yet."""
        return len(self._running)

    # --- answers --------------------------------------------------------------------------

    def poll(self, timeout_s: float | None) -> list[Started | JobResult]:
        """Send what is queued and wait for news, at most so long (None: until there is some).

        Returns early and empty-handed when `wake_fd` can be read. Raises InfrastructureError once
        if no more can be done on Azure; all orders have been answered by then or are with the
        next `poll`.
        """
        if self._queue:
            self._send()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            news = self._take()
            if news:
                return news
            wait = None
            if deadline is not None:
                wait = max(0, int((deadline - time.monotonic()) * 1000 + 0.999))
            woken = False
            for file, _ in self._poll.poll(wait):
                woken = woken or file == self._wake
                if file == self._news:
                    self._drain()
            news = self._take()
            if news or woken or (deadline is not None and time.monotonic() >= deadline):
                return news

    def _drain(self) -> None:
        try:
            while os.read(self._news, 4096):
                pass
        except BlockingIOError:
            pass

    def _take(self) -> list[Started | JobResult]:
        news: list[Started | JobResult] = []
        while self._outbox:
            item = self._outbox[0]
            if isinstance(item, RulekitError):
                if news:
                    return news  # the next poll raises it
                self._outbox.popleft()
                raise item
            self._outbox.popleft()
            if isinstance(item, tuple):
                self._say(*item)
            elif isinstance(item, JobResult):
                if item.token in self._running:
                    self._running.discard(item.token)
                    news.append(item)
            else:
                news.append(item)
        return news

    def output_of(self, token: str) -> str | None:
        """The file on this machine with what a failed attempt wrote, None if there is none."""
        return self._worker.outputs.get(token)

    def _line(self, key: str, text: str) -> None:
        self._whisper("log", self.service.masked(f"{key}: {text}"))

    def _whisper(self, level: str, text: str) -> None:
        """What the thread has to say is said by `poll`."""
        self._outbox.append((level, text))
        self._ring()

    def _ring(self) -> None:
        try:
            os.write(self._news_in, b"!")
        except (BlockingIOError, OSError):
            pass  # it rings already, or nobody listens any more

    def fileno(self) -> int:
        """The file that can be read when there is news."""
        return self._news

    # --- the end --------------------------------------------------------------------------

    def close(self, wait: bool = True) -> None:
        """End the thread; delete jobs, pools (unless they are kept) and the files of the run.

        When tasks are still out, or the service cannot be reached, nothing is deleted: the next
        run takes their results, and the lease ends the pools.
        """
        if self._thread is not None:
            self.service.hurry(_LAST_S)
            self._worker.inbox.put(("close",))
            self._thread.join(None if wait else 5.0)
            self._finish()
            self._thread = None
        for file in (self._news, self._news_in):
            if file >= 0:
                os.close(file)
        self._news = self._news_in = -1
        self.files.close()
        self.service.close()

    def _finish(self) -> None:
        failed = self._worker.failed
        # What cannot be reached cannot be cleared; all else that went wrong is no reason to pay on.
        unreachable = failed is not None and failed.diagnostics[0].code == "RK0612"
        if self._running or unreachable:
            return
        left = self.pools.close(keep_pool=self.settings.keep_pool)
        for name in left:
            self._say("warning", f"{name} could not be deleted; `rulekit azure gc` does it later")
        try:
            for files in (self.files, *(one.files for one in self._earlier)):
                files.clean()
        except RulekitError as error:
            self._say("warning", f"files of the run are left in the storage: {error}")
