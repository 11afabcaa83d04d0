"""Requests about jobs."""

from __future__ import annotations

from rulekit.emulator import defaults, joblife, lists, views
from rulekit.emulator.api_pools import check as check_pool
from rulekit.emulator.api_pools import one
from rulekit.emulator.messages import Answer, about
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import Job, Preparation, World


def job_of(world: World, call: Call, conditions: bool = True) -> Job:
    """The job of the address, conditions checked. Raises Problem."""
    found = world.jobs.get(call.params["jobId"].lower())
    if found is None:
        raise Problem("JobNotFound", "The specified job does not exist.")
    if conditions:
        call.check(found)
    return found


def check(spec: dict[str, Any], shared: bool = False) -> dict[str, Any]:
    """Refuse what a job cannot be. Raises Problem."""
    info = spec["poolInfo"]
    if bool(info.get("poolId")) == bool(info.get("autoPoolSpecification")):
        raise defaults.invalid(
            "poolInfo", "", "Exactly one of poolId and autoPoolSpecification is needed."
        )
    auto = info.get("autoPoolSpecification")
    if auto is not None:
        if len(auto.get("autoPoolIdPrefix") or "") > 20:
            raise defaults.invalid("autoPoolIdPrefix", auto["autoPoolIdPrefix"])
        if auto.get("pool") is None:
            raise defaults.invalid("autoPoolSpecification", "", "It has no pool.")
        if auto["poolLifetimeOption"] == "jobschedule" and not shared:
            raise defaults.invalid("poolLifetimeOption", "jobschedule", "The job has no schedule.")
        check_pool(auto["pool"])
    if not -1000 <= int(spec["priority"]) <= 1000:
        raise defaults.invalid("priority", spec["priority"])
    if spec.get("jobReleaseTask") and not spec.get("jobPreparationTask"):
        raise Problem("JobPreparationTaskNotSpecified", status=400)
    if int(spec["maxParallelTasks"]) < -1 or int(spec["maxParallelTasks"]) == 0:
        raise defaults.invalid("maxParallelTasks", spec["maxParallelTasks"])
    return spec


def create(world: World, call: Call) -> Answer:
    """POST /jobs."""
    spec = check(defaults.job(call.json))
    key = spec["id"].lower()
    if key in world.jobs:
        raise Problem("JobExists", "The specified job already exists.")
    if key in world.schedules:
        raise Problem("JobScheduleWithSameIdExists")
    if joblife.active_count(world) >= world.settings.quotas.active_jobs:
        raise Problem("ActiveJobAndScheduleQuotaReached")
    if world.faults.event("quota", job=spec["id"]) is not None:
        raise Problem("ActiveJobAndScheduleQuotaReached")
    job = joblife.open_job(world, spec)
    joblife.check_all_done(job)
    return Answer(201, None, about(job, f"jobs/{job.id}"))


def get(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}."""
    job = job_of(world, call)
    view = views.job(job)
    if lists.expansion(call):
        view["stats"] = views.job_stats(job)
    return one(call, job, view, "jobs")


def list_all(world: World, call: Call) -> Answer:
    """GET /jobs."""
    stats = lists.expansion(call)

    def view(job: Job) -> dict[str, Any]:
        shown = views.job(job)
        return {**shown, "stats": views.job_stats(job)} if stats else shown

    return lists.answer(call, FIELDS["jobs"], sorted(world.jobs.items()), view, "jobs")


def list_of_schedule(world: World, call: Call) -> Answer:
    """GET /jobschedules/{jobScheduleId}/jobs."""
    key = call.params["jobScheduleId"].lower()
    if key not in world.schedules:
        raise Problem("JobScheduleNotFound")
    found = [(k, j) for k, j in sorted(world.jobs.items()) if (j.schedule_id or "").lower() == key]
    return lists.answer(call, FIELDS["jobs"], found, views.job, "jobs")


def update(world: World, call: Call) -> Answer:
    """PATCH /jobs/{jobId}."""
    return _change(world, call, defaults.without_nulls(call.json))


def replace(world: World, call: Call) -> Answer:
    """PUT /jobs/{jobId}."""
    given = defaults.without_nulls(call.json)
    fresh: dict[str, Any] = {"priority": 0, "maxParallelTasks": -1, "allowTaskPreemption": False}
    fresh.update(given)
    fresh.setdefault("constraints", {})
    job = job_of(world, call)
    if "metadata" not in given:
        job.spec.pop("metadata", None)
    return _change(world, call, fresh)


def _change(world: World, call: Call, changes: dict[str, Any]) -> Answer:
    job = job_of(world, call)
    joblife.check_open(job)
    mode = str(changes.get("onAllTasksComplete") or "").lower()
    if mode == "noaction" and str(job.spec["onAllTasksComplete"]).lower() == "terminatejob":
        raise defaults.invalid(
            "onAllTasksComplete", "noaction", "It cannot be set back.", status=409
        )
    spec = {**job.spec, **changes}
    if "constraints" in changes:
        spec["constraints"] = defaults.job_constraints(changes["constraints"])
    if "poolInfo" in changes:
        spec["poolInfo"] = defaults.pool_info(changes["poolInfo"])
    moved = spec["poolInfo"] != job.spec["poolInfo"]
    if moved:
        if job.state != "disabled":
            raise Problem("JobNotDisabled", "The pool can be changed only of a disabled job.")
        if not spec["poolInfo"].get("poolId"):
            raise defaults.invalid("poolInfo", "", "Only a poolId can be set.")
    check(spec, job.schedule_id is not None)
    job.spec = spec
    if moved:
        joblife.find_pool(job)
    if "constraints" in changes:
        joblife.watch_limit(job, spec["constraints"]["maxWallClockTime"])
    job.edited()
    joblife.check_all_done(job)
    world.kick()
    return Answer(200, None, about(job, f"jobs/{job.id}"))


def delete(world: World, call: Call) -> Answer:
    """DELETE /jobs/{jobId}."""
    joblife.delete(job_of(world, call))
    return Answer(202)


def terminate(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/terminate."""
    job = job_of(world, call)
    joblife.terminate(job, str(call.json.get("terminateReason") or "UserTerminate"))
    return Answer(202, None, about(job, f"jobs/{job.id}"))


def disable(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/disable."""
    job = job_of(world, call)
    joblife.disable(job, str(call.json["disableTasks"]).lower())
    return Answer(202, None, about(job, f"jobs/{job.id}"))


def enable(world: World, call: Call) -> Answer:
    """POST /jobs/{jobId}/enable."""
    job = job_of(world, call)
    joblife.enable(job)
    return Answer(202, None, about(job, f"jobs/{job.id}"))


def counts(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/taskcounts."""
    job = job_of(world, call, conditions=False)
    metadata = f"{call.base}/$metadata#taskcounts/@Element"
    body = {
        "odata.metadata": metadata,
        "taskCounts": dict(job.counts),
        "taskSlotCounts": dict(job.slot_counts),
    }
    return Answer(200, body)


def preparations(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/jobpreparationandreleasetaskstatus."""
    job = job_of(world, call, conditions=False)
    if job.spec.get("jobPreparationTask") is None:
        raise Problem("JobPreparationTaskNotSpecified")

    def view(found: Preparation) -> dict[str, Any]:
        pool = found.node.pool.id
        shown: dict[str, Any] = {
            "poolId": pool,
            "nodeId": found.node.id,
            "nodeUrl": f"{world.url}/pools/{pool}/nodes/{found.node.id}",
            "jobPreparationTaskExecutionInfo": found.info,
        }
        if found.release_info is not None:
            shown["jobReleaseTaskExecutionInfo"] = found.release_info
        return shown

    entities = sorted(job.preparations.items())
    fields = FIELDS["jobpreparationandreleasetaskstatus"]
    return lists.answer(call, fields, entities, view, "jobpreparationandreleasetaskstatus")
