"""Which jobs must run, and why: the one place that decides it.

`forecast` looks at each job once, in topological order, and then spreads: a job that runs needs
its inputs, so whoever makes a missing one runs too, and a job that runs changes its outputs, so
whoever reads them runs too (unless they are `ancient`). A missing file that nobody who runs needs
is not made again. The reasons of a job are put into words from the same marks that decided.

Times: an input counts as newer if its time is later than the oldest existing output's and its
content is not the recorded one. Equal times are not newer. Nothing is compared with the clock.
"""

from __future__ import annotations

from rulekit.model.record import Reason
from rulekit.staleness.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.model.files import FileView
    from rulekit.planning.plan import Plan
    from rulekit.staleness.memory import Definitions, Memory

_NO_FILES: tuple[str, ...] = ()


class Forecast:
    """The result: `run[j]` is 1 for each job that must run; `count` of them.

    `marks[j]` holds the reasons found for the job itself, by kind; reasons that come from other
    jobs are worked out when asked for.
    """

    __slots__ = ("_missing", "_plan", "count", "marks", "missing_records", "run")

    def __init__(
        self,
        plan: Plan,
        run: bytearray,
        marks: dict[int, dict[str, tuple[str, ...]]],
        missing: Mapping[int, tuple[str, ...]],
        missing_records: int,
    ) -> None:
        self._plan = plan
        self.run = run
        self.count = run.count(1)
        self.marks = marks
        self._missing = missing
        self.missing_records = missing_records  # jobs judged by times alone

    def reasons(self, job: int) -> tuple[Reason, ...]:
        """Why the job must run, most telling first; empty if it is up to date."""
        if not self.run[job]:
            return ()
        found: dict[str, tuple[str, ...]] = dict(self.marks.get(job, {}))
        missing = dict.fromkeys((*found.get("missing-output", ()), *self._missing.get(job, ())))
        if missing:
            found["missing-output"] = tuple(missing)
        upstream = dict.fromkeys((*found.get("upstream", ()), *self._updated(job)))
        if upstream:
            found["upstream"] = tuple(upstream)
        return tuple(Reason(kind, found[kind]) for kind in _ORDER if kind in found)

    def _updated(self, job: int) -> tuple[str, ...]:
        plan, run = self._plan, self.run
        needs = plan.needs[job]
        if not any(run[n] for n in needs):
            return ()
        producer = plan.producer
        flags = plan.input_flags[job]
        found = []
        for path in plan.inputs[job]:
            made_by = producer.get(path)
            if made_by is not None and run[made_by] and not (
                flags and "ancient" in flags.get(path, ())
            ):
                found.append(path)
        return tuple(dict.fromkeys(found))

    def text(self, job: int) -> str:
        """The reasons in one line."""
        return "; ".join(
            _WORDS[reason.kind] + (": " + ", ".join(reason.subjects) if reason.subjects else "")
            for reason in self.reasons(job)
        )


_WORDS = {
    "forced": "Forced execution",
    "no-io": "Rules with neither input nor output files are always executed",
    "missing-output": "Missing output files",
    "incomplete": "Incomplete output files",
    "output-changed": "Output files changed since they were made",
    "input-newer": "Updated input files",
    "code": "Code has changed since last execution",
    "input-set": "Set of input files has changed since last execution",
    "params": "Params have changed since last execution",
    "software-env": "Software environment definition has changed since last execution",
    "upstream": "Input files updated by another job",
}
_ORDER = tuple(_WORDS)


def forecast(
    plan: Plan,
    files: FileView,
    memory: Memory | None = None,
    definitions: Definitions | None = None,
    policy: Policy | None = None,
) -> Forecast:
    """Looks at every job of `plan`.

    `files` answers for stamps, `memory` for records (None: no earlier run is known), `definitions`
    for what the jobs are now. Calls nothing else; in tests all three are dicts.
    """
    return _Forecaster(plan, files, memory, definitions, policy or Policy()).work()


class _Forecaster:
    def __init__(
        self,
        plan: Plan,
        files: FileView,
        memory: Memory | None,
        definitions: Definitions | None,
        policy: Policy,
    ) -> None:
        self.plan = plan
        self.files = files
        self.memory = memory
        self.definitions = definitions
        self.policy = policy
        self.marks: dict[int, dict[str, tuple[str, ...]]] = {}
        self.missing_records = 0
        self._users: list[list[int]] | None = None

    def users(self) -> list[list[int]]:
        if self._users is None:
            self._users = self.plan.users()
        return self._users

    def mark(self, job: int, kind: str, subjects: tuple[str, ...] = _NO_FILES) -> None:
        marks = self.marks.get(job)
        if marks is None:
            marks = self.marks[job] = {}
        if kind in marks and subjects:
            marks[kind] = tuple(dict.fromkeys(marks[kind] + subjects))
        else:
            marks[kind] = subjects

    # -- one job by itself -----------------------------------------------------------------

    def work(self) -> Forecast:
        plan, files = self.plan, self.files
        entry_time, newest = files.link_mtime_ns, files.mtime_ns
        by_time = "mtime" in self.policy.triggers
        memory_outputs: Mapping[str, object] = self.memory.outputs if self.memory else {}
        outputs, inputs = plan.outputs, plan.inputs
        later: list[int] = []  # none of the outputs is there: judged by the consumers' times
        oldest: dict[int, int] = {}
        self._force()
        self._wanted()
        for job in range(len(outputs)):
            time = None
            for path in outputs[job]:
                entry = entry_time(path)
                if entry is not None and (time is None or entry < time):
                    time = entry
            if time is None:
                if outputs[job]:
                    later.append(job)
                else:
                    self._without_output(job)
                continue
            oldest[job] = time
            row = None
            if memory_outputs:
                for path in outputs[job]:
                    row = memory_outputs.get(path)
                    if row is not None:
                        break
            if by_time:
                newer: list[str] | None = None
                for path in inputs[job]:
                    known = newest(path)
                    if known is not None and known > time:
                        if newer is None:
                            newer = []
                        newer.append(path)
                if newer is not None:
                    self._newer(job, newer, row)
            self._by_record(job, row)
        if oldest and by_time:
            self._by_consumers(later, oldest)
        if memory_outputs:
            # A temporary file is gone, but what its job was when it last ran still counts.
            for job in later:
                for path in outputs[job]:
                    row = memory_outputs.get(path)
                    if row is not None:
                        self._by_record(job, row)
                        break
        return self._spread()

    def _force(self) -> None:
        policy, plan = self.policy, self.plan
        jobs: set[int] = set()
        if policy.force_all:
            jobs.update(plan.numbers())
        if policy.force_targets:
            jobs.update(plan.target_jobs)
        if policy.force:
            indices = {r.index for r in plan.workflow.rules if r.name in policy.force}
            jobs.update(j for j in plan.numbers() if plan.rule[j] in indices)
            jobs.update(plan.producer[f] for f in policy.force if f in plan.producer)
        for job in jobs:
            if policy.exempt and plan.key(job) in policy.exempt:
                continue
            self.mark(job, "forced")

    def _wanted(self) -> None:
        """Missing files that were asked for."""
        plan = self.plan
        for path in plan.targets:
            job = plan.producer.get(path)
            if job is not None and not self.files.exists(path):
                self.mark(job, "missing-output", (path,))

    def _without_output(self, job: int) -> None:
        plan = self.plan
        rule = plan.rule_of(job)
        benchmark = plan.benchmark(job)
        if self.policy.exempt and plan.key(job) in self.policy.exempt:
            return
        if rule.body.kind == "none":
            # A rule that only collects is done when its inputs are there.
            absent = tuple(path for path in plan.inputs[job] if not self.files.exists(path))
            if absent and job in plan.target_jobs:
                self.mark(job, "upstream", absent)
            return
        if benchmark is not None:
            if not self.files.exists(benchmark) and job in plan.target_jobs:
                self.mark(job, "missing-output", (benchmark,))
            return
        if job in plan.target_jobs or not self.users()[job]:
            # Nothing shows that it ran: it runs each time it is asked for.
            self.mark(job, "no-io")

    def _ancient(self, job: int, path: str) -> bool:
        flags = self.plan.input_flags[job]
        if flags and "ancient" in flags.get(path, ()):
            return True
        if self.policy.ancient:
            names = self.policy.ancient.get(self.plan.rule_of(job).name)
            if names:
                if path in names:
                    return True
                job_view = self.plan.job(job)
                for name, where in job_view.input.named().items():
                    if name in names:
                        part = (
                            job_view.input[where[0] : where[1]]
                            if isinstance(where, tuple)
                            else [job_view.input[where]]
                        )
                        if path in part:
                            return True
        return False

    def _newer(self, job: int, newer: list[str], row: object) -> None:
        """Inputs with a later time count unless ancient or the same as recorded."""
        counted = [path for path in newer if not self._ancient(job, path)]
        if counted and row is not None:
            assert self.memory is not None
            recorded = self.memory.inputs(row[0])  # type: ignore[index]
            counted = [path for path in counted if not self._same(path, recorded.get(path))]
        if counted:
            self.mark(job, "input-newer", tuple(dict.fromkeys(counted)))

    def _same(self, path: str, fact: object) -> bool:
        """Whether an input is what the last success read: same stamp, or same content."""
        if fact is None:
            return False
        now = self.files.stamp(path)
        if now is None:
            return False
        if now[0] == fact.mtime_ns and now[1] == fact.size:  # type: ignore[attr-defined]
            return True
        digest = fact.digest  # type: ignore[attr-defined]
        if digest is None or now[1] != fact.size:  # type: ignore[attr-defined]
            return False
        return self.files.digest(path) == digest

    def _by_record(self, job: int, row: object) -> None:
        memory, triggers = self.memory, self.policy.triggers
        if memory is None:
            self.missing_records += 1
            return
        if memory.incomplete and not self.policy.ignore_incomplete:
            broken = tuple(p for p in self.plan.outputs[job] if p in memory.incomplete)
            if broken:
                self.mark(job, "incomplete", broken)
        if row is None:
            self.missing_records += 1
            return
        record: int = row[0]  # type: ignore[index]
        if "output" in triggers:
            changed = [path for path in self.plan.outputs[job] if self._changed(path)]
            if changed:
                self.mark(job, "output-changed", tuple(changed))
        now = self.definitions
        if now is None or job in self.plan.waits:
            return
        if "code" in triggers and memory.code(record) != now.code(job):
            # Another template may give the same command: then nothing has changed.
            command = memory.command(record)
            if command is None or not now.same_command(job, command):
                self.mark(job, "code")
        if "input" in triggers and memory.input_set(record) != now.input_set(job):
            self.mark(job, "input-set")
        if "params" in triggers and memory.params(record) != now.params(job):
            self.mark(job, "params")
        if "software-env" in triggers and memory.environment(record) != now.environment(job):
            self.mark(job, "software-env")

    def _changed(self, path: str) -> bool:
        """Whether an output is no longer what its job left there (a touch alone is no change)."""
        assert self.memory is not None
        row = self.memory.outputs.get(path)
        if row is None:
            return False
        _, mtime_ns, size, digest = row
        now = self.files.stamp(path)
        if now is None or (now[0] == mtime_ns and now[1] == size):
            return False
        if now[1] != size:
            return True
        return digest is not None and size >= 0 and self.files.digest(path) != digest

    def _by_consumers(self, later: Sequence[int], oldest: dict[int, int]) -> None:
        """Jobs without any output there: inputs newer than what was made of theirs count.

        From the end of the plan to its beginning, so that a chain of missing temporary files
        hands the time of the file at its end all the way up.
        """
        newest = self.files.mtime_ns
        for job in reversed(later):
            times = [oldest[user] for user in self.users()[job] if user in oldest]
            if not times:
                continue
            time = oldest[job] = min(times)
            newer = []
            for path in self.plan.inputs[job]:
                known = newest(path)
                if known is not None and known > time and not self._ancient(job, path):
                    newer.append(path)
            if newer and not self._recorded_same(job, newer):
                self.mark(job, "input-newer", tuple(dict.fromkeys(newer)))

    def _recorded_same(self, job: int, newer: Sequence[str]) -> bool:
        if self.memory is None:
            return False
        for path in self.plan.outputs[job]:
            row = self.memory.outputs.get(path)
            if row is not None:
                recorded = self.memory.inputs(row[0])
                return all(self._same(p, recorded.get(p)) for p in newer)
        return False

    # -- what one job means for others -------------------------------------------------------

    def _spread(self) -> Forecast:
        plan, marks = self.plan, self.marks
        exists = self.files.exists
        run = bytearray(len(plan))
        missing: dict[int, tuple[str, ...]] = {}
        queue = sorted(marks)
        for job in queue:
            run[job] = 1
        if not queue:
            return Forecast(plan, run, marks, missing, self.missing_records)
        users = self.users()
        outputs, inputs, needs = plan.outputs, plan.inputs, plan.needs
        flags = plan.input_flags
        while queue:
            job = queue.pop()
            needed = needs[job]
            if needed:
                wanted = inputs[job]
                if len(needed) == 1 and len(wanted) == 1:
                    # The common case: one input, made by one job.
                    producer = needed[0]
                    if not exists(wanted[0]):
                        if not run[producer]:
                            run[producer] = 1
                            queue.append(producer)
                        missing[producer] = _add(missing.get(producer), wanted[0])
                else:
                    made_by = plan.producer
                    for path in wanted:
                        producer_or_none = made_by.get(path)
                        if producer_or_none is not None and not exists(path):
                            if not run[producer_or_none]:
                                run[producer_or_none] = 1
                                queue.append(producer_or_none)
                            missing[producer_or_none] = _add(missing.get(producer_or_none), path)
            for user in users[job]:
                if not run[user]:
                    if (flags[user] or self.policy.ancient) and self._all_ancient(user, outputs[job]):
                        continue
                    run[user] = 1
                    queue.append(user)
        return Forecast(plan, run, marks, missing, self.missing_records)

    def _all_ancient(self, user: int, made: Sequence[str]) -> bool:
        mine = set(made)
        read = [path for path in self.plan.inputs[user] if path in mine]
        return bool(read) and all(self._ancient(user, path) for path in read)


def _add(known: tuple[str, ...] | None, path: str) -> tuple[str, ...]:
    if known is None:
        return (path,)
    return known if path in known else (*known, path)
