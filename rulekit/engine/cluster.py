"""Cluster runs: the executor for them, and how a submission is described to commands."""

from __future__ import annotations

import os

from rulekit.frozen import replace
from rulekit.model.namedlist import Resources
from rulekit.planning.groups import Grouping, is_local, layers, unit_amounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.executors.cluster.settings import ClusterSettings, Description
    from rulekit.executors.local import LocalExecutor
    from rulekit.executors.split import SplitExecutor
    from rulekit.model.spec import JobSpec
    from rulekit.scheduling import Offer, Request

# What one submission has for itself, unless `resource_scopes` says otherwise.
_LOCAL_SCOPE = frozenset({"mem_mb", "disk_mb", "mem_mib", "disk_mib", "runtime", "_cores"})


def is_local_resource(name: str, scopes: Mapping[str, str]) -> bool:
    """Whether a limit holds for each submission alone, not for their sum."""
    scope = scopes.get(name)
    return name in _LOCAL_SCOPE if scope is None else scope == "local"


def scoped(
    offer: Offer, request: Callable[[int, int], Request], scopes: Mapping[str, str]
) -> tuple[Offer, Callable[[int, int], Request]]:
    """Offer and requests without what is limited for each submission alone."""
    limits = {n: v for n, v in (offer.resources or {}).items() if not is_local_resource(n, scopes)}

    def asked(job: int, attempt: int) -> Request:
        one = request(job, attempt)
        kept = tuple([pair for pair in one.resources if pair[0] in limits])
        return one if len(kept) == len(one.resources) else replace(one, resources=kept)

    return replace(offer, resources=limits), asked


def make_executor(
    settings: RunSettings,
    *,
    run: str,
    journal: str,
    wake_fd: int,
    say: Callable[[str], None],
    stage: Callable[[], Stage],
    local: LocalExecutor,
) -> SplitExecutor:
    """Rules without an action and local rules here, all others on the cluster.

    `stage()` is the stage of now. Raises InfrastructureError if a template or the sidecar cannot
    be had.
    """
    from rulekit.executors.cluster.adopt import sweep
    from rulekit.executors.cluster.executor import ClusterExecutor
    from rulekit.executors.split import SplitExecutor

    assert settings.cluster is not None
    grouping = settings.grouping or Grouping()
    sweep(settings.state_dir)  # this run has its journal already
    remote = ClusterExecutor(
        settings.cluster,
        run=run,
        journal=journal,
        wake_fd=wake_fd,
        say=say,
        describe=lambda specs: describe(stage(), specs, settings),
        state_dir=settings.state_dir,
    )
    return SplitExecutor(
        local,
        remote,
        lambda spec: is_local(stage().plan, spec.id, grouping.names),
        cores=settings.local_cores or os.cpu_count() or 1,
        wake_fd=wake_fd,
    )


def settle_earlier(settings: RunSettings, say: Callable[[str], None]) -> None:
    """Brings jobs that killed runs left on a cluster to their end, before the runs are recovered.

    Raises InfrastructureError.
    """
    from rulekit.errors import InfrastructureError
    from rulekit.executors.cluster.adopt import settle
    from rulekit.provenance import journal
    from rulekit.provenance.owner import DEAD

    def is_abandoned(path: str) -> bool:
        try:
            owner = journal.read(path).owner
        except FileNotFoundError:
            return False
        return owner is None or owner.state() == DEAD

    try:
        settle(settings.state_dir, say, is_abandoned)
    except OSError as error:
        raise InfrastructureError(
            f"results of jobs on the cluster cannot be taken over: {error.strerror}",
            code="RK0606",
        ) from error


def describe(stage: Stage, specs: Sequence[JobSpec], settings: RunSettings) -> Description:
    """Names and properties of one submission. Raises `PlanError` if a function of the user's
    fails."""
    if len(specs) == 1:
        return _single(stage, specs[0], settings)
    return _group(stage, specs, settings)


def _config_of(settings: ClusterSettings | None, name: str) -> dict[str, Any]:
    config = settings.config if settings is not None else {}
    return {**(config.get("__default__") or {}), **(config.get(name) or {})}


def _single(stage: Stage, spec: JobSpec, settings: RunSettings) -> Description:
    assert settings.cluster is not None
    return describe_job(stage, spec.id, settings.cluster, spec.attempt)


def describe_job(
    stage: Stage, job: int, settings: ClusterSettings, attempt: int = 1
) -> Description:
    """Names and properties of one job. Raises `PlanError` if a function of the user's fails."""
    from rulekit.executors.cluster.settings import Description
    from rulekit.language.format import format_text

    plan = stage.plan
    names = stage.values.names(job, attempt)
    rule = plan.rule_of(job).name
    cluster = {
        key: format_text(value, names, {}) if isinstance(value, str) else value
        for key, value in _config_of(settings, rule).items()
    }
    names = {**names, "cluster": Resources.from_dict(cluster)}
    threads = names["threads"]
    properties = {
        "type": "single",
        "rule": rule,
        "local": False,
        "input": list(plan.inputs[job]),
        "output": list(plan.outputs[job]),
        "wildcards": dict(names["wildcards"].items()),
        "params": _plain(dict(names["params"].items())),
        "log": list(plan.logs(job)),
        "threads": threads,
        "resources": _resources(names["resources"]),
        "jobid": job,
        "cluster": _plain(cluster),
    }
    return Description(names, properties, {"_cores": threads}, rule)


def _group(stage: Stage, specs: Sequence[JobSpec], settings: RunSettings) -> Description:
    from rulekit.executors.cluster.settings import Description

    plan, values = stage.plan, stage.values
    jobs = {spec.id: spec for spec in specs}
    streams = {s.path: s for s in plan.streams}
    needs = {
        job: [
            needed
            for needed in plan.needs[job]
            if needed in jobs
            # What runs beside each other is one step.
            and not any(p in streams for p in plan.outputs[needed] if p in plan.inputs[job])
        ]
        for job in jobs
    }
    amounts = {
        job: {"_cores": spec.threads, **_numbers(values.resources(job, spec.attempt, spec.threads))}
        for job, spec in jobs.items()
    }
    scopes = plan.workflow.resource_scopes
    limits = {n: v for n, v in settings.resources.items() if is_local_resource(n, scopes)}
    total = unit_amounts([[amounts[j] for j in step] for step in layers(needs)], limits)
    threads = total.pop("_cores", 1)
    made = {output.path for spec in specs for output in spec.outputs}
    inputs = [p for p in dict.fromkeys(p for s in specs for p in s.inputs) if p not in made]
    outputs = sorted(made)
    from rulekit.planning.groups import group_of

    names_given = settings.grouping.names if settings.grouping is not None else {}
    found = (group_of(plan, spec.id, names_given) for spec in specs)
    group = next((name for name in found if name is not None), f"together-{specs[0].id}")
    resources = {**total, "tmpdir": values.resources(specs[0].id).get("tmpdir")}
    cluster = _config_of(settings.cluster, group)
    number = specs[0].id
    names: dict[str, Any] = {
        "rule": group,
        "groupid": group,
        "input": inputs,
        "output": outputs,
        "log": [path for spec in specs for path in spec.logs],
        "threads": threads,
        "resources": Resources.from_dict(resources),
        "jobid": number,
        "cluster": Resources.from_dict(cluster),
        "attempt": specs[0].attempt,
    }
    properties = {
        "type": "group",
        "groupid": group,
        "local": False,
        "input": inputs,
        "output": outputs,
        "threads": threads,
        "resources": _plain(resources),
        "jobid": number,
        "cluster": _plain(cluster),
    }
    budget = {name: amount for name, amount in total.items() if name != "runtime"}
    return Description(names, properties, {**budget, "_cores": threads}, group)


def _numbers(resources: Any) -> dict[str, int]:
    return {
        name: value
        for name, value in resources.items()
        if isinstance(value, int) and not isinstance(value, bool) and name[0] != "_"
    }


def _resources(resources: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in resources.items() if name[0] != "_"}


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; what is neither number nor text is shown as text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)
