"""Journal, store and lock of one run, as the loop needs them.

Order of writing: a promise is on disk, synced, and an intent written before a job may start; the runner process adds start and
result; the results go to the store in batches, each one transaction; only then does the journal
note them as committed. Whatever is missing when the run is killed, `recover` makes good.
"""

from __future__ import annotations

import os
import time

from rulekit.provenance.facts import Finished
from rulekit.provenance.journal import Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rulekit.engine.settings import RunSettings
    from rulekit.model.spec import JobResult
    from rulekit.planning.plan import Plan
    from rulekit.provenance.facts import JobFacts
    from rulekit.provenance.locks import Lock
    from rulekit.provenance.store import Store


class RunJournal:
    """`pending` counts results that are not in the store yet."""

    def __init__(self, settings: RunSettings, store: Store, run: str) -> None:
        self.run = run
        self._settings = settings
        self._store = store
        self._journal: Journal | None = None
        self._lock: Lock | None = None
        self._facts: dict[str, JobFacts] = {}
        self._ended: list[Finished] = []
        self._begun: tuple[float, str, str] | None = None
        self._jobs: Mapping[str, int] | None = None  # not yet written down
        self._temps: Mapping[str, int] | None = None  # the same

    @property
    def pending(self) -> int:
        return len(self._ended)

    @property
    def path(self) -> str:
        """The journal's file; made when this is first asked."""
        return self._open().path

    def _open(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.create(self._settings.state_dir, self.run)
            self._begun = (time.time(), os.uname().nodename, self._settings.command)
        return self._journal

    def lock(self, plan: Plan, run: Sequence[int]) -> None:
        """Claims the files of the jobs that will run. Raises `LockedError`."""
        if self._settings.no_lock:
            return
        from rulekit.provenance.locks import acquire

        outputs: list[str] = []
        inputs: set[str] = set()
        for job in range(len(run)):
            if run[job]:
                outputs.extend(plan.outputs[job])
                inputs.update(plan.inputs[job])
        self._lock = acquire(self._settings.state_dir, self.run, outputs, inputs)

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def expect(self, jobs: Mapping[str, int]) -> None:
        """Takes how many jobs of each rule the run has, for those who look at it from outside; the
        next promise writes it down."""
        self._jobs = jobs

    def temporary(self, readers: Mapping[str, int]) -> None:
        """Takes how many jobs read each temporary output before it may go, for who has to clear up
        after a kill; the next promise writes it down."""
        if readers or self._journal is not None:
            self._temps = readers

    def promise(self, paths: Sequence[str]) -> None:
        """Writes down, durably, which files jobs may make from now on. Raises
        `InfrastructureError`."""
        if paths:
            self._open().promise(paths, self._jobs, self._temps)
            self._jobs = self._temps = None

    def intend(self, facts: Sequence[JobFacts]) -> None:
        """Writes down that these attempts start. Raises `InfrastructureError`."""
        self._open().intent(facts)
        for one in facts:
            self._facts[one.token] = one

    def take_over(self, places: Sequence[Mapping[str, Any]], facts: Sequence[JobFacts]) -> None:
        """As `intend`, for attempts of killed runs: first, where they are, for who comes after this
        run. Raises `InfrastructureError`."""
        self._open().places(places)
        self.intend(facts)

    def ended(self, result: JobResult) -> None:
        """Takes a result for the next commit."""
        facts = self._facts.pop(result.token, None)
        if facts is not None:
            self._ended.append(Finished(facts, result))

    def keep_aside(self, path: str) -> str | None:
        """Moves a file that somebody changed out of the way of its job; the new place."""
        from rulekit.provenance import kept

        return kept.move(self._settings.state_dir, self.run, path)

    def doubt(self, paths: Sequence[str]) -> None:
        """Notes outputs that a failed job left in place: never taken for made."""
        self._store.mark_incomplete(paths)

    def commit(self) -> None:
        """One transaction for all that is pending. Raises `InfrastructureError`."""
        batch = self._ended
        self._store.commit(batch, self.run, begun=self._begun)
        self._ended = []
        self._begun = None
        if self._journal is not None:
            self._journal.committed([finished.facts.token for finished in batch])

    def finish(self, ok: bool) -> None:
        """The last transaction: what is pending, and how the run ended. Raises
        `InfrastructureError`."""
        if self._journal is not None:
            self._store.commit(self._ended, self.run, begun=self._begun, ended=(time.time(), ok))
            self._ended = []
            self._begun = None

    def close(self) -> None:
        """All is committed: the journal has served."""
        if self._journal is not None:
            self._journal.close(remove=True)
            self._journal = None
