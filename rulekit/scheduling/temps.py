"""When a temporary file may go: after the last job of this run that reads it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulekit.planning.plan import Plan


class TempFiles:
    """Counts the readers that are left for each temporary output of jobs that take part.

    Kept are targets, and inputs of a target rule without outputs. Nothing is given up while a
    checkpoint is open (`hold`): what was held back comes from `unneeded` of the next plan's.
    `held` are the files that were.
    """

    __slots__ = ("_makers", "_plan", "_readers", "held", "hold")

    def __init__(self, plan: Plan, run: Sequence[int], *, all_temp: bool = False) -> None:
        self._plan = plan
        self.hold = any(run[job] for job in plan.waits)
        self.held: list[str] = []
        self._readers: dict[str, int] = {}
        self._makers: dict[int, tuple[str, ...]] = {}
        marked = _temporary(plan, all_temp)
        if not marked:
            return
        kept = set(plan.targets)
        for job in plan.target_jobs:
            if not plan.outputs[job]:
                kept.update(plan.inputs[job])
        for path, maker in marked.items():
            # A file made earlier goes too, if a job of this run was the last to want it.
            if path not in kept:
                self._readers[path] = 0
                self._makers[maker] = (*self._makers.get(maker, ()), path)
        for job in range(len(run)):
            if run[job]:
                for path in set(plan.inputs[job]):
                    if path in self._readers:
                        self._readers[path] += 1

    def expected(self, run: Sequence[int]) -> dict[str, int]:
        """How many jobs of this plan read each file before it may go, where one of them or its
        maker will run. Nothing while a checkpoint is open: more readers may come."""
        if self.hold or not self._readers:
            return {}
        made = {path for maker, paths in self._makers.items() if run[maker] for path in paths}
        return {path: count for path, count in self._readers.items() if count or path in made}

    def done(self, job: int) -> list[str]:
        """The files that nobody needs any more now that `job` has succeeded."""
        readers = self._readers
        if not readers:
            return []
        free = [path for path in self._makers.get(job, ()) if readers.get(path) == 0]
        for path in set(self._plan.inputs[job]):
            left = readers.get(path)
            if left is not None:
                readers[path] = left - 1
                if left == 1:
                    free.append(path)
        if self.hold:
            self.held += free
            return []
        return free

    def unneeded(self, jobs: Iterable[int], held: Sequence[str] = ()) -> list[str]:
        """The files that no job of this plan reads, of `jobs`, which ran earlier in this run, and
        of those that the plan before this one held back."""
        if self.hold:
            self.held += held
            return []
        makers, readers, plan = self._makers, self._readers, self._plan
        found = [path for job in jobs for path in makers.get(job, ()) if readers[path] == 0]
        gone = [path for path in held if path not in plan.producer]
        if gone:
            # Who made them is no part of this plan. Somebody may name them all the same.
            named = {path for inputs in plan.inputs for path in inputs}
            found += [path for path in dict.fromkeys(gone) if path not in named]
        return found


def _temporary(plan: Plan, all_temp: bool) -> dict[str, int]:
    """The temporary outputs and who makes them."""
    rules = {
        template.rule.index
        for template in plan.templates
        if all_temp or any("temp" in flags for _, flags in template.outputs.flags)
    }
    found: dict[str, int] = {}
    if not rules:
        return found
    for job, index in enumerate(plan.rule):
        if index in rules:
            paths = plan.outputs[job]
            if all_temp:
                found.update(dict.fromkeys(paths, job))
            else:
                for position, flags in plan.output_flags(job):
                    if "temp" in flags:
                        found[paths[position]] = job
    return found
