"""Which tasks wait for which, and what an exit code means to them.

Source: the reference of BatchTaskDependencies, ExitConditions and ExitOptions.
"""

from __future__ import annotations

from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Task

_LONGEST = 64_000


def check(depends: dict[str, Any] | None, allowed: bool) -> None:
    """Refuse dependencies that a job does not allow or that are too long. Raises Problem."""
    if not depends or not (depends.get("taskIds") or depends.get("taskIdRanges")):
        return
    if not allowed:
        raise Problem(
            "TaskDependenciesNotSpecifiedOnJob",
            "The task has dependencies, but the job does not use task dependencies.",
        )
    if sum(len(name) for name in depends.get("taskIds") or ()) > _LONGEST:
        raise Problem("TaskDependencyListTooLong")
    for item in depends.get("taskIdRanges") or ():
        if int(item["start"]) > int(item["end"]) or int(item["start"]) < 0:
            raise Problem("InvalidPropertyValue", values={"PropertyName": "taskIdRanges"})


def attach(task: Task) -> None:
    """Register what a new task waits for; it is ready when nothing is left."""
    job = task.job
    depends = task.spec.get("dependsOn") or {}
    for name in depends.get("taskIds") or ():
        key = name.lower()
        parent = job.tasks.get(key)
        if parent is None or not parent.satisfied:
            task.waits_for.add(key)
            job.dependents.setdefault(key, []).append(task)
    for item in depends.get("taskIdRanges") or ():
        start, end = int(item["start"]), int(item["end"])
        if end - start > len(job.satisfied_numbers):
            done = sum(start <= n <= end for n in job.satisfied_numbers)
        else:
            done = sum(n in job.satisfied_numbers for n in range(start, end + 1))
        missing = end - start + 1 - done
        if missing:
            task.ranges.append([start, end, missing])
    if task.ranges:
        job.range_dependents.append(task)
    _ready_if_free(task)


def _ready_if_free(task: Task) -> None:
    known = task.job.tasks.get(task.id.lower()) is task  # or deleted while it waited
    if known and task.state == "active":
        enqueue(task)


def enqueue(task: Task) -> None:
    """Put an active task into the queue of its job, unless it waits for another task."""
    if not task.waits_for and not task.ranges:
        task.job.ready[task.number] = task
        task.job.unsorted = True
        task.world.kick()


def options_of(task: Task, phase: str) -> dict[str, Any] | None:
    """The exit options that apply to how the task ended, or None where the user named none."""
    conditions = task.spec.get("exitConditions") or {}
    code = task.exit_code
    if phase != "pre" and code is not None and (phase == "upload" or _exited(task)):
        for item in conditions.get("exitCodes") or ():
            if int(item["code"]) == code:
                return dict(item["exitOptions"])
        for item in conditions.get("exitCodeRanges") or ():
            if int(item["start"]) <= code <= int(item["end"]):
                return dict(item["exitOptions"])
    if task.result == "success":
        return None
    special = {"pre": "preProcessingError", "upload": "fileUploadError"}.get(phase, "default")
    found = conditions.get(special) or conditions.get("default")
    return dict(found) if found else None


def _exited(task: Task) -> bool:
    return task.failure is None or task.failure.get("code") == "FailureExitCode"


def completed(task: Task, phase: str) -> None:
    """A task is over: let those go that waited for it, if it satisfies them."""
    options = options_of(task, phase)
    default = "satisfy" if task.result == "success" else "block"
    action = str((options or {}).get("dependencyAction") or default).lower()
    if action == "satisfy":
        satisfy(task)


def satisfy(task: Task) -> None:
    """The task counts as done for its dependents."""
    task.satisfied = True
    job = task.job
    for child in job.dependents.pop(task.id.lower(), ()):
        child.waits_for.discard(task.id.lower())
        _ready_if_free(child)
    if not task.id.isascii() or not task.id.isdigit():
        return
    number = int(task.id)
    if number in job.satisfied_numbers:
        return
    job.satisfied_numbers.add(number)
    if job.range_dependents:
        for child in job.range_dependents:
            for item in child.ranges:
                item[2] -= item[0] <= number <= item[1]
            child.ranges = [item for item in child.ranges if item[2] > 0]
            if not child.ranges:
                _ready_if_free(child)
        job.range_dependents = [c for c in job.range_dependents if c.ranges]
