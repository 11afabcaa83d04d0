"""The loop of one run: events to the schedule, commands to the executor, records to the store.

It is the only place that waits. What it knows of a job it asks of the plan by number; what comes
back from the executor is found by the attempt's token, so a new plan after a checkpoint may
renumber the jobs while some are running.
"""

from __future__ import annotations

import os
import time

from rulekit.engine.clock import StartRate
from rulekit.engine.facts import facts_of
from rulekit.engine.interrupts import Interrupts
from rulekit.engine.specs import SpecBuilder
from rulekit.errors import InfrastructureError, RulekitError
from rulekit.events import (
    FileRemoved,
    JobFailed,
    JobFinished,
    JobStarted,
    Note,
    Progress,
    RunFinished,
    RunStarted,
)
from rulekit.frozen import replace
from rulekit.model.spec import JobResult
from rulekit.scheduling import Offer, Schedule, TempFiles
from rulekit.scheduling.schedule import FAILED, WANTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from rulekit.engine.adoption import Adoption
    from rulekit.engine.definitions import JobDefinitions
    from rulekit.engine.journal import RunJournal
    from rulekit.engine.outputcache import OutputCache
    from rulekit.engine.settings import RunSettings
    from rulekit.engine.stored import RunStorage
    from rulekit.engine.units import OpenGroup, Units
    from rulekit.engine.values import JobValues
    from rulekit.executors.local import Started
    from rulekit.model.spec import JobSpec
    from rulekit.planning.plan import Plan
    from rulekit.staleness import Forecast

    Listener = Callable[[object], None]

    class Executor(Protocol):
        """Runs orders; `poll` waits for answers, at most so many seconds (None: any time)."""

        def submit(self, spec: JobSpec) -> None: ...
        def submit_together(
            self,
            specs: Sequence[JobSpec],
            amounts: Sequence[Mapping[str, int]],
            budget: Mapping[str, int],
        ) -> None: ...
        def cancel(self, token: str, hard: bool = ...) -> None: ...
        def poll(self, timeout_s: float | None) -> Sequence[JobResult | Started]: ...


_COMMIT_JOBS = 250
_COMMIT_SECONDS = 1.0
_AHEAD = 256  # jobs whose outputs are promised ahead, so that one sync serves many


class Stage:
    """A plan with what was worked out for it; replaced as a whole after a checkpoint."""

    __slots__ = ("definitions", "forecast", "generation", "plan", "values")

    def __init__(
        self, plan: Plan, forecast: Forecast, values: JobValues, definitions: JobDefinitions
    ) -> None:
        self.plan = plan
        self.forecast = forecast
        self.values = values
        self.definitions = definitions
        self.generation = 0  # counts the plans of a run


class Attempt:
    """A running attempt as the loop remembers it."""

    __slots__ = ("attempt", "command", "job", "key", "outputs", "shown", "started")

    def __init__(self, job: int, attempt: int, spec: JobSpec, command: str | None) -> None:
        self.job = job
        self.shown = job  # the number it was started under; a later plan may give it another
        self.key = spec.key
        self.outputs = tuple([output.path for output in spec.outputs])
        self.attempt = attempt
        self.command = command
        self.started = time.time()


class RunLoop:
    """One run. `work` does all of it."""

    def __init__(
        self,
        stage: Stage,
        settings: RunSettings,
        executor: Executor,
        journal: RunJournal,
        listeners: Sequence[Listener],
        interrupts: Interrupts,
        replan: Callable[[frozenset[str], frozenset[str]], Stage] | None = None,
        stored: RunStorage | None = None,
        adoption: Adoption | None = None,
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._executor = executor
        self._journal = journal
        self._listeners = listeners
        self._replan = replan
        self._stored = stored
        self._adoption = adoption
        self._specs = SpecBuilder(
            settings, journal.run, lambda level, text: self.emit(Note(level, text))
        )
        self._rate = StartRate(settings.rate)
        self._running: dict[str, Attempt] = {}
        self._done_keys: set[str] = set()
        self._failed_keys: dict[str, None] = {}
        self._done = 0
        self._done_before = 0  # jobs done under earlier plans
        self._outdated = False  # a checkpoint is done: the plan has to be made anew
        self._last_commit = time.monotonic()
        self._interrupts = interrupts
        self._cache: OutputCache | None = None
        if settings.cache is not None:
            from rulekit.engine.outputcache import open_cache

            self._cache = open_cache(settings, stage.plan.workflow.rules)
        self._begin(stage)

    def _begin(self, stage: Stage) -> None:
        settings = self._settings
        self._offer = Offer(settings.cores, settings.jobs, settings.resources)
        self._promised = bytearray(len(stage.plan))
        self._next_promise = 0
        plan, run, values = stage.plan, stage.forecast.run, stage.values
        self._units: Units | None = None
        self._groups: dict[int, OpenGroup] = {}  # those that run, by leader
        if plan.streams or settings.grouping is not None:
            from rulekit.engine.units import Units

            units = self._units = Units(plan, run, self._offer, settings.grouping)
            units.check(values.request)
            graph = units.contracted(run)
            request, offer = units.request(values.request), self._offer
            if settings.grouping is not None:
                from rulekit.engine.cluster import scoped

                offer, request = scoped(offer, request, plan.workflow.resource_scopes)
            self._schedule = Schedule(
                graph, graph.run, request, units.retries(values.retries), offer, settings.keep_going
            )
        else:
            self._schedule = Schedule(
                plan, run, values.request, values.retries, self._offer, settings.keep_going
            )
        self._temps = TempFiles(plan, run, all_temp=settings.all_temp)
        if not settings.notemp:
            self._journal.temporary(self._temps.expected(run))

    @property
    def _total(self) -> int:
        return self._done_before + self._stage.forecast.count

    def emit(self, event: object) -> None:
        for listener in self._listeners:
            listener(event)

    # -- the loop ----------------------------------------------------------------------------

    def work(self) -> RunFinished:
        """Runs until nothing is left to do or to wait for. Raises `InfrastructureError` if the
        disk or the state store does not take what must be written."""
        begun = time.monotonic()
        plan = self._stage.plan
        self.emit(
            RunStarted(
                self._journal.run,
                os.getcwd(),
                self._settings.rulefile,
                self._settings.cores,
                count_by_rule(plan, self._stage.forecast.run),
                self._settings.log_path,
            )
        )
        trouble: RulekitError | None = None
        if self._adoption is not None:
            self._take_over(self._adoption)
        while True:
            try:
                if trouble is None and not self._interrupts.count:
                    self._launch()
                    # A plan costs as much as many jobs: not before there is room for more of them.
                    if self._outdated and not (
                        self._schedule.full or self._schedule.stopped or self._groups
                    ):
                        self._after_checkpoint()
                        continue
                # In trouble the schedule may count jobs as started that never were.
                if not self._running and (trouble is not None or self._schedule.finished):
                    break
                self._wait()
                self._interrupted()
                if trouble is None:
                    self._commit(force=False)
            except InfrastructureError as error:
                # What runs may end; its results stay in the journal until they can be committed.
                trouble = error
                self._schedule.stop()
                self.emit(Note("error", f"{error}: no more jobs are started"))
        if trouble is not None:
            raise trouble
        counts = self._schedule.counts
        self._remove_stored()
        left = counts[WANTED]
        failed = tuple(self._failed_keys)
        stopped = bool(self._interrupts.count)
        ok = not failed and not stopped and not left
        self._journal.finish(ok)
        return RunFinished(
            ok,
            self._done,
            failed,
            self._total - self._done - len(failed),
            time.monotonic() - begun,
            stopped,
        )

    def _wait(self) -> None:
        timeout = None
        if self._journal.pending:
            timeout = max(0.0, self._last_commit + _COMMIT_SECONDS - time.monotonic())
        if not self._schedule.stopped:
            pause = self._rate.wait(time.monotonic())
            if pause is not None and self._schedule.counts[1]:
                timeout = pause if timeout is None else min(timeout, pause)
        for result in self._executor.poll(timeout):
            if isinstance(result, JobResult):
                self._result(result)

    def _interrupted(self) -> None:
        level = self._interrupts.take()
        if not level:
            return
        self._schedule.stop()
        running = len(self._running)
        if level == 1 and running:
            plural = "s" if running > 1 else ""
            self.emit(
                Note(
                    "warning",
                    f"finishing {running} running job{plural}; interrupt again to stop them now",
                )
            )
        elif level > 1 and running:
            lost = sum(time.time() - attempt.started for attempt in self._running.values())
            self.emit(
                Note("warning", f"stopping {running} running jobs, {lost:.0f} s of work are lost")
            )
            for token in self._running:
                self._executor.cancel(token, level > 2)

    def _take_over(self, adoption: Adoption) -> None:
        """Attempts of killed runs go on as if they had been started here."""
        stage = self._stage
        specs = [
            spec
            for spec in adoption.find(stage, self._specs)
            if self._units is None or spec.id not in self._units.leader
        ]
        if not specs:
            return
        self._promise([spec.id for spec in specs])
        self._journal.take_over(adoption.places, [facts_of(stage, spec) for spec in specs])
        for spec in specs:
            self._schedule.resume(spec.id, spec.attempt)
            command = spec.body.get("command")
            self._running[spec.token] = Attempt(spec.id, spec.attempt, spec, command)
            info = stage.values.info(spec.id, stage.forecast, command, spec.attempt)
            self.emit(JobStarted(info, spec.attempt))
        jobs = "1 job" if len(specs) == 1 else f"{len(specs)} jobs"
        self.emit(Note("info", f"took over {jobs} of a run that was killed"))

    # -- starting ----------------------------------------------------------------------------

    def _launch(self) -> None:
        schedule = self._schedule
        while True:
            now = time.monotonic()
            launches = schedule.launches(self._rate.allowed(now))
            if not launches:
                return
            self._rate.started(now, len(launches))
            stage = self._stage
            orders: list[JobSpec] = []
            groups: list[tuple[int, list[JobSpec]]] = []
            for launch in launches:
                members = self._units.members.get(launch.job) if self._units else None
                if members is not None:
                    specs = self._order_group(launch.job, members, launch.attempt)
                    orders += specs
                    groups.append((launch.job, specs))
                    continue
                if self._only_collects(launch.job):
                    self._collected(launch.job)
                    continue
                spec = self._order(launch.job, launch.attempt)
                if spec is not None:
                    orders.append(spec)
            if not orders:
                continue
            self._promise([spec.id for spec in orders])
            self._journal.intend([facts_of(stage, spec) for spec in orders])
            for leader, specs in groups:
                if specs:
                    self._submit_group(leader, specs)
            for spec in orders:
                self._save_changed(spec.id)
                command = spec.body.get("command")
                self._running[spec.token] = Attempt(spec.id, spec.attempt, spec, command)
                if self._units is None or spec.id not in self._units.leader:
                    self._executor.submit(spec)
                info = stage.values.info(spec.id, stage.forecast, command, spec.attempt)
                self.emit(JobStarted(info, spec.attempt))

    def _order_group(self, leader: int, jobs: Sequence[int], attempt: int) -> list[JobSpec]:
        """The orders for jobs that run together; none if one of them cannot be made."""
        specs = []
        for job in jobs:
            spec = self._order(job, attempt, leader)
            if spec is None:
                return []
            specs.append(spec)
        return specs

    def _submit_group(self, leader: int, specs: Sequence[JobSpec]) -> None:
        from rulekit.engine.units import OpenGroup

        assert self._units is not None
        self._groups[leader] = OpenGroup(spec.id for spec in specs)
        request = self._stage.values.request
        self._executor.submit_together(specs, *self._units.limits(specs, request))

    def _order(self, job: int, attempt: int, leader: int | None = None) -> JobSpec | None:
        """The order for a job that starts now; None if it cannot be made: then it has failed, or
        all that runs together with it (`leader`)."""
        try:
            spec = self._specs.build(self._stage, job, attempt)
            if self._cache is not None and leader is None:
                spec = self._cache.fetched(self._stage, spec, self.emit)
            return spec
        except RulekitError as error:
            from rulekit.engine.failure import placed
            from rulekit.errors.hints import improved
            from rulekit.errors.show import written

            improved(error)
            placed(error, self._stage.plan.rule_of(job))
            info = self._stage.values.plain_info(job, self._stage.forecast)
            self.emit(JobStarted(info, attempt))
            self._failed_keys[info.key] = None
            self._schedule.failed(job if leader is None else leader, may_retry=False)
            self.emit(Note("error", written(error.diagnostics)))
            self.emit(JobFailed(info, attempt, 1, str(error), (), (), False, ""))
            return None

    def _save_changed(self, job: int) -> None:
        """An output that somebody else changed is not deleted with the old ones but kept aside."""
        if self._stored is not None:
            return  # it is replaced as a whole, or stays
        marks = self._stage.forecast.marks.get(job)
        for path in marks.get("output-changed", ()) if marks else ():
            place = self._journal.keep_aside(path)
            if place:
                self.emit(Note("warning", f"{path} was changed by hand; it is kept as {place}"))

    def _promise(self, jobs: Sequence[int]) -> None:
        """Before jobs start: their outputs and those of many that come next, with one sync."""
        promised = self._promised
        if all(promised[job] for job in jobs):
            return
        plan, run = self._stage.plan, self._stage.forecast.run
        chosen = [job for job in jobs if not promised[job]]
        for job in chosen:
            promised[job] = 1
        position = self._next_promise
        while position < len(run) and len(chosen) < _AHEAD:
            if run[position] and not promised[position]:
                promised[position] = 1
                chosen.append(position)
            position += 1
        self._next_promise = position
        self._journal.promise([path for job in chosen for path in plan.outputs[job]])

    def _only_collects(self, job: int) -> bool:
        plan = self._stage.plan
        return plan.rule_of(job).body.kind == "none" and not plan.outputs[job]

    def _collected(self, job: int) -> None:
        """A rule without an action is done when its inputs are."""
        info = self._stage.values.info(job, self._stage.forecast, None)
        self.emit(JobStarted(info, 1))
        self._schedule.succeeded(job)
        self._finish(job, info.key, 1, 0.0, {})

    # -- ending ------------------------------------------------------------------------------

    def _result(self, result: JobResult) -> None:
        attempt = self._running.pop(result.token, None)
        if attempt is None:
            return
        if attempt.job < 0:  # the plan that a checkpoint gave has no such job any more
            self._journal.ended(result)
            return
        if self._stored is not None and result.ok:
            self._stored.learned(result.outputs)
        if self._units is not None and attempt.job in self._units.leader:
            self._group_result(attempt, result)
            return
        if not result.ok:
            self._failure(attempt, result)
            return
        if self._cache is not None:
            self._cache.keep(result, attempt.outputs, self.emit)
        if not self._settings.drop_metadata:
            self._journal.ended(result)
        seconds = result.ended - result.started
        self._schedule.succeeded(attempt.job)
        self._finish(
            attempt.job, attempt.key, attempt.attempt, seconds, result.usage, attempt.shown
        )

    def _group_result(self, attempt: Attempt, result: JobResult) -> None:
        """A result of one of several jobs that run together. Only when all have ended it is known
        whether there is another attempt, and what waits for them can start."""
        assert self._units is not None
        leader = self._units.leader[attempt.job]
        group = self._groups[leader]
        group.ended(attempt, result)
        if result.ok:
            if not self._settings.drop_metadata:
                self._journal.ended(result)
            if attempt.key not in self._done_keys:
                seconds = result.ended - result.started
                self._finish(attempt.job, attempt.key, attempt.attempt, seconds, result.usage)
        if group.left:
            return
        del self._groups[leader]
        if not group.failures:
            self._schedule.succeeded(leader)
            return
        self._units.again(leader, [failed.job for failed, _ in group.failures])
        may_retry = not group.cancelled and not self._interrupts.count
        retry = self._schedule.failed(leader, may_retry=may_retry)
        for failed, why in group.failures:
            self._failed(failed, why, retry, silent=why.problem == "partner")

    def _finish(
        self,
        job: int,
        key: str,
        attempt: int,
        seconds: float,
        usage: object,
        shown: int | None = None,
    ) -> None:
        stage = self._stage
        self._done += 1
        self._done_keys.add(key)
        rule = stage.plan.rule_of(job)
        number = job if shown is None else shown
        self.emit(JobFinished(number, key, rule.name, attempt, seconds, usage))  # type: ignore[arg-type]
        counts = self._schedule.counts
        self.emit(Progress(self._done, self._total, len(self._running), counts[FAILED]))
        for path in self._temps.done(job):
            self._remove(path)
        if rule.kind == "checkpoint":
            plan = stage.plan
            plan.workflow.checkpoints.done.add((rule.name, plan.wildcards[job]))
            self._outdated = bool(self._replan is not None and plan.waits)

    def _remove(self, path: str) -> None:
        if self._settings.notemp:
            return
        if self._stored is not None and self._stored.files.is_stored(path):
            if self._stored.remove_later(path):
                self._remove_stored()
            return
        from rulekit.runner.files import remove

        try:
            remove(path)
        except OSError as error:
            self.emit(
                Note("warning", f"temporary output {path} could not be removed: {error.strerror}")
            )
            return
        self.emit(FileRemoved(path, "temp"))

    def _remove_stored(self) -> None:
        """Removes temporary outputs from the storage, many with one request."""
        if self._stored is None:
            return
        try:
            removed = self._stored.remove()
        except InfrastructureError as error:
            self.emit(Note("warning", f"temporary outputs could not be removed: {error}"))
            return
        for path in removed:
            self.emit(FileRemoved(path, "temp"))

    def _failure(self, attempt: Attempt, result: JobResult) -> None:
        job = attempt.job
        cancelled = result.problem == "cancelled"
        retry = self._schedule.failed(job, may_retry=not cancelled and not self._interrupts.count)
        self._failed(attempt, result, retry)

    def _failed(
        self, attempt: Attempt, result: JobResult, retry: bool, *, silent: bool = False
    ) -> None:
        """Tells of a failed attempt. `silent`: it was only stopped because of another one."""
        job = attempt.job
        if not retry and not silent:
            self._failed_keys[attempt.key] = None
        self._journal.ended(result)
        if self._settings.keep_incomplete and self._stored is None:
            self._journal.doubt([path for path in attempt.outputs if os.path.lexists(path)])
        if silent:
            self.emit(Note("info", f"`{attempt.key}` was stopped: {result.detail}"))
            return
        values, attempts = self._stage.values, attempt.attempt
        info = values.info(job, self._stage.forecast, attempt.command, attempts)
        if attempt.shown != job:
            info = replace(info, id=attempt.shown)
        from rulekit.engine.failure import card

        shown = (info, attempt.attempt, result, retry, self._settings, self._stage.plan)
        self.emit(card(*shown, self._stored))

    def _after_checkpoint(self) -> None:
        """What depends on checkpoints is planned anew; what ran or runs keeps its place."""
        assert self._replan is not None
        self._outdated = False
        self._commit(force=True)
        generation = self._stage.generation + 1
        old = self._stage
        running = [attempt.job for attempt in self._running.values() if attempt.job >= 0]
        being_made = frozenset(path for job in running for path in old.plan.outputs[job])
        stage = self._replan(frozenset(self._done_keys), being_made)
        stage.generation = generation
        self._stage = stage
        self._done_before = self._done
        held = self._temps.held
        self._begin(stage)
        number = {stage.plan.key(j): j for j in range(len(stage.plan)) if stage.forecast.run[j]}
        for attempt in self._running.values():
            attempt.job = number.get(attempt.key, -1)
            if attempt.job >= 0:
                self._schedule.resume(attempt.job, attempt.attempt)
        failed = [number[key] for key in self._failed_keys if key in number]
        if self._units is not None:
            failed = list(dict.fromkeys(self._units.leader.get(job, job) for job in failed))
        for job in failed:
            self._schedule.assume_failed(job)
        self.emit(Note("info", "Updating checkpoint dependencies."))
        made = [
            j for j, run in enumerate(stage.forecast.run)
            if not run and stage.plan.key(j) in self._done_keys
        ]  # fmt: skip
        for path in self._temps.unneeded(made, held):
            self._remove(path)

    def _commit(self, *, force: bool) -> None:
        now = time.monotonic()
        due = now - self._last_commit >= _COMMIT_SECONDS
        if self._journal.pending and (force or due or self._journal.pending >= _COMMIT_JOBS):
            self._journal.commit()
            self._last_commit = time.monotonic()
        elif due:
            self._last_commit = now


def count_by_rule(plan: Plan, run: Sequence[int]) -> dict[str, int]:
    """How many jobs of each rule will run, in the order in which rules come up."""
    counts: dict[int, int] = {}
    column = plan.rule
    for job in range(len(run)):
        if run[job]:
            index = column[job]
            counts[index] = counts.get(index, 0) + 1
    return {plan.workflow.rules[index].name: count for index, count in counts.items()}
