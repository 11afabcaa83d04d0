"""What a picture of a graph shows: boxes with a state, and edges. From a plan; nothing of looks."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rulekit.planning.plan import Plan

STATES = ("done", "running", "run", "failed")
WORDS = {"done": "done", "running": "running", "run": "to run", "failed": "failed"}
MOST_JOBS = 150  # beyond, a picture shows rules unless jobs are asked for


@frozen
class Box:
    """One node. `counts` says how many jobs it stands for in each state; `hint` is the long text;
    `colour` is the number of its rule."""

    name: str
    lines: tuple[str, ...]
    counts: Mapping[str, int]
    hint: str
    colour: int

    @property
    def state(self) -> str:
        """The state to show: of several the one that a reader must know of first."""
        for state in ("failed", "running", "run"):
            if self.counts.get(state):
                return state
        return "done"


@frozen
class Picture:
    """Boxes by number, edges as (producer, consumer)."""

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]
    unit: str  # "rule" or "job"


def rule_picture(plan: Plan, state: Sequence[str]) -> Picture:
    """One box a rule, with the number of its jobs in each state."""
    numbers: dict[int, int] = {}
    edges: dict[tuple[int, int], None] = {}
    counts: list[dict[str, int]] = []
    for job, rule in enumerate(plan.rule):
        user = numbers.setdefault(rule, len(numbers))
        if user == len(counts):
            counts.append(dict.fromkeys(STATES, 0))
        counts[user][state[job]] += 1
        for needed in plan.needs[job]:
            edges[numbers[plan.rule[needed]], user] = None
    boxes = []
    for index, number in numbers.items():
        rule_of = plan.workflow.rules[index]
        hint = f"rule {rule_of.name}: {told(counts[number])}"
        if rule_of.docstring:
            hint += f"\n{rule_of.docstring.strip()}"
        total = sum(counts[number].values())
        jobs = f"{total:,} job{'s' if total != 1 else ''}"
        # One state is told by colour, sign and hint; a mix needs words.
        mixed = counts[number]["done"] != total
        lines = (rule_of.name, told(counts[number]) if mixed else jobs)
        boxes.append(Box(rule_of.name, lines, counts[number], hint, index))
    return Picture(tuple(boxes), tuple(edges), "rule")


def job_picture(plan: Plan, state: Sequence[str], why: Callable[[int], str]) -> Picture:
    """One box a job, with its rule and wildcards."""
    boxes = []
    for job in plan.numbers():
        rule = plan.rule_of(job)
        pairs = zip(rule.wildcard_names, plan.wildcards[job], strict=True)
        lines = (rule.name, *(f"{name}: {value}" for name, value in pairs))
        hint = f"{plan.key(job)}: {WORDS[state[job]]}"
        reason = why(job) if state[job] != "done" else ""
        if reason:
            hint += f"\n{reason}"
        boxes.append(Box(str(job), lines, {state[job]: 1}, hint, plan.rule[job]))
    edges = tuple((needed, job) for job in plan.numbers() for needed in plan.needs[job])
    return Picture(tuple(boxes), edges, "job")


def told(counts: Mapping[str, int]) -> str:
    """``8 done, 2 to run``: in words what a box stands for."""
    return ", ".join(f"{counts[one]:,} {WORDS[one]}" for one in STATES if counts.get(one)) or "0"
