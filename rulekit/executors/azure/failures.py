"""Why a task ended without a result, in the words of whoever has to mend it."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.executors.azure.tasks import Task

INFRASTRUCTURE = 75  # exit code of the node program when the machine, not the job, is at fault


@frozen
class Verdict:
    """`again`: another machine may do better. `problem` as in `JobResult`."""

    again: bool
    problem: str
    text: str
    help: str = ""


def judge(task: Task) -> Verdict:
    """What the service says of a task that has ended."""
    info = task.facts.get("executionInfo") or {}
    failure = info.get("failureInfo") or {}
    code = str(failure.get("code") or "")
    exit_code = info.get("exitCode")
    where = f" on {task.node}" if task.node else ""
    if exit_code == INFRASTRUCTURE:
        return Verdict(True, "lost", f"the machine failed{where}")
    message = str(failure.get("message") or "").partition("\n")[0]
    if exit_code is None:
        return Verdict(False, "lost", f"the task did not run{where}: {code or 'unknown'} {message}")
    if exit_code == 0:
        return Verdict(True, "lost", f"the task ended{where} without a result")
    return Verdict(False, "lost", f"exit code {exit_code}{where}: {code} {message}".strip())


def explain(verdict: Verdict, output: bytes | None) -> str:
    """The whole message."""
    lines = [verdict.text]
    if verdict.help:
        lines.append(verdict.help)
    if output:
        tail = output.decode("utf-8", "replace").splitlines()[-20:]
        lines += ["the last lines of its output:", *tail]
    return "\n".join(lines)


def times(facts: dict[str, Any]) -> tuple[float, float]:
    """When a task began and ended, in seconds of the epoch; now, where it never began."""
    import time
    from datetime import datetime

    info = facts.get("executionInfo") or {}
    now = time.time()

    def moment(name: str) -> float:
        try:
            return datetime.fromisoformat(str(info[name]).replace("Z", "+00:00")[:26]).timestamp()
        except (KeyError, ValueError):
            return now

    began, over = moment("startTime"), moment("endTime")
    return min(began, over), over
