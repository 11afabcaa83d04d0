"""A limit on how many jobs start in a span of time."""

from __future__ import annotations

from collections import deque


class StartRate:
    """At most `count` starts in any `seconds`. The caller says what time it is (seconds)."""

    __slots__ = ("_count", "_seconds", "_times")

    def __init__(self, rate: tuple[int, float] | None) -> None:
        self._count, self._seconds = rate or (0, 0.0)
        self._times: deque[float] = deque()

    def allowed(self, now: float) -> int:
        """How many jobs may start now."""
        if not self._count:
            return 1 << 30
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return self._count - len(self._times)

    def started(self, now: float, count: int) -> None:
        if self._count:
            self._times.extend([now] * count)

    def wait(self, now: float) -> float | None:
        """Seconds until another start is allowed; None if one is allowed now."""
        if self.allowed(now) > 0:
            return None
        return max(0.0, self._times[0] + self._seconds - now)
