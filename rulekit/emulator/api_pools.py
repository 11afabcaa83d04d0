"""Requests about pools."""

from __future__ import annotations

from rulekit.emulator import allocation, defaults, lists, scaling, views
from rulekit.emulator.formats import parse_duration
from rulekit.emulator.messages import Answer, about
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem
from rulekit.emulator.state import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import World


def pool_of(world: World, call: Call) -> Pool:
    """The pool of the address, conditions checked. Raises Problem."""
    found = world.pools.get(call.params["poolId"].lower())
    if found is None:
        raise Problem("PoolNotFound", "The specified pool does not exist.")
    call.check(found)
    return found


def _changeable(world: World, call: Call) -> Pool:
    pool = pool_of(world, call)
    if pool.state == "deleting":
        raise Problem("PoolBeingDeleted", "The specified pool is being deleted.")
    return pool


def create(world: World, call: Call) -> Answer:
    """POST /pools."""
    spec = check(defaults.pool(call.json))
    if spec["id"].lower() in world.pools:
        raise Problem("PoolExists", "The specified pool already exists.")
    fault = world.faults.event("quota", pool="")
    if len(world.pools) >= world.settings.quotas.pools or fault is not None:
        raise Problem("PoolQuotaReached", "The account has reached its quota of pools.")
    pool = Pool(world, spec)
    world.pools[pool.id.lower()] = pool
    open_pool(pool)
    return Answer(201, None, about(pool, f"pools/{pool.id}"))


def open_pool(pool: Pool) -> None:
    """Begin to give a new pool what it asks for."""
    if pool.spec["enableAutoScale"]:
        pool.target_dedicated = pool.target_spot = 0
        scaling.begin(pool)
    elif pool.target_dedicated or pool.target_spot:
        allocation.resize(pool, pool.target_dedicated, pool.target_spot)


def check(spec: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a pool cannot be. Raises Problem."""
    if spec["enableAutoScale"]:
        if not spec.get("autoScaleFormula"):
            raise Problem(
                "MissingRequiredProperty",
                "A required property is missing in the request body.",
                {"PropertyName": "autoScaleFormula"},
            )
        for name in ("targetDedicatedNodes", "targetLowPriorityNodes"):
            if spec.get(name) is not None:
                raise defaults.invalid(name, spec[name], "The pool scales by a formula.")
        scaling.check_formula(spec["autoScaleFormula"])
        scaling.check_interval(spec["autoScaleEvaluationInterval"])
    elif spec.get("autoScaleFormula") is not None:
        raise defaults.invalid("autoScaleFormula", "…", "enableAutoScale is false.")
    for name in ("targetDedicatedNodes", "targetLowPriorityNodes"):
        if int(spec.get(name) or 0) < 0:
            raise defaults.invalid(name, spec[name])
    if not 1 <= int(spec["taskSlotsPerNode"]) <= 256:
        raise defaults.invalid("taskSlotsPerNode", spec["taskSlotsPerNode"])
    if parse_duration(spec["resizeTimeout"]) < 300:
        raise defaults.invalid("resizeTimeout", spec["resizeTimeout"], "At least 5 minutes.")
    _check_resources(spec)
    if spec.get("virtualMachineConfiguration") is None:
        raise Problem(
            "MissingRequiredProperty",
            "A required property is missing in the request body.",
            {"PropertyName": "virtualMachineConfiguration"},
        )
    return spec


_NOBODY = "/subscriptions/00000000-0000-0000-0000-000000000000/"


def _check_resources(spec: dict[str, Any]) -> None:
    """What is named in the subscription of all zeros, which is nobody's, cannot be there."""
    machine = spec.get("virtualMachineConfiguration") or {}
    for name, value in (
        ("subnetId", (spec.get("networkConfiguration") or {}).get("subnetId")),
        (
            "virtualMachineImageId",
            (machine.get("imageReference") or {}).get("virtualMachineImageId"),
        ),
    ):
        if value is None:
            continue
        if not str(value).startswith("/subscriptions/") or str(value).startswith(_NOBODY):
            raise defaults.invalid(name, value, "There is no such resource.")


def get(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}."""
    pool = pool_of(world, call)
    return one(call, pool, views.pool(pool), "pools")


def one(call: Call, entity: Any, view: dict[str, Any], what: str) -> Answer:
    """One entity with its headers, reduced to what was selected."""
    select = lists.selection(call)
    body = {"odata.metadata": f"{call.base}/$metadata#{what}/@Element", **view}
    return Answer(200, select(body) if select is not None else body, about(entity))


def exists(world: World, call: Call) -> Answer:
    """HEAD /pools/{poolId}."""
    return Answer(200, None, about(pool_of(world, call)))


def list_all(world: World, call: Call) -> Answer:
    """GET /pools."""
    entities = sorted(world.pools.items())
    return lists.answer(call, FIELDS["pools"], entities, views.pool, "pools")


def update(world: World, call: Call) -> Answer:
    """PATCH /pools/{poolId}."""
    pool = _changeable(world, call)
    changes = defaults.without_nulls(call.json)
    if "startTask" in changes:
        before = pool.spec.get("startTask") or {}
        changes["startTask"] = defaults.start_task({**before, **changes["startTask"]})
        if not changes["startTask"].get("commandLine"):
            del changes["startTask"]
    pool.spec.update(changes)
    pool.edited()
    return Answer(200, None, about(pool, f"pools/{pool.id}"))


def replace(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/updateproperties."""
    pool = _changeable(world, call)
    given = defaults.without_nulls(call.json)
    start = given.get("startTask")
    if start is None:
        pool.spec.pop("startTask", None)
    else:
        pool.spec["startTask"] = defaults.start_task(start)
    for name in ("metadata", "applicationPackageReferences", "displayName"):
        if given.get(name):
            pool.spec[name] = given[name]
        elif name != "displayName":
            pool.spec.pop(name, None)
    pool.edited()
    return Answer(204, None, about(pool, f"pools/{pool.id}"))


def delete(world: World, call: Call) -> Answer:
    """DELETE /pools/{poolId}."""
    allocation.delete(_changeable(world, call))
    return Answer(202)


def resize(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/resize."""
    pool = _changeable(world, call)
    if pool.spec["enableAutoScale"]:
        raise Problem("OperationInvalidForCurrentState", "The pool scales by a formula.")
    if pool.allocation != "steady":
        raise Problem("PoolBeingResized", "The specified pool is being resized.")
    body = call.json
    dedicated, spot = body.get("targetDedicatedNodes"), body.get("targetLowPriorityNodes")
    if dedicated is None and spot is None:
        raise Problem(
            "MissingRequiredProperty",
            "A required property is missing in the request body.",
            {"PropertyName": "targetDedicatedNodes"},
        )
    for name, value in (("targetDedicatedNodes", dedicated), ("targetLowPriorityNodes", spot)):
        if value is not None and not 0 <= int(value) <= 100_000:
            raise defaults.invalid(name, value)
    option = str(body.get("nodeDeallocationOption") or "requeue").lower()
    timeout = _timeout(body)
    if timeout is not None:
        pool.spec["resizeTimeout"] = defaults.time_of(body["resizeTimeout"], "resizeTimeout")
    allocation.resize(pool, dedicated, spot, option, timeout)
    pool.edited()
    return Answer(202, None, about(pool, f"pools/{pool.id}"))


def _timeout(body: dict[str, Any]) -> float | None:
    text = body.get("resizeTimeout")
    if text is None:
        return None
    seconds = parse_duration(defaults.time_of(text, "resizeTimeout"))
    if seconds < 300:
        raise defaults.invalid("resizeTimeout", text, "At least 5 minutes.")
    return seconds


def stop_resize(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/stopresize."""
    pool = _changeable(world, call)
    allocation.stop_resize(pool)
    pool.edited()
    return Answer(202, None, about(pool, f"pools/{pool.id}"))


def remove_nodes(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/removenodes."""
    pool = _changeable(world, call)
    if pool.allocation != "steady":
        raise Problem("PoolBeingResized", "The specified pool is being resized.")
    names = call.json["nodeList"]
    if not 1 <= len(names) <= 100:
        raise defaults.invalid("nodeList", len(names), "From 1 to 100 nodes.")
    nodes = allocation.find_nodes(pool, names)
    option = str(call.json.get("nodeDeallocationOption") or "requeue").lower()
    allocation.remove_nodes(pool, nodes, option, _timeout(call.json))
    pool.edited()
    return Answer(202, None, about(pool, f"pools/{pool.id}"))


def enable_auto_scale(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/enableautoscale."""
    pool = _changeable(world, call)
    scaling.enable(
        pool, call.json.get("autoScaleFormula"), call.json.get("autoScaleEvaluationInterval")
    )
    pool.edited()
    return Answer(200, None, about(pool, f"pools/{pool.id}"))


def disable_auto_scale(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/disableautoscale."""
    pool = _changeable(world, call)
    scaling.disable(pool)
    pool.edited()
    return Answer(200, None, about(pool, f"pools/{pool.id}"))


def evaluate_auto_scale(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/evaluateautoscale."""
    pool = _changeable(world, call)
    if not pool.spec["enableAutoScale"]:
        raise Problem("OperationInvalidForCurrentState", "The pool does not scale by a formula.")
    scaling.check_formula(call.json["autoScaleFormula"])
    run = scaling.run(pool, call.json["autoScaleFormula"])
    metadata = f"{call.base}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun"
    return Answer(200, {"odata.metadata": metadata, **run}, about(pool, f"pools/{pool.id}"))
