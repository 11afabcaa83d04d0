"""How far a run is, counted from its events alone. Knows nothing of terminals.

Times are seconds of the clock given. What is expected of a rule comes from this run and, as long
as that says little, from earlier ones (`RunState.history`: rule → mean seconds of a job).
"""

from __future__ import annotations

import time
from collections import deque

from rulekit.events import (
    CloudState,
    JobFailed,
    JobFinished,
    JobStarted,
    Note,
    Progress,
    RunStarted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rulekit.events import Event, JobInfo

_RATE_WINDOW = 60.0  # seconds looked back for the throughput
_RATE_ENDS = 4096  # ends kept for it
_PRIOR = 3.0  # jobs of this run that weigh as much as all earlier runs
UNLIMITED = 1 << 30  # cores that are other machines


class RuleState:
    """How far one rule is. `seconds` is the sum over its finished jobs."""

    __slots__ = ("done", "failed", "running", "seconds", "started", "threads", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self.running = 0
        self.seconds = 0.0
        self.started = 0
        self.threads = 0  # sum over started attempts

    @property
    def mean(self) -> float | None:
        """Seconds that a job took so far in this run."""
        return self.seconds / self.done if self.done else None

    @property
    def left(self) -> int:
        """Jobs that have not ended."""
        return max(0, self.total - self.done - self.failed)

    @property
    def width(self) -> float:
        """Threads that a job of the rule takes."""
        return self.threads / self.started if self.started else 1.0


class RunningJob:
    """An attempt that is under way."""

    __slots__ = ("attempt", "info", "memory_mb", "since", "threads")

    def __init__(self, info: JobInfo, attempt: int, since: float) -> None:
        self.info = info
        self.attempt = attempt
        self.since = since
        self.threads = info.threads
        memory = info.resources.get("mem_mb")
        self.memory_mb = memory if isinstance(memory, int) else 0


class RunState:
    """What a view shows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.started = clock()
        self.rules: dict[str, RuleState] = {}
        self.running: dict[str, RunningJob] = {}
        self.history: Mapping[str, float] = {}
        self.cloud: CloudState | None = None
        self.notice = ""  # the last word about the cloud
        self.done = 0
        self.total = 0
        self.failed = 0
        self.cores = 1
        self.busy = 0  # threads at work
        self._ends: deque[float] = deque(maxlen=_RATE_ENDS)
        self._area = 0.0  # thread-seconds so far
        self._counted = self.started

    def take(self, event: Event) -> None:
        """Count one event."""
        kind = type(event)
        if kind is JobStarted:
            assert isinstance(event, JobStarted)
            self._begin(event.job, event.attempt)
        elif kind is JobFinished:
            assert isinstance(event, JobFinished)
            rule = self._rule(event.rule)
            rule.done += 1
            rule.seconds += event.seconds
            self._ends.append(self._clock())
            self._ended(event.key, rule)
        elif kind is Progress:
            assert isinstance(event, Progress)
            self.done, self.failed = event.done, event.failed
            self.total = event.total
        elif kind is JobFailed:
            assert isinstance(event, JobFailed)
            rule = self._rule(event.job.rule)
            if not event.will_retry:
                rule.failed += 1
            self._ended(event.job.key, rule)
            self.failed = sum(each.failed for each in self.rules.values())
        elif kind is RunStarted:
            assert isinstance(event, RunStarted)
            self.rules = {name: RuleState(count) for name, count in event.jobs.items()}
            self.total = sum(event.jobs.values())
            self.cores = event.cores
        elif kind is CloudState:
            assert isinstance(event, CloudState)
            self.cloud = event
        elif kind is Note and self.cloud is not None:
            assert isinstance(event, Note)
            if event.level in ("info", "warning"):
                self.notice = event.text.partition("\n")[0]

    def _begin(self, info: JobInfo, attempt: int) -> None:
        rule = self._rule(info.rule)
        rule.running += 1
        rule.started += 1
        rule.threads += info.threads
        self._count_area()
        self.busy += info.threads
        self.running[info.key] = RunningJob(info, attempt, self._clock())

    def _rule(self, name: str) -> RuleState:
        found = self.rules.get(name)
        if found is None:
            found = self.rules[name] = RuleState(0)
        return found

    def _ended(self, key: str, rule: RuleState) -> None:
        job = self.running.pop(key, None)
        if job is not None:
            rule.running -= 1
            self._count_area()
            self.busy -= job.threads

    def _count_area(self) -> None:
        now = self._clock()
        self._area += self.busy * (now - self._counted)
        self._counted = now

    def expected(self, name: str) -> float | None:
        """Seconds that a job of a rule will take, None if nothing is known of it."""
        rule = self.rules.get(name)
        before = self.history.get(name)
        if rule is None or not rule.done:
            return before
        if before is None:
            return rule.mean
        return (rule.seconds + _PRIOR * before) / (rule.done + _PRIOR)

    def per_minute(self) -> float | None:
        """Jobs done a minute, of late; None before there are two."""
        now = self._clock()
        ends = self._ends
        while ends and now - ends[0] > _RATE_WINDOW:
            ends.popleft()
        if len(ends) < 2:
            return None
        span = min(_RATE_WINDOW, now - self.started)
        if len(ends) == _RATE_ENDS:
            span = now - ends[0]
        return 60 * len(ends) / max(span, 1e-3)

    def seconds_left(self) -> float | None:
        """An estimate: the work that is left, over the threads at work; at least the longest job.

        None before anything can be said.
        """
        known = {name: self.expected(name) for name in self.rules}
        told = [value for value in known.values() if value is not None]
        if not told:
            return None
        # A rule of which nothing is known takes as long as the others do.
        overall = sum(told) / len(told)
        now = self._clock()
        work = longest = 0.0
        waiting: dict[str, int] = {name: rule.left for name, rule in self.rules.items()}
        for job in self.running.values():
            name = job.info.rule
            waiting[name] -= 1
            mean = known.get(name)
            rest = max(0.0, (overall if mean is None else mean) - (now - job.since))
            work += rest * max(1, job.threads)
            longest = max(longest, rest)
        for name, count in waiting.items():
            if count > 0:
                mean = known.get(name)
                mean = overall if mean is None else mean
                work += count * mean * self.rules[name].width
                longest = max(longest, mean)
        return max(longest, work / self._side_by_side(now))

    def _side_by_side(self, now: float) -> float:
        """How many threads will be at work: as many as so far, or as are free at the start."""
        elapsed = now - self.started
        if elapsed <= 0 or not self._area:
            return float(max(1, min(self.cores, self.total, 64)))
        seen = (self._area + self.busy * (now - self._counted)) / elapsed
        return max(1.0, min(float(self.cores), seen))
