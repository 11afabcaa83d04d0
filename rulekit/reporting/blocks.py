"""The written form of jobs, tables and steps, in the shape that users and scripts know."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.events import JobInfo

NOTHING_TO_DO = "Nothing to be done (all requested files are present and up to date)."
DRY_RUN_END = (
    "This was a dry-run (flag -n). The order of jobs does not reflect the order of execution."
)
RUN_FAILED = "Exiting because a job execution failed. Look above for error messages"


def job_stats(counts: Mapping[str, int]) -> str:
    """The table of jobs by rule, in the order of `counts`, without a final newline."""
    rows = [*counts.items(), ("total", sum(counts.values()))]
    left = max(5, *(len(name) for name, _ in rows))
    right = max(7, *(len(str(count)) for _, count in rows))
    lines = ["Job stats:", f"{'job':<{left}}  {'count':>{right}}", f"{'-' * left}  {'-' * right}"]
    lines += [f"{name:<{left}}  {count:>{right}}" for name, count in rows]
    return "\n".join(lines)


def percentage(done: int, total: int) -> str:
    """``17%``; never 0 % or 100 % unless it is exactly that."""
    if done >= total:
        return "100%"
    if done <= 0:
        return "0%"
    for digits in range(12):
        text = f"{done / total:.{digits}%}"
        if float(text[:-1]) not in (0.0, 100.0):
            return text
    return text


def steps(done: int, total: int) -> str:
    """``1 of 6 steps (17%) done``"""
    return f"{done} of {total} steps ({percentage(done, total)}) done"


def named(values: Mapping[str, object]) -> str:
    """``a=1, b=2``"""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def shown_resources(resources: Any) -> dict[str, object]:
    """The resources worth showing: one name for a size, nothing internal."""
    return {
        name: value
        for name, value in resources.items()
        if name[0] != "_" and name not in ("mem", "disk") and not name.endswith("_mib")
    }


def header(kind: str, rule: str, local: bool) -> str:
    """``rule a:``, ``localcheckpoint b:``"""
    return f"{'local' if local else ''}{kind} {rule}:"


def job_block(info: JobInfo, *, reason: bool = True, command: bool = False) -> str:
    """A job with all that has something to say, without time stamp and final newline."""
    if info.message is not None:
        lines = [f"Job {info.id}: {info.message}"]
        if reason and info.reason:
            lines.append(f"Reason: {info.reason}")
    else:
        lines = [header(info.kind, info.rule, info.local)]
        for name, files in (("input", info.inputs), ("output", info.outputs), ("log", info.logs)):
            if files:
                lines.append(f"    {name}: {', '.join(files)}")
        lines.append(f"    jobid: {info.id}")
        if info.benchmark is not None:
            lines.append(f"    benchmark: {info.benchmark}")
        if reason and info.reason:
            lines.append(f"    reason: {info.reason}")
        if info.wildcards:
            lines.append(f"    wildcards: {named(info.wildcards)}")
        if info.priority:
            lines.append(f"    priority: {info.priority}")
        if info.threads != 1:
            lines.append(f"    threads: {info.threads}")
        if info.resources:
            lines.append(f"    resources: {named(info.resources)}")
    if command and info.command is not None:
        lines.append(f"Shell command: {info.command}")
    return "\n".join(lines)
