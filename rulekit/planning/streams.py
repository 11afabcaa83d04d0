"""Files that are never there as a whole: named pipes, and what services put up while they run.

Whoever makes such a file and whoever reads it must run at the same time. This module finds them
in a plan, and refuses what could never work.
"""

from __future__ import annotations

from rulekit.errors import Label, PlanError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan


@frozen
class Stream:
    """A ``pipe`` or ``service`` output: its job, and the jobs that read it."""

    path: str
    kind: str
    maker: int
    readers: tuple[int, ...]


_FLAGS = ("pipe", "service")


def find_streams(plan: Plan) -> tuple[Stream, ...]:
    """The pipes and services of a plan. Raises `PlanError` if one of them cannot work."""
    rules = {
        template.rule.index
        for template in plan.templates
        if any(flag in flags for _, flags in template.outputs.flags for flag in _FLAGS)
    }
    if not rules:
        return ()
    made: dict[str, tuple[str, int]] = {}
    for job in plan.numbers():
        if plan.rule[job] in rules:
            for position, flags in plan.output_flags(job):
                for flag in _FLAGS:
                    if flag in flags:
                        made[plan.outputs[job][position]] = (flag, job)
    readers: dict[str, list[int]] = {path: [] for path in made}
    for job, inputs in enumerate(plan.inputs):
        for path in set(inputs):
            if path in readers:
                readers[path].append(job)
    found = tuple(
        Stream(path, kind, maker, tuple(readers[path])) for path, (kind, maker) in made.items()
    )
    for stream in found:
        _check(plan, stream)
    return found


def _check(plan: Plan, stream: Stream) -> None:
    rule = plan.rule_of(stream.maker)
    readers = [plan.rule_of(job) for job in stream.readers]
    what = f"the {stream.kind} `{stream.path}`"
    if rule.body.kind in ("run", "none"):
        raise PlanError(
            f"{what} cannot be made by rule `{rule.name}`, which has "
            + ("a `run:` body" if rule.body.kind == "run" else "no action"),
            code="RK0415",
            span=rule.span,
            help="use `shell:` or `script:`: the job runs beside those that read from it",
        )
    if not readers:
        raise PlanError(
            f"{what} is read by no job of this plan",
            code="RK0415",
            span=rule.span,
            caret="it would wait for ever",
            help="ask for what is made from it: a file of this kind cannot be a target",
        )
    if stream.kind == "pipe" and len(readers) > 1:
        raise PlanError(
            f"{what} is read by {len(readers)} jobs, but what one of them reads is gone for the "
            "others",
            code="RK0415",
            span=rule.span,
            labels=tuple(Label(one.span, "reads from it") for one in _distinct(readers)),
            help="give each of them a pipe of its own, or make it a `temp` file",
        )
    for reader in readers:
        if reader.body.kind in ("run", "none"):
            why = "a `run:` body" if reader.body.kind == "run" else "no action"
            raise PlanError(
                f"{what} cannot be read by rule `{reader.name}`, which has {why}",
                code="RK0415",
                span=reader.span,
                labels=(Label(rule.span, "made here"),),
                help="use `shell:` or `script:`: the job runs beside the one that writes to it",
            )


def _distinct(rules: Sequence[Rule]) -> list[Rule]:
    return list({rule.index: rule for rule in rules}.values())


def together(plan: Plan, run: Sequence[int], streams: Sequence[Stream]) -> list[tuple[int, ...]]:
    """Jobs that run at the same time, each group ascending. Raises `PlanError` if some job would
    have to run after one of them and before another."""
    above: dict[int, int] = {}

    def find(job: int) -> int:
        while above.setdefault(job, job) != job:
            job = above[job]
        return job

    for stream in streams:
        if run[stream.maker]:
            for reader in stream.readers:
                if run[reader]:
                    above[find(reader)] = find(stream.maker)
    groups: dict[int, list[int]] = {}
    for job in sorted(above):
        groups.setdefault(find(job), []).append(job)
    found = [tuple(group) for group in groups.values() if len(group) > 1]
    for group in found:
        _check_between(plan, run, group)
    return found


def _check_between(plan: Plan, run: Sequence[int], group: tuple[int, ...]) -> None:
    members = set(group)
    todo = [n for job in group for n in plan.needs[job] if run[n] and n not in members]
    seen = set(todo)
    while todo:
        job = todo.pop()
        for needed in plan.needs[job]:
            if needed in members:
                rule = plan.rule_of(needed)
                raise PlanError(
                    f"`{plan.key(job)}` would have to run after `{plan.key(needed)}` and before "
                    "jobs that run at the same time as that",
                    code="RK0415",
                    span=plan.rule_of(job).span,
                    labels=(Label(rule.span, "makes a pipe or service"),),
                    help="a pipe and a service join jobs to one: make one of the files a plain one",
                )
            if needed > group[0] and run[needed] and needed not in seen:
                seen.add(needed)
                todo.append(needed)
