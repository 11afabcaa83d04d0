"""What a failed run ends with: what failed and why, the first lines that say so, the log, the
command that runs just that again, and what was not run because of it."""

from __future__ import annotations

from rulekit.errors.diagnostic import visible
from rulekit.reporting.failure import cause_of, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.events import JobFailed, RunFinished
    from rulekit.reporting.paint import Paint

_GROUPS = 10  # of rule and cause
_JOBS = 3  # told of each
_LINES = 2  # of a log
_RULES = 8  # named of what was not run
_WIDEST = 200

# A line of a log that speaks of an error has one of these words.
_WORDS = (
    "error",
    "exception",
    "fatal",
    "panic",
    "failed",
    "cannot",
    "can't",
    "could not",
    "unable to",
    "not found",
    "no such",
    "denied",
    "invalid",
    "unrecognized",
    "unknown option",
    "killed",
    "out of memory",
    "segmentation fault",
    "no space left",
)


def summary(failures: Sequence[JobFailed], paint: Paint) -> str:
    """Failures by rule and cause, most first, without a final newline."""
    groups: dict[tuple[str, str], list[JobFailed]] = {}
    for event in failures:
        groups.setdefault((event.job.rule, kind_of(event)), []).append(event)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    lines: list[str] = []
    for (rule, kind), events in ordered[:_GROUPS]:
        noun = "job" if len(events) == 1 else "jobs"
        head = f"{len(events)} failed {noun} of rule {rule}"
        cause = cause_of(events[0]) if len(events) == 1 else kind
        first, _, _ = cause.partition("\n")  # the rest is in the card of each job
        lines.append(f"{paint('error', head)}: {visible(first)}")
        for event in events[:_JOBS]:
            lines += _told(event, paint)
        if len(events) > _JOBS:
            lines.append(
                f"    and {len(events) - _JOBS} more: `rulekit logs --failed` has them all"
            )
    if len(ordered) > _GROUPS:
        jobs = sum(len(events) for _, events in ordered[_GROUPS:])
        lines.append(f"and {jobs} failed jobs of other kinds: `rulekit logs --failed` has them all")
    return "\n".join(lines)


def not_run(event: RunFinished, left: Mapping[str, int]) -> str:
    """Which jobs could not run because of the failures; nothing if all others did.

    `left`: rule → jobs that did not end, as far as it was known at the start.
    """
    if not (event.skipped and event.failed):
        return ""
    noun = "job was" if event.skipped == 1 else "jobs were"
    text = f"{event.skipped} {noun} not run because of that"
    some = {rule: count for rule, count in left.items() if count > 0}
    # After a checkpoint there may be other jobs than were known at the start.
    if sum(some.values()) != event.skipped:
        return text + "."
    shown = [f"{rule} ({count})" if count > 1 else rule for rule, count in some.items()]
    more = f" and {len(shown) - _RULES} more rules" if len(shown) > _RULES else ""
    return f"{text}: {', '.join(shown[:_RULES])}{more}."


def _told(event: JobFailed, paint: Paint) -> list[str]:
    job = event.job
    name = ", ".join(f"{name}={value}" for name, value in job.wildcards.items())
    logs = f" (log: {', '.join(job.logs)})" if job.logs else ""
    lines = [f"    {visible(name or ', '.join(job.outputs[:2]) or f'jobid {job.id}')}{logs}"]
    lines += [f"        | {line}" for line in first_errors(event)]
    if event.again:
        lines.append(f"        {paint('help', 'run it again')}: {event.again}")
    return lines


def first_errors(event: JobFailed) -> list[str]:
    """The lines of a job's logs that most likely say what is wrong, at most two; else the last."""
    for _, text in event.log_tail:
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if not lines:
            continue
        raised = _raised(text)
        found = [raised] if raised else [line for line in lines if _speaks(line)][:_LINES]
        return [visible(line[:_WIDEST]) for line in found or lines[-1:]]
    return []


def _speaks(line: str) -> bool:
    folded = line.lower()
    return any(word in folded for word in _WORDS)


def _raised(text: str) -> str:
    """What ends Python's last traceback in a text."""
    _, found, after = text.rpartition("Traceback (most recent call last):")
    if not found:
        return ""
    for line in after.split("\n")[1:]:
        if line.strip() and not line[0].isspace():
            return line.strip()
    return ""
