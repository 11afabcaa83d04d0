"""What the command line says about a cluster."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@frozen
class ClusterSettings:
    """How jobs are submitted, watched and cancelled.

    submit: a command; the job script's path is put behind it. Its fields in braces are filled
    with the job's names (``{threads}``, ``{resources.mem_mb}``, ``{rule}``, ``{dependencies}``,
    ``{cluster.x}``). It prints the job's id, unless it waits for the job itself (`sync`).
    status: prints ``running``, ``success`` or ``failed`` for the id that is put behind it.
    cancel: takes ids, `cancel_nargs` at a time (0: all). sidecar: a program that runs beside the
    workflow; its first line is handed to the other commands as `*_CLUSTER_SIDECAR_VARS`.
    jobscript: a template file with ``{properties}`` and ``{exec_job}``. jobname: a pattern with
    ``{name}`` and ``{jobid}``. config: what ``--cluster-config`` files say, by rule.
    """

    submit: str
    sync: bool = False
    status: str | None = None
    cancel: str | None = None
    cancel_nargs: int = 20
    sidecar: str | None = None
    jobscript: str | None = None
    jobname: str = "rulekit.{name}.{jobid}.sh"
    check_seconds: float | None = None  # between two questions about one job; None: ten
    checks_per_second: float = 10.0
    lost_seconds: float = 300.0  # a job that gave no sign of life for so long is lost
    config: Mapping[str, Any] = {}
    precommand: str | None = None  # runs on the node before the job


@frozen
class Description:
    """One submission as commands and scripts see it.

    names: for fields in braces. properties: what the job script says about itself, JSON.
    budget: what jobs of a group may use at the same time. label: for messages.
    """

    names: Mapping[str, Any]
    properties: Mapping[str, Any]
    budget: Mapping[str, int]
    label: str
