"""Smaller plans from a plan: what is reachable, `--until`, `--omit-from`."""

from __future__ import annotations

from rulekit.errors import PlanError, did_you_mean
from rulekit.planning.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rulekit.planning.options import PlanOptions


def keep_only(plan: Plan, keep: set[int], targets: Iterable[int] | None = None) -> Plan:
    """The plan with the jobs of `keep` only, renumbered in the same order."""
    old = sorted(keep)
    new = {number: i for i, number in enumerate(old)}
    target_jobs = tuple(
        new[j] for j in (plan.target_jobs if targets is None else targets) if j in new
    )
    files = plan.targets
    if targets is not None:
        files = tuple(path for j in targets if j in new for path in plan.outputs[j])
    return Plan(
        plan.workflow,
        plan.templates,
        [plan.rule[j] for j in old],
        [plan.wildcards[j] for j in old],
        [plan.inputs[j] for j in old],
        [plan.outputs[j] for j in old],
        [tuple(new[n] for n in plan.needs[j] if n in new) for j in old],
        [plan.input_names[j] for j in old],
        [plan.input_flags[j] for j in old],
        {path: new[j] for path, j in plan.producer.items() if j in new},
        files,
        target_jobs,
        {new[j]: new.get(w, -1) for j, w in plan.waits.items() if j in new},
        plan.warnings,
        plan.sourced,
    )


def reordered(plan: Plan, extra: Mapping[int, Iterable[int]]) -> Plan:
    """The plan with more needs (job to jobs that must come before), renumbered to fit them.

    Raises `PlanError` if that closes a cycle.
    """
    needs = [tuple(dict.fromkeys((*plan.needs[j], *extra.get(j, ())))) for j in plan.numbers()]
    left = [len(needed) for needed in needs]
    users: list[list[int]] = [[] for _ in needs]
    for j, needed in enumerate(needs):
        for n in needed:
            users[n].append(j)
    ready = [j for j, count in enumerate(left) if not count]
    order: list[int] = []
    for j in ready:  # grows while it is read
        order.append(j)
        for user in users[j]:
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    if len(order) < len(needs):
        stuck = next(j for j, count in enumerate(left) if count)
        raise PlanError(
            f"`{plan.key(stuck)}` updates a file that it needs to be made after the update",
            code="RK0412",
            span=plan.rule_of(stuck).span,
            help="a job that reads a file with `before_update` cannot depend on the update",
        )
    new = {old: i for i, old in enumerate(order)}
    return Plan(
        plan.workflow,
        plan.templates,
        [plan.rule[j] for j in order],
        [plan.wildcards[j] for j in order],
        [plan.inputs[j] for j in order],
        [plan.outputs[j] for j in order],
        [tuple(new[n] for n in needs[j]) for j in order],
        [plan.input_names[j] for j in order],
        [plan.input_flags[j] for j in order],
        {path: new[j] for path, j in plan.producer.items()},
        plan.targets,
        tuple(new[j] for j in plan.target_jobs),
        {new[j]: new.get(w, -1) for j, w in plan.waits.items()},
        plan.warnings,
        plan.sourced,
    )


def reachable(plan: Plan, ends: Iterable[int]) -> set[int]:
    """The jobs `ends` and all that they need."""
    seen = set(ends)
    todo = list(seen)
    while todo:
        for needed in plan.needs[todo.pop()]:
            if needed not in seen:
                seen.add(needed)
                todo.append(needed)
    return seen


def _named(plan: Plan, names: frozenset[str], option: str) -> set[int]:
    """The jobs that rule names or files stand for."""
    rules = {rule.name: rule.index for rule in plan.workflow.rules}
    found: set[int] = set()
    for name in sorted(names):
        if name in rules:
            index = rules[name]
            found.update(j for j in plan.numbers() if plan.rule[j] == index)
        elif name in plan.producer:
            found.add(plan.producer[name])
        elif not any(name in inputs for inputs in plan.inputs):
            raise PlanError(
                f"`{option} {name}`: there is neither a rule nor a planned file of that name",
                code="RK0410",
                help=did_you_mean("rule", name, rules),
            )
    return found


def selected(plan: Plan, options: PlanOptions) -> Plan:
    """The part of the plan that `--until`, `--omit-from` and `--batch` leave."""
    if options.until:
        roots = _named(plan, options.until, "--until")
        plan = keep_only(plan, reachable(plan, roots), sorted(roots))
    cut = _named(plan, options.omit_from, "--omit-from")
    if options.batch is not None and options.batch[1] < options.batch[2]:
        # The rule itself runs with the last part only.
        cut |= _named(plan, frozenset((options.batch[0],)), "--batch")
    if cut:
        for j in plan.numbers():
            if j not in cut and any(n in cut for n in plan.needs[j]):
                cut.add(j)
        keep = set(plan.numbers()) - cut
        fed = {n for j in cut for n in plan.needs[j] if n in keep}
        ends = sorted(fed | (set(plan.target_jobs) & keep))
        plan = keep_only(plan, reachable(plan, ends), ends)
    return plan
