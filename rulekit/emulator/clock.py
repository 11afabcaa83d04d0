"""The emulator's time and what happens at a time.

The clock runs as fast as the real one, because tasks are real processes and clients compare the
service's times with their own; `advance` lets it jump. What the *service* takes its time for
(allocating, booting, pulling images, deleting, the pause between two evaluations of a formula)
is divided by `speed`.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """Something that will be called once; `cancel` forgets it."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the action; harmless when it already ran."""
        self.action = None


class Clock:
    """Time and timers. Actions run one after another in one thread, under `lock`."""

    def __init__(self, speed: float, lock: threading.RLock) -> None:
        self.speed = max(float(speed), 1e-6)
        self.lock = lock
        self.errors: list[str] = []
        self._offset = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition(lock)
        self._stopped = False
        self._last = 0.0
        self._thread = threading.Thread(target=self._run, name="emulator-clock", daemon=True)

    def start(self) -> None:
        """Begin to call timers."""
        self._thread.start()

    def stop(self) -> None:
        """Call no more timers; waits for one that runs."""
        with self.lock:
            self._stopped = True
            self._wake.notify_all()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def now(self) -> float:
        """Seconds since 1970. No two calls give the same value, so that times order states."""
        value = time.time() + self._offset
        if value <= self._last:
            value = self._last + 1e-6
        self._last = value
        return value

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; what falls due runs in its order."""
        with self.lock:
            self._offset += seconds
            self._wake.notify_all()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call `action` in so many seconds of clock time."""
        with self.lock:
            timer = Timer(self.now() + max(seconds, 0.0), action)
            heapq.heappush(self._heap, (timer.when, next(self._numbers), timer))
            if self._heap[0][2] is timer:
                self._wake.notify_all()
            return timer

    def chore(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call `action` after a service time of `seconds`, shortened by the speed."""
        return self.after(seconds / self.speed, action)

    def _run(self) -> None:
        with self.lock:
            while not self._stopped:
                now = time.time() + self._offset
                if not self._heap or self._heap[0][0] > now:
                    pause = self._heap[0][0] - now if self._heap else 60.0
                    self._wake.wait(min(pause, 60.0))
                    continue
                _, _, timer = heapq.heappop(self._heap)
                action, timer.action = timer.action, None
                if action is not None:
                    try:
                        action()
                    except Exception:
                        self.errors.append(traceback.format_exc())
