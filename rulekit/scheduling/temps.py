"""When a temporary file may go: after the last job of this run that reads it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.planning.plan import Plan


class TempFiles:
    """Counts the readers that are left for each temporary output of jobs that take part.

    Kept are targets, and inputs of a target rule that only collects. Nothing is given up while
    a checkpoint is open (`hold`).
    """

    __slots__ = ("_held", "_makers", "_plan", "_readers", "hold")

    def __init__(self, plan: Plan, run: Sequence[int], *, all_temp: bool = False) -> None:
        self._plan = plan
        self.hold = bool(plan.waits)
        self._held: list[str] = []
        self._readers: dict[str, int] = {}
        self._makers: dict[int, tuple[str, ...]] = {}
        marked: dict[str, int] = {}
        for job in range(len(run)):
            flags = plan.output_flags(job)
            if all_temp:
                for path in plan.outputs[job]:
                    marked[path] = job
            elif flags:
                for position, given in flags:
                    if "temp" in given:
                        marked[plan.outputs[job][position]] = job
        if not marked:
            return
        kept = set(plan.targets)
        for job in plan.target_jobs:
            if plan.rule_of(job).body.kind == "none":
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
            self._held += free
            return []
        return free
