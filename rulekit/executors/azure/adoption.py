"""Tasks of earlier runs whose driver died: what has ended, what still runs, what to clear away.

A run leaves `{"b": ...}` lines in its journal (`Worker.place_of`): account, job, pool and where
its files are. The tasks say by their display name which attempts they are.
"""

from __future__ import annotations

from rulekit.executors.azure import lease
from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.lease import LeaseKeeper
from rulekit.executors.azure.pools import OpenPool
from rulekit.executors.azure.sizes import Shape
from rulekit.executors.azure.staging import RunFiles
from rulekit.executors.azure.tasks import Task, tokens_of
from rulekit.model import vmsizes
from rulekit.model.places import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rulekit.executors.azure.client import BatchService

_TASK = "id,state,displayName,environmentSettings,executionInfo,nodeInfo,requiredSlots"
_TASK += ",stateTransitionTime"
_POOL = "id,state,vmSize,taskSlotsPerNode,autoScaleFormula,metadata"
_GONE = ("JobNotFound", "PoolNotFound", "ResourceNotFound", "JobBeingDeleted", "TaskNotFound")


class Earlier:
    """What an earlier run has left in one job. `tasks` by the token of each attempt."""

    def __init__(self, opened: OpenPool, files: RunFiles) -> None:
        self.opened = opened
        self.job_id = opened.job_id
        self.files = files
        self.tasks: dict[str, Task] = {}
        self.attached: set[str] = set()  # ids of tasks

    def join(self, other: Earlier) -> None:
        """The pool is that of `other`, too: one looks after it."""
        other.opened.jobs.append(self.job_id)
        self.opened = other.opened

    def state_of(self, token: str) -> str:
        """``ended``, ``running`` or ``waiting``."""
        state = str(self.tasks[token].facts.get("state")).lower()
        return {"completed": "ended", "active": "waiting"}.get(state, "running")


def find(
    service: BatchService, storage: Any, place: Mapping[str, Any], minutes: int
) -> Earlier | None:
    """What the job of a `b` line holds; None if it is in another account.

    Raises ServiceError, ValueError for a line that cannot be read.
    """
    try:
        account, job_id, pool_id = place["account"], str(place["job"]), str(place["pool"])
        key, container, below = place["storage"]
        files = RunFiles(storage, Root("", key, container, below), str(place["run"]))
        ours = bool(place["ours"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("not a line about tasks on Azure Batch") from None
    if str(account).rstrip("/") != service.settings.account_url:
        return None
    try:
        rows = list(service.rows(f"/jobs/{job_id}/tasks", {"$select": _TASK}))
    except ServiceError as error:
        if error.name not in _GONE:
            raise
        rows = []  # there may still be its pool and its files
    shape = _shape(service, pool_id)
    keeper = LeaseKeeper(minutes, shape.spot) if ours else None
    opened = OpenPool(shape, pool_id, job_id, keeper)
    opened.made()
    found = Earlier(opened, files)
    for row in rows:
        shown = str(row.get("displayName") or "")
        tokens = tokens_of(shown)
        if not tokens:
            continue
        task = Task.earlier(shown, row["id"], job_id, batch_of(row))
        task.slots = int(row.get("requiredSlots") or 1)
        task.facts = row
        task.files = files
        for token in tokens:
            # A repetition by the driver counts more than what it repeats.
            before = found.tasks.get(token)
            if before is None or len(before.id) <= len(task.id):
                found.tasks[token] = task
    return found


def _shape(service: BatchService, pool_id: str) -> Shape:
    try:
        pool = service.raw(f"/pools/{pool_id}", {"$select": _POOL})
    except ServiceError as error:
        if error.name not in _GONE:
            raise
        pool = {}
    text = str(pool.get("autoScaleFormula") or "")
    spot = lease.is_spot(text)
    size = str(pool.get("vmSize") or "unknown")
    return Shape(size, int(pool.get("taskSlotsPerNode") or 1), spot, vmsizes.size(size))


def batch_of(row: Mapping[str, Any]) -> int:
    """The number of the blob with the task's order."""
    for one in row.get("environmentSettings") or ():
        if one.get("name") == "RK_ORDER":
            name = str(one.get("value")).rpartition("/")[2].partition(".")[0]
            return int(name) if name.isdigit() else 0
    return 0


def release(
    service: BatchService, earlier: Iterable[Earlier], say: Callable[[str, str], None]
) -> list[Earlier]:
    """End tasks that nobody attached, before the same work starts anew; gives the jobs that are
    still needed. A job without any attached task goes, with its pool and files.

    Raises ServiceError if a task that may still write cannot be ended.
    """
    every = list(earlier)
    kept = [one for one in every if one.attached]
    for one in kept:
        for task in dict.fromkeys(one.tasks.values()):
            if task.id not in one.attached and task.facts.get("state") != "completed":
                _ended(service, f"/jobs/{task.job_id}/tasks/{task.id}/terminate", "POST")
    for one in every:
        if not one.attached:
            clear(service, one, kept, say)
    return kept


def clear(
    service: BatchService,
    one: Earlier,
    kept: Iterable[Earlier],
    say: Callable[[str, str], None],
) -> None:
    """Take away a job of an earlier run, its pool if that was the run's own, and its files; but not
    what those that are `kept` have in common with it."""
    from rulekit.errors import RulekitError

    _ended(service, f"/jobs/{one.job_id}", "DELETE")
    if one.job_id in one.opened.jobs:
        one.opened.jobs.remove(one.job_id)
    if one.opened.ours and all(one.opened.pool_id != other.opened.pool_id for other in kept):
        _ended(service, f"/pools/{one.opened.pool_id}", "DELETE")
    if any(one.files.base == other.files.base for other in kept):
        return
    try:
        one.files.clean()
    except RulekitError as error:
        say("warning", f"files of an earlier run are left in the storage: {error}")


def _ended(service: BatchService, path: str, verb: str) -> None:
    try:
        service.send("end_earlier_work", verb, path)
    except ServiceError as error:
        done = (*_GONE, "TaskCompleted", "PoolBeingDeleted", "JobBeingTerminated")
        if error.name not in done:
            raise
