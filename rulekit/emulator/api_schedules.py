"""Requests about job schedules, and the making of their jobs."""

from __future__ import annotations

from rulekit.emulator import api_jobs, defaults, joblife, lists
from rulekit.emulator.api_pools import one
from rulekit.emulator.formats import parse_duration, parse_stamp, stamp
from rulekit.emulator.messages import Answer, about
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem
from rulekit.emulator.state import Entity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.clock import Timer
    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import Job, World


class Schedule(Entity):
    """A job schedule: makes one job after another."""

    kind = "schedule"

    def __init__(self, world: World, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.made = 0
        self.recent: str | None = None
        self.next_run: float | None = None
        self.ended: float | None = None
        self.timer: Timer | None = None
        super().__init__(world, spec["id"], "active")


def install(world: World) -> None:
    """Make the next job of a schedule when the last one is over."""

    def over(job: Job) -> None:
        found = world.schedules.get((job.schedule_id or "").lower())
        if found is None or found.recent != job.id:
            return
        recurs = (found.spec.get("schedule") or {}).get("recurrenceInterval")
        if found.state == "terminating" or not recurs:
            _ended(found)
        else:
            _plan(found)

    world.on("job-completed", over)


def _plan(schedule: Schedule) -> None:
    """Set the timer for the next job."""
    if schedule.timer is not None:
        schedule.timer.cancel()
        schedule.timer = None
    if schedule.state != "active":
        return
    times = schedule.spec.get("schedule") or {}
    now = schedule.world.clock.now()
    due = schedule.next_run if schedule.next_run is not None else now
    if times.get("doNotRunUntil"):
        due = max(due, parse_stamp(times["doNotRunUntil"]))
    if times.get("doNotRunAfter") and max(due, now) > parse_stamp(times["doNotRunAfter"]):
        _ended(schedule)
        return
    schedule.next_run = due
    if due <= now:
        _make(schedule)
        return
    schedule.timer = schedule.world.clock.after(due - now, lambda: _make(schedule))


def _make(schedule: Schedule) -> None:
    schedule.timer = None
    world = schedule.world
    if schedule.state != "active":
        return
    last = world.jobs.get((schedule.recent or "").lower())
    if last is not None and last.state != "completed":
        return  # planned again when that one is over
    times = schedule.spec.get("schedule") or {}
    schedule.made += 1
    name = f"{schedule.id}:job-{schedule.made}"
    schedule.recent = name
    interval = times.get("recurrenceInterval")
    schedule.next_run = world.clock.now() + parse_duration(interval) if interval else None
    job = joblife.open_job(world, {**schedule.spec["jobSpecification"], "id": name}, schedule.id)
    joblife.check_all_done(job)


def _ended(schedule: Schedule) -> None:
    schedule.next_run = None
    if schedule.state in ("completed", "deleting"):
        return
    schedule.ended = schedule.world.clock.now()
    schedule.move("completed")
    joblife.drop_pools_of(schedule.world, schedule.id)


def view(entity: Schedule) -> dict[str, Any]:
    """A BatchJobSchedule."""
    info: dict[str, Any] = {}
    if entity.next_run is not None and entity.state == "active":
        info["nextRunTime"] = stamp(entity.next_run)
    if entity.recent is not None:
        url = f"{entity.world.url}/jobs/{entity.recent}"
        info["recentJob"] = {"id": entity.recent, "url": url}
    if entity.ended is not None:
        info["endTime"] = stamp(entity.ended)
    shown = {
        **entity.spec,
        "id": entity.id,
        "url": f"{entity.world.url}/jobschedules/{entity.id}",
        "eTag": entity.etag,
        "lastModified": stamp(entity.modified),
        "creationTime": stamp(entity.created),
        "state": entity.state,
        "stateTransitionTime": stamp(entity.state_time),
        "executionInfo": info,
    }
    if entity.previous is not None and entity.previous_time is not None:
        shown["previousState"] = entity.previous
        shown["previousStateTransitionTime"] = stamp(entity.previous_time)
    return shown


def _of(world: World, call: Call) -> Schedule:
    found: Schedule | None = world.schedules.get(call.params["jobScheduleId"].lower())
    if found is None:
        raise Problem("JobScheduleNotFound", "The specified job schedule does not exist.")
    call.check(found)
    return found


def _open(world: World, call: Call) -> Schedule:
    schedule = _of(world, call)
    if schedule.state == "completed":
        raise Problem("JobScheduleCompleted")
    if schedule.state == "deleting":
        raise Problem("JobScheduleBeingDeleted")
    return schedule


def _where(schedule: Schedule) -> dict[str, str]:
    return about(schedule, f"jobschedules/{schedule.id}")


def create(world: World, call: Call) -> Answer:
    """POST /jobschedules."""
    spec = defaults.without_nulls(call.json)
    spec["jobSpecification"] = api_jobs.check(defaults.job(spec["jobSpecification"]), shared=True)
    key = spec["id"].lower()
    if key in world.schedules:
        raise Problem("JobScheduleExists")
    if key in world.jobs:
        raise Problem("JobWithSameIdExists")
    if joblife.active_count(world) >= world.settings.quotas.active_jobs:
        raise Problem("ActiveJobAndScheduleQuotaReached")
    schedule = Schedule(world, spec)
    world.schedules[key] = schedule
    _plan(schedule)
    return Answer(201, None, _where(schedule))


def get(world: World, call: Call) -> Answer:
    """GET /jobschedules/{jobScheduleId}."""
    schedule = _of(world, call)
    return one(call, schedule, view(schedule), "jobschedules")


def exists(world: World, call: Call) -> Answer:
    """HEAD /jobschedules/{jobScheduleId}."""
    return Answer(200, None, about(_of(world, call)))


def list_all(world: World, call: Call) -> Answer:
    """GET /jobschedules."""
    entities = sorted(world.schedules.items())
    return lists.answer(call, FIELDS["jobschedules"], entities, view, "jobschedules")


def update(world: World, call: Call) -> Answer:
    """PATCH /jobschedules/{jobScheduleId}."""
    schedule = _open(world, call)
    changes = defaults.without_nulls(call.json)
    if "jobSpecification" in changes:
        merged = {**schedule.spec["jobSpecification"], **changes["jobSpecification"]}
        changes["jobSpecification"] = api_jobs.check(defaults.job(merged), shared=True)
    schedule.spec.update(changes)
    schedule.edited()
    if "schedule" in changes:
        _plan(schedule)
    return Answer(200, None, _where(schedule))


def replace(world: World, call: Call) -> Answer:
    """PUT /jobschedules/{jobScheduleId}."""
    schedule = _open(world, call)
    given = defaults.without_nulls(call.json)
    spec = {"id": schedule.id, **{k: v for k, v in given.items() if k != "id"}}
    spec["jobSpecification"] = api_jobs.check(defaults.job(spec["jobSpecification"]), shared=True)
    schedule.spec = spec
    schedule.edited()
    _plan(schedule)
    return Answer(200, None, _where(schedule))


def disable(world: World, call: Call) -> Answer:
    """POST /jobschedules/{jobScheduleId}/disable."""
    schedule = _open(world, call)
    schedule.move("disabled")
    _plan(schedule)
    return Answer(204, None, _where(schedule))


def enable(world: World, call: Call) -> Answer:
    """POST /jobschedules/{jobScheduleId}/enable."""
    schedule = _open(world, call)
    if schedule.state == "disabled":
        schedule.move("active")
        _plan(schedule)
    return Answer(204, None, _where(schedule))


def terminate(world: World, call: Call) -> Answer:
    """POST /jobschedules/{jobScheduleId}/terminate."""
    schedule = _open(world, call)
    schedule.move("terminating")
    _plan(schedule)
    last = world.jobs.get((schedule.recent or "").lower())
    if last is not None and last.state not in ("completed", "deleting"):
        joblife.terminate(last, "JobScheduleTerminated", quiet=True)
    else:
        world.clock.chore(1.0, lambda: _ended(schedule))
    return Answer(202, None, _where(schedule))


def delete(world: World, call: Call) -> Answer:
    """DELETE /jobschedules/{jobScheduleId}: with all its jobs."""
    schedule = _of(world, call)
    if schedule.state == "deleting":
        raise Problem("JobScheduleBeingDeleted")
    schedule.move("deleting")
    _plan(schedule)
    for job in list(world.jobs.values()):
        if job.schedule_id == schedule.id and job.state != "deleting":
            joblife.delete(job)

    def gone() -> None:
        world.schedules.pop(schedule.id.lower(), None)
        joblife.drop_pools_of(world, schedule.id)
        world.ledger.change("schedule", schedule.id, "deleting", "", "removed")

    world.clock.chore(world.settings.delays.deleting, gone)
    return Answer(202)
