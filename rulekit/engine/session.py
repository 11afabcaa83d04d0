"""From a compiled workflow to a stage that is ready to be shown or run, and the run itself.

`prepare` reads: disk, state store, the user's functions. `engine.execution` and `engine.touch`
write. A dry run is `prepare` with `readonly`, which changes no byte.
"""

from __future__ import annotations

import os

from rulekit.engine.definitions import JobDefinitions
from rulekit.engine.loop import Stage
from rulekit.engine.values import JobValues
from rulekit.errors.tree import InfrastructureError, PlanError
from rulekit.events import Note
from rulekit.frozen import frozen, replace
from rulekit.language.jobvalues import check_params
from rulekit.language.storagestate import State
from rulekit.model.namedlist import measure_with
from rulekit.planning import PlanOptions, make_plan
from rulekit.staleness import Policy, forecast
from rulekit.storage.local import LocalFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.engine.settings import RunSettings
    from rulekit.engine.software import Software
    from rulekit.engine.stored import RunStorage
    from rulekit.model.rule import Workflow
    from rulekit.provenance.journal import Past
    from rulekit.provenance.store import Store

    Listener = Callable[[object], None]


@frozen
class Prepared:
    """A stage and what it was made of, so that it can be made again after a checkpoint."""

    workflow: Workflow
    targets: tuple[str, ...]
    options: PlanOptions
    policy: Policy
    settings: RunSettings
    files: LocalFiles
    store: Store | None
    stage: Stage
    stored: RunStorage | None = None
    software: Software | None = None  # None: nothing is switched on
    pending: tuple[Past, ...] = ()  # killed runs that left jobs on other machines


def open_store(state_dir: str, *, readonly: bool) -> Store | None:
    """The state store; None if there is none yet and none is to be made."""
    if readonly and not os.path.exists(os.path.join(state_dir, "provenance.sqlite")):
        return None
    from rulekit.provenance.store import Store

    return Store.open(state_dir, readonly=readonly)


def prepare(
    workflow: Workflow,
    targets: Sequence[str],
    options: PlanOptions,
    policy: Policy,
    settings: RunSettings,
    *,
    readonly: bool = False,
    listeners: Sequence[Listener] = (),
    stored: RunStorage | None = None,
) -> Prepared:
    """Plans and forecasts in the current directory.

    Not readonly: what an earlier run left unfinished is recovered first. `stored`: some files are
    not on this disk. Raises `PlanError`, `StateError`, `InfrastructureError`.
    """
    if settings.cache is not None:
        from rulekit.engine.outputcache import open_cache

        open_cache(settings, workflow.rules)  # says what is wrong with it before anything is done
    store = open_store(settings.state_dir, readonly=readonly)
    pending: tuple[Past, ...] = ()
    if stored is not None:
        from rulekit.engine.copies import LocalCopies

        _check(stored, listeners, writing=not readonly)
        measure_with(stored.size)
        workflow.checkpoints.fetch = LocalCopies(stored, settings.state_dir).fetch
    if not readonly and store is not None:
        pending = recover_earlier(settings, store, listeners, stored)
    looked_at_web = State.web
    files = _view(settings, stored)
    blank = Prepared(
        workflow,
        tuple(targets),
        options,
        policy,
        settings,
        files,
        store,
        None,  # type: ignore[arg-type]
        stored,
        _software(settings),
        pending,
    )
    try:
        return replace(blank, stage=make_stage(blank, frozenset()))
    except PlanError:
        if looked_at_web or not State.web:
            raise
    # The first name of a file on a web server came up in planning, from a function.
    blank = replace(blank, files=_view(settings, stored))
    return replace(blank, stage=make_stage(blank, frozenset()))


def _view(settings: RunSettings, stored: RunStorage | None) -> LocalFiles:
    """The files of the run: here, in storage, on web servers."""
    if not State.web:
        return LocalFiles(settings.digest_limit) if stored is None else stored.files
    if stored is not None:
        raise PlanError(
            "inputs on web servers and files in Azure Blob Storage do not go together in one run",
            code="RK0466",
            help="fetch the files of the web in a rule of its own: `curl -fsSL -o {output} URL`",
        )
    from rulekit.storage.http import WebFiles

    return WebFiles(settings.digest_limit)


def _software(settings: RunSettings) -> Software | None:
    if not settings.deployment:
        return None
    from rulekit.engine.software import Software

    if settings.azure is None:
        return Software(settings)
    from rulekit.planning.groups import is_local

    names = settings.grouping.names if settings.grouping is not None else {}
    return Software(settings, lambda plan, job: not is_local(plan, job, names))


def make_stage(
    prepared: Prepared, done: frozenset[str], being_made: frozenset[str] = frozenset()
) -> Stage:
    """Plan and forecast as of now; `done` are the jobs (keys) that ran already in this run.

    `being_made`: outputs of this run's jobs that are running. What other runs, live or killed,
    are known to be at counts as incomplete too. Checkpoints that are up to date are opened at
    once, which calls for another plan.
    """
    workflow, files = prepared.workflow, prepared.files
    policy = replace(prepared.policy, exempt=done) if done else prepared.policy
    memory = prepared.store.snapshot() if prepared.store is not None else None
    if memory is not None:
        if not done and _journals(prepared.settings):
            from rulekit.provenance.unfinished import unfinished

            elsewhere = None if prepared.stored is None else prepared.stored.files
            being_made = unfinished(prepared.settings.state_dir, memory.outputs, elsewhere)
        if being_made:
            memory.incomplete |= being_made
    gate = workflow.checkpoints
    while True:
        try:
            plan = make_plan(workflow, prepared.targets, files, prepared.options)
        except PlanError as error:
            if prepared.stored is None:
                raise
            raise prepared.stored.explained(error) from error.__cause__
        if prepared.stored is not None:
            prepared.stored.check_plan(plan)
        for index in set(plan.rule):
            check_params(workflow.rules[index])  # now, not when hours of work lie behind
        if plan.streams:
            # What a killed run left of a pipe is not the file.
            files.hide(stream.path for stream in plan.streams)
        values = JobValues(plan, prepared.settings)
        definitions = JobDefinitions(plan, values, prepared.settings, prepared.software)
        found = forecast(plan, files, memory, definitions, policy)
        opened = not gate.done.issuperset(plan.sourced)
        gate.done.update(plan.sourced)
        checkpoints = {rule.index for rule in workflow.rules if rule.kind == "checkpoint"}
        for job, rule in enumerate(plan.rule) if checkpoints else ():
            if (
                rule in checkpoints
                and not found.run[job]
                # One whose outputs are gone, and that nobody needs, has nothing to be read.
                and all(files.exists(path) for path in plan.outputs[job])
            ):
                key = (workflow.rules[rule].name, plan.wildcards[job])
                if key not in gate.done:
                    gate.done.add(key)
                    opened = True
        if not opened:
            return Stage(plan, found, values, definitions)


def recover_earlier(
    settings: RunSettings,
    store: Store,
    listeners: Sequence[Listener],
    stored: RunStorage | None = None,
) -> tuple[Past, ...]:
    """Takes over what killed runs left behind: commits results, waits for live jobs, sets aside
    outputs that nobody vouches for. Cheap when there is nothing: one look into a folder. The result
    are runs with jobs on other machines, if this run can take them over."""
    if not _journals(settings):
        return ()
    from rulekit.provenance.recover import recover

    if os.path.isdir(os.path.join(settings.state_dir, "cluster")):
        from rulekit.engine.cluster import settle_earlier

        settle_earlier(settings, lambda text: _say(listeners, text))
    found = recover(
        settings.state_dir,
        store,
        lambda text: _say(listeners, text),
        keep_incomplete=settings.keep_incomplete,
        elsewhere=None if stored is None else stored.files,
        adopts=settings.azure is not None,
    )
    if stored is not None and found.unneeded:
        for path in found.unneeded:
            stored.remove_later(path)
        try:
            stored.remove()
        except InfrastructureError as error:
            _say(listeners, f"temporary outputs could not be removed: {error}")
    return found.pending


def _check(stored: RunStorage, listeners: Sequence[Listener], *, writing: bool) -> None:
    """Asks the storage whether it can be used, before anything is planned on it."""
    warnings = stored.check(writing)
    if warnings:
        from rulekit.errors.show import written

        text = written(warnings).rstrip()
        if not listeners:  # a dry run
            import sys

            sys.stderr.write(text + "\n")
        _say(listeners, text)


def _say(listeners: Sequence[Listener], text: str) -> None:
    for listener in listeners:
        listener(Note("warning", text))


def _journals(settings: RunSettings) -> bool:
    """Whether a run goes on, or was killed."""
    try:
        return bool(os.listdir(os.path.join(settings.state_dir, "journal")))
    except OSError:
        return False
