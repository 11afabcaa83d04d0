"""Which ready task goes to which node: jobs by priority, tasks by age, slots, pack or spread."""

from __future__ import annotations

from collections import OrderedDict

from rulekit.emulator import preparation, taskruns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.state import Job, Node, Pool, Task, World


def install(world: World) -> None:
    """Make the scheduler's pass part of every kick."""
    world.on_kick(lambda: _pass(world))


def _pass(world: World) -> None:
    by_pool: dict[str, list[Job]] = {}
    for job in world.jobs.values():
        if job.ready and job.state == "active" and job.pool_id:
            by_pool.setdefault(job.pool_id.lower(), []).append(job)
    for key, jobs in by_pool.items():
        pool = world.pools.get(key)
        if pool is None or pool.state != "active":
            continue
        nodes = [n for n in pool.nodes.values() if n.usable and not n.exclusive]
        if nodes:
            jobs.sort(key=lambda j: (-j.priority, j.number))
            _fill(pool, jobs, nodes)


def _fill(pool: Pool, jobs: list[Job], nodes: list[Node]) -> None:
    slots = pool.slots
    free = sum(max(0, slots - n.used_slots) for n in nodes)
    pack = str((pool.spec.get("taskSchedulingPolicy") or {}).get("nodeFillType")).lower() == "pack"
    for job in jobs:
        if free <= 0:
            return
        if job.unsorted:
            job.ready = OrderedDict(sorted(job.ready.items()))
            job.unsorted = False
        most = int(job.spec.get("maxParallelTasks", -1))
        too_big = slots + 1  # a task of so many slots did not fit anywhere
        for task in list(_head(job, free)):
            if free <= 0 or (0 <= most <= job.running):
                break
            if task.slots >= too_big:
                continue
            node = _choose(task, nodes, slots, pack)
            if node is None:
                if not task.manager and not task.spec.get("affinityInfo"):
                    too_big = min(too_big, task.slots)
                    if too_big <= 1:
                        break
                continue
            free -= task.slots
            taskruns.assign(task, node)
            if node.exclusive:
                free -= max(0, slots - node.used_slots)
                nodes = [n for n in nodes if n is not node]


def _head(job: Job, free: int) -> list[Task]:
    # A manager goes first; otherwise no more than could fit, unless big ones are in the way.
    tasks = job.ready.values()
    managers = [t for t in tasks if t.manager] if job.spec.get("jobManagerTask") else []
    if managers:
        return managers + [t for t in tasks if not t.manager]
    head = []
    small = 0
    for task in tasks:
        head.append(task)
        small += task.slots <= 1
        if small >= free:
            break
    return head


def _choose(task: Task, nodes: list[Node], slots: int, pack: bool) -> Node | None:
    need = task.slots
    best: Node | None = None
    wanted = str((task.spec.get("affinityInfo") or {}).get("affinityId") or "")
    alone = taskruns.exclusive(task)
    for node in nodes:
        room = slots - node.used_slots
        if room < need or (alone and node.runs) or not node.usable:
            continue
        if task.manager and not node.dedicated and not task.spec.get("allowLowPriorityNode", True):
            continue
        if node.preparations and preparation.is_failed(node, task.job):
            continue
        if wanted and wanted in (node.id, f"TVM:{node.id}"):
            return node
        if best is None:
            best = node
        elif pack:
            if node.used_slots > best.used_slots:
                best = node
        elif node.used_slots < best.used_slots:
            best = node
    return best
