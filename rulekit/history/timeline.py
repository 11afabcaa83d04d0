"""The times of a run in the forms that other programs read: TSV, Chrome trace."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.history.runs import RunInfo, Work

COLUMNS = (
    "rule",
    "wildcards",
    "attempt",
    "start",
    "end",
    "seconds",
    "cpu_seconds",
    "max_rss_mib",
    "status",
    "cause",
)


def lanes(works: Sequence[Work], now: float) -> list[int]:
    """A lane for each attempt (in the order of starts), so that no two in a lane overlap: the
    lowest that is free."""
    import heapq

    free: list[int] = []
    busy: list[tuple[float, int]] = []  # when it ends, lane
    used = 0
    found = []
    for work in works:
        while busy and busy[0][0] <= work.started:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, used = used, used + 1
        heapq.heappush(busy, (now if work.ended is None else work.ended, lane))
        found.append(lane)
    return found


def tsv(works: Sequence[Work]) -> str:
    """A table with a line for each attempt: `COLUMNS`; times are seconds since 1970."""
    lines = ["\t".join(COLUMNS)]
    for work in works:
        seconds = "" if work.ended is None else f"{work.ended - work.started:.3f}"
        cells = (
            work.rule,
            ",".join(f"{name}={value}" for name, value in work.wildcards.items()),
            str(work.number),
            f"{work.started:.3f}",
            "" if work.ended is None else f"{work.ended:.3f}",
            seconds,
            "" if work.cpu_s is None else f"{work.cpu_s:.3f}",
            "" if work.rss_kb is None else f"{work.rss_kb / 1024:.1f}",
            status(work),
            work.cause,
        )
        lines.append("\t".join(" ".join(cell.split()) for cell in cells))
    return "\n".join(lines) + "\n"


def status(work: Work) -> str:
    """``running``, ``failed`` or ``done``."""
    if work.ended is None:
        return "running"
    return "failed" if work.cause else "done"


def chrome_trace(run: RunInfo, works: Sequence[Work], now: float) -> dict[str, Any]:
    """The run in the Trace Event Format, which chrome://tracing and Perfetto open.

    One complete event an attempt, on the thread of its lane; a counter of running jobs. Times are
    microseconds since the start of the run.
    """
    zero = min([run.started, *(work.started for work in works)])

    def micro(moment: float) -> int:
        return round((moment - zero) * 1e6)

    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": f"rulekit {run.name}"}}
    ]
    placed = lanes(works, now)
    for lane in range(max(placed, default=-1) + 1):
        name = {"name": f"lane {lane + 1}"}
        events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": lane + 1, "args": name})
    changes: list[tuple[float, int]] = []
    for work, lane in zip(works, placed, strict=True):
        end = now if work.ended is None else work.ended
        args: dict[str, Any] = {**work.wildcards, "attempt": work.number, "status": status(work)}
        if work.cause:
            args["cause"] = work.cause
        if work.cpu_s is not None:
            args["cpu_s"] = round(work.cpu_s, 3)
        if work.rss_kb is not None:
            args["max_rss_mib"] = round(work.rss_kb / 1024, 1)
        events.append(
            {
                "ph": "X",
                "name": work.key,
                "cat": work.rule,
                "pid": 1,
                "tid": lane + 1,
                "ts": micro(work.started),
                "dur": max(0, micro(end) - micro(work.started)),
                "args": args,
            }
        )
        changes += [(work.started, 1), (end, -1)]
    at_work = 0
    for moment, change in sorted(changes):
        at_work += change
        jobs = {"jobs": at_work}
        events.append({"ph": "C", "name": "running", "pid": 1, "ts": micro(moment), "args": jobs})
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"run": run.name}}
