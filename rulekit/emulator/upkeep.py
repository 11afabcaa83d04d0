"""What the service does by itself after a long time: tasks too old, files kept long enough."""

from __future__ import annotations

from rulekit.emulator import taskruns
from rulekit.emulator.formats import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.state import Task, World

_EVERY_S = 3600.0
# A task that is not completed so long after it was added is ended.
_LIFE_S = 180 * 86400.0


def install(world: World) -> None:
    """Look after everything once an hour of clock time."""

    def sweep() -> None:
        for job in list(world.jobs.values()):
            for task in list(job.tasks.values()):
                _look(task)
        world.clock.after(_EVERY_S, sweep)

    world.clock.after(_EVERY_S, sweep)


def _look(task: Task) -> None:
    now = task.world.clock.now()
    if task.state != "completed":
        if now - task.created > _LIFE_S:
            taskruns.terminate(task, "Task was not completed within 180 days of being added")
        return
    expire(task)


def expire(task: Task) -> bool:
    """Remove the files of a completed task if its retention time is over; whether it is."""
    if task.files_gone or task.directory is None or task.ended is None:
        return False
    keep = parse_duration(task.spec["constraints"]["retentionTime"])
    if task.world.clock.now() <= task.ended + keep:
        return False
    task.files_gone = "TaskFilesCleanedup"
    task.world.discard(task.directory)
    return True
