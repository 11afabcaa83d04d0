"""A little of Azure Resource Manager: the Batch account, its pools with identities, sizes, quotas.

The data plane can neither tell quotas nor put identities on pools; clients do that through
`Microsoft.Batch` of the management service. Any subscription and resource group is accepted, as
long as the account is the emulated one. Source: the reference of `Microsoft.Batch` 2025-06-01.
"""

from __future__ import annotations

import json

from rulekit.emulator import allocation, armforms, auth, contract, defaults
from rulekit.emulator.api_pools import check as check_pool
from rulekit.emulator.api_pools import open_pool
from rulekit.emulator.imds import client_id
from rulekit.emulator.messages import Answer
from rulekit.emulator.problem import Problem
from rulekit.emulator.state import Pool
from rulekit.model.vmsizes import vm_sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import World

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_BATCH = ["providers", "microsoft.batch"]


class ArmProblem(Exception):
    """An error in the form of the management service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(
            status,
            {"error": {"code": code, "message": message}},
            {"Content-Type": "application/json; charset=utf-8"},
        )


def handle(world: World, call: Call) -> Answer | None:
    """The answer to a request below `/subscriptions`, None for any other."""
    if not call.segments or call.segments[0].lower() != "subscriptions":
        return None
    try:
        if world.settings.verify:
            _authenticate(call)
        if not call.query.get("api-version"):
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmProblem(400, "MissingApiVersionParameter", text)
        with world.lock:
            return _route(world, call)
    except ArmProblem as problem:
        return problem.answer


def _authenticate(call: Call) -> None:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        text = "Authentication failed. The 'Authorization' header is missing."
        raise ArmProblem(401, "AuthenticationFailed", text)
    try:
        auth.check_token(token.strip(), AUDIENCES)
    except Problem as problem:
        raise ArmProblem(401, "InvalidAuthenticationToken", problem.text) from None


def _route(world: World, call: Call) -> Answer:
    rest = call.segments[2:]
    group = ""
    if len(rest) >= 2 and rest[0].lower() == "resourcegroups":
        group, rest = rest[1], rest[2:]
    if [part.lower() for part in rest[:2]] != _BATCH:
        raise _nothing(call)
    kind, *rest = [*rest[2:], ""][:-1] or [""]
    if kind.lower() == "batchaccounts":
        if not rest:
            _only(call, "GET")
            return _answer({"value": [_account(world, call, group or "emulated")]})
        if not group or rest[0].lower() != world.account.lower():
            text = f"The Resource 'Microsoft.Batch/batchAccounts/{rest[0]}' was not found."
            raise ArmProblem(404, "ResourceNotFound", text)
        if len(rest) == 1:
            _only(call, "GET")
            return _answer(_account(world, call, group))
        if rest[1].lower() == "pools":
            return _pools(world, call, rest[2:])
    if kind.lower() == "locations" and len(rest) == 2:
        _only(call, "GET")
        if rest[1].lower() == "virtualmachineskus":
            return _answer({"value": [_sku(size) for size in vm_sizes().values()]})
        if rest[1].lower() == "quotas":
            return _answer({"accountQuota": 3})
    raise _nothing(call)


def _nothing(call: Call) -> ArmProblem:
    return ArmProblem(404, "InvalidResourceType", f"There is nothing at {call.path} here.")


def _only(call: Call, *verbs: str) -> None:
    if call.verb not in verbs:
        raise ArmProblem(405, "MethodNotAllowed", f"{call.verb} is not allowed here.")


def _answer(body: dict[str, Any], status: int = 200, etag: str = "") -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if etag:
        headers["ETag"] = etag
    return Answer(status, body, headers)


def _account(world: World, call: Call, group: str) -> dict[str, Any]:
    settings = world.settings
    quotas = settings.quotas
    modes = {"key": "SharedKey", "token": "AAD"}
    families = quotas.families or {}
    return {
        "id": f"/subscriptions/{call.segments[1]}/resourceGroups/{group}/providers/"
        f"Microsoft.Batch/batchAccounts/{world.account}",
        "name": world.account,
        "type": "Microsoft.Batch/batchAccounts",
        "location": settings.location,
        "properties": {
            "accountEndpoint": call.base.partition("://")[2],
            "provisioningState": "Succeeded",
            "poolAllocationMode": "BatchService",
            "publicNetworkAccess": "Enabled",
            "dedicatedCoreQuota": quotas.dedicated_cores,
            "dedicatedCoreQuotaPerVMFamily": [
                {"name": name, "coreQuota": cores} for name, cores in sorted(families.items())
            ],
            "dedicatedCoreQuotaPerVMFamilyEnforced": quotas.families is not None,
            "lowPriorityCoreQuota": quotas.spot_cores,
            "poolQuota": quotas.pools,
            "activeJobAndJobScheduleQuota": quotas.active_jobs,
            "allowedAuthenticationModes": [modes[m] for m in sorted(settings.auth)],
            "encryption": {"keySource": "Microsoft.Batch"},
        },
    }


def _sku(size: Any) -> dict[str, Any]:
    return {
        "name": size.name,
        "familyName": size.family or "",
        "capabilities": [
            {"name": "vCPUs", "value": str(size.vcpus)},
            {"name": "MemoryGB", "value": f"{size.memory_mib / 1024:g}"},
            {"name": "MaxResourceVolumeMB", "value": str(size.temp_disk_mib)},
            {"name": "GPUs", "value": str(size.gpus or 0)},
            {"name": "LowPriorityCapable", "value": "True"},
        ],
    }


def _pools(world: World, call: Call, rest: list[str]) -> Answer:
    if not rest:
        _only(call, "GET")
        pools = [pool for pool in world.pools.values() if pool.state == "active"]
        return _answer({"value": [_shown(call, pool) for pool in pools]})
    if len(rest) != 1:
        raise _nothing(call)
    name = rest[0]
    found = world.pools.get(name.lower())
    if call.verb == "PUT":
        return _put(world, call, name, found)
    _only(call, "GET", "HEAD", "DELETE", "PATCH")
    if found is None:
        if call.verb == "DELETE":
            return Answer(204)
        text = f"The Resource 'Microsoft.Batch/batchAccounts/pools/{name}' was not found."
        raise ArmProblem(404, "ResourceNotFound", text)
    if call.verb == "DELETE":
        if found.state == "active":
            allocation.delete(found)
        return Answer(200)
    if call.verb == "PATCH":
        _change(found, _body(call))
    return _answer(_shown(call, found), etag=found.etag)


def _shown(call: Call, pool: Pool) -> dict[str, Any]:
    at = call.path.lower().rfind("/pools")
    return armforms.to_arm(pool, f"{call.path[:at]}/pools/{pool.id}")


def _body(call: Call) -> dict[str, Any]:
    try:
        found = json.loads(call.raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("properties", {}), dict):
        raise ArmProblem(400, "InvalidRequestContent", "The request content was invalid.")
    return found


def _identities(body: dict[str, Any]) -> dict[str, dict[str, str]]:
    identity = body.get("identity") or {}
    kind = str(identity.get("type") or "None").lower()
    named = identity.get("userAssignedIdentities") or {}
    if kind == "none":
        return {}
    if kind != "userassigned" or not isinstance(named, dict) or not named:
        text = "A pool may have user-assigned identities, each by its resource id."
        raise ArmProblem(400, "InvalidPropertyValue", text)
    return {
        path: {"clientId": client_id(path), "principalId": client_id(path + "/principal")}
        for path in named
    }


def _put(world: World, call: Call, name: str, found: Pool | None) -> Answer:
    body = _body(call)
    identities = _identities(body)
    if found is not None:
        if call.headers.get("if-none-match") == "*":
            raise ArmProblem(412, "PreconditionFailed", "The pool exists already.")
        _change(found, body)
        found.identities = identities
        return _answer(_shown(call, found), etag=found.etag)
    try:
        spec = armforms.from_arm(name, body.get("properties") or {})
        contract.check(spec, "BatchPoolCreateOptions")
        spec = check_pool(defaults.pool(spec))
        fault = world.faults.event("quota", pool="")
        if len(world.pools) >= world.settings.quotas.pools or fault is not None:
            raise ArmProblem(409, "PoolQuotaReached", "The account has reached its quota of pools.")
    except Problem as problem:
        reasons = "; ".join(f"{key}: {value}" for key, value in problem.values.items())
        raise ArmProblem(problem.status, problem.code, f"{problem.text} {reasons}") from None
    pool = Pool(world, spec)
    pool.identities = identities
    world.pools[pool.id.lower()] = pool
    open_pool(pool)
    return _answer(_shown(call, pool), etag=pool.etag)


def _change(pool: Pool, body: dict[str, Any]) -> None:
    """What PATCH and a repeated PUT may change: metadata, start task, scale."""
    if pool.state != "active":
        raise ArmProblem(409, "PoolBeingDeleted", "The specified pool is being deleted.")
    try:
        spec = armforms.from_arm(pool.id, {"vmSize": "", **(body.get("properties") or {})})
        if "startTask" in spec:
            pool.spec["startTask"] = defaults.start_task(spec["startTask"])
        if "metadata" in spec:
            pool.spec["metadata"] = spec["metadata"]
        targets = [spec.get("targetDedicatedNodes"), spec.get("targetLowPriorityNodes")]
        same = [pool.target_dedicated, pool.target_spot]
        if not spec.get("enableAutoScale") and targets != [None, None] and targets != same:
            pool.spec["enableAutoScale"] = False
            allocation.resize(pool, int(targets[0] or 0), int(targets[1] or 0))
        elif spec.get("autoScaleFormula") not in (None, pool.spec.get("autoScaleFormula")):
            from rulekit.emulator import scaling

            scaling.enable(pool, spec["autoScaleFormula"], spec.get("autoScaleEvaluationInterval"))
    except Problem as problem:
        raise ArmProblem(problem.status, problem.code, problem.text) from None
    pool.edited()
