"""What can be filtered on, for each list of the service.

From Microsoft's page "Create queries to list Batch resources efficiently" and the properties of
the contract: the scalar properties of an entity, one level down where the page names some.
"""

from __future__ import annotations

_STATES = {"id": "string", "url": "string", "state": "string", "stateTransitionTime": "datetime"}
_EDITS = {"creationTime": "datetime", "lastModified": "datetime", "displayName": "string"}
_BEFORE = {"previousState": "string", "previousStateTransitionTime": "datetime"}


def _run(prefix: str) -> dict[str, str]:
    """What can be asked of an execution: of a task, a start task, a preparation task."""
    kinds = {
        "startTime": "datetime",
        "endTime": "datetime",
        "exitCode": "int",
        "state": "string",
        "result": "string",
        "retryCount": "int",
        "lastRetryTime": "datetime",
        "requeueCount": "int",
        "lastRequeueTime": "datetime",
        "failureInfo/category": "string",
        "failureInfo/code": "string",
        "failureInfo/message": "string",
    }
    return {f"{prefix}/{name}": kind for name, kind in kinds.items()}


FIELDS: dict[str, dict[str, str]] = {
    "pools": {
        **_STATES,
        **_EDITS,
        "allocationState": "string",
        "allocationStateTransitionTime": "datetime",
        "autoScaleFormula": "string",
        "currentDedicatedNodes": "int",
        "currentLowPriorityNodes": "int",
        "enableAutoScale": "bool",
        "enableInterNodeCommunication": "bool",
        "targetDedicatedNodes": "int",
        "targetLowPriorityNodes": "int",
        "taskSlotsPerNode": "int",
        "vmSize": "string",
    },
    "jobs": {
        **_STATES,
        **_EDITS,
        **_BEFORE,
        "priority": "int",
        "usesTaskDependencies": "bool",
        "onAllTasksComplete": "string",
        "onTaskFailure": "string",
        "poolInfo/poolId": "string",
        "executionInfo/startTime": "datetime",
        "executionInfo/endTime": "datetime",
        "executionInfo/poolId": "string",
        "executionInfo/terminateReason": "string",
        "executionInfo/schedulingError/category": "string",
        "executionInfo/schedulingError/code": "string",
    },
    "jobschedules": {**_STATES, **_EDITS, **_BEFORE},
    "tasks": {
        **_STATES,
        **_EDITS,
        **_BEFORE,
        **_run("executionInfo"),
        "commandLine": "string",
        "requiredSlots": "int",
        "affinityInfo/affinityId": "string",
        "constraints/maxTaskRetryCount": "int",
        "nodeInfo/affinityId": "string",
        "nodeInfo/nodeId": "string",
        "nodeInfo/poolId": "string",
    },
    "nodes": {
        **_STATES,
        **_run("startTaskInfo"),
        "affinityId": "string",
        "allocationTime": "datetime",
        "ipAddress": "string",
        "isDedicated": "bool",
        "lastBootTime": "datetime",
        "runningTasksCount": "int",
        "runningTaskSlotsCount": "int",
        "schedulingState": "string",
        "totalTasksRun": "int",
        "totalTasksSucceeded": "int",
        "vmSize": "string",
    },
    "files": {
        "name": "string",
        "url": "string",
        "isDirectory": "bool",
        "properties/contentLength": "int",
        "properties/contentType": "string",
        "properties/creationTime": "datetime",
        "properties/fileMode": "string",
        "properties/lastModified": "datetime",
    },
    "supportedimages": {
        "nodeAgentSKUId": "string",
        "osType": "string",
        "verificationType": "string",
        "batchSupportEndOfLife": "datetime",
        "imageReference/publisher": "string",
        "imageReference/offer": "string",
        "imageReference/sku": "string",
        "imageReference/version": "string",
    },
    "nodecounts": {"poolId": "string"},
    "jobpreparationandreleasetaskstatus": {
        "nodeId": "string",
        "nodeUrl": "string",
        "poolId": "string",
        **_run("jobPreparationTaskExecutionInfo"),
        **_run("jobReleaseTaskExecutionInfo"),
    },
    "applications": {"id": "string", "displayName": "string"},
    "poolusagemetrics": {"poolId": "string"},
    "extensions": {"vmExtension/name": "string"},
}
"""What can be filtered on, by the last word of the list's path."""
