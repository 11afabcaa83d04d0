"""What a run has on Azure now: machines, tasks, and a guess at the cost so far.

One small question for each pool now and then; an error means that there is no news. The cost is
machines times time times the list price of their size (`rulekit.model.vmsizes`): no disks, traffic
or discounts, and nothing for the time before the first look.
"""

from __future__ import annotations

import json
import time

from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.tasks import RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.pools import OpenPool
    from rulekit.executors.azure.tasks import Task

_SELECT = (
    "currentDedicatedNodes,currentLowPriorityNodes,targetDedicatedNodes,targetLowPriorityNodes"
)

_FIRST_S = 5.0  # before the first look


class Meter:
    """Looks at the pools every `every_s` seconds, and tells `say("cloud", JSON)`: the fields of
    `rulekit.events.CloudState`."""

    def __init__(
        self, service: BatchService, say: Callable[[str, str], None], every_s: float
    ) -> None:
        self._service = service
        self._say = say
        self._every_s = every_s
        self._looked = time.monotonic() - max(0.0, every_s - _FIRST_S)
        self._seen: dict[str, tuple[float, float]] = {}  # pool: when, dollars a second then
        self._cost = 0.0
        self._priced = True

    def look(self, opened: Mapping[str, OpenPool], tasks: Iterable[Task]) -> None:
        """Ask, if it is time to. `opened` are the pools by job, `tasks` those that are out."""
        now = time.monotonic()
        if now - self._looked < self._every_s:
            return
        self._looked = now
        pools = {pool.pool_id: pool for pool in opened.values()}
        if not pools:
            return
        nodes = wanted = 0
        try:
            for name, pool in pools.items():
                has, wants = self._pool(name, pool, now)
                nodes += has
                wanted += wants
        except ServiceError:
            return
        running = waiting = 0
        for task in tasks:
            if task.state == RUNNING:
                running += 1
            else:
                waiting += 1
        place = f"pool {next(iter(pools))}" if len(pools) == 1 else f"{len(pools)} pools"
        state = {
            "place": place,
            "nodes": nodes,
            "wanted": max(nodes, wanted),
            "queued": waiting,
            "running": running,
            "cost": round(self._cost, 4) if self._priced else None,
        }
        self._say("cloud", json.dumps(state))

    def _pool(self, name: str, pool: OpenPool, now: float) -> tuple[int, int]:
        """Machines of a pool, and those asked for; its cost since the last look is added."""
        from rulekit.model.vmsizes import size

        row = self._service.raw(f"/pools/{name}", {"$select": _SELECT})
        dedicated = int(row.get("currentDedicatedNodes") or 0)
        spot = int(row.get("currentLowPriorityNodes") or 0)
        known = size(pool.shape.vm_size)
        price = known.usd_per_hour if known is not None else None
        low = known.usd_per_hour_low_priority if known is not None else None
        if (dedicated and price is None) or (spot and low is None):
            self._priced = False
        rate = (dedicated * (price or 0.0) + spot * (low or 0.0)) / 3600
        before, rate_before = self._seen.get(name, (now, rate))
        self._cost += (now - before) * (rate + rate_before) / 2
        self._seen[name] = (now, rate)
        wanted = int(row.get("targetDedicatedNodes") or 0)
        wanted += int(row.get("targetLowPriorityNodes") or 0)
        return dedicated + spot, wanted
