"""A pool as the management service writes it, and as the data plane does.

The two differ in places: scale settings, capital letters of enumerations, a few names.
"""

from __future__ import annotations

from rulekit.emulator.formats import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Pool

_SAME = (
    "vmSize",
    "displayName",
    "taskSlotsPerNode",
    "metadata",
    "mountConfiguration",
    "upgradePolicy",
    "taskSchedulingPolicy",
)
# Enumerations that the data plane writes without capital letters.
_LOWER = frozenset(
    {"scope", "elevationLevel", "type", "provision", "policy", "caching", "placement", "osType"}
)
_KEPT = frozenset({"commandLine", "environmentSettings", "metadata", "userAssignedIdentities"})
_RENAMED = {"nodeAgentSkuId": "nodeAgentSKUId", "userName": "username"}
_BACK = {new: old for old, new in _RENAMED.items()}


def _walk(value: Any, names: dict[str, str], lower: bool) -> Any:
    if isinstance(value, list):
        return [_walk(item, names, lower) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, item in value.items():
        if name in _KEPT:
            made[name] = item
        elif lower and name in _LOWER and isinstance(item, str):
            made[name] = item[:1].lower() + item[1:] if name == "type" else item.lower()
        else:
            made[names.get(name, name)] = _walk(item, names, lower)
    return made


def from_arm(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The create options of the data plane for the properties of a pool."""
    spec: dict[str, Any] = {"id": name}
    for key in _SAME:
        if properties.get(key) is not None:
            spec[key] = properties[key]
    deployment = properties.get("deploymentConfiguration") or {}
    machine = deployment.get("virtualMachineConfiguration")
    if machine is not None:
        machine = _walk(machine, _RENAMED, True)
        image = machine.get("imageReference") or {}
        if "id" in image:
            image["virtualMachineImageId"] = image.pop("id")
        spec["virtualMachineConfiguration"] = machine
    for key in ("startTask", "networkConfiguration", "userAccounts"):
        if properties.get(key) is not None:
            names = _RENAMED if key == "startTask" else {}
            spec[key] = _walk(properties[key], names, True)
    if properties.get("interNodeCommunication") is not None:
        enabled = str(properties["interNodeCommunication"]).lower() == "enabled"
        spec["enableInterNodeCommunication"] = enabled
    if properties.get("applicationPackages"):
        spec["applicationPackageReferences"] = [
            {"applicationId": str(one.get("id", "")).rpartition("/")[2], **_version(one)}
            for one in properties["applicationPackages"]
        ]
    scale = properties.get("scaleSettings") or {}
    automatic, fixed = scale.get("autoScale"), scale.get("fixedScale") or {}
    if automatic is not None:
        spec["enableAutoScale"] = True
        spec["autoScaleFormula"] = automatic.get("formula")
        if automatic.get("evaluationInterval"):
            spec["autoScaleEvaluationInterval"] = automatic["evaluationInterval"]
    for key in ("resizeTimeout", "targetDedicatedNodes", "targetLowPriorityNodes"):
        if fixed.get(key) is not None:
            spec[key] = fixed[key]
    return spec


def _version(package: dict[str, Any]) -> dict[str, Any]:
    return {"version": package["version"]} if package.get("version") else {}


def to_arm(pool: Pool, path: str) -> dict[str, Any]:
    """A pool as the management service shows it; `path` is its resource id."""
    spec = pool.spec
    live = [node for node in pool.nodes.values() if not node.gone]
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded" if pool.state == "active" else "Deleting",
        "creationTime": stamp(pool.created),
        "lastModified": stamp(pool.modified),
        "allocationState": pool.allocation[:1].upper() + pool.allocation[1:],
        "allocationStateTransitionTime": stamp(pool.allocation_time),
        "currentDedicatedNodes": sum(node.dedicated for node in live),
        "currentLowPriorityNodes": sum(not node.dedicated for node in live),
        "interNodeCommunication": (
            "Enabled" if spec.get("enableInterNodeCommunication") else "Disabled"
        ),
        **{key: spec[key] for key in _SAME if spec.get(key) is not None},
    }
    machine = spec.get("virtualMachineConfiguration")
    if machine is not None:
        machine = _walk(machine, _BACK, False)
        image = machine.get("imageReference") or {}
        if "virtualMachineImageId" in image:
            image["id"] = image.pop("virtualMachineImageId")
        properties["deploymentConfiguration"] = {"virtualMachineConfiguration": machine}
    for key in ("startTask", "networkConfiguration", "userAccounts"):
        if spec.get(key) is not None:
            properties[key] = _walk(spec[key], _BACK if key == "startTask" else {}, False)
    if spec["enableAutoScale"]:
        automatic = {
            "formula": spec["autoScaleFormula"],
            "evaluationInterval": spec["autoScaleEvaluationInterval"],
        }
        properties["scaleSettings"] = {"autoScale": automatic}
        run = pool.autoscale_run
        if run is not None:
            properties["autoScaleRun"] = {
                "evaluationTime": run["timestamp"],
                **{key: run[key] for key in ("results", "error") if key in run},
            }
    else:
        properties["scaleSettings"] = {
            "fixedScale": {
                "resizeTimeout": spec["resizeTimeout"],
                "targetDedicatedNodes": pool.target_dedicated,
                "targetLowPriorityNodes": pool.target_spot,
            }
        }
    if pool.resize_errors:
        properties["resizeOperationStatus"] = {"errors": pool.resize_errors}
    shown = {
        "id": path,
        "name": pool.id,
        "type": "Microsoft.Batch/batchAccounts/pools",
        "etag": f'W/"{pool.etag}"',
        "properties": properties,
    }
    if pool.identities:
        shown["identity"] = {
            "type": "UserAssigned",
            "userAssignedIdentities": dict(pool.identities),
        }
    return shown
