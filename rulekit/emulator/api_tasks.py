"""Requests about tasks."""

from __future__ import annotations

from rulekit.emulator import contract, defaults, dependencies, joblife, lists, taskruns, views
from rulekit.emulator.api_jobs import job_of
from rulekit.emulator.api_pools import one
from rulekit.emulator.formats import stamp
from rulekit.emulator.messages import Answer, about
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import Job, Task, World

_MOST = 100
LARGEST_BODY = 1 << 20


def task_of(world: World, call: Call, conditions: bool = True) -> Task:
    """The task of the address, conditions checked. Raises Problem."""
    job = job_of(world, call, conditions=False)
    found = job.tasks.get(call.params["taskId"].lower())
    if found is None:
        raise Problem("TaskNotFound", "The specified task does not exist.")
    if conditions:
        call.check(found)
    return found


def _accept(job: Job, given: dict[str, Any]) -> Task:
    spec = defaults.task(given, job.spec)
    dependencies.check(spec.get("dependsOn"), bool(job.spec["usesTaskDependencies"]))
    if int(spec["requiredSlots"]) < 1:
        raise defaults.invalid("requiredSlots", spec["requiredSlots"])
    _check_files(spec)
    pool = job.world.pools.get(job.pool_id.lower())
    if pool is not None and pool.is_container_pool and spec.get("containerSettings") is None:
        text = "The tasks of a pool with a container configuration need container settings."
        values = {"PropertyName": "containerSettings", "Reason": text}
        raise Problem("InvalidPropertyValue", text, values)
    if spec.get("multiInstanceSettings") is not None:
        text = "This emulator does not imitate multi-instance tasks."
        raise defaults.invalid("multiInstanceSettings", "", text)
    if spec.get("applicationPackageReferences"):
        raise Problem("InvalidApplicationPackageReferences", "There are no applications.")
    return joblife.accept_task(job, spec)


def _check_files(spec: dict[str, Any]) -> None:
    kinds = ("httpUrl", "storageContainerUrl", "autoStorageContainerName")
    for item in spec["resourceFiles"]:
        if sum(bool(item.get(kind)) for kind in kinds) != 1:
            raise defaults.invalid(
                "resourceFiles", "", f"Exactly one of {', '.join(kinds)} is needed."
            )
        if item.get("httpUrl") and not item.get("filePath"):
            raise defaults.invalid("filePath", "", "A file from an address needs a path.")


def create(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/tasks."""
    job = job_of(world, call, conditions=False)
    task = _accept(job, call.json)
    world.kick()
    return Answer(201, None, about(task, f"jobs/{job.id}/tasks/{task.id}"))


def create_collection(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/addtaskcollection."""
    job = job_of(world, call, conditions=False)
    items = call.json["value"]
    if len(items) > _MOST:
        raise defaults.invalid("value", len(items), f"At most {_MOST} tasks in one request.")
    joblife.check_open(job)
    results = []
    for item in items:
        result: dict[str, Any] = {"taskId": str(item.get("id") if isinstance(item, dict) else "")}
        try:
            contract.check(item, "BatchTaskCreateOptions")
            task = _accept(job, item)
        except Problem as problem:
            kind = "ServerError" if problem.status >= 500 else "ClientError"
            result["status"] = kind
            result["error"] = problem.inner(call.request_id, world.clock.now())
        else:
            result.update(
                status="Success",
                eTag=task.etag,
                lastModified=stamp(task.modified),
                location=f"{world.url}/jobs/{job.id}/tasks/{task.id}",
            )
        results.append(result)
    world.kick()
    metadata = f"{call.base}/$metadata#taskaddresult"
    return Answer(200, {"odata.metadata": metadata, "value": results})


def get(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/tasks/{taskId}."""
    task = task_of(world, call)
    view = views.task(task)
    if lists.expansion(call):
        view["stats"] = views.task_stats(task)
    return one(call, task, view, "tasks")


def list_all(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/tasks."""
    job = job_of(world, call, conditions=False)
    stats = lists.expansion(call)

    def view(task: Task) -> dict[str, Any]:
        shown = views.task(task)
        return {**shown, "stats": views.task_stats(task)} if stats else shown

    return lists.answer(call, FIELDS["tasks"], sorted(job.tasks.items()), view, "tasks")


def list_subtasks(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/tasks/{taskId}/subtasksinfo."""
    task_of(world, call, conditions=False)
    metadata = f"{call.base}/$metadata#subtaskinfo"
    return Answer(200, {"odata.metadata": metadata, "value": []})


def replace(world: World, call: Call) -> Answer:
    """PUT /jobs/{jobId}/tasks/{taskId}."""
    task = task_of(world, call)
    if task.state == "completed":
        raise Problem("TaskCompleted", "The specified task is completed.")
    task.spec["constraints"] = defaults.task_constraints(
        defaults.without_nulls(call.json).get("constraints")
    )
    task.edited()
    return Answer(200, None, about(task, f"jobs/{task.job.id}/tasks/{task.id}"))


def terminate(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/tasks/{taskId}/terminate."""
    task = task_of(world, call)
    if task.state == "completed":
        raise Problem("TaskCompleted", "The specified task is completed.")
    taskruns.terminate(task)
    return Answer(204, None, about(task, f"jobs/{task.job.id}/tasks/{task.id}"))


def reactivate(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/tasks/{taskId}/reactivate."""
    task = task_of(world, call)
    if task.state != "completed":
        raise Problem("TaskNotCompleted", "The specified task is not completed.")
    if task.result == "success":
        raise Problem("TaskSucceeded", "The specified task completed successfully.")
    joblife.check_open(task.job)
    task.retries = task.requeues = 0
    task.retried_at = task.requeued_at = None
    task.started = task.ended = task.exit_code = task.failure = task.result = None
    task.container = None
    task.edited()
    taskruns.back_to_queue(task)
    return Answer(204, None, about(task, f"jobs/{task.job.id}/tasks/{task.id}"))


def delete(world: World, call: Call) -> Answer:
    """DELETE /jobs/{jobId}/tasks/{taskId}."""
    task = task_of(world, call)
    joblife.drop_task(task)
    return Answer(200)
