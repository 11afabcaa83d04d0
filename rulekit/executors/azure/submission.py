"""From orders to tasks of the service: placed by size, stored a hundred at a time, sent."""

from __future__ import annotations

import time

from rulekit.executors.azure import sender
from rulekit.executors.azure.sizes import described
from rulekit.executors.azure.tasks import SENT
from rulekit.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.lines import Lines
    from rulekit.executors.azure.pools import OpenPool, Pools
    from rulekit.executors.azure.setup import Setup
    from rulekit.executors.azure.staging import RunFiles
    from rulekit.executors.azure.tasks import Task


class Submission:
    """Sends the tasks of one run. `refuse(task, problem, text)` is told of those that cannot be
    sent, `opened(pool)` of each pool whose job was made, before a task is in it."""

    def __init__(
        self,
        service: BatchService,
        pools: Pools,
        setup: Setup,
        files: RunFiles,
        lines: Lines,
        refuse: Callable[[Task, str, str], None],
        opened: Callable[[OpenPool], None],
    ) -> None:
        self._service = service
        self._pools = pools
        self._setup = setup
        self._files = files
        self._lines = lines
        self._refuse = refuse
        self._opened = opened
        self._batch = 0

    def submit(self, waiting: Sequence[Task]) -> list[tuple[OpenPool, Task]]:
        """Send tasks; those that the service has taken, with their pools. Raises
        InfrastructureError."""
        sizes = self._pools.sizes()
        groups: dict[str, list[Task]] = {}
        for task in waiting:
            placed = sizes.place(task.need)
            if placed is None:
                text = f"no machine of the run holds this job: it asks for {described(task.need)}"
                self._refuse(task, "spawn", text)
                continue
            task.shape, task.slots = placed
            if task.dedicated:
                task.shape = replace(task.shape, spot=False)
            groups.setdefault(task.shape.name, []).append(task)
        sent: list[tuple[OpenPool, Task]] = []
        for tasks in groups.values():
            for start in range(0, len(tasks), sender.MOST_TASKS):
                sent += self._submit(tasks[start : start + sender.MOST_TASKS])
        return sent

    def _submit(self, tasks: Sequence[Task]) -> list[tuple[OpenPool, Task]]:
        shape = tasks[0].shape
        assert shape is not None
        opened = self._open(tasks[0])
        self._batch += 1
        orders: list[dict[str, Any]] = []
        ready: list[Task] = []
        now = time.time()
        for task in tasks:
            task.batch = self._batch
            task.job_id = opened.job_id
            task.id = task.name()
            try:
                orders.append(self._setup.order(opened, task))
            except (ValueError, TypeError) as error:
                self._refuse(task, "spawn", str(error))
            else:
                ready.append(task)
        if not ready:
            return []
        places = self._files.put_orders(self._batch, orders)
        bodies = [
            self._setup.task(opened, task, place) for task, place in zip(ready, places, strict=True)
        ]
        for task in ready:
            for token in task.tokens:
                self._lines.add({"s": [token, round(now, 3)]})
        self._lines.write()
        refused = sender.send(self._service, opened.job_id, bodies)
        taken: list[tuple[OpenPool, Task]] = []
        for task in ready:
            reason = refused.get(task.id)
            if reason is not None:
                self._refuse(task, "spawn", reason)
                continue
            task.state = SENT
            taken.append((opened, task))
        return taken

    def _open(self, task: Task) -> OpenPool:
        """The pool and job for a task, made if they are not there."""
        shape = task.shape
        assert shape is not None
        if not self._pools.is_open(shape):
            # Before anything is made: a later run finds it by this line.
            self._lines.add(
                {"b": self.place_of(self._pools.job_of(shape), self._pools.pool_of(shape))}
            )
            self._lines.write()
        opened = self._pools.open(shape)
        self._setup.prepare(opened)
        if self._setup.renew(time.time()):
            self._pools.next_jobs()
        if not opened.has_job:
            if opened.jobs:
                self._lines.add({"b": self.place_of(opened.job_id, opened.pool_id)})
                self._lines.write()
            labels = self._pools.labels(opened, time.time())
            sender.create_job(self._service, self._setup.job(opened, labels))
            opened.made()
            self._opened(opened)
        return opened

    def place_of(self, job_id: str, pool_id: str) -> dict[str, Any]:
        """What a later run needs to find the tasks: no secrets."""
        settings = self._service.settings
        root = self._files.root
        return {
            "account": settings.account_url,
            "run": self._files.run,
            "pool": pool_id,
            "ours": settings.pool is None,
            "job": job_id,
            "storage": [root.account, root.container, root.below],
        }
