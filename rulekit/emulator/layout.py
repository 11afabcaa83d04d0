"""Directories and variables of nodes and tasks.

Source: Microsoft Learn, "Files and directories in Azure Batch" and "Azure Batch runtime
environment variables".
"""

from __future__ import annotations

import os
import shutil

from rulekit.emulator import imds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.state import Job, Node

TOP = ("applications", "fsmounts", "shared", "startup", "volatile", "workitems")


def make_node(root: str) -> None:
    """The directories of a fresh node."""
    for name in TOP:
        os.makedirs(os.path.join(root, name), exist_ok=True)
    os.makedirs(os.path.join(root, "startup", "wd"), exist_ok=True)


def task_directory(job_id: str, task_id: str) -> str:
    """Where a task lives, relative to the root of its node."""
    return f"workitems/{job_id}/job-1/{task_id}"


def make_task(path: str, keep: bool) -> None:
    """A task directory with `wd` and `certs`; it appears whole. `keep` leaves one that is there."""
    if os.path.isdir(path):
        if keep:
            return
        shutil.rmtree(path, ignore_errors=True)
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    unfinished = os.path.join(parent, f".new-{name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(os.path.join(unfinished, "wd"))
    os.mkdir(os.path.join(unfinished, "certs"))
    for stream in ("stdout.txt", "stderr.txt"):
        open(os.path.join(unfinished, stream), "wb").close()
    os.rename(unfinished, path)


def settings_of(items: object) -> dict[str, str]:
    """Environment settings in wire form as a mapping."""
    found = items if isinstance(items, list) else []
    return {str(e["name"]): str(e.get("value") or "") for e in found}


def node_variables(node: Node) -> dict[str, str]:
    """Variables that every command on the node gets."""
    world = node.world
    root = node.root
    return {
        "AZ_BATCH_ACCOUNT_NAME": world.account,
        "AZ_BATCH_ACCOUNT_URL": world.url + "/",
        "AZ_BATCH_POOL_ID": node.pool.id,
        "AZ_BATCH_NODE_ID": node.id,
        "AZ_BATCH_NODE_IS_DEDICATED": "true" if node.dedicated else "false",
        "AZ_BATCH_NODE_ROOT_DIR": root,
        "AZ_BATCH_NODE_SHARED_DIR": f"{root}/shared",
        "AZ_BATCH_NODE_STARTUP_DIR": f"{root}/startup",
        "AZ_BATCH_NODE_STARTUP_WORKING_DIR": f"{root}/startup/wd",
        "AZ_BATCH_NODE_MOUNTS_DIR": f"{root}/fsmounts",
        "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": "1000000000",
    }


def environment(
    node: Node,
    directory: str,
    job: Job | None = None,
    task_id: str | None = None,
    extra: dict[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of a command: nothing of the emulator's own but the search path."""
    variables = {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "HOME": f"{directory}/wd",
        "USER": "_azbatch",
        "LANG": "C.UTF-8",
        "PWD": f"{directory}/wd",
    }
    variables.update(node.world.settings.environment or {})
    variables.update(imds.variables(node.world.url, node.pool.identities))
    variables.update(node_variables(node))
    variables["AZ_BATCH_TASK_DIR"] = directory
    variables["AZ_BATCH_TASK_WORKING_DIR"] = f"{directory}/wd"
    if job is not None:
        variables["AZ_BATCH_JOB_ID"] = job.id
        preparation = job.spec.get("jobPreparationTask")
        if preparation is not None:
            where = f"{node.root}/{task_directory(job.id, preparation['id'])}"
            variables["AZ_BATCH_JOB_PREP_DIR"] = where
            variables["AZ_BATCH_JOB_PREP_WORKING_DIR"] = f"{where}/wd"
        variables.update(settings_of(job.spec.get("commonEnvironmentSettings")))
    if task_id is not None:
        variables["AZ_BATCH_TASK_ID"] = task_id
    variables.update(extra or {})
    return variables
