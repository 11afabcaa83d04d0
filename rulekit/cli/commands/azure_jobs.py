"""`rulekit azure jobs` and `rulekit azure logs`: what runs on the account, and what it writes."""

from __future__ import annotations

import sys
import time

from rulekit.cli.commands import azure_words as azure
from rulekit.errors.tree import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.storage.azblob.client import AzBlobStorage


def main(name: str, argv: list[str]) -> int:
    """The exit code."""
    return _jobs(argv) if name == "jobs" else _logs(argv)


# --- jobs -----------------------------------------------------------------------------------


def _jobs(argv: list[str]) -> int:
    parser = azure.parser("jobs", prefix=False)
    parser.add_argument("--tasks", action="store_true", help="their tasks, too")
    parser.add_argument("--json", action="store_true", help="as JSON")
    given = parser.parse_args(argv)
    service = azure.service_of(azure.settings_of(given))
    try:
        rows = _rows(service, given.tasks)
    finally:
        service.close()
    if given.json:
        import json

        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    if not rows:
        sys.stdout.write("no run of rulekit is on this account\n")
    for row in rows:
        counts = ", ".join(f"{count} {what}" for what, count in row["counts"].items() if count)
        sys.stdout.write(
            f"{row['job']}  run {row['run']}  {row['state']}  {counts or 'no tasks'}\n"
        )
        for task in row.get("tasks", ()):
            code = "" if task["exit_code"] is None else f"  exit code {task['exit_code']}"
            sys.stdout.write(f"  {task['task']}  {task['state']}{code}  {task['key']}\n")
    return 0


def _rows(service: BatchService, with_tasks: bool) -> list[dict[str, Any]]:
    from rulekit.executors.azure import gc, names

    rows: list[dict[str, Any]] = []
    for job in service.rows("/jobs", {"$select": "id,state,metadata"}):
        run = gc.metadata_of(job).get(names.MARK)
        if run is None:
            continue
        counts = service.raw(f"/jobs/{job['id']}/taskcounts", {}).get("taskCounts") or {}
        known = ("active", "running", "succeeded", "failed")
        row: dict[str, Any] = {
            "job": job["id"],
            "run": run,
            "state": job.get("state"),
            "counts": {what: counts.get(what, 0) for what in known},
        }
        if with_tasks:
            select = "id,state,displayName,executionInfo"
            tasks = service.rows(f"/jobs/{job['id']}/tasks", {"$select": select})
            row["tasks"] = [
                {
                    "task": task["id"],
                    "state": task.get("state"),
                    "exit_code": (task.get("executionInfo") or {}).get("exitCode"),
                    "key": str(task.get("displayName") or "").partition(" ")[2],
                }
                for task in tasks
            ]
        rows.append(row)
    return rows


# --- logs -----------------------------------------------------------------------------------


def _logs(argv: list[str]) -> int:
    parser = azure.parser("logs", prefix=False)
    parser.add_argument("task", help="its id, or the name of its job as a run shows it")
    parser.add_argument("--job", help="only in this job of Azure Batch")
    parser.add_argument("--follow", "-f", action="store_true", help="go on while it runs")
    parser.add_argument(
        "--program", action="store_true", help="what the node program says, not the jobs"
    )
    given = parser.parse_args(argv)
    service = azure.service_of(azure.settings_of(given))
    storage = azure.storage_of()
    try:
        job, task = _one(service, given.task, given.job)
        return _show(service, storage, job, task, given.follow, given.program)
    finally:
        service.close()
        if storage is not None:
            storage.close()


def _one(service: BatchService, name: str, job: str | None) -> tuple[str, dict[str, Any]]:
    from rulekit.executors.azure import logs

    found = logs.find_task(service, name, job)
    if not found:
        raise InfrastructureError(
            f"no task `{name}` of rulekit is on this account",
            code="RK0622",
            help="`rulekit azure jobs --tasks` lists them; a run that has ended took its own with it",
        )
    # Of several attempts the latest.
    return max(found, key=lambda one: str(one[1].get("creationTime") or ""))


def _show(
    service: BatchService,
    storage: AzBlobStorage | None,
    job: str,
    task: Mapping[str, Any],
    follow: bool,
    program: bool,
) -> int:
    from rulekit.executors.azure import logs

    names = logs.PROGRAM_OUTPUT if program else (logs.JOBS_OUTPUT,)
    offsets = dict.fromkeys(names, 0)
    shown = False
    while True:
        state = service.raw(f"/jobs/{job}/tasks/{task['id']}", {"$select": "id,state"}).get("state")
        for name in names:
            while data := logs.read_piece(service, job, task["id"], offsets[name], name):
                shown = True
                offsets[name] += len(data)
                sys.stdout.write(data.decode("utf-8", "replace"))
        sys.stdout.flush()
        if state == "completed" or not follow:
            break
        time.sleep(2.0)
    if not shown and not program and not _stored(storage, task):
        where = "has written nothing yet" if state != "completed" else "has left no output"
        sys.stderr.write(f"{task['id']} ({state}) {where}\n")
    return 0


def _stored(storage: AzBlobStorage | None, task: Mapping[str, Any]) -> bool:
    """Show the output that the task has stored; whether there is one."""
    from rulekit.errors.tree import RulekitError
    from rulekit.executors.azure.adoption import batch_of
    from rulekit.executors.azure.staging import output_name
    from rulekit.model.places import Location
    from rulekit.model.stores import DEFAULT_ACCOUNT

    container, _, folder = str(task.get("container") or "").partition("/")
    tokens = str(task.get("displayName") or "").partition(" ")[0].split(",")
    if storage is None or not folder:
        return False
    at = Location(DEFAULT_ACCOUNT, container, folder + output_name(batch_of(task), tokens[0]))
    try:
        data = storage.get(at)
    except RulekitError:
        return False
    sys.stdout.write(data.decode("utf-8", "replace"))
    return True
