"""rulekit from Python: load a rule file, plan, look at the graph, run.

    from rulekit import api

    workflow = api.load("Rulefile", config={"samples": ["a", "b"]})
    planned = api.plan(workflow, ["results/report.html"])
    for job in planned.jobs:
        if job.run:
            print(job.key, [reason.kind for reason in job.reasons])
    graph = api.graph(planned)          # networkx.DiGraph
    result = api.run(planned, cores=4)
    assert result.ok

Everything is relative to the current working directory, as on the command line. Errors are
`rulekit.errors.RulekitError`; a failed job is no exception but a result that is not `ok`.
"""

from __future__ import annotations

import os

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    import networkx

    from rulekit.engine.session import Prepared
    from rulekit.engine.settings import RunSettings
    from rulekit.events import RunFinished
    from rulekit.model.record import Reason
    from rulekit.model.rule import Workflow

__all__ = ["Job", "Planned", "Result", "graph", "load", "plan", "run"]


@frozen
class Job:
    """One job of a plan. `status` is ``"pending"`` (it will run) or ``"done"`` (up to date)."""

    key: str
    rule: str
    wildcards: Mapping[str, str]
    input: tuple[str, ...]
    output: tuple[str, ...]
    log: tuple[str, ...]
    run: bool
    reasons: tuple[Reason, ...]
    needs: tuple[str, ...]  # keys

    @property
    def status(self) -> str:
        return "pending" if self.run else "done"


@frozen
class Planned:
    """A plan with its forecast. Nothing was written to make it."""

    prepared: Prepared
    rulefile: str

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs in topological order, those that are up to date too."""
        plan, forecast = self.prepared.stage.plan, self.prepared.stage.forecast
        keys = [plan.key(number) for number in plan.numbers()]
        return tuple(
            Job(
                keys[number],
                plan.rule_of(number).name,
                dict(zip(plan.rule_of(number).wildcard_names, plan.wildcards[number], strict=True)),
                plan.inputs[number],
                plan.outputs[number],
                plan.logs(number),
                bool(forecast.run[number]),
                forecast.reasons(number),
                tuple(keys[needed] for needed in plan.needs[number]),
            )
            for number in plan.numbers()
        )

    @property
    def pending(self) -> int:
        """How many jobs will run."""
        return self.prepared.stage.forecast.count

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.prepared.stage.plan.warnings


@frozen
class Result:
    """How a run ended. `failed` holds the keys of jobs; `seconds` is wall time."""

    ok: bool
    done: int
    failed: tuple[str, ...]
    skipped: int
    seconds: float
    interrupted: bool


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    configfiles: Iterable[str | os.PathLike[str]] = (),
    cores: int | None = None,
) -> Workflow:
    """Read a rule file (default: the first of the usual names). It is executed.

    Raises `RuleFileError`.
    """
    from rulekit.compiler.load import load as compile_file
    from rulekit.compiler.settings import LoadSettings

    settings = LoadSettings(
        config=dict(config or {}),
        configfiles=tuple(os.path.abspath(file) for file in configfiles),
        cores=cores,
    )
    workflow = compile_file(_rulefile(path), settings)
    _settings[workflow.main_file] = settings
    return workflow


# The settings a file was loaded with: a `run:` body's process reads it again with the same ones.
_settings: dict[str, Any] = {}


def _rulefile(path: str | os.PathLike[str] | None) -> str:
    from rulekit.syntax.locate import required

    found = required(None if path is None else os.fspath(path))
    return found if "://" in found else os.path.abspath(found)


def plan(
    workflow: Workflow,
    targets: Sequence[str] = (),
    *,
    forceall: bool = False,
    force: bool = False,
    forcerun: Iterable[str] = (),
    until: Iterable[str] = (),
    omit_from: Iterable[str] = (),
    rerun_triggers: Iterable[str] | None = None,
    allow_ambiguity: bool = False,
) -> Planned:
    """Plan and forecast for targets (rule names or files; none: the default target).

    Reads the disk and the records of earlier runs and writes nothing. Raises `PlanError`.
    """
    from rulekit.engine.session import prepare
    from rulekit.planning import PlanOptions
    from rulekit.staleness import TRIGGERS, Policy

    prepared = prepare(
        workflow,
        tuple(targets),
        PlanOptions(
            until=frozenset(until),
            omit_from=frozenset(omit_from),
            allow_ambiguity=allow_ambiguity,
        ),
        Policy(
            triggers=frozenset(TRIGGERS if rerun_triggers is None else rerun_triggers),
            force_all=forceall,
            force_targets=force,
            force=frozenset(forcerun),
        ),
        _run_settings(workflow),
        readonly=True,
    )
    return Planned(prepared, workflow.main_file)


def _run_settings(workflow: Workflow, **changes: Any) -> RunSettings:
    from rulekit.compiler.settings import LoadSettings
    from rulekit.engine.settings import RunSettings

    load_settings = _settings.get(workflow.main_file) or LoadSettings()
    return RunSettings(rulefile=workflow.main_file, load=load_settings, **changes)


def graph(planned: Planned) -> networkx.DiGraph[str]:
    """The jobs as a graph with an edge from each producer to each consumer.

    Nodes are job keys with the attributes rule, wildcards, input, output, log, status, reasons.
    """
    import networkx

    made: networkx.DiGraph[str] = networkx.DiGraph()
    jobs = planned.jobs
    for job in jobs:
        made.add_node(
            job.key,
            rule=job.rule,
            wildcards=job.wildcards,
            input=job.input,
            output=job.output,
            log=job.log,
            status=job.status,
            reasons=job.reasons,
        )
    for job in jobs:
        made.add_edges_from((needed, job.key) for needed in job.needs)
    return made


def run(
    planned: Planned,
    *,
    cores: int = 1,
    keep_going: bool = False,
    retries: int = 0,
    resources: Mapping[str, int] | None = None,
    listeners: Sequence[Callable[[Any], None]] = (),
) -> Result:
    """Run what the plan says, made anew from the disk as it is now.

    `listeners` are called with each event (`rulekit.events`). Raises `PlanError`, `LockedError`,
    `InfrastructureError`, `StateError`; a failed job is reported in the result.
    """
    from rulekit.engine.execution import execute
    from rulekit.engine.session import prepare

    old = planned.prepared
    settings = _run_settings(
        old.workflow,
        cores=cores,
        keep_going=keep_going,
        retries=retries,
        resources=dict(resources or {}),
        command="rulekit",
    )
    prepared = prepare(
        old.workflow,
        old.targets,
        old.options,
        old.policy,
        settings,
        readonly=False,
        listeners=list(listeners),
    )
    try:
        if not prepared.stage.forecast.count:
            return Result(True, 0, (), 0, 0.0, False)
        finished: RunFinished
        finished, _ = execute(prepared, list(listeners))
    finally:
        if prepared.store is not None:
            prepared.store.close()
    return Result(
        finished.ok,
        finished.done,
        finished.failed,
        finished.skipped,
        finished.seconds,
        finished.interrupted,
    )
