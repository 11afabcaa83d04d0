"""The errors of the service: code, HTTP status, text and values.

Source of codes and statuses: Microsoft Learn, "Batch status and error codes".
"""

from __future__ import annotations

from rulekit.emulator.formats import new_guid, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATUS: dict[str, int] = {
    "MissingRequiredHeader": 400,
    "MissingRequiredProperty": 400,
    "UnsupportedHeader": 400,
    "UnsupportedProperty": 400,
    "InvalidHeaderValue": 400,
    "InvalidPropertyValue": 400,
    "MissingRequiredQueryParameter": 400,
    "UnsupportedQueryParameter": 400,
    "InvalidQueryParameterValue": 400,
    "OutOfRangeQueryParameterValue": 400,
    "RequestUrlFailedToParse": 400,
    "InvalidUri": 400,
    "InvalidRequestBody": 400,
    "OutOfRangeInput": 400,
    "InvalidAutoScalingSettings": 400,
    "AutoScalingFormulaSyntaxError": 400,
    "AutoScalingFormulaTooLong": 400,
    "TaskDependenciesNotSpecifiedOnJob": 400,
    "TaskDependencyListTooLong": 400,
    "UnsupportedRequestVersion": 400,
    "AuthenticationFailed": 403,
    "InsufficientAccountPermissions": 403,
    "ResourceNotFound": 404,
    "PoolNotFound": 404,
    "NodeNotFound": 404,
    "JobScheduleNotFound": 404,
    "JobNotFound": 404,
    "TaskNotFound": 404,
    "FileNotFound": 404,
    "NodeUserNotFound": 404,
    "ApplicationNotFound": 404,
    "UnsupportedHttpVerb": 405,
    "OperationInvalidForCurrentState": 409,
    "PoolBeingDeleted": 409,
    "PoolBeingResized": 409,
    "NodeBeingCreated": 409,
    "NodeNotReady": 409,
    "NodeStateUnusable": 409,
    "PoolExists": 409,
    "JobScheduleExists": 409,
    "NodeUserExists": 409,
    "JobExists": 409,
    "JobBeingTerminated": 409,
    "JobBeingDeleted": 409,
    "JobDisabled": 409,
    "JobCompleted": 409,
    "JobNotActive": 409,
    "JobNotDisabled": 409,
    "JobScheduleBeingDeleted": 409,
    "JobScheduleCompleted": 409,
    "JobScheduleDisabled": 409,
    "TaskExists": 409,
    "TaskCompleted": 409,
    "TaskNotCompleted": 409,
    "TaskSucceeded": 409,
    "TaskFilesUnavailable": 409,
    "TaskFilesCleanedup": 409,
    "ActiveJobAndScheduleQuotaReached": 409,
    "PoolQuotaReached": 409,
    "JobPreparationTaskNotSpecified": 409,
    "TaskIdSameAsJobPreparationTask": 409,
    "TaskIdSameAsJobReleaseTask": 409,
    "JobWithSameIdExists": 409,
    "JobScheduleWithSameIdExists": 409,
    "NodeAlreadyInTargetSchedulingState": 409,
    "OperationNotValidOnNode": 409,
    "OperationNotValidOnPool": 409,
    "InvalidApplicationPackageReferences": 409,
    "MissingContentLengthHeader": 411,
    "ConditionNotMet": 412,
    "RequestBodyTooLarge": 413,
    "InvalidRange": 416,
    "InternalError": 500,
    "OperationTimedOut": 500,
    "ServerBusy": 503,
    "TooManyEnableAutoScaleRequests": 503,
    "TooManyRequests": 429,
}


class Problem(Exception):
    """An answer that is an error. `values` are shown as key and value; `headers` go along."""

    def __init__(
        self,
        code: str,
        text: str = "",
        values: dict[str, str] | None = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or _TEXTS.get(code, f"The request failed with the error {code}.")
        self.values = dict(values or {})
        self.status = STATUS.get(code, 400) if status is None else status
        self.headers = dict(headers or {})

    def body(self, request_id: str, now: float, base: str = "") -> dict[str, Any]:
        """The error as the service writes it; `base` is the address of the account."""
        return {
            "odata.metadata": f"{base}/$metadata#Microsoft.Azure.Batch.Protocol.Entities."
            "Container.errors/@Element",
            **self.inner(request_id or new_guid(), now),
        }

    def inner(self, request_id: str, now: float) -> dict[str, Any]:
        """The error as it stands inside another answer."""
        value = f"{self.text}\nRequestId:{request_id}\nTime:{stamp(now)}"
        body: dict[str, Any] = {
            "code": self.code,
            "message": {"lang": "en-US", "value": value},
        }
        if self.values:
            body["values"] = [{"key": k, "value": v} for k, v in self.values.items()]
        return body


_TEXTS = {
    "AuthenticationFailed": "Server failed to authenticate the request: the Authorization header "
    "is missing or its signature is not the expected one.",
    "PoolNotFound": "There is no pool with this id.",
    "JobNotFound": "There is no job with this id.",
    "TaskNotFound": "There is no task with this id in the job.",
    "NodeNotFound": "There is no node with this id in the pool.",
    "FileNotFound": "There is no such file.",
    "ResourceNotFound": "There is nothing at this address.",
    "UnsupportedHttpVerb": "The address does not support this verb.",
    "PoolExists": "A pool with this id exists already.",
    "JobExists": "A job with this id exists already.",
    "TaskExists": "A task with this id exists already in the job.",
    "JobCompleted": "The job is completed and takes no tasks.",
    "TaskCompleted": "The task is completed.",
    "ConditionNotMet": "The condition in a header of the request is not met.",
    "RequestBodyTooLarge": "The body of the request is larger than the service accepts.",
}
