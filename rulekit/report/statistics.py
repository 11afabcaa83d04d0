"""Numbers of a report: times by rule, the whole, and the longest chain of jobs."""

from __future__ import annotations

from rulekit.frozen import frozen
from rulekit.history.runs import cpu_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.history.jobs import JobHistory
    from rulekit.planning.plan import Plan


@frozen
class RuleTimes:
    """One rule: jobs in the plan, by state, and the times of those that are on record. Seconds;
    `rss_kb` is the highest peak of memory in KiB. None where nothing is known."""

    name: str
    index: int
    jobs: int
    states: Mapping[str, int]
    total: float
    mean: float | None
    median: float | None
    shortest: float | None
    longest: float | None
    cpu: float | None
    rss_kb: float | None


def rule_times(plan: Plan, history: JobHistory) -> tuple[RuleTimes, ...]:
    """The rules of a plan in the order of the rule file."""
    seconds: dict[int, list[float]] = {}
    cpu: dict[int, float] = {}
    peak: dict[int, float] = {}
    states: dict[int, dict[str, int]] = {}
    for job, rule in enumerate(plan.rule):
        table = states.setdefault(rule, {})
        state = history.state[job]
        table[state] = table.get(state, 0) + 1
        made = history.made[job]
        if made is None:
            continue
        seconds.setdefault(rule, []).append(made.ended - made.started)
        used = cpu_of(made.usage)
        if used is not None:
            cpu[rule] = cpu.get(rule, 0.0) + used
        high = made.usage.get("max_rss_kb")
        if high is not None:
            peak[rule] = max(peak.get(rule, 0.0), high)
    found = []
    for rule in sorted(states):
        times = sorted(seconds.get(rule, ()))
        count = len(times)
        found.append(
            RuleTimes(
                plan.workflow.rules[rule].name,
                rule,
                sum(states[rule].values()),
                states[rule],
                sum(times),
                sum(times) / count if count else None,
                (times[(count - 1) // 2] + times[count // 2]) / 2 if count else None,
                times[0] if count else None,
                times[-1] if count else None,
                cpu.get(rule),
                peak.get(rule),
            )
        )
    return tuple(found)


def longest_chain(plan: Plan, history: JobHistory) -> tuple[float, tuple[int, ...]]:
    """The chain of jobs whose times add up to most: no number of cores makes it shorter.

    Its seconds and its jobs, first to last; jobs that are not on record count nothing.
    """
    total = [0.0] * len(plan)
    before = [-1] * len(plan)
    best = -1
    for job in plan.numbers():
        for needed in plan.needs[job]:
            if total[needed] > total[job] or before[job] < 0:
                total[job], before[job] = total[needed], needed
        made = history.made[job]
        if made is not None:
            total[job] += made.ended - made.started
        if best < 0 or total[job] > total[best]:
            best = job
    chain: list[int] = []
    at = best
    while at >= 0:
        if history.made[at] is not None:
            chain.append(at)
        at = before[at]
    return (total[best] if best >= 0 else 0.0), tuple(reversed(chain))
