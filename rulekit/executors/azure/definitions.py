"""What is sent to the service for a pool, a job and a task: plain values under their wire names.

No definition holds a secret: whoever may read the account can read all of them.
"""

from __future__ import annotations

import base64
import gzip

from rulekit.errors import InfrastructureError
from rulekit.executors.azure import names
from rulekit.executors.azure.lease import INTERVAL_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rulekit.executors.azure.images import Image
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.executors.azure.sizes import Shape

PREPARATION = "jobpreparation"
# Docker, mounts and a shared folder of the node need it; so it is in every such executor.
_ADMIN = {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}
_INLINE = 60_000  # bytes of a start script that go into the command line, packed
_NAME_MOST = 1024

PROGRAM = "rulekit.pyz"
BUNDLE = "secrets.sealed"
PREPARE = "prepare.json"


def duration(seconds: float) -> str:
    """An ISO 8601 duration."""
    return f"PT{max(int(seconds), 1)}S"


def shell(script: str) -> str:
    """A command line: the service starts no shell by itself."""
    return "/bin/bash -c '" + script.replace("'", "'\\''") + "'"


def pool(
    pool_id: str,
    run: str,
    shape: Shape,
    image: Image,
    settings: AzureSettings,
    formula: str,
    start_script: bytes | None,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """A pool of ours. `start_script` is what BATCH_NODE_START_TASK_SAS_URL led to."""
    made: dict[str, Any] = {
        "id": pool_id,
        "displayName": f"rulekit {run}"[:_NAME_MOST],
        "vmSize": shape.vm_size,
        "virtualMachineConfiguration": {
            "imageReference": image.to_wire(),
            "nodeAgentSKUId": image.agent,
        },
        "enableAutoScale": True,
        "autoScaleFormula": formula,
        "autoScaleEvaluationInterval": duration(INTERVAL_S),
        "taskSlotsPerNode": shape.slots,
        "taskSchedulingPolicy": {"nodeFillType": settings.fill},
        "metadata": metadata(run, labels),
    }
    if start_script is not None:
        made["startTask"] = {
            "commandLine": _start_command(start_script),
            "userIdentity": _ADMIN,
            "waitForSuccess": True,
            "maxTaskRetryCount": 2,
        }
    if settings.subnet_id or settings.no_public_ip:
        network: dict[str, Any] = {}
        if settings.subnet_id:
            network["subnetId"] = settings.subnet_id
        if settings.no_public_ip:
            network["publicIPAddressConfiguration"] = {"provision": "nopublicipaddresses"}
        made["networkConfiguration"] = network
    return made


def check_start_script(script: bytes) -> None:
    """Refuses a script that is too long for a command line. Raises InfrastructureError."""
    packed = len(_packed(script))
    if packed > _INLINE:
        raise InfrastructureError(
            f"the start script of the machines is too long: {len(script)} bytes, {packed} of them"
            f" packed, and {_INLINE} fit into the command line of a start task",
            code="RK0693",
            help="keep a short script in BATCH_NODE_START_TASK_SAS_URL that fetches the rest\n"
            "(`curl`, `azcopy`), or put what it installs into a machine image (RULEKIT_AZURE_IMAGE_ID)",
        )


def _packed(script: bytes) -> str:
    return base64.b64encode(gzip.compress(script, 9, mtime=0)).decode()


def _start_command(script: bytes) -> str:
    """The script itself, so that the signature of its URL is in no definition."""
    packed = _packed(script)
    return shell(f"echo {packed} | base64 -d | gunzip > start_task.sh && bash ./start_task.sh")


def metadata(run: str, labels: Mapping[str, str]) -> list[dict[str, str]]:
    """What tells `rulekit azure gc` whose this is."""
    items = {names.MARK: run, **labels}
    return [{"name": name, "value": value} for name, value in items.items()]


def job(
    job_id: str,
    pool_id: str,
    run: str,
    *,
    hours: int,
    files: Sequence[tuple[str, str]],
    environment: Mapping[str, str],
    own: Mapping[str, str],
    command: str,
    labels: Mapping[str, str],
    identity: str | None = None,
) -> dict[str, Any]:
    """A job with its preparation task. `files` are (name, URL) of what each node fetches once;
    `environment` is for all tasks, `own` for the preparation only; `identity` is the resource id
    that reads files where the URLs have no signature."""
    fetched: list[dict[str, Any]] = []
    for name, url in files:
        one: dict[str, Any] = {"httpUrl": url, "filePath": name}
        if identity:
            one["identityReference"] = {"resourceId": identity}
        fetched.append(one)
    return {
        "id": job_id,
        "displayName": f"rulekit {run}"[:_NAME_MOST],
        "poolInfo": {"poolId": pool_id},
        "constraints": {"maxWallClockTime": duration(hours * 3600), "maxTaskRetryCount": 0},
        "commonEnvironmentSettings": settings_of(environment),
        "jobPreparationTask": {
            "id": PREPARATION,
            "commandLine": command,
            "resourceFiles": fetched,
            "environmentSettings": settings_of(own),
            "userIdentity": _ADMIN,
            "waitForSuccess": True,
            "rerunOnNodeRebootAfterSuccess": True,
            "constraints": {"maxTaskRetryCount": 2, "retentionTime": "P1D"},
        },
        "metadata": metadata(run, labels),
    }


def task(
    task_id: str,
    *,
    shown: str,
    command: str,
    environment: Mapping[str, str],
    slots: int,
    limit_s: float | None,
    image: str | None = None,
    run_options: str = "",
) -> dict[str, Any]:
    """A task. `shown` is its display name, `limit_s` what it may take in all; `image` only where
    the pool wants every task in a container."""
    constraints: dict[str, Any] = {"maxTaskRetryCount": 0, "retentionTime": "P1D"}
    if limit_s is not None:
        constraints["maxWallClockTime"] = duration(limit_s)
    made: dict[str, Any] = {
        "id": task_id,
        "displayName": shown[:_NAME_MOST],
        "commandLine": command,
        "environmentSettings": settings_of(environment),
        "requiredSlots": slots,
        "constraints": constraints,
        "userIdentity": _ADMIN,
    }
    if image is not None:
        made["containerSettings"] = {
            "imageName": image,
            "containerRunOptions": f"--rm {run_options}".strip(),
        }
    return made


def settings_of(environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Environment settings. They can be read by whoever may read the task."""
    return [{"name": name, "value": value} for name, value in environment.items()]
