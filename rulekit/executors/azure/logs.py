"""What tasks write: from the machine while they run, from the storage when they have ended."""

from __future__ import annotations

import os
import time

from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.missing import is_missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.staging import RunFiles
    from rulekit.executors.azure.tasks import Task

# Below the directory of the task: what its jobs write, and what the node program says.
JOBS_OUTPUT = "wd/rk/output.txt"
PROGRAM_OUTPUT = ("stdout.txt", "stderr.txt")
_PIECE = 64 * 1024
# A file that is not there yet, or not any more.
_NOT_THERE = (
    "FileNotFound",
    "TaskFilesUnavailable",
    "TaskFilesCleanedup",
    "InvalidRange",
    "NodeNotFound",
    "NodeNotReady",
    "TaskNotFound",
    "JobNotFound",
)


def read_piece(
    service: BatchService, job: str, task: str, offset: int, name: str = JOBS_OUTPUT
) -> bytes:
    """What a running task has written from `offset` on, at most 64 KiB; empty if there is nothing.

    Raises ServiceError.
    """

    def fetch() -> bytes:
        piece = f"bytes={offset}-{offset + _PIECE - 1}"
        return b"".join(service.sdk.download_task_file(job, task, name, ocp_range=piece))

    try:
        return service.attempt("download_task_file", fetch)
    except ServiceError as error:
        if error.name in _NOT_THERE or error.status in (404, 409, 416):
            return b""
        raise


class LiveLogs:
    """Shows what running tasks write, with few requests: one task at a time, the one that was read
    longest ago first."""

    def __init__(
        self, service: BatchService, show: Callable[[str, str], None], per_minute: int = 12
    ) -> None:
        """`show(key of the job, text)`; `per_minute` is the most requests."""
        self._service = service
        self._show = show
        self._pause = 60.0 / per_minute
        self._next = 0.0
        self._offsets: dict[str, int] = {}
        self._read_at: dict[str, float] = {}
        self._rest: dict[str, bytes] = {}

    def look(self, running: Iterable[Task]) -> None:
        """Read one task, if it is time to. Errors are passed over: it is only for a look."""
        now = time.monotonic()
        if now < self._next:
            return
        task = min(running, key=lambda one: self._read_at.get(one.id, 0.0), default=None)
        if task is None:
            return
        self._next = now + self._pause
        self._read_at[task.id] = now
        offset = self._offsets.get(task.id, 0)
        try:
            data = read_piece(self._service, task.job_id, task.id, offset)
        except ServiceError:
            return
        self._offsets[task.id] = offset + len(data)
        self._tell(task, data)

    def _tell(self, task: Task, data: bytes) -> None:
        lines = (self._rest.pop(task.id, b"") + data).split(b"\n")
        self._rest[task.id] = lines.pop()
        for line in lines:
            self._show(task.key, line.decode("utf-8", "replace"))

    def ended(self, task: Task, whole: bytes | None) -> None:
        """The task is over: what was not shown yet, if its whole output is known."""
        if whole is not None:
            data = whole[self._offsets.get(task.id, 0) :]
            rest = self._rest.get(task.id, b"") + data
            if rest:
                self._tell(task, data if rest.endswith(b"\n") else data + b"\n")
        for known in (self._offsets, self._read_at, self._rest):
            known.pop(task.id, None)


def keep(
    files: RunFiles, batch: int, token: str, folder: str, hide: Callable[[str], str]
) -> tuple[str, bytes] | None:
    """Copy the output of a task to this machine, `FOLDER/TOKEN.txt`, with `hide` over it; its path
    and content, None if the task has left none. Errors of the storage or the disk are no reason
    to fail."""
    try:
        data = files.output(batch, token)
    except Exception as error:
        if is_missing(error):
            return None
        data = None
    if not data:
        return None
    data = hide(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    path = os.path.join(folder, f"{token}.txt")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    except OSError:
        return None
    return path, data


def find_task(
    service: BatchService, name: str, job: str | None
) -> list[tuple[str, dict[str, Any]]]:
    """Tasks of our jobs by id, by token, or by what their display name begins with: the job and the
    task's wire form. Raises ServiceError."""
    from rulekit.executors.azure import gc, names

    found: list[tuple[str, dict[str, Any]]] = []
    select = "id,state,displayName,executionInfo,nodeInfo,environmentSettings,creationTime"
    for row in service.rows("/jobs", {"$select": "id,metadata,state"}):
        if job is not None and row["id"].lower() != job.lower():
            continue
        if names.MARK not in gc.metadata_of(row):
            continue
        for task in service.rows(f"/jobs/{row['id']}/tasks", {"$select": select}):
            tokens, _, key = str(task.get("displayName") or "").partition(" ")
            exact = name in (task["id"], key) or name in tokens.split(",")
            if exact or task["id"].startswith(name) or key.startswith(name):
                task["container"] = gc.metadata_of(row).get(names.STORAGE, "")
                found.append((row["id"], task))
    return found
