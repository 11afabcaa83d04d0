"""Job preparation and release tasks on nodes."""

from __future__ import annotations

from rulekit.emulator import layout
from rulekit.emulator.execution import Order, Outcome, Run
from rulekit.emulator.formats import parse_duration, stamp
from rulekit.emulator.state import Preparation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.emulator.state import Job, Node

_RELEASE_LIMIT = 900.0  # seconds; the service allows no more


def is_done(node: Node, job: Job) -> bool:
    """Whether tasks of the job may run on the node at once."""
    found = node.preparations.get(job.id.lower())
    return found is not None and found.state == "completed" and _good(found)


def is_failed(node: Node, job: Job) -> bool:
    """Whether the preparation failed there, so that no task of the job may run on the node."""
    found = node.preparations.get(job.id.lower())
    return found is not None and found.state == "completed" and not _good(found)


def _good(found: Preparation) -> bool:
    wait = (found.job.spec.get("jobPreparationTask") or {}).get("waitForSuccess", True)
    return found.result == "success" or not wait


def ensure(node: Node, job: Job, then: Callable[[bool], None]) -> None:
    """Call `then(good)` when the preparation is over; it begins with the first task."""
    found = node.preparations.get(job.id.lower())
    if found is None:
        found = Preparation(node, job)
        node.preparations[job.id.lower()] = found
        job.preparations[node.id] = found
        found.waiting.append(then)
        _start(found, False)
    elif found.state == "completed":
        then(_good(found))
    else:
        found.waiting.append(then)


def _start(found: Preparation, again: bool) -> None:
    node, job = found.node, found.job
    spec = job.spec["jobPreparationTask"]
    now = stamp(node.world.clock.now())
    relative = layout.task_directory(job.id, spec["id"])
    found.directory = f"{node.root}/{relative}"
    found.info = {
        "startTime": now,
        "state": "running",
        "taskRootDirectory": relative,
        "taskRootDirectoryUrl": f"{node.world.url}/pools/{node.pool.id}/nodes/{node.id}"
        f"/files/{relative}",
        "retryCount": found.retries,
    }
    if again:
        found.info["lastRetryTime"] = now
    constraints = spec.get("constraints") or {}
    order = _order(node, job, spec, found.directory, again, constraints.get("maxWallClockTime"))
    run = Run(node, order, lambda _run, outcome: _prepared(found, outcome))
    node.chores[f"prep/{job.id.lower()}"] = run
    node.world.ledger.change("preparation", f"{job.id}@{node.id}", "", "running")


def _order(
    node: Node, job: Job, spec: dict[str, Any], directory: str, keep: bool, limit: str | None
) -> Order:
    extra = layout.settings_of(spec.get("environmentSettings"))
    seconds = parse_duration(limit) if limit else None
    return Order(
        command=str(spec["commandLine"]),
        directory=directory,
        environment=layout.environment(node, directory, job, spec["id"], extra),
        resources=spec.get("resourceFiles"),
        container=spec.get("containerSettings"),
        limit=seconds if seconds is not None and seconds < 1e11 else None,
        keep=keep,
        job=job.id,
        task=spec["id"],
    )


def result_of(outcome: Outcome, now: float) -> dict[str, Any]:
    """The part of an execution info that says how it ended."""
    info: dict[str, Any] = {"endTime": stamp(now), "state": "completed"}
    info["result"] = "success" if outcome.failure is None else "failure"
    if outcome.exit_code is not None:
        info["exitCode"] = outcome.exit_code
    if outcome.failure is not None:
        info["failureInfo"] = outcome.failure
    if outcome.container is not None:
        info["containerInfo"] = outcome.container
    return info


def _prepared(found: Preparation, outcome: Outcome) -> None:
    node, job = found.node, found.job
    node.chores.pop(f"prep/{job.id.lower()}", None)
    limit = int(
        (job.spec["jobPreparationTask"].get("constraints") or {}).get("maxTaskRetryCount") or 0
    )
    if outcome.failure is not None and (limit < 0 or found.retries < limit) and not node.gone:
        found.retries += 1
        _start(found, True)
        return
    found.state = "completed"
    found.info.update(result_of(outcome, node.world.clock.now()))
    found.result = str(found.info["result"])
    name = f"{job.id}@{node.id}"
    node.world.ledger.change("preparation", name, "running", "completed", found.result)
    waiting, found.waiting = found.waiting, []
    for then in waiting:
        then(_good(found))
    node.world.kick()


def forget(node: Node, reboot: bool = False) -> None:
    """The node is gone (or starts anew): its preparations are no longer there."""
    for key, found in list(node.preparations.items()):
        spec = found.job.spec.get("jobPreparationTask") or {}
        if (
            reboot
            and found.state == "completed"
            and not spec.get("rerunOnNodeRebootAfterSuccess", True)
        ):
            continue
        del node.preparations[key]
        if reboot or found.state != "completed":
            found.job.preparations.pop(node.id, None)


def release_all(job: Job, done: Callable[[], None]) -> None:
    """Run the job's release task on every node where its preparation ran, then call `done`."""
    wanted: dict[str, Any] | None = job.spec.get("jobReleaseTask")
    spec: dict[str, Any] = wanted or {}
    left = []
    for found in list(job.preparations.values()):
        run = found.node.chores.pop(f"prep/{job.id.lower()}", None)
        if run is not None:
            run.lose()
            found.state, found.waiting = "completed", []
            found.result = "failure"
            found.info.update(state="completed", endTime=stamp(job.world.clock.now()))
            found.info.setdefault("result", "failure")
        if wanted is not None and not found.node.gone:
            left.append(found)
    if not left:
        done()
        return
    waiting = set(map(id, left))

    def ended(found: Preparation, outcome: Outcome | None) -> None:
        if id(found) not in waiting:
            return
        waiting.discard(id(found))
        found.node.chores.pop(f"release/{job.id.lower()}", None)
        if outcome is not None and found.release_info is not None:
            found.release_info.update(result_of(outcome, job.world.clock.now()))
        if not waiting:
            job.world.off("node-gone", lost)
            done()

    def lost(node: Node) -> None:
        for found in left:
            if found.node is node:
                ended(found, None)

    job.world.on("node-gone", lost)
    for found in left:
        node = found.node
        relative = layout.task_directory(job.id, spec["id"])
        found.release_directory = f"{node.root}/{relative}"
        found.release_info = {
            "startTime": stamp(job.world.clock.now()),
            "state": "running",
            "taskRootDirectory": relative,
            "taskRootDirectoryUrl": f"{job.world.url}/pools/{node.pool.id}/nodes/{node.id}"
            f"/files/{relative}",
        }
        limit = spec.get("maxWallClockTime")
        seconds = min(parse_duration(limit) if limit else _RELEASE_LIMIT, _RELEASE_LIMIT)
        order = _order(node, job, spec, found.release_directory, False, f"PT{seconds:.0f}S")
        run = Run(node, order, lambda _r, outcome, found=found: ended(found, outcome))  # type: ignore[misc]
        node.chores[f"release/{job.id.lower()}"] = run
