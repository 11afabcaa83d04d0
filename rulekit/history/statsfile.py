"""`--stats FILE`: the times of a run by rule and by file, as Snakemake 5 to 7 wrote them.

Keys and forms are those that its users' scripts read: ``total_runtime``, ``rules`` with
``mean-runtime``, ``min-runtime``, ``max-runtime``, ``files`` with ``start-time``, ``stop-time``,
``duration``, ``priority``, ``resources``. Times are seconds; the two moments are local, as `ctime`
writes them.
"""

from __future__ import annotations

import json
import os
import sys
import time

from rulekit.events import JobFinished, JobStarted, RunFinished, RunStarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.events import Event, JobInfo


class StatsFile:
    """Listens to a run; writes the file when it ends, or was not needed."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._begun: float | None = None
        self._total = 0.0
        self._started: dict[int, JobInfo] = {}
        self._rules: dict[str, list[float]] = {}
        self._files: dict[str, dict[str, Any]] = {}

    def __call__(self, event: Event) -> None:
        kind = type(event)
        if kind is JobStarted:
            assert isinstance(event, JobStarted)
            self._started[event.job.id] = event.job
        elif kind is JobFinished:
            assert isinstance(event, JobFinished)
            self._finished(event)
        elif kind is RunStarted:
            self._begun = self._clock()
        elif kind is RunFinished:
            assert isinstance(event, RunFinished)
            self._total = event.seconds

    def _finished(self, event: JobFinished) -> None:
        self._rules.setdefault(event.rule, []).append(event.seconds)
        info = self._started.pop(event.id, None)
        if info is None:
            return
        end = self._clock()
        priority = info.priority
        facts = {
            "start-time": time.ctime(end - event.seconds),
            "stop-time": time.ctime(end),
            "duration": event.seconds,
            "priority": "infinity" if priority == float("inf") else priority,
            "resources": {"_cores": info.threads, "_nodes": 1, **info.resources},
        }
        for path in info.outputs:
            self._files[path] = facts

    def content(self) -> dict[str, Any]:
        """What is written."""
        return {
            "total_runtime": self._total,
            "rules": {
                rule: {
                    "mean-runtime": sum(times) / len(times),
                    "min-runtime": min(times),
                    "max-runtime": max(times),
                }
                for rule, times in self._rules.items()
            },
            "files": self._files,
        }

    def close(self) -> None:
        """Writes the file, whole or not at all. What goes wrong is told, and stops nothing."""
        part = f"{self.path}.part-{os.getpid()}"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump(self.content(), file, indent=4, default=str)
                file.write("\n")
            os.replace(part, self.path)
        except OSError as error:
            sys.stderr.write(f"warning: --stats: cannot write `{self.path}`: {error.strerror}\n")
