"""The life of a job: its pool, its end, what the end of a task means to it."""

from __future__ import annotations

import os

from rulekit.emulator import allocation, dependencies, preparation, taskruns
from rulekit.emulator.formats import UNLIMITED_S, new_guid, parse_duration
from rulekit.emulator.problem import Problem
from rulekit.emulator.state import Job, Pool, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import World


def install(world: World) -> None:
    """Listen to the ends of tasks."""
    world.on("task-completed", _task_completed)
    world.on("job-freed", check_disabled)


def open_job(world: World, spec: dict[str, Any], schedule_id: str | None = None) -> Job:
    """A new job, active at once, with its pool, its manager and its time limit."""
    job = Job(world, spec)
    job.schedule_id = schedule_id
    world.jobs[job.id.lower()] = job
    find_pool(job)
    constraints = spec.get("constraints") or {}
    watch_limit(job, constraints.get("maxWallClockTime"))
    manager = spec.get("jobManagerTask")
    if manager is not None:
        task = Task(job, manager)
        task.manager = True
        task.count()
        job.tasks[task.id.lower()] = task
        dependencies.attach(task)
    return job


def watch_limit(job: Job, text: str | None) -> None:
    """End the job when its wall-clock limit (from its creation) has passed."""
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None
    seconds = parse_duration(text) if text else UNLIMITED_S
    if seconds < UNLIMITED_S - 1:
        left = job.started + seconds - job.world.clock.now()
        job.timer = job.world.clock.after(
            left, lambda: terminate(job, "MaxWallClockTimeExpiry", quiet=True)
        )


def find_pool(job: Job) -> None:
    """Tie the job to its pool, which is made now if it is an auto pool."""
    info = job.spec["poolInfo"]
    if info.get("poolId"):
        job.pool_id = info["poolId"]
        return
    auto = info["autoPoolSpecification"]
    world = job.world
    shared = auto["poolLifetimeOption"] == "jobschedule" and job.schedule_id
    if shared:
        for pool in world.pools.values():
            if pool.auto_of is not None and pool.auto_of.schedule_id == job.schedule_id:
                job.pool_id = pool.id
                pool.auto_of = job
                return
    if len(world.pools) >= world.settings.quotas.pools:
        # The job is there, and says why nothing happens.
        job.scheduling_error = {
            "category": "usererror",
            "code": "AutoPoolCreationFailedWithQuotaReached",
            "message": "The auto pool cannot be made: the account has reached its quota of pools",
            "details": [],
        }
        return
    name = f"{auto.get('autoPoolIdPrefix') or ''}{new_guid().upper()}"
    pool = Pool(world, {"id": name, **(auto.get("pool") or {})})
    pool.auto_of = job
    world.pools[name.lower()] = pool
    job.pool_id = name
    world.tell("pool-made", pool)


def active_count(world: World) -> int:
    """Jobs and schedules that count for the quota."""
    jobs = sum(j.state not in ("completed", "deleting") for j in world.jobs.values())
    return jobs + sum(s.state not in ("completed", "deleting") for s in world.schedules.values())


def accept_task(job: Job, spec: dict[str, Any]) -> Task:
    """A new task of the job. Raises Problem when the job cannot take it."""
    key = spec["id"].lower()
    for kind, code in (
        ("jobPreparationTask", "TaskIdSameAsJobPreparationTask"),
        ("jobReleaseTask", "TaskIdSameAsJobReleaseTask"),
    ):
        other = job.spec.get(kind)
        if other is not None and other["id"].lower() == key:
            raise Problem(code)
    if key in job.tasks:
        raise Problem("TaskExists")
    check_open(job)
    task = Task(job, spec)
    job.tasks[key] = task
    task.count()
    dependencies.attach(task)
    return task


def check_open(job: Job) -> None:
    """Refuse what only a job that goes on can do. Raises Problem."""
    if job.state == "completed":
        raise Problem("JobCompleted")
    if job.state == "terminating":
        raise Problem("JobBeingTerminated", "The job is being terminated.")
    if job.state == "deleting":
        raise Problem("JobBeingDeleted", "The job is being deleted.")


def _task_completed(task: Task, phase: str) -> None:
    job = task.job
    if job.state in ("terminating", "completed", "deleting"):
        return
    if str(job.spec.get("onTaskFailure")).lower() == "performexitoptionsjobaction":
        options = dependencies.options_of(task, phase)
        default = "none" if task.result == "success" else "terminate"
        action = str((options or {"jobAction": "none"}).get("jobAction") or default).lower()
        if action == "terminate":
            terminate(job, "TaskFailed", quiet=True)
            return
        if action == "disable" and job.state == "active":
            disable(job, "requeue")
    if task.manager and task.spec.get("killJobOnCompletion", True):
        terminate(job, "JobManagerTaskCompleted", quiet=True)
        return
    check_all_done(job)


def check_all_done(job: Job) -> None:
    """End the job if it shall end with its last task."""
    if str(job.spec.get("onAllTasksComplete")).lower() != "terminatejob":
        return
    if job.state == "active" and job.counts["completed"] == len(job.tasks):
        terminate(job, "AllTasksCompleted", quiet=True)


def terminate(job: Job, reason: str, quiet: bool = False) -> None:
    """End the job and its tasks; release tasks run, then it is completed."""
    if job.state in ("terminating", "completed", "deleting"):
        if quiet:
            return
        check_open(job)
    job.terminate_reason = reason
    job.move("terminating", reason)
    if job.timer is not None:
        job.timer.cancel()
    # A moment later, as the service does: a client sees the state in between.
    job.world.clock.chore(1.0, lambda: _end_tasks(job))


def _end_tasks(job: Job) -> None:
    if job.state not in ("terminating", "deleting"):
        return
    for task in job.tasks.values():
        if task.state != "completed":
            taskruns.terminate(task, "Task was ended because its job was terminated")
    preparation.release_all(job, lambda: _completed(job))


def _completed(job: Job) -> None:
    if job.state == "deleting":
        _forget(job)
        return
    job.ended = job.world.clock.now()
    job.move("completed", job.terminate_reason or "")
    _drop_auto_pool(job)
    job.world.tell("job-completed", job)


def delete(job: Job) -> None:
    """Begin to delete the job with its tasks and their files."""
    if job.state == "deleting":
        raise Problem("JobBeingDeleted", "The job is being deleted.")
    world = job.world
    before = job.state
    job.move("deleting")
    if job.timer is not None:
        job.timer.cancel()
    then = _forget if before == "completed" else _end_tasks
    world.clock.chore(world.settings.delays.deleting, lambda: then(job))


def _forget(job: Job) -> None:
    world = job.world
    if world.jobs.get(job.id.lower()) is job:
        del world.jobs[job.id.lower()]
    world.ledger.change("job", job.id, "deleting", "", "removed")
    _drop_auto_pool(job)
    paths = []
    for pool in world.pools.values():
        for node in pool.nodes.values():
            node.recent = [t for t in node.recent if t.job is not job]
            node.preparations.pop(job.id.lower(), None)
            paths.append(os.path.join(node.root, "workitems", job.id))
    for path in paths:
        world.discard(path)
    world.tell("job-completed", job)


def drop_pools_of(world: World, schedule_id: str) -> None:
    """Delete the auto pools that lived as long as a schedule."""
    for pool in list(world.pools.values()):
        job = pool.auto_of
        if job is None or job.schedule_id != schedule_id or pool.state != "active":
            continue
        auto = job.spec["poolInfo"]["autoPoolSpecification"]
        if auto["poolLifetimeOption"] == "jobschedule" and not auto.get("keepAlive"):
            allocation.delete(pool)


def _drop_auto_pool(job: Job) -> None:
    auto = job.spec["poolInfo"].get("autoPoolSpecification")
    pool = job.world.pools.get(job.pool_id.lower())
    if not auto or pool is None or pool.auto_of is not job or auto.get("keepAlive"):
        return
    if auto["poolLifetimeOption"] == "job" and pool.state == "active":
        allocation.delete(pool)


def disable(job: Job, option: str) -> None:
    """Stop the job's tasks as `option` says; it is disabled when none runs."""
    check_open(job)
    if job.state in ("disabling", "disabled"):
        return
    job.disable_option = option
    job.move("disabling")
    for task in list(job.tasks.values()):
        if task.state in ("running", "preparing"):
            if option == "terminate":
                taskruns.terminate(task)
            elif option == "requeue":
                taskruns.requeue(task, "its job was disabled")
    job.world.clock.chore(1.0, lambda: check_disabled(job))


def check_disabled(job: Job) -> None:
    """Finish disabling when the last task has ended."""
    if job.state == "disabling" and job.running == 0:
        job.move("disabled")


def enable(job: Job) -> None:
    """Let a disabled job go on."""
    check_open(job)
    if job.state in ("active", "enabling"):
        return
    job.move("enabling")

    def active() -> None:
        if job.state == "enabling":
            job.move("active")
            job.world.kick()
            check_all_done(job)

    job.world.clock.chore(1.0, active)


def drop_task(task: Task) -> None:
    """Delete a task with its files; one that runs is ended first."""
    job = task.job
    if task.state != "completed":
        # Without the consequences that an end by itself would have.
        if task.run is not None:
            task.run.lose()
        job.ready.pop(task.number, None)
        taskruns.release(task)
    key = task.id.lower()
    if job.tasks.get(key) is task:
        del job.tasks[key]
    for name in (task.counted, "completed" if task.counted in ("succeeded", "failed") else ""):
        if name:
            job.counts[name] -= 1
            job.slot_counts[name] -= task.slots
    task.counted = ""
    world = job.world
    world.ledger.change("task", task.label, task.state, "", "removed")
    directory = task.directory
    for pool in world.pools.values():
        for node in pool.nodes.values():
            if task in node.recent:
                node.recent.remove(task)
    if directory and not task.files_gone:
        world.discard(directory)
    check_all_done(job)
