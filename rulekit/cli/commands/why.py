"""`rulekit why TARGET`, `--why TARGET`: why a file is made again, or why not, with old and new."""

from __future__ import annotations

import sys
import time

from rulekit.cli import session
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
    from rulekit.reporting.paint import Paint

_DIFF_LINES = 24  # of a diff
_JOBS = 40  # explained in one answer
_SUBJECTS = 12  # files named for one reason

_WORDS = {
    "forced": "it is forced",
    "no-io": "it has neither input nor output files, so nothing shows that it ran",
    "missing-output": "output is missing",
    "incomplete": "output is incomplete: an earlier run was stopped while it was made",
    "output-changed": "output is not what the job left there",
    "input-newer": "input is newer than the oldest output, and not what was read then",
    "code": "the code has changed",
    "input-set": "the set of input files has changed",
    "params": "params have changed",
    "software-env": "the software environment has changed",
    "upstream": "input is made again by another job",
}


def execute(command: Command) -> int:
    options = command.options
    asked = options.targets if command.verb == "why" else options.why
    targets = () if command.verb == "why" else options.targets
    if not asked:
        raise UsageError("why what?", code="RK0110", help="rulekit why FILE, or rulekit why RULE")
    prepared, jobs = find_jobs(command, asked, targets)
    if options.json:
        import json

        answer = [_facts(prepared, job) for job in jobs]
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
        return 0
    sys.stdout.write(
        tree(prepared, jobs, painter(sys.stdout, options.nocolor), verbose=options.verbose)
    )
    return 0


def find_jobs(
    command: Command, asked: Sequence[str], targets: Sequence[str]
) -> tuple[Prepared, list[int]]:
    """The jobs asked about: of the usual plan if they are part of it, else of one for them."""
    loaded = session.load(command)
    names = {rule.name for rule in loaded.workflow.rules}
    asked = session.file_targets(asked, names)
    if loaded.stored is not None:
        asked = [loaded.stored.target(word) for word in asked]
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
            return prepared, jobs
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
    return prepared, _jobs(prepared, asked) or []


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
                raise UsageError(
                    f"`{word}` is a source file: no rule makes it",
                    code="RK0111",
                    help="ask about a file that is made from it",
                )
            return None
        found[job] = None
    return list(found)


def tree(prepared: Prepared, jobs: Sequence[int], paint: Paint, *, verbose: bool = False) -> str:
    """The reasons of jobs and of the jobs they wait for, each job explained once."""
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    records = Records(prepared)
    lines: list[str] = []
    told: set[int] = set()
    left_out = 0
    # Depth first, on a stack of our own; what a job needs is told before its neighbour.
    stack = [(job, 0) for job in reversed(jobs)]
    while stack:
        job, depth = stack.pop()
        indent = "    " * min(depth, 12)
        if job in told:
            continue
        if len(told) >= _JOBS:
            left_out += 1
            continue
        told.add(job)
        lines.append(indent + _title(prepared, job, paint))
        record = _record(prepared, records, job)
        if forecast.run[job]:
            reasons = forecast.reasons(job)
            for reason in reasons:
                lines += [
                    indent + "  " + line for line in _told(prepared, job, reason, record, paint)
                ]
            needed = [n for n in plan.needs[job] if forecast.run[n]]
            stack += [(number, depth + 1) for number in reversed(needed)]
        else:
            lines += [indent + "  " + line for line in _why_not(prepared, job, record)]
        if verbose and record is not None and record.command is not None:
            lines.append(f"{indent}  last command: {_one_line(record.command)}")
    if left_out:
        lines.append(f"... and {left_out} more jobs: ask for one of them by its file")
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


def _told(
    prepared: Prepared, job: int, reason: Reason, record: Record | None, paint: Paint
) -> list[str]:
    subjects = list(reason.subjects)
    words = _WORDS.get(reason.kind, reason.kind)
    shown = ", ".join(subjects[:_SUBJECTS])
    if len(subjects) > _SUBJECTS:
        shown += f" and {len(subjects) - _SUBJECTS} more"
    lines = [f"- {words}" + (f": {shown}" if shown else "")]
    if reason.detail:
        lines.append(f"    {reason.detail}")
    definitions = prepared.stage.definitions
    if reason.kind == "input-newer":
        lines += [f"    {line}" for line in _times(prepared, job, subjects, record)]
    elif record is None:
        pass
    elif reason.kind == "code":
        from rulekit.cli.codetext import readable

        lines += _diff(readable(record.code), readable(definitions.code(job)), paint)
    elif reason.kind == "params":
        names = _param_names(prepared, job)
        now = [names.get(text, "") + text for text in definitions.params(job)]
        before = [names.get(text, "") + text for text in record.params]
        lines += _changed_items(before, now, paint)
    elif reason.kind == "software-env":
        lines += _diff(record.environment, definitions.environment(job), paint)
    elif reason.kind == "input-set":
        read = {fact.path for fact in record.inputs}
        reads = set(prepared.stage.plan.inputs[job])
        lines += _changed_items(sorted(read - reads), sorted(reads - read), paint)
    elif reason.kind == "output-changed":
        facts = {fact.path: fact for fact in record.outputs}
        for path in subjects[:_SUBJECTS]:
            fact, stamp = facts.get(path), prepared.files.stamp(path)
            if fact is not None and stamp is not None:
                lines.append(
                    f"    {path}: {fact.size} bytes of {_when(fact.mtime_ns / 1e9)} then, "
                    f"{stamp[1]} bytes of {_when(stamp[0] / 1e9)} now"
                )
    return lines


def _param_names(prepared: Prepared, job: int) -> dict[str, str]:
    """The text of a present param's value → its name with an equals sign."""
    params = prepared.stage.values.params(job)
    return {repr(value): f"{name}=" for name, value in params.items()}


def _times(
    prepared: Prepared, job: int, subjects: Sequence[str], record: Record | None
) -> list[str]:
    files, plan = prepared.files, prepared.stage.plan
    facts = {fact.path: fact for fact in record.inputs} if record is not None else {}
    lines = []
    for path in subjects[:_SUBJECTS]:
        stamp = files.stamp(path)
        if stamp is None:
            continue
        text = f"{path}: changed {_when(stamp[0] / 1e9)}"
        fact = facts.get(path)
        if fact is not None and fact.digest is not None:
            text += "; its content differs from what was read then"
        elif record is not None and fact is None:
            text += "; it was not among the inputs then"
        made_by = plan.producer.get(path)
        if made_by is not None:
            text += f"; made by {plan.key(made_by)}"
        lines.append(text)
    made = [
        (time_ns, path)
        for path in plan.outputs[job]
        if (time_ns := files.link_mtime_ns(path)) is not None
    ]
    if made:
        oldest, path = min(made)
        lines.append(f"oldest output: {path} of {_when(oldest / 1e9)}")
    return lines


def _why_not(prepared: Prepared, job: int, record: Record | None) -> list[str]:
    plan, files = prepared.stage.plan, prepared.files
    lines = []
    missing = [path for path in plan.outputs[job] if not files.exists(path)]
    if missing:
        lines.append(f"- missing, but nobody who runs needs it: {', '.join(missing[:_SUBJECTS])}")
    elif plan.outputs[job]:
        lines.append("- all outputs are there, and no input is newer (or its content is the same)")
    if record is None:
        if plan.outputs[job]:
            lines.append(
                "- nothing is known of how it was made, so only times were compared "
                "(not code, params, input set)"
            )
        return lines
    triggers = prepared.policy.triggers
    same = [
        words
        for name, words in (
            ("code", "code"),
            ("params", "params"),
            ("input", "set of inputs"),
            ("software-env", "software"),
        )
        if name in triggers
    ]
    if same:
        lines.append(f"- the same as when it was made: {', '.join(same)}")
    off = sorted({"mtime", "code", "params", "input", "software-env"} - triggers)
    if off:
        lines.append(f"- not looked at (--rerun-triggers): {', '.join(off)}")
    lines.append(
        f"- made {_when(record.ended)} by rule {record.rule} "
        f"in {record.ended - record.started:.1f} s"
    )
    return lines


def _when(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}"


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else flat[:197] + "..."


def _diff(old: str, new: str, paint: Paint) -> list[str]:
    """A unified diff without its head."""
    import difflib

    lines = list(difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=1))[2:]
    cut = lines[:_DIFF_LINES]
    shown = []
    for line in cut:
        if line.startswith("@@"):
            continue
        style = "error" if line[0] == "-" else "good" if line[0] == "+" else "dim"
        text = line if len(line) <= 300 else line[:297] + "..."
        shown.append("    " + paint(style, f"{text[0]} {text[1:]}"))
    if len(lines) > len(cut):
        shown.append(f"    ... {len(lines) - len(cut)} more lines")
    return shown


def _changed_items(old: Sequence[str], new: Sequence[str], paint: Paint) -> list[str]:
    """What is only in `old` and what is only in `new`, counting repetitions."""
    from collections import Counter

    gone, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    lines = [("error", f"- {item}") for item in gone.elements()]
    lines += [("good", f"+ {item}") for item in came.elements()]
    shown = ["    " + paint(style, text) for style, text in lines[:_DIFF_LINES]]
    if len(lines) > _DIFF_LINES:
        shown.append(f"    ... {len(lines) - _DIFF_LINES} more")
    return shown


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
