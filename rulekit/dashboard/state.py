"""What a live page shows, gathered from events in their JSON form. Knows no clock and no network.

The size of a view does not grow with the run: running jobs, failures, notes and the last jobs that
ended are cut off; all attempts that ended are handed out in pieces (`ended_since`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MOST_RUNNING, MOST_FAILURES, MOST_NOTES, MOST_LAST = 200, 100, 100, 30
PIECE = 5_000  # attempts in one answer
_TAIL = 4_000  # letters of a log


class LiveState:
    """Takes events, gives views. `version` grows with every change."""

    def __init__(self, title: str) -> None:
        self.version = 0
        self.title = title
        self.run: dict[str, Any] = {}
        self.ended: dict[str, Any] | None = None  # how the run came to its end
        self._rules: dict[str, dict[str, int]] = {}
        self._running: dict[tuple[str, int], dict[str, Any]] = {}
        self._works: list[list[Any]] = []  # as `rulekit.report.timelinepage.works_data` has them
        self._failures: list[dict[str, Any]] = []
        self._notes: list[dict[str, Any]] = []
        self._cloud: dict[str, Any] | None = None
        self._total: int | None = None
        self._done = 0
        self._failed = 0

    def take(self, event: Mapping[str, Any]) -> None:
        """One event, as `rulekit.events.to_json` writes it. Unknown ones and unknown fields are
        passed over: a log may be of a newer version."""
        does = getattr(self, f"_on_{event.get('event')}", None)
        if does is None:
            return
        try:
            does(event)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return  # a line that was cut short, or edited
        self.version += 1

    # -- events ------------------------------------------------------------------------------

    def _on_RunStarted(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        jobs = {str(rule): int(count) for rule, count in event["jobs"].items()}
        self.run = {
            "name": str(event["run"]),
            "started": float(event["time"]),
            "cores": event.get("cores"),
            "rulefile": str(event.get("rulefile") or "").rpartition("/")[2],
        }
        self._total = sum(jobs.values())
        for rule, count in jobs.items():
            self._rule(rule)["total"] = count

    def _on_JobStarted(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        job = event["job"]
        key, attempt = str(job["key"]), int(event["attempt"])
        self._running[key, attempt] = {
            "key": key,
            "rule": str(job["rule"]),
            "started": float(event["time"]),
            "attempt": attempt,
            "threads": job.get("threads") or 1,
            "reason": str(job.get("reason") or "")[:300],
            "resources": {
                str(name): value
                for name, value in (job.get("resources") or {}).items()
                if isinstance(value, (int, float))
            },
        }
        self._rule(str(job["rule"]))["running"] += 1

    def _on_JobFinished(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        usage = event.get("usage") or {}
        cpu = usage.get("user_s")
        if cpu is not None:
            cpu = round(float(cpu) + float(usage.get("system_s", 0.0)), 4)
        begun = self._end(event, str(event["key"]), str(event["rule"]))
        end = float(event["time"])
        start = end - float(event["seconds"])
        if begun is not None and begun["started"] > start:
            start = float(begun["started"])
        self._done += 1
        row = self._rule(str(event["rule"]))
        row["done"] += 1
        row["total"] = max(row["total"], row["done"])
        self._work(event, str(event["key"]), start, end, "", cpu, usage.get("max_rss_kb"))

    def _on_JobFailed(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        job = event["job"]
        key, rule = str(job["key"]), str(job["rule"])
        begun = self._end(event, key, rule)
        end = float(event["time"])
        start = float(begun["started"]) if begun is not None else end
        cause = str(event.get("cause") or f"exit code {event.get('exit_code')}")
        if not event.get("will_retry"):
            self._failed += 1
            self._rule(rule)["failed"] += 1
        self._failures.append(
            {
                "key": key,
                "rule": rule,
                "attempt": event.get("attempt"),
                "time": end,
                "cause": cause[:2000],
                "retry": bool(event.get("will_retry")),
                "again": str(event.get("again") or ""),
                "logs": [
                    [str(path), str(text)[-_TAIL:]] for path, text in (event.get("log_tail") or ())
                ],
            }
        )
        del self._failures[:-MOST_FAILURES]
        event = {**event, "rule": rule}
        self._work(event, key, start, end, cause[:500], None, None)

    def _on_Progress(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        self._total = int(event["total"])
        self._done = int(event["done"])

    def _on_Note(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        if event["level"] == "debug":
            return
        note = {"level": str(event["level"]), "text": str(event["text"])[:2000]}
        self._notes.append({**note, "time": event["time"]})
        del self._notes[:-MOST_NOTES]

    def _on_CloudState(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        names = ("place", "nodes", "wanted", "queued", "running", "cost", "currency")
        self._cloud = {name: event.get(name) for name in names}

    def _on_RunFinished(self, event: Mapping[str, Any]) -> None:  # noqa: N802
        self.ended = {
            "ok": bool(event["ok"]),
            "interrupted": bool(event.get("interrupted")),
            "skipped": int(event.get("skipped") or 0),
            "time": float(event["time"]),
        }
        self._running.clear()
        for row in self._rules.values():
            row["running"] = 0

    # -- parts -------------------------------------------------------------------------------

    def lost(self, time: float) -> None:
        """The run can no longer be heard, and has not said how it ended."""
        if self.ended is None:
            self.ended = {"ok": None, "interrupted": False, "skipped": 0, "time": time}
            self.version += 1

    def _rule(self, name: str) -> dict[str, int]:
        found = self._rules.get(name)
        if found is None:
            found = {"total": 0, "done": 0, "running": 0, "failed": 0}
            self._rules[name] = found
        return found

    def _end(self, event: Mapping[str, Any], key: str, rule: str) -> dict[str, Any] | None:
        begun = self._running.pop((key, int(event.get("attempt") or 1)), None)
        if begun is not None:
            row = self._rule(rule)
            row["running"] = max(0, row["running"] - 1)
        return begun

    def _work(
        self,
        event: Mapping[str, Any],
        key: str,
        start: float,
        end: float,
        cause: str,
        cpu: float | None,
        rss: float | None,
    ) -> None:
        state = "failed" if cause else "done"
        number = int(event.get("attempt") or 1)
        times = (round(start, 3), round(end, 3))
        self._works.append([key, str(event["rule"]), *times, state, cause, cpu, rss, number])

    # -- views -------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """All that the page shows but for the timeline."""
        running = sorted(self._running.values(), key=lambda job: job["started"])
        return {
            "version": self.version,
            "title": self.title,
            "run": self.run,
            "ended": self.ended,
            "total": self._total,
            "done": self._done,
            "failed": self._failed,
            "running": running[:MOST_RUNNING],
            "at_work": len(running),
            "rules": [{"name": name, **row} for name, row in self._rules.items()],
            "failures": self._failures[::-1],
            "notes": self._notes[::-1],
            "last": self._works[: -MOST_LAST - 1 : -1],
            "cloud": self._cloud,
            "works": len(self._works),
        }

    def ended_since(self, number: int) -> list[list[Any]]:
        """Attempts that ended, from that number on, at most `PIECE`."""
        return self._works[max(0, number) : max(0, number) + PIECE]
