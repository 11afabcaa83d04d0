"""One job of one rule, in a folder with nothing but its inputs."""

from __future__ import annotations

import os
import re
import shutil

from rulekit.engine.session import prepare
from rulekit.engine.settings import RunSettings
from rulekit.errors.diagnostic import did_you_mean
from rulekit.errors.tree import UsageError
from rulekit.frozen import frozen, replace
from rulekit.language.format import compile_template
from rulekit.language.jobvalues import expand_inputs
from rulekit.model.namedlist import names_of
from rulekit.patterns import parse, strip_constraints
from rulekit.planning import PlanOptions
from rulekit.staleness import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rulekit.compiler.settings import LoadSettings
    from rulekit.engine.session import Prepared
    from rulekit.model.rule import Entry, FileItem, Rule, Workflow

    Names = Mapping[str, int | tuple[int, int]]


class _All(set):  # type: ignore[type-arg]
    """Every checkpoint has run: what input functions read of it is given by the test."""

    def __contains__(self, key: object) -> bool:
        return True


@frozen
class _Seen:
    """What a run told of its job."""

    failed: list[Any]
    finished: list[Any]

    def hear(self, event: object) -> None:
        kind = type(event).__name__
        if kind == "JobFailed":
            self.failed.append(event)
        elif kind == "JobFinished":
            self.finished.append(event)


def carry_out(order: Mapping[str, Any]) -> dict[str, Any]:
    """What the test is told. Raises `RulekitError`."""
    workflow, settings = _load(order)
    rule = _rule(workflow, order["rule"])
    values = _values(rule, order["wildcards"])
    workflow = _narrowed(workflow, rule, values)
    work = order["work"]
    _bring(order["files"], work)
    _bring_config(workflow, os.getcwd(), work)
    os.chdir(work)
    workflow.checkpoints.done = _All()
    running = order["mode"] == "run"
    given = order["inputs"]
    if isinstance(given, str):
        # First: functions may look into what a checkpoint made, which are inputs, too.
        kept = _there()
        shutil.copytree(given, ".", symlinks=True, dirs_exist_ok=True)
    found, names = expand_inputs(rule, values)
    paths = [str(path) for path in found]
    if isinstance(given, str):
        _take_away(_there() - kept, paths)
    if running:
        _bring_inputs(rule, paths, names, given if isinstance(given, dict) else {})
    else:
        _stand_in(paths)
    prepared = _prepared(workflow, settings, rule, values, order["cores"], readonly=not running)
    number = prepared.stage.plan.target_jobs[0]
    if not running:
        return {"job": _told(prepared, number)}
    before = _there()
    seen = _Seen([], [])
    from rulekit.engine.execution import execute

    try:
        told = _told(prepared, number)
        outcome, _ = execute(prepared, [seen.hear])
    finally:
        if prepared.store is not None:
            prepared.store.close()
    known = {os.path.normpath(path) for kind in ("outputs", "logs") for path in told[kind]["items"]}
    known.add(os.path.normpath(told["benchmark"] or "."))
    extra = [
        path
        for path in sorted(_there() - before)
        if path not in known and not any(path.startswith(folder + "/") for folder in known)
    ]
    last = seen.failed[-1] if seen.failed else None
    return {
        "job": told,
        "ok": outcome.ok,
        "cause": "" if outcome.ok else last.cause if last else "it was ended from outside",
        "exit_code": 0 if outcome.ok or last is None else last.exit_code,
        "seconds": seen.finished[-1].seconds if seen.finished else outcome.seconds,
        "undeclared": extra,
    }


# -- reading ----------------------------------------------------------------------------------


def _load(order: Mapping[str, Any]) -> tuple[Workflow, LoadSettings]:
    from rulekit.compiler.load import load
    from rulekit.compiler.settings import LoadSettings

    os.chdir(order["project"])
    settings = LoadSettings(
        config=order["config"], configfiles=tuple(order["configfiles"]), cores=order["cores"]
    )
    workflow = load(order["rulefile"], settings)
    if workflow.workdir is not None:
        os.chdir(workflow.workdir)
    return workflow, settings


def _rule(workflow: Workflow, name: str) -> Rule:
    rule = workflow.rule(name)
    if rule is None:
        names = [rule.name for rule in workflow.rules]
        raise UsageError(
            f"there is no rule `{name}`",
            code="RK0180",
            notes=(f"the rules of {workflow.main_file}: {', '.join(names) or 'none'}",),
            help=did_you_mean("rule", name, names),
        )
    for entry in rule.outputs:
        for item in entry.items:
            for flag in ("pipe", "service"):
                if flag in item.flags:
                    raise UsageError(
                        f"rule `{name}` cannot be run alone: `{item.text}` is a {flag}",
                        code="RK0182",
                        span=rule.span,
                    )
    return rule


def _values(rule: Rule, given: Mapping[str, str]) -> tuple[str, ...]:
    """The wildcard values in the order of the rule's names."""
    missing = [name for name in rule.wildcard_names if name not in given]
    unknown = [name for name in given if name not in rule.wildcard_names]
    if missing or unknown:
        words = [f"`{name}` is not given" for name in missing]
        words += [f"it has no `{name}`" for name in unknown]
        near = did_you_mean("wildcard", unknown[0], rule.wildcard_names) if unknown else None
        raise UsageError(
            f"the wildcards do not fit rule `{rule.name}`: {', '.join(words)}",
            code="RK0180",
            span=rule.span,
            help=near or f"its wildcards are: {', '.join(rule.wildcard_names) or 'none'}",
        )
    return tuple(given[name] for name in rule.wildcard_names)


# -- files ------------------------------------------------------------------------------------


def _leads_out(path: str) -> bool:
    return os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir


def _copy(source: str, target: str) -> None:
    folder = os.path.dirname(target)
    if folder:
        os.makedirs(folder, exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _bring(files: Any, work: str) -> None:
    """Puts the files that are not inputs where they belong."""
    if files is None:
        return
    if isinstance(files, str):
        shutil.copytree(files, work, symlinks=True, dirs_exist_ok=True)
        return
    for path, (several, sources) in files.items():
        if several or _leads_out(path):
            why = "has several contents" if several else "is not a path below the folder of the job"
            raise UsageError(f"files: `{path}` {why}", code="RK0182")
        _copy(sources[0], os.path.join(work, path))


def _bring_config(workflow: Workflow, project: str, work: str) -> None:
    """Config files are where jobs look for them, too."""
    for path in workflow.configfiles:
        inside = os.path.relpath(path, project)
        target = os.path.join(work, inside)
        if not _leads_out(inside) and os.path.isfile(path) and not os.path.exists(target):
            _copy(path, target)


def _take_away(brought: set[str], paths: Sequence[str]) -> None:
    """Deletes what came with the inputs and is none."""
    inputs = {os.path.normpath(path) for path in paths}
    for path in brought - inputs:
        if not any(path.startswith(folder + "/") for folder in inputs):
            os.unlink(path)


def _bring_inputs(rule: Rule, paths: Sequence[str], names: Names, given: Mapping[str, Any]) -> None:
    """Puts each input where the rule looks for it. Raises if one is missing, or one too many."""
    sources: dict[str, str] = {}
    for key, (several, contents) in given.items():
        wanted = _named(rule, key, paths, names)
        if len(wanted) != len(contents):
            what = f"{len(contents)} contents are" if several else "one content is"
            raise UsageError(
                f"input `{key}` of rule `{rule.name}` is {len(wanted)} files, and {what} given",
                code="RK0180",
                span=rule.span,
                notes=(f"the files: {', '.join(wanted)}",),
            )
        sources.update(zip(wanted, contents, strict=True))
    for path, source in sources.items():
        if _leads_out(path):
            raise UsageError(
                f"input `{path}` of rule `{rule.name}` is outside of the folder of the job",
                code="RK0182",
                span=rule.span,
                help="make the path depend on the config, and give another one in the test",
            )
        _copy(source, path)
    missing = [path for path in dict.fromkeys(paths) if not os.path.exists(path)]
    if missing:
        raise UsageError(
            f"the test gives no content for {len(missing)} of the inputs of rule `{rule.name}`: "
            + ", ".join(f"`{path}`" for path in missing),
            code="RK0181",
            span=rule.span,
            help=f"inputs={{{missing[0]!r}: ...}}; an input that has a name can be given by it",
        )


def _named(rule: Rule, key: str, paths: Sequence[str], names: Names) -> Sequence[str]:
    """The paths that a test means by a name, or by a path."""
    where = names.get(key)
    if where is not None:
        return paths[where : where + 1] if isinstance(where, int) else paths[where[0] : where[1]]
    wanted = os.path.normpath(key)
    found = [path for path in paths if os.path.normpath(path) == wanted][:1]
    if found:
        return found
    raise UsageError(
        f"rule `{rule.name}` has no input `{key}` for these wildcards",
        code="RK0180",
        span=rule.span,
        notes=(f"its inputs: {', '.join([*names, *paths]) or 'none'}",),
        help=did_you_mean("input", key, [*names, *paths])
        or "what a job reads without declaring it can be given by `files=`",
    )


def _stand_in(paths: Sequence[str]) -> None:
    """Empty files, so that a job can be planned that is not run."""
    for path in paths:
        if not _leads_out(path) and not os.path.exists(path):
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w"):
                pass


def _there() -> set[str]:
    """All files below the working directory but the state of rulekit."""
    found: set[str] = set()
    for folder, folders, names in os.walk("."):
        if folder == ".":
            folders[:] = [name for name in folders if name not in (".rulekit", ".snakemake")]
        found.update(os.path.normpath(os.path.join(folder, name)) for name in names)
    return found


# -- the job ----------------------------------------------------------------------------------


def _prepared(
    workflow: Workflow,
    load: LoadSettings,
    rule: Rule,
    values: tuple[str, ...],
    cores: int,
    *,
    readonly: bool,
) -> Prepared:
    """Plan of one job."""
    from rulekit.language.jobvalues import expand_entries, make_wildcards

    wildcards = make_wildcards(rule.wildcard_names, values)
    files, _ = expand_entries(rule.outputs, wildcards, rule=rule)
    for path in files:
        if _leads_out(str(path)):
            raise UsageError(
                f"rule `{rule.name}` writes to `{path}`, outside of the folder of the job",
                code="RK0182",
                span=rule.span,
            )
    target = str(files[0]) if files else rule.name
    settings = RunSettings(
        cores=cores,
        rulefile=workflow.main_file,
        load=load,
        notemp=True,
        latency_wait=0.0,
        no_hooks=True,
        command="rulekit",
    )
    prepared = prepare(
        workflow,
        (target,),
        PlanOptions(allowed_rules=frozenset((rule.name,))),
        Policy(force_targets=True),
        settings,
        readonly=readonly,
    )
    return prepared


def _narrowed(workflow: Workflow, rule: Rule, values: tuple[str, ...]) -> Workflow:
    """The workflow with a rule that makes nothing but the files of these wildcards.

    A rule that could make its own input (step 5 from step 4) would be asked for that, too, and
    `{a}_{b}` can be read in several ways.
    """
    exact = dict(zip(rule.wildcard_names, map(re.escape, values), strict=True))

    def item_of(item: FileItem) -> FileItem:
        if item.pattern is None or not item.pattern.names:
            return item
        path = item.pattern.fill([values[rule.wildcard_names.index(n)] for n in item.pattern.names])
        if item.pattern.match(path) is None:
            raise UsageError(
                f"`{path}` is not a file that rule `{rule.name}` can make",
                code="RK0180",
                span=rule.span,
                help=f"a wildcard may only be what its constraint allows: `{item.text}`",
            )
        return replace(item, pattern=parse(strip_constraints(item.pattern.text), exact))

    def entries_of(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(replace(e, items=tuple(map(item_of, e.items))) for e in entries)

    narrow = replace(
        rule,
        outputs=entries_of(rule.outputs),
        logs=entries_of(rule.logs),
        benchmark=None if rule.benchmark is None else item_of(rule.benchmark),
    )
    rules = tuple(narrow if other is rule else other for other in workflow.rules)
    return replace(workflow, rules=rules)


def _told(prepared: Prepared, number: int) -> dict[str, Any]:
    """The job as plain values."""
    stage = prepared.stage
    job = stage.plan.job(number)
    threads = stage.values.threads(number)
    resources = stage.values.resources(number, 1, threads)
    params = stage.values.params(number)
    command = None
    if job.rule.body.kind == "shell":
        template = compile_template(job.rule.body.text, shell=True)
        command = template.render(stage.values.names(number), job.rule.namespace)
    return {
        "rule": job.rule.name,
        "wildcards": dict(zip(job.rule.wildcard_names, list(job.wildcards), strict=True)),
        "inputs": _listed(job.input),
        "outputs": _listed(job.output),
        "logs": _listed(job.log),
        "benchmark": job.benchmark,
        "params": _listed(params),
        "threads": threads,
        "resources": {name: value for name, value in resources.items() if not name.startswith("_")},
        "message": None if job.rule.message is None else stage.values.message(number),
        "command": command,
    }


def _listed(values: Any) -> dict[str, Any]:
    return {"items": list(values), "names": names_of(values)}
