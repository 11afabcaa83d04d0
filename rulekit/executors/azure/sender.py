"""Tasks on their way to the service: a hundred with one request, each at most once."""

from __future__ import annotations

import json
import random
import time

from rulekit.executors.azure.client import ServiceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from rulekit.executors.azure.client import BatchService

MOST_TASKS = 100
MOST_BYTES = 900_000


def chunks(bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Parts that the service takes with one request: at most 100 tasks and 900 KB."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for body in bodies:
        length = len(json.dumps(body)) + 2
        if chunk and (len(chunk) == MOST_TASKS or size + length > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(body)
        size += length
    if chunk:
        yield chunk


def send(
    service: BatchService, job_id: str, bodies: Sequence[dict[str, Any]], tries: int = 8
) -> dict[str, str]:
    """Add tasks to a job; what went wrong with which of them, by id.

    A task that is there already is a success: its name says that it is the same. Tasks that the
    service could not take for a reason of its own are sent again. Raises ServiceError if it
    takes none at all.
    """
    refused: dict[str, str] = {}
    for chunk in chunks(bodies):
        rest = chunk
        for turn in range(tries):
            rest = _send(service, job_id, rest, refused)
            if not rest:
                break
            time.sleep(min(0.5 * 2**turn, 30.0) * random.uniform(0.6, 1.4))  # noqa: S311
        for body in rest:
            refused[body["id"]] = "the service did not take the task, without a reason of ours"
    return refused


def _send(
    service: BatchService, job_id: str, chunk: list[dict[str, Any]], refused: dict[str, str]
) -> list[dict[str, Any]]:
    """One request; those to be sent again."""
    try:
        answer = service.call("create_task_collection", job_id, task_collection={"value": chunk})
    except ServiceError as error:
        if error.name != "RequestBodyTooLarge" or len(chunk) == 1:
            if len(chunk) == 1 and error.name in ("RequestBodyTooLarge", "InvalidRequestBody"):
                refused[chunk[0]["id"]] = str(error)
                return []
            raise
        half = len(chunk) // 2
        return [
            *_send(service, job_id, chunk[:half], refused),
            *_send(service, job_id, chunk[half:], refused),
        ]
    again: list[dict[str, Any]] = []
    by_id = {body["id"].lower(): body for body in chunk}
    for one in answer.result_values or ():
        body = by_id.pop(str(one.task_id).lower(), None)
        status = str(getattr(one.status, "value", one.status)).lower()
        if body is None or status == "success":
            continue
        code = one.error.code if one.error is not None else "unknown"
        if code == "TaskExists":
            continue
        if status == "servererror":
            again.append(body)
            continue
        text = one.error.message.value if one.error is not None and one.error.message else ""
        refused[body["id"]] = service.masked(f"{code}: {text}".partition("\n")[0])
    again.extend(by_id.values())  # the answer does not speak of them
    return again


def create_job(service: BatchService, body: dict[str, Any]) -> None:
    """Make a job; one of that name is this one. Raises ServiceError."""
    try:
        service.call("create_job", job=body)
    except ServiceError as error:
        if error.name != "JobExists":
            raise
