"""Jobs of a run whose driver died that still run, or have ended, on other machines: taken over.

The journal of such a run stays until this run has come to its end: killed in between, the next one
finds the same again. An attempt is taken over if the job is still to be run, is what this run would
start itself, and nothing before it runs again; all others are ended.
"""

from __future__ import annotations

import os

from rulekit.engine.facts import facts_of
from rulekit.errors import RulekitError
from rulekit.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from rulekit.engine.loop import Stage
    from rulekit.engine.specs import SpecBuilder
    from rulekit.model.spec import JobSpec
    from rulekit.provenance.facts import JobFacts
    from rulekit.provenance.journal import Past

    class Adopter(Protocol):
        """What an executor for other machines can do about earlier runs."""

        def earlier(self, places: Iterable[Mapping[str, Any]]) -> dict[str, str]: ...
        def attach(self, token: str) -> None: ...
        def release(self) -> None: ...


class Adoption:
    """The attempts of earlier runs, and what was done about them."""

    def __init__(self, pending: Sequence[Past], executor: Adopter) -> None:
        self._pending = pending
        self._executor = executor
        # A run that took attempts over has the places of the one before it in its journal, too.
        self.places: list[Mapping[str, Any]] = []
        for past in pending:
            self.places += [place for place in past.places if place not in self.places]

    def find(self, stage: Stage, specs: SpecBuilder) -> list[JobSpec]:
        """The orders of the attempts that are taken over, with the tokens that they have. All others
        are ended before this returns. Raises `InfrastructureError`."""
        there = self._executor.earlier(self.places)
        known = {
            facts.key: facts
            for past in self._pending
            for token, facts in past.intents.items()
            if token in there and token not in past.results
        }
        found = list(_matching(stage, specs, known)) if known else []
        for spec in found:
            self._executor.attach(spec.token)
        self._executor.release()
        return found

    def settled(self) -> None:
        """The run is over: nothing of the earlier ones is needed any more."""
        for past in self._pending:
            try:
                os.unlink(past.path)
            except FileNotFoundError:
                pass


def _matching(stage: Stage, specs: SpecBuilder, known: Mapping[str, JobFacts]) -> Iterable[JobSpec]:
    plan, run = stage.plan, stage.forecast.run
    for job in range(len(run)):
        if not run[job] or any(run[needed] for needed in plan.needs[job]):
            continue
        old = known.get(plan.key(job))
        if old is None or job in plan.waits:
            continue
        try:
            spec = replace(specs.build(stage, job, old.attempt), token=old.token)
        except RulekitError:
            continue  # it is told when the job has its turn
        if _same(facts_of(stage, spec), old):
            yield spec


def _same(new: JobFacts, old: JobFacts) -> bool:
    """Whether the attempt is what would be started now."""
    return replace(new, wildcards={}, logs=()) == replace(
        old, wildcards={}, logs=(), outputs=tuple(old.outputs), params=tuple(old.params)
    )
