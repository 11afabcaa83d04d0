"""Pools that scale by a formula: sampling, evaluation, and what follows from it.

Samples are taken every 30 s and evaluations happen every interval of *service time*, which is
shortened by the speed; the store of samples stretches their age again, so a formula does not
notice. `time()` is the time of the clock, so that a lease in a formula keeps its meaning.
"""

from __future__ import annotations

from rulekit.emulator import allocation, autoscale, defaults
from rulekit.emulator.formats import parse_duration, stamp
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Pool, World

# At a great speed a sample every few milliseconds would be a load of its own.
_SAMPLING_S = 0.02
_EVALUATION_S = 0.05


def check_formula(text: str) -> None:
    """Refuse a formula that is too long or cannot be read. Raises Problem."""
    try:
        autoscale.check(text)
    except autoscale.FormulaError as error:
        values = {"PropertyName": "autoScaleFormula", "Reason": error.detail or error.message}
        raise Problem(error.code, error.message, values) from None


def check_interval(text: str) -> None:
    """Refuse an interval that is out of range. Raises Problem."""
    if not 300 <= parse_duration(text) <= 168 * 3600:
        raise defaults.invalid("autoScaleEvaluationInterval", text, "From 5 minutes to 168 hours.")


def install(world: World) -> None:
    """Take samples for as long as the world exists."""

    def sample() -> None:
        for pool in world.pools.values():
            if pool.state == "active" and pool.spec["enableAutoScale"]:
                _sample(pool)
        world.clock.after(max(30.0 / world.clock.speed, _SAMPLING_S), sample)

    sample()


def _sample(pool: Pool) -> None:
    active = running = 0
    for job in pool.world.jobs.values():
        if job.pool_id.lower() == pool.id.lower() and job.state in ("active", "disabling"):
            active += len(job.ready)
            running += job.running
    pool.samples.record(
        pool.world.clock.now(),
        {
            "$ActiveTasks": active,
            "$RunningTasks": running,
            "$SucceededTasks": pool.succeeded,
            "$FailedTasks": pool.failed,
            "$SampleNodeCount": len(pool.nodes),
            **_sizes(pool),
        },
    )


def _sizes(pool: Pool) -> dict[str, float]:
    live = [n for n in pool.nodes.values() if not n.gone]
    return {
        "$CurrentDedicatedNodes": sum(n.dedicated for n in live),
        "$CurrentLowPriorityNodes": sum(not n.dedicated for n in live),
        "$PreemptedNodeCount": sum(n.state == "preempted" for n in live),
        "$UsableNodeCount": sum(n.usable for n in live),
        "$TaskSlotsPerNode": pool.slots,
    }


def begin(pool: Pool) -> None:
    """Evaluate now and then every interval."""
    if pool.autoscale_timer is not None:
        pool.autoscale_timer.cancel()
    _sample(pool)
    _evaluate(pool)


def _evaluate(pool: Pool) -> None:
    pool.autoscale_timer = None
    if pool.state != "active" or not pool.spec["enableAutoScale"]:
        return
    found = _run(pool, pool.spec["autoScaleFormula"])
    pool.autoscale_run = _view(found)
    if found.error is None:
        _apply(pool, found)
    interval = parse_duration(pool.spec["autoScaleEvaluationInterval"])
    seconds = max(interval / pool.world.clock.speed, _EVALUATION_S)
    pool.autoscale_timer = pool.world.clock.after(seconds, lambda: _evaluate(pool))


def _run(pool: Pool, formula: str) -> autoscale.AutoscaleRun:
    current = {
        "$TargetDedicatedNodes": float(pool.target_dedicated),
        "$TargetLowPriorityNodes": float(pool.target_spot),
        **_sizes(pool),
    }
    return autoscale.evaluate(formula, pool.samples, pool.world.clock.now(), current=current)


def _view(found: autoscale.AutoscaleRun) -> dict[str, Any]:
    result: dict[str, Any] = {"timestamp": stamp(found.timestamp), "results": found.results}
    if found.error is not None:
        code, message, detail = found.error
        values = [{"name": "Message", "value": detail}]
        result["error"] = {"code": code, "message": message, "values": values}
    return result


def run(pool: Pool, formula: str) -> dict[str, Any]:
    """Evaluate a formula on the pool's samples without following it; an AutoScaleRun."""
    return _view(_run(pool, formula))


def _apply(pool: Pool, found: autoscale.AutoscaleRun) -> None:
    dedicated, spot = found.dedicated, found.spot
    changed = (dedicated, spot) != (pool.target_dedicated, pool.target_spot)
    short = pool.allocation == "steady" and (
        len(allocation.counted(pool, True)) < dedicated
        or len(allocation.counted(pool, False)) < spot
    )
    if changed or short:
        allocation.resize(pool, dedicated, spot, found.deallocation)


def enable(pool: Pool, formula: str | None, interval: str | None) -> None:
    """Switch to a formula, or change formula or interval. Raises Problem."""
    now = pool.world.clock.now()
    if formula is None and not pool.spec["enableAutoScale"]:
        raise Problem(
            "MissingRequiredProperty",
            "A required property is missing in the request body.",
            {"PropertyName": "autoScaleFormula"},
        )
    since = pool.autoscale_enabled_at
    if since is not None and (now - since) * pool.world.clock.speed < 30:
        raise Problem("TooManyEnableAutoScaleRequests", headers={"Retry-After": "1"})
    if pool.allocation == "resizing" and not pool.spec["enableAutoScale"]:
        raise Problem("PoolBeingResized", "The specified pool is being resized.")
    if formula is not None:
        check_formula(formula)
    if interval is not None:
        interval = defaults.time_of(interval, "autoScaleEvaluationInterval")
        check_interval(interval)
    pool.autoscale_enabled_at = now
    if formula is not None:
        pool.spec["autoScaleFormula"] = formula
    if interval is not None:
        pool.spec["autoScaleEvaluationInterval"] = interval
    pool.spec.setdefault("autoScaleEvaluationInterval", "PT15M")
    pool.spec["enableAutoScale"] = True
    begin(pool)


def disable(pool: Pool) -> None:
    """Stay at the size there is. Raises Problem."""
    if not pool.spec["enableAutoScale"]:
        raise Problem("OperationInvalidForCurrentState", "The pool does not scale by a formula.")
    pool.spec["enableAutoScale"] = False
    if pool.autoscale_timer is not None:
        pool.autoscale_timer.cancel()
        pool.autoscale_timer = None
