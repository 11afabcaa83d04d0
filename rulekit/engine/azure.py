"""A run on Azure Batch: the executors for it, and what tasks are told of the run."""

from __future__ import annotations

import os

from rulekit.errors import PlanError, RulekitError
from rulekit.executors.azure import sizes
from rulekit.executors.azure.client import BatchService
from rulekit.executors.azure.executor import AzureBatchExecutor
from rulekit.executors.azure.setup import RunFacts
from rulekit.executors.azure.tasks import Details
from rulekit.executors.split import SplitExecutor
from rulekit.planning.groups import Grouping, is_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.engine.stored import RunStorage
    from rulekit.executors.azure.packs import Packs
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.executors.local import LocalExecutor
    from rulekit.model.rule import Rule, Workflow
    from rulekit.model.spec import JobSpec
    from rulekit.provenance.journal import Past

_LOOK_AT = 100  # jobs of a rule whose size is looked at before anything runs
_FIRST_LOOK_S = 30.0  # an account that throttles all of us gets some time


class _Remote(AzureBatchExecutor):
    """The executor in the words of `executors.split.Remote`."""

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """A group of jobs as one task: side by side where pipes or services join them, else one
        job after the other."""
        if any(
            "pipe" in output.flags or "service" in output.flags
            for spec in specs
            for output in spec.outputs
        ):
            super().submit_together(specs, amounts, budget)
        else:
            self.submit_group(specs)

    def due(self) -> float | None:
        """All news come through the file of `fileno`."""
        return None


def make_executor(
    settings: RunSettings,
    workflow: Workflow,
    stored: RunStorage,
    *,
    run: str,
    journal: str,
    wake_fd: int,
    say: Callable[[str, str], None],
    stage: Callable[[], Stage],
    local: LocalExecutor,
) -> SplitExecutor:
    """Rules without an action and local rules here, all others on Azure Batch. Raises
    `InfrastructureError`, and `PlanError` for jobs that no machine can hold."""
    assert settings.azure is not None
    grouping = settings.grouping or Grouping()
    refuse_files_of_this_machine(stage(), stored, grouping)
    for notice in settings.azure.notices:
        say("warning", notice)
    look_at_account(settings.azure)
    tell_end_of_access(stored, say)
    remote = _Remote(
        settings.azure,
        stored.client,
        stored.places,
        run=run,
        journal=journal,
        wake_fd=wake_fd,
        say=say,
        facts=facts_of_run(settings, workflow),
        details=lambda spec: details_of(stage(), spec, settings),
        outputs=os.path.join(settings.state_dir, "log", "azure"),
        live=True,
        packs=_packs(stage(), stored, say),
    )
    sizes.require(remote.pools.sizes(), requests_of(stage(), settings, grouping))
    if not settings.azure.pool:
        remote.pools.start_script()
    return SplitExecutor(
        local,
        remote,
        lambda spec: is_local(stage().plan, spec.id, grouping.names),
        cores=settings.local_cores or os.cpu_count() or 1,
        wake_fd=wake_fd,
    )


def foresee(stage: Stage, settings: RunSettings, stored: RunStorage) -> tuple[str, ...]:
    """For a dry run: what would end the run before its first job, as far as it can be known without
    a question to the Batch service. Notices about the settings. Raises `PlanError`."""
    assert settings.azure is not None
    grouping = settings.grouping or Grouping()
    refuse_files_of_this_machine(stage, stored, grouping)
    if settings.azure.pool:  # its size is known to the service only
        return settings.azure.notices
    chosen = sizes.Sizes(settings.azure)
    sizes.require(chosen, requests_of(stage, settings, grouping))
    return (*settings.azure.notices, *((chosen.unknown,) if chosen.unknown else ()))


def _packs(stage: Stage, stored: RunStorage, say: Callable[[str, str], None]) -> Packs | None:
    """The packed environments of the run, if conda is switched on."""
    software = stage.definitions.software
    if software is None or stored.places.default is None:
        return None
    from rulekit.executors.azure.packs import Packs

    def pack(identity: str) -> str:
        return software.store.pack(identity, say=lambda news: say("info", news.text))

    return Packs(stored.client, stored.places.default, pack, say)


def clear_earlier(settings: RunSettings, stored: RunStorage, pending: Sequence[Past]) -> None:
    """Removes what killed runs have left on Azure when there is nothing to do: their pools, jobs and
    files. Raises `InfrastructureError`."""
    from rulekit.engine.adoption import Adoption

    assert settings.azure is not None
    remote = _Remote(settings.azure, stored.client, stored.places, run="clear")
    adoption = Adoption(pending, remote)
    try:
        remote.earlier(adoption.places)
        remote.release()
    finally:
        remote.close()
    adoption.settled()


def refuse_files_of_this_machine(stage: Stage, stored: RunStorage, grouping: Grouping) -> None:
    """Raises `PlanError` for a job that would run elsewhere and has a file that is here only, or a
    stream from or to a job that runs here."""
    plan, run = stage.plan, stage.forecast.run
    for stream in plan.streams:
        jobs = [job for job in (stream.maker, *stream.readers) if run[job]]
        local = [job for job in jobs if is_local(plan, job, grouping.names)]
        if local and len(local) < len(jobs):
            there = next(job for job in jobs if job not in local)
            raise PlanError(
                f"`{stream.path}` is a {stream.kind} between `{plan.key(local[0])}`, a job of this"
                f" machine, and `{plan.key(there)}`, which is to run on Azure Batch",
                code="RK0624",
                span=plan.rule_of(local[0]).span,
                help="a pipe or service joins jobs of one machine: name both rules in `localrules:`,"
                " or none",
            )
    for job, runs in enumerate(run):
        if not runs or is_local(plan, job, grouping.names):
            continue
        for what, paths in (("input", plan.inputs[job]), ("output", plan.outputs[job])):
            here = next((path for path in paths if stored.find(path) is None), None)
            if here is not None:
                rule = plan.rule_of(job)
                raise PlanError(
                    f"the {what} `{here}` of rule `{rule.name}` is on this machine only, and the job"
                    " is to run on Azure Batch",
                    code="RK0624",
                    span=rule.span,
                    help="use a relative path, which is then a stored file, or name the rule in"
                    " `localrules:`",
                )


def look_at_account(settings: AzureSettings) -> None:
    """One request, so that a wrong address or key ends the run before its first job. Raises
    `InfrastructureError`."""
    service = BatchService(settings, deadline_s=_FIRST_LOOK_S)
    try:
        for _ in service.rows("/pools", {"maxresults": "1", "$select": "id"}):
            break
    finally:
        service.close()


def tell_end_of_access(stored: RunStorage, say: Callable[[str, str], None]) -> None:
    """Says when tokens of the user end: nothing can be made in their place. That one ends within a
    day was said before."""
    import time

    from rulekit.storage.azblob.sas import parse_sas, spoken_time

    roots = (*stored.places.roots, *((stored.places.default,) if stored.places.default else ()))
    for key in dict.fromkeys(root.account for root in roots):
        account = stored.client.account(key)
        end = parse_sas(account.secret).expires if account.kind == "sas" else None
        if end is not None and end > time.time() + 86_400:
            say(
                "info",
                f"the SAS of the storage account {account.name} ends {spoken_time(end)}:"
                " the run must be done by then",
            )


def facts_of_run(settings: RunSettings, workflow: Workflow) -> RunFacts:
    """What all tasks of the run need. Raises `InfrastructureError` if the sources cannot be sent."""
    from rulekit.engine.sources import pack

    names = dict.fromkeys((*workflow.envvars, *settings.envvars))
    values = {name: os.environ[name] for name in names if name in os.environ}
    found = pack(workflow, os.getcwd())
    bodies = any(rule.body.kind == "run" for rule in workflow.rules)
    if found is None:
        return RunFacts(values, everything=bodies)
    return RunFacts(values, (found.content, found.digest), found.moved, bodies)


def details_of(stage: Stage, spec: JobSpec, settings: RunSettings) -> Details:
    """Container and resources of one job."""
    rule = stage.plan.rule_of(spec.id)
    numbers = _numbers(stage, settings, spec.id, spec.attempt, spec.threads)
    image = image_of(rule.container, settings.azure.container_image if settings.azure else None)
    options: list[str] = []
    if image and settings.azure is not None and settings.azure.container_limits:
        from rulekit.node.container import limits

        memory = numbers.get("mem_mb")
        said = isinstance(memory, (int, float)) and not _is_guessed(rule, settings, "mem")
        options = limits(spec.threads, memory if said else None)
    return Details(image, tuple(options), numbers)


def requests_of(
    stage: Stage, settings: RunSettings, grouping: Grouping
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Name, threads and resources of jobs that are to run on Azure, of each rule the first few.
    What cannot be computed yet is looked at when the job has its turn."""
    plan, run = stage.plan, stage.forecast.run
    looked: dict[int, int] = {}
    for job in range(len(run)):
        rule = plan.rule[job]
        if not run[job] or looked.get(rule, 0) >= _LOOK_AT or is_local(plan, job, grouping.names):
            continue
        looked[rule] = looked.get(rule, 0) + 1
        try:
            threads = stage.values.threads(job)
            yield plan.key(job), threads, _numbers(stage, settings, job, 1, threads)
        except RulekitError:
            continue


def _numbers(
    stage: Stage, settings: RunSettings, job: int, attempt: int, threads: int
) -> dict[str, Any]:
    """What a job asks of a machine."""
    resources = stage.values.resources(job, attempt, threads)
    guessed = _is_guessed(stage.plan.rule_of(job), settings, "disk")
    return {
        name: value
        for name, value in resources.items()
        if isinstance(value, (int, float, str))
        and not isinstance(value, bool)
        and name[0] != "_"
        and not (guessed and name.startswith("disk"))
    }


def _is_guessed(rule: Rule, settings: RunSettings, what: str) -> bool:
    """Whether nobody said how much disk or memory (``mem``) the jobs of a rule need. Snakemake's
    default for jobs without input (50 GB of disk) must not keep them off machines, nor others from
    sharing one; and by a guess no job is killed."""
    for names in (rule.resources, settings.set_resources.get(rule.name) or {}):
        if any(name.startswith(what) for name in names):
            return False
    default = (settings.default_resources or {}).get(f"{what}_mb")
    return str(getattr(default, "text", "")).startswith("max(2*input.size_mb, 1000)")


def image_of(container: object, default: str | None) -> str | None:
    """The image of a job: its rule's own, else the run's. ``docker://`` is what every image is."""
    image = container if isinstance(container, str) and container else default
    if image is None:
        return None
    return image.removeprefix("docker://")
