"""Container tasks: the command as the machine's container runtime takes it."""

from __future__ import annotations

import shlex

from rulekit.emulator import runtime, staging
from rulekit.errors.tree import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.execution import Run
    from rulekit.emulator.state import Node


def pull(node: Node, image: str) -> None:
    """Bring an image to a node. Raises StagingError when that fails."""
    found = node.world.faults.event("image-pull", pool=node.pool.id)
    if found is not None:
        raise staging.StagingError(_bad_image(image, str(found.plan.get("message") or "")))
    if image in node.images:
        return
    try:
        runtime.choose().pull(image)
    except (runtime.PullError, InfrastructureError) as error:
        raise staging.StagingError(_bad_image(image, str(error))) from error
    node.images.add(image)


def _bad_image(image: str, text: str) -> dict[str, Any]:
    return staging.failure(
        "ContainerInvalidImage",
        "One or more container images specified are invalid",
        Image=image,
        Message=text,
    )


def wrap(run: Run, argv: list[str], workdir: str) -> list[str]:
    """The command line that runs `argv` in the container of the run. Raises StagingError."""
    settings = run.order.container or {}
    if not run.node.pool.is_container_pool:
        # Accepted when the task is added; found out on the node.
        text = "The compute node does not support container feature"
        raise staging.StagingError(staging.failure("ContainerPoolNotSupported", text))
    image = str(settings["imageName"])
    pull(run.node, image)
    options = shlex.split(str(settings.get("containerRunOptions") or ""))
    inside = workdir if settings.get("workingDirectory") != "containerImageDefault" else None
    root = run.node.root
    command = runtime.choose().command(
        image, options, [(root, root)], run.order.environment, inside, argv
    )
    run.container = {"containerId": run.order.task or "start", "state": "running"}
    return command


def kill(command: list[str]) -> None:
    """End the container that `command` started; it is no child of that process."""
    runtime.choose().kill(command)
