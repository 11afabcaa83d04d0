"""What a crate tells of a run, gathered from plan and records. Values; nothing of JSON-LD."""

from __future__ import annotations

import os

from rulekit.frozen import frozen
from rulekit.history.jobs import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rulekit.history.jobs import JobHistory
    from rulekit.history.runs import RunInfo, Work
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan


@frozen
class FileFacts:
    """A file as it is known: bytes, time of change (seconds since 1970), digest ``sha256:…``."""

    path: str
    size: int | None = None
    changed: float | None = None
    digest: str | None = None


@frozen
class JobFacts:
    """One attempt of the run. `command` and `environment` are empty where they are not known."""

    work: Work
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    command: str
    environment: str


@frozen
class RunFacts:
    """All of it. `results` are the targets' files that are there, `sources` the files that no job
    made; `files` knows each file that is named anywhere."""

    title: str
    run: RunInfo
    rules: tuple[Rule, ...]
    order: Mapping[str, int]  # rule to its place in the flow of work
    jobs: tuple[JobFacts, ...]
    results: tuple[str, ...]
    sources: tuple[str, ...]
    files: Mapping[str, FileFacts]
    rule_files: tuple[str, ...]  # absolute, the main one first
    config_files: tuple[str, ...]  # absolute
    other_files: tuple[str, ...]  # scripts and environment files of the rules, absolute


def gather(
    title: str,
    plan: Plan,
    history: JobHistory,
    run: RunInfo,
    works: Sequence[Work],
    hide: Callable[[str], str],
) -> RunFacts:
    """The facts of one run. Of an attempt that failed the inputs are those of today's plan."""
    files: dict[str, FileFacts] = {}
    index = history.index
    outputs_of: dict[int, list[str]] = {}
    if index is not None:
        for path, (maker, mtime_ns, size, digest) in index.outputs.items():
            outputs_of.setdefault(maker, []).append(path)
            files[path] = FileFacts(path, size, mtime_ns / 1e9, digest)
    jobs = []
    for work in works:
        number = history.numbers.get(identity(work.rule, work.wildcards))
        inputs: tuple[str, ...] = plan.inputs[number] if number is not None else ()
        outputs: tuple[str, ...] = ()
        command = environment = ""
        record = work.record
        if index is not None and record in outputs_of:
            assert record is not None
            outputs = tuple(sorted(outputs_of[record]))
            known = index.inputs(record)
            for fact in known.values():
                facts = FileFacts(fact.path, fact.size, fact.mtime_ns / 1e9, fact.digest)
                files.setdefault(fact.path, facts)
            inputs = tuple(known)
            command = hide(index.command(record) or "")
            environment = hide(index.environment(record))
        jobs.append(JobFacts(work, inputs, outputs, command, environment))
    order: dict[str, int] = {}
    for index_of in plan.rule:
        order.setdefault(plan.workflow.rules[index_of].name, len(order) + 1)
    rules = tuple(rule for rule in plan.workflow.rules if rule.name in order)
    made = {path for job in jobs for path in job.outputs}
    sources = {path for job in jobs for path in job.inputs} - made - set(plan.producer)
    wanted = dict.fromkeys(plan.targets)
    for job_number in plan.target_jobs:
        # A rule that only collects stands for what it collects.
        wanted.update(dict.fromkeys(plan.outputs[job_number] or plan.inputs[job_number]))
    results = [path for path in wanted if path in made and os.path.exists(path)]
    workflow = plan.workflow
    others: dict[str, None] = {}
    for rule in rules:
        for name in _files_of(rule):
            others[name] = None
    main = workflow.main_file
    rest = [path for path in workflow.source_files if path != main]
    return RunFacts(
        title,
        run,
        rules,
        order,
        tuple(jobs),
        tuple(results),
        tuple(sorted(sources)),
        files,
        (main, *rest),
        tuple(os.path.abspath(path) for path in workflow.configfiles),
        tuple(others),
    )


def environment_file(rule: Rule) -> str | None:
    """The environment file that a rule names, absolute; None if it names none."""
    if isinstance(rule.conda, str) and rule.conda.endswith((".yaml", ".yml")):
        return os.path.normpath(os.path.join(rule.basedir, rule.conda))
    return None


def script_file(rule: Rule) -> str | None:
    """The script or notebook of a rule, absolute; None if it has none, or one for each job."""
    body = rule.body
    if body.kind in ("script", "notebook") and "{" not in body.text and "://" not in body.text:
        return os.path.normpath(os.path.join(rule.basedir, body.text))
    return None


def _files_of(rule: Rule) -> list[str]:
    found = (environment_file(rule), script_file(rule))
    return [path for path in found if path is not None and os.path.isfile(path)]
