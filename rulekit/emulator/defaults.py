"""What the service fills in where a user said nothing, and how it writes what the user said.

Source: the reference of the create options and the answers it shows.
"""

from __future__ import annotations

from rulekit.emulator.formats import UNLIMITED, UNLIMITED_S, duration, parse_duration
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_AUTO_USER = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}
_TASK_USER = {"autoUser": {"scope": "task", "elevationLevel": "nonadmin"}}


def time_of(text: str, name: str) -> str:
    """A duration as the service writes it. Raises Problem for one it cannot read."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise invalid(name, text) from None
    if seconds < 0:
        raise invalid(name, text)
    return UNLIMITED if seconds >= UNLIMITED_S - 1 else duration(seconds)


def invalid(name: str, value: object, reason: str = "", status: int | None = None) -> Problem:
    """The error for a value that cannot be."""
    values = {"PropertyName": name, "PropertyValue": str(value)}
    if reason:
        values["Reason"] = reason
    text = "The value provided for one of the properties in the request body is invalid."
    return Problem("InvalidPropertyValue", text, values, status=status)


def task_constraints(given: dict[str, Any] | None, retries: int = 0) -> dict[str, Any]:
    """Constraints of a task, complete."""
    found = given or {}
    limit = found.get("maxWallClockTime")
    keep = found.get("retentionTime")
    count = found.get("maxTaskRetryCount")
    return {
        "maxWallClockTime": time_of(limit, "maxWallClockTime") if limit else UNLIMITED,
        "retentionTime": time_of(keep, "retentionTime") if keep else "P7D",
        "maxTaskRetryCount": retries if count is None else int(count),
    }


def _hide_secrets(value: Any) -> Any:
    """The specification as it is shown later: passwords and keys are write-only."""
    if isinstance(value, dict):
        hidden = ("password", "sshPrivateKey", "accountKey", "sasKey")
        return {k: _hide_secrets(v) for k, v in value.items() if k not in hidden}
    if isinstance(value, list):
        return [_hide_secrets(v) for v in value]
    return value


def without_nulls(value: Any) -> Any:
    """The value without members that are null, as the service keeps it."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def task(given: dict[str, Any], job: dict[str, Any] | None = None) -> dict[str, Any]:
    """The specification of a task, complete."""
    spec = _hide_secrets(without_nulls(given))
    retries = int(((job or {}).get("constraints") or {}).get("maxTaskRetryCount") or 0)
    spec["constraints"] = task_constraints(spec.get("constraints"), retries)
    spec.setdefault("requiredSlots", 1)
    spec.setdefault("userIdentity", _TASK_USER)
    spec.setdefault("resourceFiles", [])
    spec.setdefault("environmentSettings", [])
    return spec  # type: ignore[no-any-return]


def start_task(given: dict[str, Any]) -> dict[str, Any]:
    """The specification of a start task, complete."""
    spec = dict(given)
    spec.setdefault("userIdentity", _AUTO_USER)
    spec.setdefault("maxTaskRetryCount", 0)
    spec.setdefault("waitForSuccess", True)
    return spec


def pool(given: dict[str, Any]) -> dict[str, Any]:
    """The specification of a pool, complete."""
    spec = _hide_secrets(without_nulls(given))
    spec["vmSize"] = spec["vmSize"].lower()
    spec.setdefault("taskSlotsPerNode", 1)
    policy = dict(spec.get("taskSchedulingPolicy") or {})
    fill = str(policy.get("nodeFillType") or "spread")
    policy["nodeFillType"] = fill[:1].upper() + fill[1:].lower()
    spec["taskSchedulingPolicy"] = policy
    spec.setdefault("enableInterNodeCommunication", False)
    scaled = bool(spec.get("enableAutoScale", False))
    spec["enableAutoScale"] = scaled
    if scaled:
        interval = spec.get("autoScaleEvaluationInterval")
        spec["autoScaleEvaluationInterval"] = (
            time_of(interval, "autoScaleEvaluationInterval") if interval else "PT15M"
        )
    timeout = spec.get("resizeTimeout")
    spec["resizeTimeout"] = time_of(timeout, "resizeTimeout") if timeout else "PT15M"
    if spec.get("startTask") is not None:
        spec["startTask"] = start_task(spec["startTask"])
    machine = spec.get("virtualMachineConfiguration")
    if machine is not None:
        image = machine.get("imageReference") or {}
        if image.get("publisher"):
            image.setdefault("version", "latest")
    return spec  # type: ignore[no-any-return]


def job(given: dict[str, Any]) -> dict[str, Any]:
    """The specification of a job, complete."""
    spec = _hide_secrets(without_nulls(given))
    spec.setdefault("priority", 0)
    spec.setdefault("maxParallelTasks", -1)
    spec.setdefault("allowTaskPreemption", False)
    spec.setdefault("usesTaskDependencies", False)
    spec["constraints"] = job_constraints(spec.get("constraints"))
    spec.setdefault("onAllTasksComplete", "noaction")
    spec.setdefault("onTaskFailure", "noaction")
    manager = spec.get("jobManagerTask")
    if manager is not None:
        manager = task(manager, spec)
        manager.setdefault("killJobOnCompletion", True)
        manager.setdefault("runExclusive", True)
        manager.setdefault("allowLowPriorityNode", True)
        spec["jobManagerTask"] = manager
    preparation = spec.get("jobPreparationTask")
    if preparation is not None:
        preparation.setdefault("id", "jobpreparation")
        preparation["constraints"] = task_constraints(preparation.get("constraints"))
        preparation.setdefault("waitForSuccess", True)
        preparation.setdefault("rerunOnNodeRebootAfterSuccess", True)
        preparation.setdefault("userIdentity", _TASK_USER)
    release = spec.get("jobReleaseTask")
    if release is not None:
        release.setdefault("id", "jobrelease")
        release.setdefault("maxWallClockTime", "PT15M")
        release.setdefault("retentionTime", "P7D")
        release.setdefault("userIdentity", _TASK_USER)
    spec["poolInfo"] = pool_info(spec.get("poolInfo") or {})
    return spec  # type: ignore[no-any-return]


def pool_info(given: dict[str, Any]) -> dict[str, Any]:
    """Where a job runs, complete."""
    info = _hide_secrets(without_nulls(given))
    auto = info.get("autoPoolSpecification")
    if auto is not None:
        auto.setdefault("keepAlive", False)
        if auto.get("pool") is not None:
            auto["pool"] = pool(auto["pool"])
    return info  # type: ignore[no-any-return]


def job_constraints(given: dict[str, Any] | None) -> dict[str, Any]:
    """Constraints of a job, complete."""
    found = given or {}
    limit = found.get("maxWallClockTime")
    return {
        "maxWallClockTime": time_of(limit, "maxWallClockTime") if limit else UNLIMITED,
        "maxTaskRetryCount": int(found.get("maxTaskRetryCount") or 0),
    }
