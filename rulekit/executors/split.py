"""Two executors as one: jobs of this machine, and all others."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from rulekit.executors.local import LocalExecutor, Started
    from rulekit.model.spec import JobResult, JobSpec

    class Remote(Protocol):
        """An executor for other machines. `due`: seconds until `poll(0)` has something to do
        without `fileno` being readable; None: never."""

        def submit(self, spec: JobSpec) -> None: ...
        def submit_together(
            self,
            specs: Sequence[JobSpec],
            amounts: Sequence[Mapping[str, int]],
            budget: Mapping[str, int],
        ) -> None: ...
        def cancel(self, token: str, hard: bool = ...) -> None: ...
        def running(self) -> int: ...
        def poll(self, timeout_s: float | None) -> Sequence[JobResult | Started]: ...
        def fileno(self) -> int: ...
        def due(self) -> float | None: ...
        def close(self, wait: bool = ...) -> None: ...


_SOON_S = 0.05


class SplitExecutor:
    """Sends orders for which `is_local` holds to `local`, and the others to `remote`.

    Local jobs use at most `cores` threads together; further ones wait here.
    """

    def __init__(
        self,
        local: LocalExecutor,
        remote: Remote,
        is_local: Callable[[JobSpec], bool],
        *,
        cores: int,
        wake_fd: int | None = None,
    ) -> None:
        self._local = local
        self.remote = remote
        self._is_local = is_local
        self._cores = cores
        self._wake = wake_fd
        self._used: dict[str, int] = {}  # threads of local jobs that run, by token
        self._held: list[JobSpec] = []

    def submit(self, spec: JobSpec) -> None:
        """Queue an order. Raises InfrastructureError if there can be no runner process."""
        if self._is_local(spec):
            self._held.append(spec)
            self._release()
        else:
            self.remote.submit(spec)

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """Queue orders of attempts that belong together; local only if all of them are."""
        if all(self._is_local(spec) for spec in specs):
            self._local.submit_together(specs, amounts, budget)
        else:
            self.remote.submit_together(specs, amounts, budget)

    def _release(self) -> None:
        while self._held:
            threads = min(max(1, self._held[0].threads), self._cores)
            if self._used and sum(self._used.values()) + threads > self._cores:
                return
            spec = self._held.pop(0)
            self._used[spec.token] = threads
            self._local.submit(spec)

    def cancel(self, token: str, hard: bool = False) -> None:
        """Ask a job to end, or end it (`hard`)."""
        for spec in self._held:
            if spec.token == token:  # it gets its turn, and is stopped at once
                self._held.remove(spec)
                self._used[token] = 0
                self._local.submit(spec)
                break
        if token in self._used:
            self._local.cancel(token, hard)
        else:
            # Each knows its own tokens only.
            self._local.cancel(token, hard)
            self.remote.cancel(token, hard)

    def running(self) -> int:
        """How many orders have no answer yet."""
        return self._local.running() + self.remote.running() + len(self._held)

    def poll(self, timeout_s: float | None) -> list[JobResult | Started]:
        """Wait for news of either, at most so long (None: until there is some). Returns early and
        empty-handed when `wake_fd` can be read."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            news: list[JobResult | Started] = [*self._local_news(), *self.remote.poll(0)]
            now = time.monotonic()
            if news or (deadline is not None and now >= deadline):
                return news
            waits = [self.remote.due(), None if deadline is None else deadline - now]
            files = [f for f in (self._local.fileno(), self.remote.fileno()) if f >= 0]
            if self._wake is not None:
                files.append(self._wake)
            poll = select.poll()
            for file in files:
                poll.register(file, select.POLLIN)
            wait = min((one for one in waits if one is not None), default=None)
            if wait is None and not files:
                return []
            ready = poll.poll(None if wait is None else int(wait * 1000) + 1)
            if any(file == self._wake for file, _ in ready):
                return [*self._local_news(), *self.remote.poll(0)]

    def _local_news(self) -> list[JobResult | Started]:
        if not self._local.running():
            return []
        news = self._local.poll(0)
        for one in news:
            self._used.pop(one.token, None)
        self._release()
        return list(news)

    def close(self, wait: bool = True) -> None:
        """End both."""
        try:
            self.remote.close(wait)
        finally:
            self._local.close(wait)
