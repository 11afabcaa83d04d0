"""The live view of a run on a terminal: a bar a rule, the running jobs, the time left.

Made of two parts: `RunState` counts events and knows nothing of terminals; `LiveView` draws it with
rich, at most four times a second. What must stay readable after the run (failures, warnings,
the end) is printed above the view, in the same words as in plain lines.
"""

from __future__ import annotations

import sys
import time

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
from rulekit.reporting.console import Console
from rulekit.reporting.paint import ansi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.events import Event, JobInfo

_BAR = 20
_RULES = 12  # shown at most
_RUNNING = 8


class RuleState:
    """How far one rule is. `seconds` is the sum over its finished jobs."""

    __slots__ = ("done", "failed", "running", "seconds", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self.running = 0
        self.seconds = 0.0

    @property
    def mean(self) -> float | None:
        """Seconds that a job took so far."""
        return self.seconds / self.done if self.done else None


class RunState:
    """What the view shows, from events alone. Times are seconds of the clock given."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.started = clock()
        self.rules: dict[str, RuleState] = {}
        self.running: dict[str, tuple[JobInfo, float, int]] = {}
        self.done = 0
        self.total = 0
        self.failed = 0
        self.cores = 1

    def take(self, event: Event) -> None:
        kind = type(event)
        if kind is RunStarted:
            assert isinstance(event, RunStarted)
            self.rules = {name: RuleState(count) for name, count in event.jobs.items()}
            self.total = sum(event.jobs.values())
            self.cores = event.cores
        elif kind is JobStarted:
            assert isinstance(event, JobStarted)
            self._rule(event.job.rule).running += 1
            self.running[event.job.key] = (event.job, self._clock(), event.attempt)
        elif kind is JobFinished:
            assert isinstance(event, JobFinished)
            rule = self._rule(event.rule)
            rule.done += 1
            rule.seconds += event.seconds
            self._ended(event.key, rule)
        elif kind is JobFailed:
            assert isinstance(event, JobFailed)
            rule = self._rule(event.job.rule)
            if not event.will_retry:
                rule.failed += 1
            self._ended(event.job.key, rule)
        elif kind is Progress:
            assert isinstance(event, Progress)
            self.done, self.failed = event.done, event.failed
            self.total = event.total

    def _rule(self, name: str) -> RuleState:
        found = self.rules.get(name)
        if found is None:
            found = self.rules[name] = RuleState(0)
        return found

    def _ended(self, key: str, rule: RuleState) -> None:
        if self.running.pop(key, None) is not None:
            rule.running -= 1

    def seconds_left(self) -> float | None:
        """An estimate: what is left of each rule at its mean time, over the cores at work.

        None before anything can be said.
        """
        known = [rule for rule in self.rules.values() if rule.done]
        if not known:
            return None
        overall = sum(rule.seconds for rule in known) / sum(rule.done for rule in known)
        work = 0.0
        for rule in self.rules.values():
            left = max(0, rule.total - rule.done - rule.failed)
            mean = rule.mean
            work += left * (overall if mean is None else mean)
        elapsed = max(self._clock() - self.started, 1e-6)
        # How many jobs really went side by side so far.
        width = max(1.0, min(self.cores, sum(rule.seconds for rule in known) / elapsed))
        return work / width


def duration(seconds: float) -> str:
    """``41 s``, ``3.2 m``, ``1 h 05``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 60:
        return f"{minutes:.1f} m"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02}"


def view_lines(state: RunState, now: float, width: int) -> list[str]:
    """The view as plain lines of at most `width` characters."""
    left = state.seconds_left()
    head = f"{state.done} of {state.total} jobs, {len(state.running)} running, {state.cores} cores"
    if state.failed:
        head += f", {state.failed} FAILED"
    head += f"   {duration(now - state.started)}"
    if left is not None and state.done < state.total:
        head += f", about {duration(left)} left"
    lines = [head]
    active = [
        (name, rule)
        for name, rule in state.rules.items()
        if rule.running or rule.failed or 0 < rule.done < rule.total
    ]
    waiting = [(n, r) for n, r in state.rules.items() if not (r.running or r.done or r.failed)]
    shown = (active + waiting)[:_RULES]
    names = max((len(name) for name, _ in shown), default=0)
    for name, rule in shown:
        filled = _BAR * rule.done // rule.total if rule.total else 0
        bar = "█" * filled + "░" * (_BAR - filled)
        text = f"{name:<{names}}  {bar} {rule.done:>5}/{rule.total}"
        if rule.running:
            text += f"  {rule.running} running"
        if rule.failed:
            text += f"  {rule.failed} failed"
        if rule.mean is not None:
            text += f"  µ {duration(rule.mean)}"
        lines.append(text)
    hidden = len(state.rules) - len(shown)
    if hidden > 0:
        finished = sum(1 for r in state.rules.values() if r.total and r.done >= r.total)
        lines.append(f"{finished} of {len(state.rules)} rules are finished")
    oldest = sorted(state.running.values(), key=lambda item: item[1])[:_RUNNING]
    for job, since, attempt in oldest:
        again = f" (attempt {attempt})" if attempt > 1 else ""
        lines.append(f"  {job.key}{again}  {duration(now - since)}")
    if len(state.running) > len(oldest):
        lines.append(f"  ... and {len(state.running) - len(oldest)} more")
    return [line if len(line) <= width else line[: max(1, width - 1)] + "…" for line in lines]


class LiveView:
    """A listener that keeps the view at the bottom of the terminal."""

    def __init__(self, *, printshellcmds: bool = False, show_failed_logs: bool = False) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._clock = time.monotonic
        self.state = RunState(self._clock)
        self._terminal: Any = RichConsole(stderr=True)
        self._live: Any = Live(
            console=self._terminal,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._running = False
        self._commands = printshellcmds
        self._plain = Console(
            _Above(self),
            paint=ansi,
            printshellcmds=printshellcmds,
            show_failed_logs=show_failed_logs,
        )

    def _render(self) -> Any:
        from rich.text import Text

        lines = view_lines(self.state, self._clock(), self._terminal.width)
        text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        text.stylize("bold", 0, len(lines[0]))
        return text

    def print_above(self, text: str) -> None:
        """Write text that stays, above the view."""
        if self._running:
            from rich.text import Text

            self._terminal.print(Text.from_ansi(text.rstrip("\n")))
        else:
            sys.stderr.write(text)

    def __call__(self, event: Event) -> None:
        self.state.take(event)
        kind = type(event)
        if kind is RunStarted:
            self._plain(event)
            self._live.start()
            self._running = True
        elif kind is RunFinished:
            self._stop()
            self._plain(event)
            assert isinstance(event, RunFinished)
            if event.ok:
                noun = "job" if event.done == 1 else "jobs"
                sys.stderr.write(f"{event.done} {noun} done in {duration(event.seconds)}.\n")
        elif kind is JobFailed or kind is Note or not self._running:
            self._plain(event)
        elif kind is FileRemoved or kind is Progress or kind is JobFinished:
            pass  # the bars say it
        elif kind is JobStarted and self._commands:
            assert isinstance(event, JobStarted)
            if event.job.command is not None:
                self.print_above(f"{event.job.key}: {event.job.command}\n")

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self._live.stop()

    def flush(self) -> None:
        """Nothing waits: the view draws itself."""

    def close(self) -> None:
        self._stop()


class _Above:
    """A stream for `Console` that ends up above the view."""

    def __init__(self, view: LiveView) -> None:
        self._view = view

    def write(self, text: str) -> None:
        self._view.print_above(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True
