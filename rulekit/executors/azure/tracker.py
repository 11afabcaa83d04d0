"""What the service says of the tasks of one job: asked by one filtered list, told once each."""

from __future__ import annotations

import time

from rulekit.executors.azure.tasks import RUNNING, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from rulekit.executors.azure.client import BatchService

_SELECT = "id,state,stateTransitionTime,executionInfo,nodeInfo"
# A change may show up in a list a little after one that came later.
_MARGIN_S = 8.0
_RECOUNT_S = 180.0
_LOST_S = 60.0  # a task that was just added may be missing from a list


class Tracker:
    """The tasks of one job that are out. Makes one request for each `changes`, a second one every
    three minutes."""

    def __init__(self, service: BatchService, job_id: str) -> None:
        self._service = service
        self._path = f"/jobs/{job_id}/tasks"
        self._job_id = job_id
        self.out: dict[str, Task] = {}
        self._latest = ""  # as the service writes it
        self._recounted = time.monotonic()
        self._recount_s = _RECOUNT_S

    def add(self, tasks: Iterable[Task]) -> None:
        """These have been sent."""
        for task in tasks:
            self.out[task.id.lower()] = task

    def changes(self) -> tuple[list[Task], list[Task]]:
        """Tasks that have begun to run since the last question, and those that have ended.

        A task that has ended is forgotten here. Raises ServiceError.
        """
        if time.monotonic() - self._recounted > self._recount_s:
            return self.recount()
        text = "state ne 'active'"
        if self._latest:
            text += f" and stateTransitionTime ge DateTime'{_earlier(self._latest)}'"
        return self._sort(self._rows(text))

    def recount(self) -> tuple[list[Task], list[Task]]:
        """The same by a whole list: for what a filter may have missed. Tasks that the service
        does not know (any more) get `lost_since`."""
        self._recounted = time.monotonic()
        self._recount_s = _RECOUNT_S
        rows = list(self._rows(""))
        known = {str(row.get("id")).lower() for row in rows}
        now = time.monotonic()
        for name, task in self.out.items():
            if name not in known:
                task.lost_since = task.lost_since or now
                self._recount_s = _LOST_S / 2
        return self._sort(row for row in rows if row.get("state") != "active")

    def lost(self) -> list[Task]:
        """Tasks that the service has not known for a minute: forgotten here, too."""
        limit = time.monotonic() - _LOST_S
        gone = [task for task in self.out.values() if 0 < task.lost_since < limit]
        for task in gone:
            task.lost_since = 0.0
            del self.out[task.id.lower()]
        return gone

    def _rows(self, filter_: str) -> Iterable[dict[str, Any]]:
        query = {"$select": _SELECT, "maxresults": "1000"}
        if filter_:
            query["$filter"] = filter_
        return self._service.rows(self._path, query)

    def _sort(self, rows: Iterable[dict[str, Any]]) -> tuple[list[Task], list[Task]]:
        begun: list[Task] = []
        ended: list[Task] = []
        latest = self._latest
        for row in rows:
            moment = row.get("stateTransitionTime") or ""
            if moment > latest:
                latest = moment
            task = self.out.get(str(row.get("id")).lower())
            if task is None:
                continue
            task.facts = row
            task.lost_since = 0.0
            info = row.get("executionInfo") or {}
            task.node = (row.get("nodeInfo") or {}).get("nodeId") or task.node
            requeues = int(info.get("requeueCount") or 0)
            state = str(row.get("state")).lower()
            if state == "completed":
                task.preempted = requeues
                del self.out[task.id.lower()]
                ended.append(task)
            elif task.state != RUNNING or requeues > task.preempted:
                task.preempted = max(requeues, task.preempted)
                task.state = RUNNING
                begun.append(task)
        self._latest = latest
        return begun, ended


def _earlier(moment: str) -> str:
    from datetime import datetime, timedelta

    parsed = datetime.fromisoformat(moment.replace("Z", "+00:00")[:19] + "+00:00")
    return (parsed - timedelta(seconds=_MARGIN_S)).strftime("%Y-%m-%dT%H:%M:%SZ")
