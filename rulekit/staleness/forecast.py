"""Which jobs must run, and why: the one place that decides it.

`forecast` looks at each job once, in topological order, and then spreads: a job that runs needs
its inputs, so whoever makes a missing one runs too, and a job that runs changes its outputs, so
whoever reads them runs too (unless they are `ancient`). A missing file that nobody who runs needs
is not made again. The reasons of a job are put into words from the same marks that decided.

Times: an input counts as newer if its time is later than the oldest existing output's and its
content is not the recorded one. Equal times are not newer, but for stored files, whose times have a
resolution of a second. Nothing is compared with the clock.
"""

from __future__ import annotations

from rulekit.model.namedlist import names_of
from rulekit.model.record import Reason
from rulekit.staleness.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.model.files import FileView
    from rulekit.model.record import FileFact
    from rulekit.planning.plan import Plan
    from rulekit.staleness.memory import Definitions, Memory, OutputRow

_NO_FILES: tuple[str, ...] = ()


def _is_coarse(digest: str | None) -> bool:
    """Whether a digest is one of a stored file. Times in storage have a second's resolution: two
    contents may have the same one, and the digest is known without reading."""
    return digest is not None and not digest.startswith("sha256:")


class Forecast:
    """The result: `run[j]` is 1 for each job that must run; `count` of them.

    `marks[j]` holds the reasons found for the job itself, by kind; reasons that come from other
    jobs are worked out when asked for.
    """

    __slots__ = ("_lacking", "_missing", "_plan", "count", "marks", "missing_records", "run")

    def __init__(
        self,
        plan: Plan,
        run: bytearray,
        marks: dict[int, dict[str, tuple[str, ...]]],
        lacking: bytearray,
        missing: Mapping[int, dict[str, None]],
        missing_records: int,
    ) -> None:
        self._plan = plan
        self.run = run
        self.count = run.count(1)
        self.marks = marks
        # What a job that runs needs and does not find: all outputs of these jobs, ...
        self._lacking = lacking
        self._missing = missing  # ... and these files of those
        self.missing_records = missing_records  # jobs judged by times alone

    def reasons(self, job: int) -> tuple[Reason, ...]:
        """Why the job must run, most telling first; empty if it is up to date."""
        found = self._found(job)
        return tuple(Reason(kind, found[kind]) for kind in _ORDER if kind in found)

    def _found(self, job: int) -> dict[str, tuple[str, ...]]:
        """The subjects of each kind of reason."""
        if not self.run[job]:
            return {}
        if job not in self.marks and self._lacking[job] and job not in self._missing:
            # Most jobs of a first run: the outputs are not there, and perhaps inputs come anew.
            upstream_only = self._updated(job)
            if upstream_only:
                return {
                    "missing-output": self._plan.outputs[job],
                    "upstream": tuple(dict.fromkeys(upstream_only)),
                }
            return {"missing-output": self._plan.outputs[job]}
        found: dict[str, tuple[str, ...]] = dict(self.marks.get(job, {}))
        needed = self._plan.outputs[job] if self._lacking[job] else _NO_FILES
        missing = dict.fromkeys(
            (*found.get("missing-output", ()), *needed, *self._missing.get(job, ()))
        )
        if missing:
            found["missing-output"] = tuple(missing)
        upstream = dict.fromkeys((*found.get("upstream", ()), *self._updated(job)))
        if not found and not upstream:
            # All it has to do with is an ancient input that was not there.
            upstream = dict.fromkeys(self._updated(job, ancient=True))
        if upstream:
            found["upstream"] = tuple(upstream)
        return found

    def _updated(self, job: int, *, ancient: bool = False) -> list[str]:
        """The inputs that jobs of this run make, with or without the ancient ones."""
        plan, run = self._plan, self.run
        needs, inputs = plan.needs[job], plan.inputs[job]
        flags = plan.input_flags[job]
        if not needs:
            return []
        if len(needs) == 1 and len(inputs) == 1 and not flags:
            return [inputs[0]] if run[needs[0]] else []
        if not any(run[n] for n in needs):
            return []
        found = []
        for path in inputs:
            made_by = plan.producer.get(path)
            if made_by is None or made_by == job or not run[made_by]:
                continue
            if ancient or not flags or "ancient" not in flags.get(path, ()):
                found.append(path)
        return found

    def text(self, job: int) -> str:
        """The reasons in one line."""
        found = self._found(job)
        parts = []
        for kind in _ORDER if len(found) > 1 else found:
            subjects = found.get(kind)
            if subjects:
                parts.append(f"{_WORDS[kind]}: {', '.join(subjects)}")
            elif subjects is not None:
                words = _NO_OUTPUT if kind == "no-io" and self._plan.inputs[job] else _WORDS[kind]
                parts.append(words)
        return "; ".join(parts)


_NO_OUTPUT = "Rules with a run or shell declaration but no output are always executed"
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
        memory_outputs: Mapping[str, OutputRow] = self.memory.outputs if self.memory else {}
        outputs, inputs, rules = plan.outputs, plan.inputs, plan.rule
        benchmarked = {i for i, one in enumerate(plan.templates) if one.benchmark is not None}
        later: list[int] = []  # none of the outputs is there: judged by the consumers' times
        oldest: dict[int, int] = {}
        self._force()
        self._wanted()
        self._incomplete()
        for job in range(len(outputs)):
            paths = outputs[job]
            time = None
            for path in paths:
                entry = entry_time(path)
                if entry is not None and (time is None or entry < time):
                    time = entry
            if benchmarked and rules[job] in benchmarked:
                entry = entry_time(plan.benchmark(job))  # type: ignore[arg-type]
                if entry is not None and (time is None or entry < time):
                    time = entry
            if time is None:
                if paths:
                    later.append(job)
                else:
                    self._without_output(job)
                continue
            oldest[job] = time
            rows: Sequence[OutputRow] = ()
            if memory_outputs:
                if len(paths) == 1:
                    row = memory_outputs.get(paths[0])
                    if row is not None:
                        rows = (row,)
                else:
                    rows = self._rows(paths)
            if by_time:
                newer: list[str] | None = None
                for path in inputs[job]:
                    known = newest(path)
                    if known is not None and known >= time:
                        if newer is None:
                            newer = []
                        newer.append(path)
                if newer is not None:
                    self._newer(job, newer, rows, time)
            if paths:
                self._by_record(job, rows)
        if oldest and by_time:
            self._by_consumers(later, oldest)
        if memory_outputs:
            # A temporary file is gone, but what its job was when it last ran still counts.
            for job in later:
                rows = self._rows(outputs[job])
                if rows:
                    self._by_record(job, rows)
        return self._spread()

    def _rows(self, paths: Sequence[str]) -> list[OutputRow]:
        """The rows of a job's outputs, one for each record; of those that exist, if any does."""
        assert self.memory is not None
        known = self.memory.outputs
        time_of = self.files.link_mtime_ns
        there = [path for path in paths if time_of(path) is not None]
        found: dict[int, OutputRow] = {}
        for path in there or paths:
            row = known.get(path)
            if row is not None:
                found.setdefault(row[0], row)
        return list(found.values())

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

    def _incomplete(self) -> None:
        """Outputs that were in work when a run was killed, whether they are there or not."""
        if self.memory is None or self.policy.ignore_incomplete:
            return
        for path in sorted(self.memory.incomplete):
            job = self.plan.producer.get(path)
            if job is not None and path in self.plan.outputs[job]:
                self.mark(job, "incomplete", (path,))

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
            elif not plan.inputs[job] and job in plan.target_jobs:
                self.mark(job, "no-io")
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
                for name, where in names_of(job_view.input).items():
                    if name in names:
                        part = (
                            job_view.input[where[0] : where[1]]
                            if isinstance(where, tuple)
                            else [job_view.input[where]]
                        )
                        if path in part:
                            return True
        return False

    def _newer(self, job: int, newer: Sequence[str], rows: Sequence[OutputRow], time: int) -> None:
        """Inputs with a time later than `time` count unless ancient or the same as recorded."""
        counted = [path for path in newer if not self._ancient(job, path)]
        if counted:
            recorded = []
            if rows:
                assert self.memory is not None
                recorded = [self.memory.inputs(row[0]) for row in rows]
            counted = [path for path in counted if self._counts(path, time, recorded)]
        if counted:
            self.mark(job, "input-newer", tuple(dict.fromkeys(counted)))

    def _counts(self, path: str, time: int, recorded: Sequence[Mapping[str, FileFact]]) -> bool:
        now = self.files.mtime_ns(path)
        later = now is not None and now > time
        facts = [known.get(path) for known in recorded]
        if not facts or all(self._same(path, fact) for fact in facts):
            return later and not facts
        # In storage two writes may be of the same second: there the content alone decides.
        return later or any(fact is not None and _is_coarse(fact.digest) for fact in facts)

    def _same(self, path: str, fact: FileFact | None) -> bool:
        """Whether an input is what the last success read: same stamp, or same content."""
        now = self.files.stamp(path)
        if fact is None or now is None or now.size != fact.size:
            return False
        if now.mtime_ns == fact.mtime_ns and not _is_coarse(fact.digest):
            return True
        return fact.digest is not None and self.files.digest(path) == fact.digest

    def _by_record(self, job: int, rows: Sequence[OutputRow]) -> None:
        """Compares with what was true when the outputs were made; `rows`: one for each record."""
        memory, triggers = self.memory, self.policy.triggers
        if memory is None:
            self.missing_records += 1
            return
        if not rows:
            self.missing_records += 1
            return
        if "output" in triggers:
            changed = [path for path in self.plan.outputs[job] if self._changed(path)]
            if changed:
                self.mark(job, "output-changed", tuple(changed))
        now = self.definitions
        if now is None or job in self.plan.waits:
            return
        for row in rows:
            record = row[0]
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
        if now is None or (now[0] == mtime_ns and now[1] == size and not _is_coarse(digest)):
            return False
        if now[1] != size:
            return True
        if digest is None or (size < 0 and not _is_coarse(digest)):
            return False
        return self.files.digest(path) != digest

    def _by_consumers(self, later: Sequence[int], oldest: dict[int, int]) -> None:
        """Jobs without any output there: inputs newer than what was made of theirs count.

        From the end of the plan to its beginning, so that a chain of missing temporary files
        hands the time of the file at its end all the way up.
        """
        newest = self.files.mtime_ns
        users = self.users()
        for job in reversed(later):
            times = [
                oldest[user] for user in users[job] if user in oldest and self._minds(user, job)
            ]
            if not times:
                continue
            time = oldest[job] = min(times)
            newer = []
            for path in self.plan.inputs[job]:
                known = newest(path)
                if known is not None and known > time:
                    newer.append(path)
            if newer:
                rows = self._rows(self.plan.outputs[job]) if self.memory is not None else ()
                self._newer(job, newer, rows, time)

    # -- what one job means for others -------------------------------------------------------

    def _minds(self, user: int, job: int, *, missing: bool = False) -> bool:
        """Whether `user` reads a file of `job` that is not ancient (or, with `missing`, is not
        there). A job may also wait for another without reading from it."""
        paths = self.plan.inputs[user]
        if len(paths) == 1 and not self.plan.input_flags[user] and not self.policy.ancient:
            return True
        made_by = self.plan.producer
        return any(
            made_by.get(path) == job
            and (not self._ancient(user, path) or (missing and not self.files.exists(path)))
            for path in paths
        )

    def _spread(self) -> Forecast:
        """From the jobs with marks to all that must run with them.

        Two passes over all jobs, to what is needed and to what is made of it, nearly always do.
        What they leave open is followed job by job.
        """
        run = bytearray(len(self.plan))
        for job in self.marks:
            run[job] = 1
        lacking = bytearray(len(run))
        missing: dict[int, dict[str, None]] = {}
        if self.marks:
            self._pass_down(run, lacking, missing)
            found = self._pass_up(run)
            queue = [n for job in found for n in self._makers(job, run, missing)]
            if queue:
                self._follow(queue, run, missing)
        return Forecast(self.plan, run, self.marks, lacking, missing, self.missing_records)

    def _pass_down(
        self, run: bytearray, lacking: bytearray, missing: dict[int, dict[str, None]]
    ) -> None:
        """Who makes what a running job needs and does not find runs too, all the way down."""
        needs, inputs, outputs = self.plan.needs, self.plan.inputs, self.plan.outputs
        exists = self.files.exists
        for job in range(max(self.marks), -1, -1):
            if run[job]:
                needed = needs[job]
                if len(needed) == 1:
                    wanted = inputs[job]
                    maker = needed[0]
                    if wanted == outputs[maker] and len(wanted) == 1:
                        # The common case: one input, the only output of one job.
                        if not exists(wanted[0]):
                            run[maker] = lacking[maker] = 1
                        continue
                if needed:
                    self._makers(job, run, missing)

    def _makers(self, job: int, run: bytearray, missing: dict[int, dict[str, None]]) -> list[int]:
        """Notes who makes the inputs of a running job that are not there; the result are those
        jobs that were not known to run."""
        made_by, exists = self.plan.producer, self.files.exists
        found = []
        for path in self.plan.inputs[job]:
            maker = made_by.get(path)
            if maker is not None and maker != job and not exists(path):
                if not run[maker]:
                    run[maker] = 1
                    found.append(maker)
                known = missing.get(maker)
                if known is None:
                    known = missing[maker] = {}
                known[path] = None
        return found

    def _pass_up(self, run: bytearray) -> list[int]:
        """Who reads what a running job makes runs too; the result are the jobs found."""
        needs = self.plan.needs
        found = []
        if run.count(1) < len(run):
            for job in range(run.index(1) + 1, len(run)):
                if not run[job]:
                    for needed in needs[job]:
                        if run[needed] and self._minds(job, needed, missing=True):
                            run[job] = 1
                            found.append(job)
                            break
        return found

    def _follow(
        self, queue: list[int], run: bytearray, missing: dict[int, dict[str, None]]
    ) -> None:
        """Goes from each running job in `queue` to what it needs and to what is made of it."""
        users = self.users()
        while queue:
            job = queue.pop()
            queue += self._makers(job, run, missing)
            for user in users[job]:
                if not run[user] and self._minds(user, job, missing=True):
                    run[user] = 1
                    queue.append(user)
