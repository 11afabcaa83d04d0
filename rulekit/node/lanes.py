"""Calls side by side in threads, while the main thread listens to signals."""

from __future__ import annotations

import threading
import time
from collections import deque

from rulekit.node.trouble import Cancelled, Trouble
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from rulekit.node.web import Web

    Call = Callable[[], None]

    class Listener(Protocol):
        """Hears who asks to stop: `rulekit.runner.drive.Watch`."""

        @property
        def asked(self) -> int: ...

        def pause(self, seconds: float | None) -> None: ...

        def wake(self) -> None: ...


WIDTH = 8
_LATE = "the time limit of the order has passed while files were moved"


class Lanes:
    """One set of calls, which may add further ones while it runs."""

    def __init__(
        self, watch: Listener, web: Web, width: int = WIDTH, deadline: float | None = None
    ) -> None:
        """`deadline`: moment of the monotonic clock at which everything ends (``timeout``)."""
        self._watch = watch
        self._web = web
        self._width = width
        self._deadline = deadline
        self._lock = threading.Condition()
        self._queue: deque[Call] = deque()
        self._left = 0  # calls waiting or running
        self._errors: list[BaseException] = []

    def add(self, call: Call) -> None:
        """One more call. Safe in calls that run."""
        with self._lock:
            self._queue.append(call)
            self._left += 1
            self._lock.notify()

    def run(self, calls: Iterable[Call]) -> None:
        """All calls, until the last has ended. The first error ends it and is raised.

        Raises `Cancelled` when the process is asked to stop: then all requests are ended.
        """
        for call in calls:
            self.add(call)
        if not self._left:
            return
        if self._watch.asked:
            raise Cancelled
        # A few threads to begin with: most orders have a handful of small files.
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(self._width, self._left))
        ]
        for thread in threads:
            thread.start()
        while True:
            with self._lock:
                if self._left == 0 or self._errors:
                    break
                more = len(threads) < self._width and len(self._queue) > 1
            if more:
                threads.append(threading.Thread(target=self._work, daemon=True))
                threads[-1].start()
                continue
            self._watch.pause(1.0)
            late = self._deadline is not None and time.monotonic() > self._deadline
            if self._watch.asked or late:
                self._web.abort()
                with self._lock:
                    stop = Cancelled() if self._watch.asked else Trouble("timeout", _LATE)
                    self._errors.append(stop)
        with self._lock:
            self._left -= len(self._queue)
            self._queue.clear()
            self._width = 0
            self._lock.notify_all()
        for thread in threads:
            while thread.is_alive() and not self._watch.asked:
                thread.join(0.5)
        if self._watch.asked and any(thread.is_alive() for thread in threads):
            self._web.abort()
            for thread in threads:
                thread.join(2.0)
        if self._errors:
            raise _worst(self._errors)

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._queue:
                    if self._left == 0 or self._errors or self._width == 0:
                        return
                    self._lock.wait()
                call = self._queue.popleft()
            try:
                call()
            except BaseException as error:
                with self._lock:
                    self._errors.append(error)
            finally:
                with self._lock:
                    self._left -= 1
                    done = self._left == 0 or bool(self._errors)
                    if done:
                        self._lock.notify_all()
                if done or self._queue:
                    self._watch.wake()


def _worst(errors: list[BaseException]) -> BaseException:
    """Bugs first, then what a user can mend."""
    for error in errors:
        if not isinstance(error, (Refused, OSError)):
            return error
    for error in errors:
        if not isinstance(error, Cancelled):
            return error
    return errors[0]
