"""A dry run in writing, straight from the columns of plan and forecast.

Hot path: tens of thousands of blocks. What is constant for a rule is formatted once, a job costs
one ``%``, and the stream is written to once a thousand jobs.
"""

from __future__ import annotations

import time

from rulekit.reporting.blocks import (
    DRY_RUN_END,
    NOTHING_TO_DO,
    header,
    job_stats,
    named,
    shown_resources,
)
from rulekit.reporting.paint import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan
    from rulekit.reporting.paint import Paint, Stream
    from rulekit.staleness.forecast import Forecast

    class RuleConstants(Protocol):
        """What is the same for all jobs of a rule; None where it is not."""

        threads: int | None
        resources: Any

    class JobValues(Protocol):
        """What a job's directives evaluate to; `rulekit.engine.values` has it."""

        prioritized: frozenset[int]

        def constants(self, index: int, /) -> RuleConstants: ...
        def threads(self, number: int, /) -> int: ...
        def resources(self, number: int, /) -> Any: ...
        def message(self, number: int, /) -> str: ...


_CHUNK = 1000


def jobs_by_rule(plan: Plan, run: bytes | bytearray) -> dict[str, int]:
    """Rule to number of jobs that will run, in the order of the graph's levels."""
    rules = plan.rule
    levels = [0] * len(rules)
    counts: dict[int, int] = {}
    lowest: dict[int, int] = {}
    for job, needed in enumerate(plan.needs):
        if needed:
            # Only jobs that run count as levels: what is done already holds nobody up.
            level = max([levels[n] for n in needed]) + run[job]
            levels[job] = level
        else:
            level = levels[job] = run[job]
        if run[job]:
            rule = rules[job]
            if rule in counts:
                counts[rule] += 1
                if level < lowest[rule]:
                    lowest[rule] = level
            else:
                counts[rule] = 1
                lowest[rule] = level
    ordered = sorted(counts, key=lowest.__getitem__)
    names = plan.workflow.rules
    return {names[rule].name: counts[rule] for rule in ordered}


class _RuleForm:
    """The ``%``-format of a rule's block, and what varies from job to job."""

    __slots__ = ("checkpoint", "fixed", "form", "form_without_input", "logs", "message", "reasons")

    def __init__(
        self, plan: Plan, rule: Rule, stamp: str, reason: bool, varying: bool, fixed: str
    ) -> None:
        local = rule.localrule or rule.body.kind == "none" or rule.name in plan.workflow.localrules
        head = f"\n[{stamp}]\n{header(rule.kind, rule.name, local)}\n".replace("%", "%%")
        tail = "    jobid: %d\n"
        if rule.benchmark is not None:
            tail += "    benchmark: %s\n"
        if reason:
            tail += "    reason: %s\n"
        if rule.wildcard_names:
            tail += (
                "    wildcards: " + ", ".join(f"{name}=%s" for name in rule.wildcard_names) + "\n"
            )
        tail += "%s" if varying else fixed.replace("%", "%%")
        output = "    output: %s\n" if rule.outputs else ""
        self.logs = plan.templates[rule.index].logs is not None and bool(rule.logs)
        log = "    log: %s\n" if self.logs else ""
        self.form = head + "    input: %s\n" + output + log + tail
        self.form_without_input = head + output + log + tail
        self.fixed = not varying
        self.message = rule.message is not None
        self.checkpoint = rule.kind == "checkpoint"
        self.reasons: dict[str, int] = {}

    def note(self, marks: Mapping[str, object] | None, why: str) -> None:
        """Count the kinds of reason of a job for the list at the end."""
        reasons = self.reasons
        if marks is not None:
            for kind in marks:
                reasons[kind] = reasons.get(kind, 0) + 1
        if _MISSING in why and (marks is None or "missing-output" not in marks):
            reasons["missing-output"] = reasons.get("missing-output", 0) + 1
        if _UPSTREAM in why and (marks is None or "upstream" not in marks):
            reasons["upstream"] = reasons.get("upstream", 0) + 1


def print_dry_run(
    plan: Plan,
    forecast: Forecast,
    values: JobValues,
    stream: Stream,
    *,
    paint: Paint = plain,
    quiet: frozenset[str] = frozenset(),
    command: Callable[[int], str | None] | None = None,
    show_commands: bool = True,
    notes: Callable[[int], tuple[str, ...]] | None = None,
    clock: Callable[[], str] = time.asctime,
) -> None:
    """Blocks of all jobs that would run, the table of counts before and after, the closing line.

    `command(job)` gives the command to print, `notes(job)` lines to say after a job's block
    (temporary files that would go); both may be None. Without `show_commands`, the command of one
    job of each rule is made all the same: what is wrong in it shows here, not in the run.
    """
    if not forecast.count:
        if "all" not in quiet:
            stream.write(NOTHING_TO_DO + "\n")
            stream.flush()
        return
    table = job_stats(jobs_by_rule(plan, forecast.run))
    if quiet & {"all", "rules"}:
        # What is left of a dry run that is to be quiet is its size.
        stream.write(table + "\n\n" + DRY_RUN_END + "\n")
        stream.flush()
        return
    stream.write(table + "\n\n")
    told = _blocks(
        plan, forecast, values, stream, paint, quiet, command, show_commands, notes, clock()
    )
    stream.write(table + "\n\n" + _reasons(told) + paint("warning", DRY_RUN_END) + "\n")
    stream.flush()


def _blocks(
    plan: Plan,
    forecast: Forecast,
    values: JobValues,
    stream: Stream,
    paint: Paint,
    quiet: frozenset[str],
    command_of: Callable[[int], str | None] | None,
    show_commands: bool,
    notes: Callable[[int], tuple[str, ...]] | None,
    stamp: str,
) -> dict[str, dict[str, int]]:
    """Writes the blocks; the result says how many jobs of which rules had which reasons."""
    run, rules, wildcards = forecast.run, plan.rule, plan.wildcards
    inputs, outputs, reason_of = plan.inputs, plan.outputs, forecast.text
    marks, waits = forecast.marks, plan.waits
    with_reason = "reason" not in quiet
    coloured = paint is not plain
    forms: dict[int, _RuleForm] = {}
    pending: list[str] = []
    add = pending.append
    job = run.find(1)
    while job >= 0:
        number = rules[job]
        form = forms.get(number)
        if form is None:
            form = forms[number] = _form(plan, values, number, job, stamp, with_reason)
            if command_of is not None and not show_commands:
                command_of(job)
        if form.message:
            text = f"\n[{stamp}]\nJob {job}: {values.message(job)}\n"
            if with_reason:
                why = reason_of(job)
                form.note(marks.get(job), why)
                text += f"Reason: {why}\n"
        else:
            needed, made = inputs[job], outputs[job]
            arguments: list[Any] = []
            if needed:
                if job in waits:
                    arguments.append("<TBD>")  # what it reads is known after a checkpoint
                else:
                    arguments.append(needed[0] if len(needed) == 1 else ", ".join(needed))
            if made:
                arguments.append(made[0] if len(made) == 1 else ", ".join(made))
            if form.logs:
                arguments.append(", ".join(plan.logs(job)))
            arguments.append(job)
            benchmark = plan.templates[number].benchmark
            if benchmark is not None:
                arguments.append(benchmark.fill(wildcards[job])[0])
            if with_reason:
                why = reason_of(job)
                form.note(marks.get(job), why)
                arguments.append(why)
            arguments += wildcards[job]
            if not form.fixed:
                arguments.append(_varying(plan, values, job))
            text = (form.form if needed else form.form_without_input) % tuple(arguments)
        if coloured:
            text = paint("job", text)
        add(text)
        if command_of is not None and show_commands:
            command = command_of(job)
            if command is not None:
                add(paint("command", f"Shell command: {command}") + "\n")
        if form.checkpoint:
            add("DAG of jobs will be updated after completion.\n")
        if notes is not None:
            for line in notes(job):
                add(line + "\n")
        if len(pending) >= _CHUNK:
            stream.write("".join(pending))
            pending.clear()
        job = run.find(1, job + 1)
    stream.write("".join(pending))
    told: dict[str, dict[str, int]] = {}
    for number, form in forms.items():
        for kind, count in form.reasons.items():
            told.setdefault(kind, {})[plan.workflow.rules[number].name] = count
    return told


def _form(
    plan: Plan, values: JobValues, number: int, job: int, stamp: str, reason: bool
) -> _RuleForm:
    rule = plan.workflow.rules[number]
    constants = values.constants(number)
    varying = constants.threads is None or constants.resources is None or bool(values.prioritized)
    fixed = "" if varying else _varying(plan, values, job)
    return _RuleForm(plan, rule, stamp, reason, varying, fixed)


def _varying(plan: Plan, values: JobValues, job: int) -> str:
    """The lines about priority, threads and resources."""
    text = ""
    priority = plan.rule_of(job).priority
    if job in values.prioritized:
        text += "    priority: highest\n"
    elif priority and not callable(priority):
        text += f"    priority: {priority}\n"
    threads = values.threads(job)
    if threads != 1:
        text += f"    threads: {threads}\n"
    resources = shown_resources(values.resources(job))
    if resources:
        text += f"    resources: {named(resources)}\n"
    return text


# The words for a kind of reason in the list at the end.
_KINDS = {
    "forced": "forced",
    "no-io": "no output files",
    "missing-output": "output files have to be generated",
    "incomplete": "output files are incomplete",
    "output-changed": "output files changed since they were made",
    "input-newer": "updated input files",
    "code": "code has changed since last execution",
    "input-set": "set of input files has changed since last execution",
    "params": "params have changed since last execution",
    "software-env": "software environment definition has changed since last execution",
    "upstream": "input files updated by another job",
}
# Kinds that come from other jobs are known from a job's text only.
_MISSING = "Missing output files: "
_UPSTREAM = "Input files updated by another job: "
_MOST_RULES = 10


def _reasons(told: Mapping[str, Mapping[str, int]]) -> str:
    """Which kinds of reason concern which rules, and how many jobs if there are several."""
    lines = []
    for kind, words in _KINDS.items():
        counts = told.get(kind, {})
        if counts:
            names = [
                f"{name} ({counts[name]} jobs)" if counts[name] > 1 else name
                for name in sorted(counts)
            ]
            shown = ", ".join(names[:_MOST_RULES])
            if len(names) > _MOST_RULES:
                shown += f" and {len(names) - _MOST_RULES} more"
            lines.append(f"    {words}:\n        {shown}\n")
    if not lines:
        return ""
    return "Reasons:\n    (check individual jobs above for details)\n" + "".join(lines)
