"""A run from its lock to its last commit: what stands around the loop."""

from __future__ import annotations

import os
import time

from rulekit.engine.backends import make_executor
from rulekit.engine.interrupts import Interrupts
from rulekit.engine.journal import RunJournal
from rulekit.engine.loop import RunLoop, count_by_rule
from rulekit.engine.session import make_stage
from rulekit.errors import RuleFileError, RulekitError
from rulekit.events import Note
from rulekit.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.session import Prepared
    from rulekit.events import RunFinished
    from rulekit.model.rule import Hook

    Listener = Callable[[object], None]


def execute(prepared: Prepared, listeners: Sequence[Listener]) -> tuple[RunFinished, int | None]:
    """Runs what the forecast says. Raises `LockedError`, `InfrastructureError`, `SoftwareError`."""
    settings, workflow, store = prepared.settings, prepared.workflow, prepared.store
    assert store is not None, "a run needs a store that is open for writing"
    if prepared.stored is not None:
        made = prepared.stored.make_ready(prepared.stage.plan, prepared.stage.forecast.run)
        _tell(listeners, [f"made the container `{name}`" for name in made])
    run = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{time.time_ns() % 10**9:09d}"
    journal = RunJournal(settings, store, run)

    def say(level: str, text: str) -> None:
        for listener in listeners:
            listener(Note(level, text))

    try:
        journal.lock(prepared.stage.plan, prepared.stage.forecast.run)
        while store.is_outdated():
            # Another run has ended between the plan and the lock: what it did is not done again.
            prepared.files.forget()
            prepared = replace(prepared, stage=make_stage(prepared, frozenset()))
            journal.lock(prepared.stage.plan, prepared.stage.forecast.run)
        if prepared.software is not None:
            _make_software(prepared, journal, say)
        with Interrupts() as interrupts:
            current = prepared.stage
            executor = make_executor(
                prepared,
                run=run,
                journal=journal.path,
                wake_fd=interrupts.fd,
                listeners=listeners,
                stage=lambda: current,
            )

            def replan(done: frozenset[str], being_made: frozenset[str]) -> Stage:
                nonlocal current
                prepared.files.forget()
                current = make_stage(prepared, done, being_made)
                journal.lock(current.plan, current.forecast.run)
                journal.expect(_with(done, count_by_rule(current.plan, current.forecast.run)))
                if prepared.software is not None:
                    try:
                        prepared.software.make(current, say)
                    except RulekitError:
                        pass  # each job that needs it will say so
                return current

            journal.expect(count_by_rule(current.plan, current.forecast.run))
            adoption = None
            if prepared.pending:
                from rulekit.engine.adoption import Adoption

                remote: Any = executor.remote  # type: ignore[union-attr]
                adoption = Adoption(prepared.pending, remote)
            try:
                if not settings.no_hooks:
                    _call(workflow.onstart, settings.log_path)
                loop = RunLoop(
                    prepared.stage,
                    settings,
                    executor,
                    journal,
                    listeners,
                    interrupts,
                    replan,
                    prepared.stored,
                    adoption,
                )
                outcome = loop.work()
            finally:
                executor.close()
            signal = interrupts.signal
        if adoption is not None:
            adoption.settled()  # first: at any time one of the journals tells of each attempt
        journal.close()
    finally:
        journal.unlock()
    if not settings.no_hooks:
        _call(workflow.onsuccess if outcome.ok else workflow.onerror, settings.log_path)
    return outcome, signal


def _with(done: frozenset[str], counts: dict[str, int]) -> dict[str, int]:
    """Counts by rule, and with them the jobs that have ended."""
    for key in done:
        rule = key.partition(":")[0]
        counts[rule] = counts.get(rule, 0) + 1
    return counts


def _tell(listeners: Sequence[Listener], texts: Sequence[str]) -> None:
    for text in texts:
        for listener in listeners:
            listener(Note("info", text))


def _make_software(
    prepared: Prepared, journal: RunJournal, say: Callable[[str, str], None]
) -> None:
    """Before any job starts, and before signals only count."""
    assert prepared.software is not None
    try:
        prepared.software.make(prepared.stage, say)
    except BaseException:
        journal.close()
        raise


def _call(hook: Hook | None, log: str | None) -> None:
    if hook is None:
        return
    try:
        hook.function(log or os.devnull)
    except (RulekitError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        from rulekit.language.usererrors import diagnose

        raise RuleFileError(diagnostics=(diagnose(error, hook.span),)) from error
