"""Bringing a pool to its targets: resize, resize errors, removal of nodes, quotas of cores."""

from __future__ import annotations

from rulekit.emulator import nodelife, prices
from rulekit.emulator.formats import parse_duration
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Node, Pool, World


def resize(
    pool: Pool,
    dedicated: int | None,
    spot: int | None,
    option: str = "requeue",
    timeout_s: float | None = None,
) -> None:
    """Set new targets and begin to work on them."""
    if dedicated is not None:
        pool.target_dedicated = dedicated
    if spot is not None:
        pool.target_spot = spot
    pool.deallocation = option
    pool.resize_errors = []
    pool.allocate("resizing")
    if pool.resize_timer is not None:
        pool.resize_timer.cancel()
    limit = timeout_s or parse_duration(pool.spec.get("resizeTimeout") or "PT15M")
    started = pool.world.clock.now()
    seconds = pool.world.settings.delays.allocating
    pool.resize_timer = pool.world.clock.chore(seconds, lambda: _allocate(pool, started, limit))


def counted(pool: Pool, dedicated: bool) -> list[Node]:
    """The nodes that count for a target: all of the kind that are not on their way out."""
    return [
        n for n in pool.nodes.values() if n.dedicated is dedicated and not n.leaving and not n.gone
    ]


def _allocate(pool: Pool, started: float, limit: float) -> None:
    pool.resize_timer = None
    if pool.state != "active":
        return
    _grow(pool, True, pool.target_dedicated)
    _grow(pool, False, pool.target_spot)
    for dedicated, target in ((True, pool.target_dedicated), (False, pool.target_spot)):
        surplus = counted(pool, dedicated)
        extra = len(surplus) - target
        # Those go first whose going costs least.
        surplus.sort(key=lambda n: (n.state in ("idle", "running"), len(n.runs), -n.number))
        for node in surplus[: max(0, extra)]:
            nodelife.leave(node, pool.deallocation)
    _watch(pool, started, limit)


def _grow(pool: Pool, dedicated: bool, target: int) -> None:
    missing = target - len(counted(pool, dedicated))
    if missing <= 0:
        return
    fault = pool.world.faults.event("allocation", pool=pool.id)
    if fault is not None:
        code = str(fault.plan.get("code") or "AllocationFailed")
        text = str(fault.plan.get("message") or "Desired number of nodes could not be allocated")
        _error(pool, code, text)
        return
    cores = prices.cores(pool.spec["vmSize"])
    room, code = _room(pool, dedicated)
    if missing * cores > room:
        text = "The account has reached its core quota, so that the pool cannot grow"
        _error(pool, code, text)
        missing = int(room // cores)
    for _ in range(missing):
        nodelife.create(pool, dedicated)


def _room(pool: Pool, dedicated: bool) -> tuple[float, str]:
    world = pool.world
    fault = world.faults.event("quota", pool=pool.id)
    quotas = world.settings.quotas
    if fault is not None:
        return 0, str(fault.plan.get("code") or "AccountCoreQuotaReached")
    used = 0
    in_family = 0
    family = prices.family(pool.spec["vmSize"])
    for other in world.pools.values():
        size = other.spec["vmSize"]
        here = prices.cores(size) * sum(
            n.dedicated is dedicated and n.state != "preempted" for n in other.nodes.values()
        )
        used += here
        if prices.family(size) == family:
            in_family += here
    if not dedicated:
        return max(0, quotas.spot_cores - used), "AccountLowPriorityCoreQuotaReached"
    room = max(0, quotas.dedicated_cores - used)
    if quotas.families is not None:
        lowered = {k.lower(): v for k, v in quotas.families.items()}
        of_family = max(0, lowered.get(family.lower(), 0) - in_family)
        if of_family < room:
            return of_family, "AccountVMSeriesCoreQuotaReached"
    return room, "AccountCoreQuotaReached"


def _error(pool: Pool, code: str, text: str) -> None:
    if any(e["code"] == code for e in pool.resize_errors):
        return
    pool.resize_errors.append({"code": code, "message": text, "values": []})
    pool.world.ledger.change("resize-error", pool.id, "", code)


def _watch(pool: Pool, started: float, limit: float) -> None:
    """Steady when nobody is leaving and nobody is on the way; too late is an error."""
    if pool.state != "active" or pool.resize_timer is not None:
        return
    busy = any(n.leaving for n in pool.nodes.values())
    booting = any(n.state == "creating" for n in pool.nodes.values())
    if not busy and not booting:
        pool.allocate("steady")
        return
    if pool.world.clock.now() - started > limit and busy:
        _error(pool, "AllocationTimedOut", "The resize did not finish within its time limit")
        pool.allocate("steady")
        return

    def again() -> None:
        pool.resize_timer = None
        _watch(pool, started, limit)

    pool.resize_timer = pool.world.clock.chore(2.0, again)


def stop_resize(pool: Pool) -> None:
    """Stay at what there is now."""
    if pool.allocation != "resizing":
        raise Problem("OperationInvalidForCurrentState", "The pool is not being resized.")
    pool.allocate("stopping")
    if pool.resize_timer is not None:
        pool.resize_timer.cancel()

    def stopped() -> None:
        pool.resize_timer = None
        pool.target_dedicated = len(counted(pool, True))
        pool.target_spot = len(counted(pool, False))
        _error(pool, "ResizeStopped", "The resize was stopped by the user")
        pool.allocate("steady")

    pool.resize_timer = pool.world.clock.chore(1.0, stopped)


def remove_nodes(pool: Pool, nodes: list[Node], option: str, timeout_s: float | None) -> None:
    """Take these nodes out; the targets go down with them."""
    for node in nodes:
        if node.dedicated:
            pool.target_dedicated = max(0, pool.target_dedicated - 1)
        else:
            pool.target_spot = max(0, pool.target_spot - 1)
    pool.resize_errors = []
    pool.allocate("resizing")
    for node in nodes:
        nodelife.leave(node, option)
    limit = timeout_s or 900.0
    started = pool.world.clock.now()
    if pool.resize_timer is None:
        seconds = pool.world.settings.delays.allocating
        pool.resize_timer = pool.world.clock.chore(seconds, lambda: _allocate(pool, started, limit))


def delete(pool: Pool) -> None:
    """Begin to delete the pool; its tasks go back to their queues and wait for ever."""
    if pool.state == "deleting":
        raise Problem("PoolBeingDeleted", "The pool is being deleted.")
    world = pool.world
    pool.move("deleting")
    for timer in (pool.resize_timer, pool.autoscale_timer):
        if timer is not None:
            timer.cancel()
    pool.resize_timer = pool.autoscale_timer = None
    for node in list(pool.nodes.values()):
        node.leaving = False
        nodelife.leave(node, "requeue")

    def gone() -> None:
        for node in list(pool.nodes.values()):
            nodelife.remove(node)
        if world.pools.get(pool.id.lower()) is pool:
            del world.pools[pool.id.lower()]
        world.ledger.change("pool", pool.id, "deleting", "", "removed")
        world.tell("pool-gone", pool)

    world.clock.chore(world.settings.delays.deleting, gone)


def find_nodes(pool: Pool, names: list[Any]) -> list[Node]:
    """The nodes of these ids. Raises Problem for one that is not there."""
    found = []
    for name in names:
        node = pool.nodes.get(str(name).lower())
        if node is None:
            raise Problem("NodeNotFound", values={"NodeId": str(name)})
        found.append(node)
    return found


def watch_leavers(world: World) -> None:
    """Let nodes go that only waited for their last task."""
    world.on("node-freed", nodelife.left_alone)
