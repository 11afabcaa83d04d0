"""What a formula can know about a pool: samples of its metrics.

One sample is taken every 30 seconds and seen about a minute later. Where the emulator runs faster
than the real service (`speed`), so do its samples; a formula does not notice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS = (
    "$ActiveTasks",
    "$RunningTasks",
    "$PendingTasks",
    "$SucceededTasks",
    "$FailedTasks",
    "$CurrentDedicatedNodes",
    "$CurrentLowPriorityNodes",
    "$PreemptedNodeCount",
    "$UsableNodeCount",
    "$TaskSlotsPerNode",
    "$SampleNodeCount",
    "$CPUPercent",
    "$WallClockSeconds",
    "$MemoryBytes",
    "$DiskBytes",
    "$DiskReadBytes",
    "$DiskWriteBytes",
    "$DiskReadOps",
    "$DiskWriteOps",
    "$NetworkInBytes",
    "$NetworkOutBytes",
)
"""The variables that have samples."""

PERIOD_S = 30.0
LAG_S = 60.0


class SampleStore:
    """The samples of one pool.

    `record` one every `period` real seconds (`PERIOD_S / speed`). All times are seconds since 1970
    of the emulator's clock. Holds the latest `keep` samples (default: a day).
    """

    def __init__(self, speed: float = 1.0, keep: int = 2880) -> None:
        self.speed = speed
        self.period = PERIOD_S / speed
        self.lag = LAG_S / speed
        self._times: deque[float] = deque(maxlen=keep)
        self._values: deque[Mapping[str, float]] = deque(maxlen=keep)

    def record(self, when: float, values: Mapping[str, float]) -> None:
        """Note the metrics (`$ActiveTasks`: 3, ...) at a time that is not before the last one.

        A metric that is not named counts as 0; `$PendingTasks` is the sum where it is not given.
        """
        made = {name: float(value) for name, value in values.items()}
        made.setdefault("$PendingTasks", made.get("$ActiveTasks", 0) + made.get("$RunningTasks", 0))
        self._times.append(when)
        self._values.append(made)

    def times(self, now: float) -> list[float]:
        """When the samples were taken that can be seen now, oldest first."""
        # What was taken exactly one lag ago is seen; sums of floats are not that exact.
        return [when for when in self._times if when + self.lag <= now + 1e-6]

    def latest(self, name: str, count: int, now: float) -> tuple[float, ...]:
        """The last `count` samples of a metric that can be seen now, oldest first."""
        seen = len(self.times(now))
        values = list(self._values)[max(0, seen - count) : seen]
        return tuple([value.get(name, 0.0) for value in values])

    def between(
        self, name: str, start: float, end: float, now: float
    ) -> tuple[tuple[float, ...], float]:
        """The samples in (start, end], and how many per cent of those possible they are.

        `start` and `end` are times as the formula sees them: so many seconds before `now` of the
        real service's time.
        """
        first, last = (now - (now - moment) / self.speed for moment in (start, end))
        times = self.times(now)
        a, b = bisect_right(times, first), bisect_right(times, last)
        if a == b:
            # An interval shorter than a period holds the sample at its start, if there is one.
            a = min(a, bisect_left(times, first))
        found = tuple([value.get(name, 0.0) for value in list(self._values)[a:b]])
        possible = max(round((end - start) / PERIOD_S), 1)
        return found, min(100.0, 100.0 * len(found) / possible)

    def begin(self) -> float | None:
        """When the oldest sample was taken, None if there is none."""
        return self._times[0] if self._times else None

    def count(self, now: float) -> int:
        """How many samples can be seen."""
        return len(self.times(now))
