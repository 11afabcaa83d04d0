"""The jobs of a plan beside what is on record of them: how each was made, what failed, its state."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from typing import Any

    from rulekit.planning.plan import Plan
    from rulekit.provenance.store import AttemptRow, RecordIndex, Store
    from rulekit.staleness import Forecast

MOST_ATTEMPTS = 500_000  # of the history are read, the newest first

# States of a job, as pages name them.
DONE, PENDING, RUNNING, FAILED = "done", "run", "running", "failed"

Identity = tuple[str, tuple[tuple[str, str], ...]]  # rule and wildcards


@frozen
class JobHistory:
    """Per job number: the attempt whose record its outputs have (None: nothing is known), the
    record's number, its state. `runs` are the newest first, `attempts` too."""

    made: Sequence[AttemptRow | None]
    record: Sequence[int | None]
    state: Sequence[str]
    failures: Mapping[int, Sequence[AttemptRow]]  # of jobs not done: attempts that failed
    numbers: Mapping[Identity, int]
    attempts: Sequence[AttemptRow]
    runs: Sequence[Mapping[str, Any]]
    index: RecordIndex | None


def identity(rule: str, wildcards: Mapping[str, str]) -> Identity:
    """What names a job over several runs."""
    return rule, tuple(sorted(wildcards.items()))


def read_history(
    plan: Plan, forecast: Forecast, store: Store | None, running: Container[Identity] = ()
) -> JobHistory:
    """The history of a plan's jobs; `running` are those that are at work now. Raises `StateError`,
    `InfrastructureError`."""
    names = [(rule.name, rule.wildcard_names) for rule in plan.workflow.rules]
    numbers: dict[Identity, int] = {}
    for job, rule in enumerate(plan.rule):
        name, wildcards = names[rule]
        pairs = zip(wildcards, plan.wildcards[job], strict=True)
        numbers[name, tuple(sorted(pairs))] = job
    attempts = store.attempts(limit=MOST_ATTEMPTS) if store is not None else []
    index = store.snapshot() if store is not None else None
    by_id = {attempt.id: attempt for attempt in attempts}
    newest: dict[int, AttemptRow] = {}  # of each job the newest attempt, and the newest success
    success: dict[int, AttemptRow] = {}
    failures: dict[int, list[AttemptRow]] = {}
    for attempt in attempts:
        found = numbers.get(identity(attempt.rule, attempt.wildcards))
        if found is None:
            continue
        newest.setdefault(found, attempt)
        if attempt.ok:
            success.setdefault(found, attempt)
        elif found not in success:
            failures.setdefault(found, []).append(attempt)
    made: list[AttemptRow | None] = []
    record: list[int | None] = []
    for job, outputs in enumerate(plan.outputs):
        row = index.outputs.get(outputs[0]) if index is not None and outputs else None
        record.append(row[0] if row is not None else None)
        made.append(by_id.get(row[0]) if row is not None else success.get(job))
    states = []
    for key, job in numbers.items():
        if not forecast.run[job]:
            states.append((job, DONE))
        elif key in running:
            states.append((job, RUNNING))
        else:
            last = newest.get(job)
            states.append((job, FAILED if last is not None and not last.ok else PENDING))
    states.sort()
    return JobHistory(
        made,
        record,
        [state for _, state in states],
        failures,
        numbers,
        attempts,
        store.runs(1000) if store is not None else [],
        index,
    )
