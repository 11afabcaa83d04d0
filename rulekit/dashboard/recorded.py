"""Events of a run from what is on record of it, or from a file of events: to open it later."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from rulekit.history.runs import RunInfo, Work


class RecordedRun:
    """Turns what is known of a run, each time it is looked at, into the events that are new."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, int] | None = None
        self._ended = False
        self._started: set[str] = set()
        self._finished: set[str] = set()

    def news(
        self, run: RunInfo, works: Sequence[Work], jobs: Mapping[str, int]
    ) -> Iterator[dict[str, Any]]:
        """Events, as `rulekit.events.to_json` writes them, that were not given before. `jobs`: how
        many of each rule there are in all, empty if that is not known (any more)."""
        if self._jobs is None or (jobs and jobs != self._jobs):
            self._jobs = jobs
            rule = {"event": "RunStarted", "time": run.started, "run": run.name}
            yield {**rule, "jobs": dict(jobs), "cores": None, "rulefile": ""}
        for work in works:
            job = {"key": work.key, "rule": work.rule}
            if work.token not in self._started:
                self._started.add(work.token)
                start = {"event": "JobStarted", "time": work.started, "job": job}
                yield {**start, "attempt": work.number}
            if work.ended is None or work.token in self._finished:
                continue
            self._finished.add(work.token)
            end = {"time": work.ended, "attempt": work.number}
            if work.cause:
                again = any(one.key == work.key and one.number > work.number for one in works)
                yield {
                    "event": "JobFailed",
                    **end,
                    "job": job,
                    "cause": work.cause,
                    "log_tail": [[path, ""] for path in work.logs],
                    "will_retry": again,
                }
            else:
                usage = {} if work.cpu_s is None else {"user_s": work.cpu_s}
                if work.rss_kb is not None:
                    usage["max_rss_kb"] = work.rss_kb
                seconds = work.ended - work.started
                yield {"event": "JobFinished", **end, **job, "seconds": seconds, "usage": usage}
        if not run.live and not self._ended:
            self._ended = True
            if run.ended is not None:
                body = {"ok": bool(run.ok), "done": 0, "failed": [], "skipped": 0}
                yield {"event": "RunFinished", "time": run.ended, **body, "interrupted": False}


def lines_of(path: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Events of a file that `--log-json` wrote, from a byte on; and up to where it was read. A line
    that is not whole yet is left for the next time. Raises OSError."""
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data.rfind(b"\n") + 1
    found = []
    for line in data[:whole].split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            found.append(event)
    return found, offset + whole
