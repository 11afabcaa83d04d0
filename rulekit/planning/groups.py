"""Groups: jobs that are submitted as one where jobs run on other machines.

Connected jobs of one group name are a *unit*; so are jobs that must run beside each other (pipes,
services) or on one node (`nodelocal` files). Units of a name can be joined further by
``--group-components``. A plan in which each unit is taken for one job must not have a cycle.
"""

from __future__ import annotations

from rulekit.errors import PlanError, RulekitError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan


@frozen
class Unit:
    """Jobs that are submitted as one, in topological order; `group` is their group's name."""

    group: str
    jobs: tuple[int, ...]


@frozen
class Grouping:
    """How jobs are grouped: ``--groups`` (rule to group) and ``--group-components``."""

    names: Mapping[str, str] = {}
    components: Mapping[str, int] = {}


def group_of(plan: Plan, job: int, names: Mapping[str, str]) -> str | None:
    """The name of a job's group, None if it has none. Raises `PlanError`."""
    rule = plan.rule_of(job)
    given = names.get(rule.name, rule.group)
    if given is None:
        return None
    if callable(given) or (isinstance(given, str) and "{" in given):
        return _filled(plan, job, rule, given)
    return str(given)


def _filled(plan: Plan, job: int, rule: Rule, given: object) -> str | None:
    from rulekit.language.jobvalues import make_wildcards
    from rulekit.language.usererrors import function_failed
    from rulekit.patterns.pattern import fill_names

    values = plan.wildcards[job]
    if isinstance(given, str):
        known = dict(zip(rule.wildcard_names, values, strict=True))
        return fill_names(given, known, keep_missing=True)
    wildcards = make_wildcards(rule.wildcard_names, values)
    try:
        found = given(wildcards)  # type: ignore[operator]
    except RulekitError:
        raise
    except Exception as error:
        raise function_failed(rule, "group function", wildcards, error) from error
    return None if found is None else str(found)


def is_local(plan: Plan, job: int, names: Mapping[str, str]) -> bool:
    """Whether a job runs on the machine that submits the others."""
    rule = plan.rule_of(job)
    if rule.name in names or rule.group is not None:
        return False
    return (
        rule.localrule
        or rule.handover
        or rule.body.kind == "none"
        or rule.name in plan.workflow.localrules
    )


def group_units(plan: Plan, run: Sequence[int], grouping: Grouping) -> tuple[Unit, ...]:
    """The units of two jobs and more among those that run.

    Raises `PlanError` if a unit would have to run before and after some other job.
    """
    above: dict[int, int] = {}

    def find(job: int) -> int:
        root = job
        while above.setdefault(root, root) != root:
            root = above[root]
        while above[job] != root:
            above[job], job = root, above[job]
        return root

    names: dict[int, str] = {}
    by_rule = {
        rule.index
        for rule in plan.workflow.rules
        if rule.group is not None or rule.name in grouping.names
    }
    for job in plan.numbers():
        if run[job] and plan.rule[job] in by_rule:
            name = group_of(plan, job, grouping.names)
            if name is not None:
                names[job] = name
    for job in names:
        for needed in plan.needs[job]:
            if needed in names and names[needed] == names[job]:
                above[find(job)] = find(needed)
    for first, second in _bound(plan, run):
        above[find(first)] = find(second)
    members: dict[int, list[int]] = {}
    for job in sorted({*names, *above}):
        members.setdefault(find(job), []).append(job)
    units = [Unit(_name(jobs, names), tuple(jobs)) for jobs in members.values()]
    levels = _levels(plan, run, units)
    joined = _join(units, levels, grouping.components)
    return tuple(unit for unit in joined if len(unit.jobs) > 1)


def _bound(plan: Plan, run: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Pairs of jobs that cannot be on different nodes."""
    for stream in plan.streams:
        for reader in stream.readers:
            if run[stream.maker] and run[reader]:
                yield reader, stream.maker
    rules = {
        template.rule.index
        for template in plan.templates
        if any("nodelocal" in flags for _, flags in template.outputs.flags)
    }
    if not rules:
        return
    for job in plan.numbers():
        for needed in plan.needs[job] if run[job] else ():
            if run[needed] and plan.rule[needed] in rules:
                local = {
                    plan.outputs[needed][position]
                    for position, flags in plan.output_flags(needed)
                    if "nodelocal" in flags
                }
                if local.intersection(plan.inputs[job]):
                    yield job, needed


def _name(jobs: Sequence[int], names: Mapping[int, str]) -> str:
    return next((names[job] for job in jobs if job in names), f"together-{jobs[0]}")


def _levels(plan: Plan, run: Sequence[int], units: Sequence[Unit]) -> dict[int, int]:
    """How many steps lie before each unit (by its first job), with units taken for one job.

    Raises `PlanError` for a cycle.
    """
    leader = {job: unit.jobs[0] for unit in units for job in unit.jobs}
    nodes = [job for job in plan.numbers() if run[job] and leader.get(job, job) == job]
    inside = {unit.jobs[0]: unit.jobs for unit in units}
    users: dict[int, list[int]] = {}
    left: dict[int, int] = {}
    for node in nodes:
        needs = {
            leader.get(needed, needed)
            for job in inside.get(node, (node,))
            for needed in plan.needs[job]
            if run[needed]
        } - {node}
        left[node] = len(needs)
        for needed in needs:
            users.setdefault(needed, []).append(node)
    level = {node: 0 for node in nodes if not left[node]}
    todo = list(level)
    for node in todo:
        for user in users.get(node, ()):
            level[user] = max(level.get(user, 0), level[node] + 1)
            left[user] -= 1
            if not left[user]:
                todo.append(user)
    if len(todo) < len(nodes):
        _refuse_cycle(plan, [node for node in nodes if left[node]], inside)
    return level


def _refuse_cycle(plan: Plan, stuck: Sequence[int], inside: Mapping[int, tuple[int, ...]]) -> None:
    node = next(node for node in stuck if node in inside)
    jobs = inside[node]
    shown = ", ".join(f"`{plan.key(job)}`" for job in jobs[:4])
    members = set(jobs)
    below = _reached(plan, stuck, members)
    # Upwards from the unit: what it needs and what needs it lies between.
    between = []
    todo, seen = list(jobs), set(jobs)
    while todo:
        for needed in plan.needs[todo.pop()]:
            if needed not in seen:
                seen.add(needed)
                todo.append(needed)
                if needed in below:
                    between.append(needed)
    between = sorted(between)[:4]
    words = " and ".join(f"`{plan.key(job)}`" for job in between) or "another group"
    raise PlanError(
        f"the jobs {shown} are one group, but {words} would have to run after one of them and "
        "before another",
        code="RK0418",
        span=plan.rule_of(jobs[0]).span,
        help="put what lies between into the same group, or give the parts different names",
    )


def _reached(plan: Plan, stuck: Sequence[int], members: set[int]) -> set[int]:
    """Jobs that need one of `members`, themselves or by way of others."""
    found: set[int] = set()
    for job in range(min(members), max(stuck) + 1):
        if job not in members and any(n in members or n in found for n in plan.needs[job]):
            found.add(job)
    return found


def _join(
    units: Sequence[Unit], levels: Mapping[int, int], components: Mapping[str, int]
) -> list[Unit]:
    """Units of one name and level are joined, so many at a time. As all of a level are
    independent, no cycle can come of it."""
    done: list[Unit] = []
    waiting: dict[tuple[str, int], list[Unit]] = {}
    for unit in units:
        if components.get(unit.group, 1) > 1:
            waiting.setdefault((unit.group, levels[unit.jobs[0]]), []).append(unit)
        else:
            done.append(unit)
    for (name, _), parts in waiting.items():
        count = components[name]
        for start in range(0, len(parts), count):
            jobs = sorted(job for part in parts[start : start + count] for job in part.jobs)
            done.append(Unit(name, tuple(jobs)))
    return done


def layers(needs: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """Jobs of a unit by the step in which they can run; `needs` holds what each needs."""
    level: dict[int, int] = {}
    for job in sorted(needs):
        level[job] = max((level[n] + 1 for n in needs[job] if n in level), default=0)
    found: list[list[int]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for job, at in level.items():
        found[at].append(job)
    return found


def unit_amounts(
    steps: Sequence[Sequence[Mapping[str, int]]], limits: Mapping[str, int]
) -> dict[str, int]:
    """What a unit asks for: within a step the sum, capped by `limits`, and of all steps the most.

    ``runtime`` is the longest of each step, summed over the steps; a step whose sum exceeds a
    limit runs in several turns, and takes as many times as long.
    """
    total: dict[str, int] = {}
    runtime = 0
    for step in steps:
        turns = 1
        longest = 0
        sums: dict[str, int] = {}
        for amounts in step:
            for name, amount in amounts.items():
                if name == "runtime":
                    longest = max(longest, amount)
                else:
                    sums[name] = sums.get(name, 0) + amount
        for name, amount in sums.items():
            limit = limits.get(name) or amount
            if amount > limit:
                turns = max(turns, -(-amount // limit))
            total[name] = max(total.get(name, 0), min(amount, limit))
        runtime += longest * turns
    if runtime:
        total["runtime"] = runtime
    return total
