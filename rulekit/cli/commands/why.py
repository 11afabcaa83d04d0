"""`rulekit why TARGET`, `--why TARGET`: why a file is made again, or why not, with old and new;
`--why-not TARGET`: what was compared, and why that is no reason."""

from __future__ import annotations

import sys

from rulekit.cli import session, uptodate
from rulekit.cli.reasons import SUBJECTS, WORDS, told
from rulekit.cli.records import Records
from rulekit.errors.tree import UsageError
from rulekit.reporting.paint import painter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared
    from rulekit.model.record import Reason, Record
    from rulekit.planning.plan import Plan
    from rulekit.reporting.paint import Paint

_JOBS = 40  # explained in one answer
_ROOTS = 12  # named at the end of an answer
_NAMED = 4  # of jobs that run for the same


def execute(command: Command) -> int:
    options = command.options
    asked = options.why_not or (options.targets if command.verb == "why" else options.why)
    targets = () if command.verb == "why" else options.targets
    if not asked:
        raise UsageError("why what?", code="RK0110", help="rulekit why FILE, or rulekit why RULE")
    prepared, jobs, usual = _find(command, asked, targets)
    paint = painter(sys.stdout, options.nocolor)
    if options.why_not and not options.json:
        sys.stdout.write(not_tree(prepared, jobs, usual, paint))
        return 0
    if options.json:
        import json

        answer = [_facts(prepared, job) for job in jobs]
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
        return 0
    sys.stdout.write(tree(prepared, jobs, paint, verbose=options.verbose))
    return 0


def find_jobs(
    command: Command, asked: Sequence[str], targets: Sequence[str]
) -> tuple[Prepared, list[int]]:
    """The jobs asked about: of the usual plan if they are part of it, else of one for them."""
    return _find(command, asked, targets)[:2]


def _find(
    command: Command, asked: Sequence[str], targets: Sequence[str]
) -> tuple[Prepared, list[int], bool]:
    """The same, and whether they are part of the usual plan."""
    loaded = session.load(command)
    names = {rule.name for rule in loaded.workflow.rules}
    asked = session.file_targets(asked, names)
    if loaded.stored is not None:
        asked = tuple(map(loaded.stored.target, asked))
    default = loaded.workflow.rule(loaded.workflow.default_target or "")
    if targets or (default is not None and not default.wildcard_names):
        prepared = session.prepare(command, loaded, readonly=True, targets=targets)
        jobs = _jobs(prepared, asked)
        folder = loaded.settings.path_prefix
        if jobs is None and folder:
            from rulekit.cli.remotewords import in_folder

            asked = in_folder(loaded.workflow, folder, asked)
            jobs = _jobs(prepared, asked)
        if jobs is not None:
            return prepared, jobs, True
    wanted = []
    for word in asked:
        rule = loaded.workflow.rule(word)
        if rule is not None and rule.wildcard_names:
            raise UsageError(
                f"no job of rule `{word}` is part of what is made",
                code="RK0111",
                help=f"ask for one of its files: {', '.join(_patterns(rule))}",
            )
        wanted.append(word)
    prepared = session.prepare(command, loaded, readonly=True, targets=wanted)
    jobs = _jobs(prepared, asked)
    if not jobs:
        for word in asked:
            if prepared.files.exists(word):
                raise _source_file(word)
    return prepared, jobs or [], False


def _source_file(path: str) -> UsageError:
    return UsageError(
        f"`{path}` is a source file: no rule makes it",
        code="RK0111",
        help="ask about a file that is made from it",
    )


def _patterns(rule: Any) -> list[str]:
    return [item.text for entry in rule.outputs for item in entry.items]


def _jobs(prepared: Prepared, asked: Sequence[str]) -> list[int] | None:
    """Job numbers of files, rules and job keys; None if one of them is not in the plan."""
    plan = prepared.stage.plan
    found: dict[int, None] = {}
    keys: dict[str, int] | None = None
    for word in asked:
        rule = plan.workflow.rule(word)
        if rule is not None:
            mine = [job for job in plan.numbers() if plan.rule[job] == rule.index]
            if not mine:
                return None
            found.update(dict.fromkeys(mine))
            continue
        job = plan.producer.get(word)
        if job is None:
            if keys is None:
                keys = {plan.key(number): number for number in plan.numbers()}
            job = keys.get(word)
        if job is None:
            if prepared.files.exists(word) and any(word in paths for paths in plan.inputs):
                raise _source_file(word)
            return None
        found[job] = None
    return list(found)


def tree(prepared: Prepared, jobs: Sequence[int], paint: Paint, *, verbose: bool = False) -> str:
    """The reasons of jobs and of the jobs they wait for, each job explained once."""
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    records = Records(prepared)
    lines: list[str] = []
    explained: set[int] = set()
    # Rule and reasons → the line behind the job that was told of, and the jobs of which the same
    # is to be said.
    alike: dict[tuple[int, tuple[str, ...]], tuple[int, str, list[str]]] = {}
    left_out = 0
    # Depth first, on a stack of our own; what a job needs is told before its neighbour.
    stack = [(job, 0) for job in reversed(jobs)]
    while stack:
        job, depth = stack.pop()
        indent = "    " * min(depth, 12)
        if job in explained:
            continue
        if len(explained) >= _JOBS:
            left_out += 1
            continue
        record = _record(prepared, records, job)
        needed: list[int] = []
        if forecast.run[job]:
            said = [
                line
                for reason in forecast.reasons(job)
                for line in told(prepared, job, reason, record, paint)
            ]
            needed = [n for n in plan.needs[job] if forecast.run[n]]
            same = alike.get((plan.rule[job], tuple(said)))
            if same is not None and not needed:
                same[2].append(plan.outputs[job][0] if plan.outputs[job] else plan.key(job))
                continue
        else:
            said = uptodate.told(prepared, job, record)
        explained.add(job)
        lines.append(indent + _title(prepared, job, paint))
        lines += [indent + "  " + line for line in said]
        if forecast.run[job] and not needed:
            alike.setdefault((plan.rule[job], tuple(said)), (len(lines), indent, []))
        stack += [(number, depth + 1) for number in reversed(needed)]
        if verbose and record is not None and record.command is not None:
            lines.append(f"{indent}  last command: {_one_line(record.command)}")
    for at, indent, names in sorted(alike.values(), reverse=True):
        if names:
            noun = "job" if len(names) == 1 else "jobs"
            more = ", ..." if len(names) > _NAMED else ""
            shown = ", ".join(names[:_NAMED]) + more
            lines.insert(at, f"{indent}  (and {len(names)} more {noun}, for the same: {shown})")
    if left_out:
        lines.append(f"... and {left_out} more jobs: ask for one of them by its file")
    lines += _roots(prepared, jobs)
    return "\n".join(lines) + "\n"


def _title(prepared: Prepared, job: int, paint: Paint) -> str:
    plan = prepared.stage.plan
    what = ", ".join(plan.outputs[job][:3]) + (", ..." if len(plan.outputs[job]) > 3 else "")
    name = paint("bold", what or plan.rule_of(job).name)
    if prepared.stage.forecast.run[job]:
        return f"{name} ({plan.key(job)}) {paint('warning', 'will be made')}, because"
    return f"{name} ({plan.key(job)}) {paint('good', 'is up to date')}"


def _record(prepared: Prepared, records: Records, job: int) -> Record | None:
    for path in prepared.stage.plan.outputs[job]:
        record = records.of(path)
        if record is not None:
            return record
    return None


def _roots(prepared: Prepared, jobs: Sequence[int]) -> list[str]:
    """What it comes down to, if the jobs asked about run because of others: changes by kind."""
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    seen = set(jobs)
    stack = list(jobs)
    found: dict[str, dict[str, int]] = {}
    while stack:
        job = stack.pop()
        if not forecast.run[job]:
            continue
        for reason in forecast.reasons(job):
            if reason.kind in ("upstream", "no-io"):
                continue
            if reason.kind == "missing-output" and any(forecast.run[n] for n in plan.needs[job]):
                continue  # it could not be there
            counts = found.setdefault(_ROOT_WORDS.get(reason.kind, reason.kind), {})
            if reason.kind in _FILES:
                counts.update(dict.fromkeys(reason.subjects, 1))
            else:
                rule = plan.rule_of(job).name
                counts[rule] = counts.get(rule, 0) + 1
        for needed in plan.needs[job]:
            if needed not in seen:
                seen.add(needed)
                stack.append(needed)
    if len(seen) < 2 or len(jobs) == len([job for job in seen if forecast.run[job]]):
        return []
    lines = ["In the end it comes from:"]
    for words, names in sorted(found.items()):
        shown = [
            f"{name} ({names[name]} jobs)" if names[name] > 1 else name
            for name in sorted(names)[:_ROOTS]
        ]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        lines.append(f"  - {words}: {', '.join(shown)}{more}")
    return lines if len(lines) > 1 else []


_FILES = ("input-newer", "output-changed", "incomplete", "missing-output")
_ROOT_WORDS = {
    "forced": "forced jobs",
    "missing-output": "missing files",
    "incomplete": "incomplete files",
    "output-changed": "outputs that were changed",
    "input-newer": "changed files",
    "code": "changed code of",
    "input-set": "changed sets of inputs of",
    "params": "changed params of",
    "software-env": "changed software of",
}


def not_tree(prepared: Prepared, jobs: Sequence[int], usual: bool, paint: Paint) -> str:
    """What was compared for each job, and that it is the same; or that it does run."""
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    records = Records(prepared)
    lines: list[str] = []
    if not usual:
        default = plan.workflow.default_target
        lines.append(
            f"Nothing that `rulekit` makes without targets (rule {default}) needs this: "
            "it is only made if you ask for it."
        )
    running = 0
    for job in jobs[:_JOBS]:
        lines.append(_title(prepared, job, paint))
        if forecast.run[job]:
            running += 1
            lines += [f"  - {_short(reason)}" for reason in forecast.reasons(job)]
            continue
        record = _record(prepared, records, job)
        lines += ["  " + line for line in uptodate.told(prepared, job, record, full=True)]
        lines += _told_before(prepared, job)
    if len(jobs) > _JOBS:
        lines.append(f"... and {len(jobs) - _JOBS} more jobs: ask for one of them by its file")
    if running:
        lines.append("`rulekit why` tells more about what will be made.")
    if running < len(jobs):
        lines.append(
            "To make it all the same: --force (these targets), -R RULE (and what follows)."
        )
    return "\n".join(lines) + "\n"


def _short(reason: Reason) -> str:
    named = f": {', '.join(reason.subjects[:3])}" if reason.subjects else ""
    more = f" and {len(reason.subjects) - 3} more" if len(reason.subjects) > 3 else ""
    return f"{WORDS.get(reason.kind, reason.kind)}{named}{more}"


def _told_before(prepared: Prepared, job: int) -> list[str]:
    """The line about the jobs before one that does not run, if there are any."""
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    before = _all_before(plan, job)
    runs = sorted(other for other in before if forecast.run[other])
    if runs:  # behind `ancient(...)`
        named = ", ".join(plan.key(other) for other in runs[:SUBJECTS])
        more = f" and {len(runs) - SUBJECTS} more" if len(runs) > SUBJECTS else ""
        return [f"  - before it will be made, without effect on it: {named}{more}"]
    noun = "the job" if len(before) == 1 else f"all {len(before)} jobs"
    return [f"  - {noun} before it: up to date, too"] if before else []


def _all_before(plan: Plan, job: int) -> set[int]:
    seen: set[int] = set()
    stack = [job]
    while stack:
        for needed in plan.needs[stack.pop()]:
            if needed not in seen:
                seen.add(needed)
                stack.append(needed)
    return seen


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else flat[:197] + "..."


def _facts(prepared: Prepared, job: int) -> dict[str, Any]:
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    record = _record(prepared, Records(prepared), job)
    definitions = prepared.stage.definitions
    reasons = []
    for reason in forecast.reasons(job):
        found: dict[str, Any] = {"kind": reason.kind, "subjects": list(reason.subjects)}
        if record is not None:
            if reason.kind == "code":
                found["old"], found["new"] = record.code, definitions.code(job)
            elif reason.kind == "params":
                found["old"], found["new"] = list(record.params), list(definitions.params(job))
                found["old_names"] = list(record.param_names)
                found["new_names"] = list(prepared.stage.values.param_names(job))
            elif reason.kind == "software-env":
                found["old"], found["new"] = record.environment, definitions.environment(job)
            elif reason.kind == "input-set":
                found["old"] = [fact.path for fact in record.inputs]
                found["new"] = list(plan.inputs[job])
        reasons.append(found)
    return {
        "job": plan.key(job),
        "rule": plan.rule_of(job).name,
        "output": list(plan.outputs[job]),
        "run": bool(forecast.run[job]),
        "reasons": reasons,
        "needs": [plan.key(n) for n in plan.needs[job] if forecast.run[n]],
        "made": None
        if record is None
        else {"started": record.started, "ended": record.ended, "rule": record.rule},
    }
