"""The life of a task on a node: start, retries, the end, and the way back into the queue."""

from __future__ import annotations

from rulekit.emulator import dependencies, layout, preparation
from rulekit.emulator.execution import Order, Outcome, Run
from rulekit.emulator.formats import UNLIMITED_S, parse_duration
from rulekit.emulator.staging import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Node, Task


def limit_of(constraints: dict[str, Any] | None) -> float | None:
    """The wall-clock limit in seconds, or None."""
    seconds = parse_duration((constraints or {}).get("maxWallClockTime") or "P365D")
    return None if seconds >= UNLIMITED_S - 1 or not constraints else seconds


def assign(task: Task, node: Node) -> None:
    """Put a ready task on a node: it takes its slots now and runs after the job's preparation."""
    task.job.ready.pop(task.number, None)
    task.job.running += 1
    task.node = node
    node.used_slots += task.slots
    node.exclusive = node.exclusive or exclusive(task)
    node.runs[task.label] = None  # type: ignore[assignment]  # the place is taken
    directory = layout.task_directory(task.job.id, task.id)
    task.directory = f"{node.root}/{directory}"
    task.files_gone = ""
    task.node_info = {
        "affinityId": f"TVM:{node.id}",
        "nodeUrl": f"{node.world.url}/pools/{node.pool.id}/nodes/{node.id}",
        "poolId": node.pool.id,
        "nodeId": node.id,
        "taskRootDirectory": directory,
        "taskRootDirectoryUrl": f"{node.world.url}/pools/{node.pool.id}/nodes/{node.id}"
        f"/files/{directory}",
    }
    if node.state == "idle":
        node.move("running")
    node.recent = [*[t for t in node.recent if t is not task][-9:], task]
    if task.job.spec.get("jobPreparationTask") is None:
        _run(task, node, False)
        return
    ready = preparation.is_done(node, task.job)
    if not ready:
        task.move("preparing")
    attempt = (task.node, task.requeues)

    def then(good: bool) -> None:
        if (task.node, task.requeues) != attempt or task.state == "completed":
            return
        if good:
            _run(task, node, False)
        else:
            release(task)
            back_to_queue(task)

    preparation.ensure(node, task.job, then)


def exclusive(task: Task) -> bool:
    """Whether the task wants a node for itself (a job manager by default does)."""
    return task.manager and bool(task.spec.get("runExclusive", True))


def _run(task: Task, node: Node, keep: bool) -> None:
    task.started = task.world.clock.now()
    task.move("running")
    directory = task.directory or ""
    spec = task.spec
    order = Order(
        command=str(spec["commandLine"]),
        directory=directory,
        environment=layout.environment(
            node, directory, task.job, task.id, layout.settings_of(spec.get("environmentSettings"))
        ),
        resources=spec.get("resourceFiles"),
        outputs=spec.get("outputFiles"),
        container=spec.get("containerSettings"),
        limit=limit_of(spec.get("constraints")),
        keep=keep,
        job=task.job.id,
        task=task.id,
    )
    task.run = Run(node, order, lambda run, outcome: _ended(task, run, outcome))
    node.runs[task.label] = task.run


def _ended(task: Task, run: Run, outcome: Outcome) -> None:
    if task.run is not run:
        return
    task.run = None
    limit = int((task.spec.get("constraints") or {}).get("maxTaskRetryCount") or 0)
    code = (outcome.failure or {}).get("code")
    if code == "FailureExitCode" and (limit < 0 or task.retries < limit) and task.node:
        task.retries += 1
        task.retried_at = task.world.clock.now()
        task.exit_code, task.failure = outcome.exit_code, outcome.failure
        _run(task, task.node, True)
        return
    complete(task, outcome)


def release(task: Task) -> None:
    """Give the slots of its node back."""
    node = task.node
    if node is None:
        return
    task.node = None
    task.run = None
    task.job.running -= 1
    node.used_slots -= task.slots
    node.runs.pop(task.label, None)
    if exclusive(task):
        node.exclusive = False
    if node.state == "running":
        node.settle()
    task.world.tell("node-freed", node)
    task.world.tell("job-freed", task.job)
    task.world.kick()


def complete(task: Task, outcome: Outcome) -> None:
    """The task is over for good; tells `task-completed` to those who wait."""
    node = task.node
    task.job.ready.pop(task.number, None)
    task.ended = task.world.clock.now()
    task.exit_code = outcome.exit_code
    task.failure = outcome.failure
    task.container = outcome.container and {**outcome.container, "state": "exited"}
    task.result = "success" if outcome.failure is None else "failure"
    if task.started is None and outcome.phase != "pre":
        task.exit_code = None
    if node is not None:
        node.total_run += 1
        node.total_succeeded += task.result == "success"
    pool = task.world.pools.get(task.job.pool_id.lower())
    if pool is not None:
        pool.succeeded += task.result == "success"
        pool.failed += task.result != "success"
    task.move("completed", str((task.failure or {}).get("code") or ""))
    release(task)
    dependencies.completed(task, outcome.phase)
    task.world.tell("task-completed", task, outcome.phase)


def back_to_queue(task: Task) -> None:
    """The task waits again, in its old place."""
    task.move("active")
    dependencies.enqueue(task)


def requeue(task: Task, why: str) -> None:
    """Its node was lost or wanted back: kill it, put it into the queue, uncounted as a retry."""
    if task.run is not None:
        task.run.lose()
    release(task)
    task.requeues += 1
    task.requeued_at = task.world.clock.now()
    task.files_gone = "TaskFilesUnavailable"
    task.move("active", why)
    dependencies.enqueue(task)


def terminate(task: Task, message: str = "Task was ended by user request") -> None:
    """End a task that is not completed, wherever it stands."""
    if task.state == "completed":
        return
    if task.run is not None:
        run, task.run = task.run, None
        run.lose()
    complete(task, Outcome(None, failure("TaskEnded", message), "run"))


def tasks_on(node: Node) -> list[Task]:
    """The tasks that hold slots of a node."""
    return [
        task
        for label in list(node.runs)
        if (task := _by_label(node, label)) is not None and task.node is node
    ]


def _by_label(node: Node, label: str) -> Task | None:
    job_id, _, task_id = label.partition("/")
    job = node.world.jobs.get(job_id.lower())
    return None if job is None else job.tasks.get(task_id.lower())
