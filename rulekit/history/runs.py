"""Runs and what was worked on in them: from the records, and from the journals of live runs."""

from __future__ import annotations

import os

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.history.jobs import Identity
    from rulekit.provenance.journal import Past
    from rulekit.provenance.store import AttemptRow, Store


@frozen
class RunInfo:
    """One run. Times are seconds since 1970; `ended` and `ok` are None while it goes on, and if it
    was killed (`live` tells which)."""

    name: str
    started: float
    ended: float | None
    ok: bool | None
    host: str
    command: str
    live: bool = False


@frozen
class Work:
    """One attempt at a job. `ended` is None while it runs; `cause` says why it failed, "" if it did
    not. `cpu_s` is processor time in seconds, `rss_kb` the peak of memory in KiB; None where the
    system did not tell."""

    token: str
    rule: str
    wildcards: Mapping[str, str]
    number: int
    started: float
    ended: float | None
    cause: str
    cpu_s: float | None
    rss_kb: float | None
    logs: tuple[str, ...]
    record: int | None = None  # of the attempt in the store

    @property
    def key(self) -> str:
        """The job, as plans name it: ``align:sample=a``."""
        pairs = ",".join(f"{name}={value}" for name, value in self.wildcards.items())
        return f"{self.rule}:{pairs}" if pairs else self.rule


def work_of(row: AttemptRow) -> Work:
    """An attempt from the records."""
    cause = "" if row.ok else row.detail or row.problem or f"exit code {row.exit_code}"
    return Work(
        row.token,
        row.rule,
        row.wildcards,
        row.number,
        row.started,
        row.ended,
        cause,
        cpu_of(row.usage),
        row.usage.get("max_rss_kb"),
        row.logs,
        row.id,
    )


def cpu_of(usage: Mapping[str, float]) -> float | None:
    """Processor time of an attempt in seconds."""
    if "user_s" not in usage:
        return None
    return usage["user_s"] + usage.get("system_s", 0.0)


def live_journals(state_dir: str) -> list[Past]:
    """The journals of runs that go on, or were killed and not yet taken over; the oldest first."""
    from rulekit.provenance import journal

    found = []
    for path in journal.left_behind(state_dir):
        try:
            found.append(journal.read(path))
        except OSError:  # it has come to its end in this moment
            continue
    moved = journal.taken_over(found) if len(found) > 1 else {}
    for past in found:
        past.drop(moved.get(past.path, ()))
    return found


def is_live(past: Past) -> bool:
    """Whether the run of a journal goes on, as far as can be known from here."""
    return past.owner is not None and past.owner.state() != "dead"


def running_jobs(state_dir: str) -> frozenset[Identity]:
    """The jobs that live runs are at."""
    from rulekit.history.jobs import identity

    if not os.path.isdir(os.path.join(state_dir, "journal")):
        return frozenset()
    return frozenset(
        identity(past.intents[token].rule, past.intents[token].wildcards)
        for past in live_journals(state_dir)
        if is_live(past)
        for token in past.started
        if token in past.intents and token not in past.results
    )


def all_runs(store: Store | None, pasts: Sequence[Past] = (), limit: int = 1000) -> list[RunInfo]:
    """The runs there are, the newest first."""
    # Asked before the records are read: a run that ends meanwhile has its end there, or still lives.
    alive = [is_live(past) for past in pasts]
    found = {
        row["name"]: RunInfo(
            row["name"],
            row["started"],
            row["ended"],
            None if row["ok"] is None else bool(row["ok"]),
            row["host"],
            row["command"],
        )
        for row in (store.runs(limit) if store is not None else ())
    }
    for past, live in zip(pasts, alive, strict=True):
        known = found.get(past.run)
        if known is not None and known.ended is not None:
            continue
        host = past.owner.host if past.owner is not None else ""
        command = known.command if known is not None else ""
        found[past.run] = RunInfo(past.run, past.time, None, None, host, command, live)
    return sorted(found.values(), key=lambda run: (run.started, run.name), reverse=True)


def works_of(store: Store | None, run: str, pasts: Sequence[Past] = ()) -> list[Work]:
    """What was worked on in a run, in the order of starts."""
    from rulekit.history.jobs import MOST_ATTEMPTS

    rows = store.attempts(run=run, limit=MOST_ATTEMPTS) if store is not None else []
    works = {row.token: work_of(row) for row in rows}
    for past in pasts:
        if past.run == run:
            for token, work in _from_journal(past).items():
                works.setdefault(token, work)
    return sorted(works.values(), key=lambda work: (work.started, work.token))


def _from_journal(past: Past) -> dict[str, Work]:
    found = {}
    for token, started in past.started.items():
        facts = past.intents.get(token)
        if facts is None:
            continue
        result = past.results.get(token)
        cause = ""
        usage: Mapping[str, float] = {}
        if result is not None:
            usage = result.usage
            if not result.ok:
                cause = result.detail or result.problem or f"exit code {result.exit_code}"
        found[token] = Work(
            token,
            facts.rule,
            facts.wildcards,
            facts.attempt,
            started,
            None if result is None else result.ended,
            cause,
            cpu_of(usage),
            usage.get("max_rss_kb"),
            facts.logs,
        )
    return found
