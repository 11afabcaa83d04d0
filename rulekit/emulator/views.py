"""Entities as the service shows them (wire form)."""

from __future__ import annotations

from rulekit.emulator.formats import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Entity, Job, Node, Pool, Task


def _common(entity: Entity, url: str) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": entity.id,
        "url": f"{entity.world.url}/{url}",
        "eTag": entity.etag,
        "lastModified": stamp(entity.modified),
        "creationTime": stamp(entity.created),
        "state": entity.state,
        "stateTransitionTime": stamp(entity.state_time),
    }
    if entity.previous is not None and entity.previous_time is not None:
        view["previousState"] = entity.previous
        view["previousStateTransitionTime"] = stamp(entity.previous_time)
    return view


def pool(entity: Pool) -> dict[str, Any]:
    """A BatchPool."""
    spec = entity.spec
    view = {**_common(entity, f"pools/{entity.id}"), **spec}
    view.pop("previousState", None)
    view.pop("previousStateTransitionTime", None)
    live = [n for n in entity.nodes.values() if not n.gone]
    view.update(
        id=entity.id,
        allocationState=entity.allocation,
        allocationStateTransitionTime=stamp(entity.allocation_time),
        currentDedicatedNodes=sum(n.dedicated for n in live),
        currentLowPriorityNodes=sum(not n.dedicated for n in live),
        targetDedicatedNodes=entity.target_dedicated,
        targetLowPriorityNodes=entity.target_spot,
    )
    if entity.resize_errors:
        view["resizeErrors"] = entity.resize_errors
    if spec["enableAutoScale"]:
        view.pop("resizeTimeout", None)
        if entity.autoscale_run is not None:
            view["autoScaleRun"] = entity.autoscale_run
    else:
        view.pop("autoScaleFormula", None)
        view.pop("autoScaleEvaluationInterval", None)
    if entity.identities:
        view["identity"] = {
            "type": "UserAssigned",
            "userAssignedIdentities": [
                {"resourceId": name, **found} for name, found in entity.identities.items()
            ],
        }
    return view


def node(entity: Node) -> dict[str, Any]:
    """A BatchNode."""
    world = entity.world
    spec = entity.pool.spec
    view = _common(entity, f"pools/{entity.pool.id}/nodes/{entity.id}")
    for name in ("eTag", "lastModified", "creationTime", "previousState"):
        view.pop(name, None)
    view.pop("previousStateTransitionTime", None)
    number = entity.number
    machine = spec.get("virtualMachineConfiguration") or {}
    view.update(
        schedulingState=entity.scheduling,
        lastBootTime=stamp(entity.booted),
        allocationTime=stamp(entity.allocated),
        ipAddress=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        ipv6Address=f"fd00::{number:x}",
        affinityId=f"TVM:{entity.id}",
        vmSize=spec["vmSize"],
        totalTasksRun=entity.total_run,
        runningTasksCount=len(entity.runs),
        runningTaskSlotsCount=entity.used_slots,
        totalTasksSucceeded=entity.total_succeeded,
        isDedicated=entity.dedicated,
        endpointConfiguration={"inboundEndpoints": _endpoints(spec, number)},
        nodeAgentInfo={"version": "1.13.0", "lastUpdateTime": stamp(entity.booted)},
        virtualMachineInfo={"imageReference": machine.get("imageReference") or {}},
    )
    if entity.recent:
        view["recentTasks"] = [
            {
                "taskUrl": f"{world.url}/jobs/{t.job.id}/tasks/{t.id}",
                "jobId": t.job.id,
                "taskId": t.id,
                "taskState": t.state,
                "executionInfo": execution(t),
            }
            for t in reversed(entity.recent)
        ]
    if entity.started_with is not None:
        view["startTask"] = entity.started_with
    if entity.start_info is not None:
        view["startTaskInfo"] = entity.start_info
    if entity.errors:
        view["errors"] = entity.errors
    return view


def _endpoints(spec: dict[str, Any], number: int) -> list[dict[str, Any]]:
    network = (spec.get("networkConfiguration") or {}).get("endpointConfiguration") or {}
    found = []
    for rule in network.get("inboundNATPools") or ():
        width = int(rule["frontendPortRangeEnd"]) - int(rule["frontendPortRangeStart"]) + 1
        port = int(rule["frontendPortRangeStart"]) + number % max(1, width)
        found.append((f"{rule['name']}.0", rule["protocol"], port, int(rule["backendPort"])))
    found.append((f"SSHRule.{number}", "tcp", 50000 + number % 10000, 22))
    return [
        {
            "name": name,
            "protocol": protocol,
            "publicIPAddress": "127.0.0.1",
            "publicFQDN": "localhost",
            "frontendPort": front,
            "backendPort": back,
        }
        for name, protocol, front, back in found
    ]


def extensions(entity: Node) -> list[dict[str, Any]]:
    """The BatchNodeVMExtensions of a node: the user's, then the service's own."""
    machine = entity.pool.spec.get("virtualMachineConfiguration") or {}
    own = {
        "name": "batchNodeExtension",
        "publisher": "Microsoft.Azure.Extensions",
        "type": "CustomScript",
        "typeHandlerVersion": "2.0",
        "autoUpgradeMinorVersion": True,
    }
    return [
        {
            "provisioningState": "Succeeded",
            "vmExtension": {k: v for k, v in item.items() if k != "protectedSettings"},
            "instanceView": {"name": item["name"], "statuses": [], "subStatuses": []},
        }
        for item in [*(machine.get("extensions") or ()), own]
    ]


def job(entity: Job) -> dict[str, Any]:
    """A BatchJob."""
    view = {**entity.spec, **_common(entity, f"jobs/{entity.id}")}
    info: dict[str, Any] = {"startTime": stamp(entity.started)}
    if entity.pool_id:
        info["poolId"] = entity.pool_id
    if entity.ended is not None:
        info["endTime"] = stamp(entity.ended)
    if entity.scheduling_error is not None:
        info["schedulingError"] = entity.scheduling_error
    if entity.terminate_reason is not None and entity.state in ("terminating", "completed"):
        info["terminateReason"] = entity.terminate_reason
    view["executionInfo"] = info
    return view


def execution(entity: Task) -> dict[str, Any]:
    """A BatchTaskExecutionInfo."""
    info: dict[str, Any] = {}
    if entity.started is not None and entity.state != "active":
        info["startTime"] = stamp(entity.started)
    if entity.ended is not None:
        info["endTime"] = stamp(entity.ended)
    if entity.exit_code is not None:
        info["exitCode"] = entity.exit_code
    if entity.failure is not None:
        info["failureInfo"] = entity.failure
    if entity.result is not None:
        info["result"] = entity.result
    if entity.container is not None:
        info["containerInfo"] = entity.container
    info["retryCount"] = entity.retries
    if entity.retried_at is not None:
        info["lastRetryTime"] = stamp(entity.retried_at)
    info["requeueCount"] = entity.requeues
    if entity.requeued_at is not None:
        info["lastRequeueTime"] = stamp(entity.requeued_at)
    return info


def task(entity: Task) -> dict[str, Any]:
    """A BatchTask."""
    view = {**entity.spec, **_common(entity, f"jobs/{entity.job.id}/tasks/{entity.id}")}
    for name in ("killJobOnCompletion", "runExclusive", "allowLowPriorityNode"):
        view.pop(name, None)
    view["executionInfo"] = execution(entity)
    if entity.node_info is not None and entity.state != "active":
        view["nodeInfo"] = entity.node_info
    return view


def job_stats(entity: Job) -> dict[str, Any]:
    """A BatchJobStatistics."""
    spans = [
        (t.ended or entity.world.clock.now()) - t.started
        for t in entity.tasks.values()
        if t.started is not None
    ]
    view = _zero_stats(entity, f"{entity.world.url}/jobs/{entity.id}", sum(spans))
    view.update(
        numSucceededTasks=str(entity.counts["succeeded"]),
        numFailedTasks=str(entity.counts["failed"]),
        numTaskRetries=str(sum(t.retries for t in entity.tasks.values())),
    )
    return view


def task_stats(entity: Task) -> dict[str, Any]:
    """A BatchTaskStatistics."""
    end = entity.ended or entity.world.clock.now()
    wall = end - entity.started if entity.started is not None else 0.0
    return _zero_stats(entity, f"{entity.world.url}/jobs/{entity.job.id}/tasks/{entity.id}", wall)


def _zero_stats(entity: Entity, url: str, wall: float) -> dict[str, Any]:
    from rulekit.emulator.formats import duration

    return {
        "url": f"{url}/lifetimestats",
        "startTime": stamp(entity.created),
        "lastUpdateTime": stamp(entity.world.clock.now()),
        "userCPUTime": "PT0S",
        "kernelCPUTime": "PT0S",
        "wallClockTime": duration(wall),
        "readIOps": "0",
        "writeIOps": "0",
        "readIOGiB": 0.0,
        "writeIOGiB": 0.0,
        "waitTime": "PT0S",
    }
