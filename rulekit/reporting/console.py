"""Plain lines about a run, in the shape that users of Snakemake and their scripts know."""

from __future__ import annotations

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
from rulekit.reporting.blocks import RUN_FAILED, job_block, job_stats, steps
from rulekit.reporting.paint import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.events import Event
    from rulekit.reporting.paint import Paint, Stream

_UNLIMITED = 1 << 30  # cores that are other machines
_FULL_CARDS = 3  # of failures with the same rule and cause


class Console:
    """Writes events to a stream. `quiet` holds what is left out: progress rules reason host all.

    One event is one write, so that lines of several writers do not mix; a job's end is written
    together with the progress that follows it.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        paint: Paint = plain,
        quiet: frozenset[str] = frozenset(),
        printshellcmds: bool = False,
        show_failed_logs: bool = False,
        verbose: bool = False,
        clock: Callable[[], str] = time.asctime,
    ) -> None:
        self._stream = stream
        self._paint = paint
        self._quiet = {"progress", "rules", "reason", "host", "all"} if "all" in quiet else quiet
        self._commands = printshellcmds
        self._whole_logs = show_failed_logs
        self._verbose = verbose
        self._clock = clock
        self._failures: list[JobFailed] = []
        self._left: dict[str, int] = {}  # rule to jobs that have not ended
        self._alike: dict[tuple[str, str], int] = {}
        self._log: str | None = None
        self._pending: list[str] = []
        self._tell: dict[type, Callable[[Any], None]] = {
            RunStarted: self._run_started,
            JobStarted: self._job_started,
            JobFinished: self._job_finished,
            JobFailed: self._job_failed,
            Progress: self._progress,
            FileRemoved: self._file_removed,
            Note: self._note,
            RunFinished: self._run_finished,
        }

    def __call__(self, event: Event) -> None:
        tell = self._tell.get(type(event))
        if tell is None:
            return  # of interest to views and programs only
        tell(event)
        if self._pending and type(event) is not JobFinished:
            self.flush()

    def _write(self, text: str) -> None:
        self._pending.append(text)
        self._pending.append("\n")

    def flush(self) -> None:
        """Write what was collected."""
        if self._pending:
            self._stream.write("".join(self._pending))
            self._pending.clear()
            self._stream.flush()

    def close(self) -> None:
        self.flush()

    def count(self, event: Event) -> None:
        """Keep what the end of the run will say of an event; for who does not want it told."""
        if type(event) is JobFinished:
            self._left[event.rule] = self._left.get(event.rule, 0) - 1

    def _run_started(self, event: RunStarted) -> None:
        self._left = dict(event.jobs)
        self._log = event.log
        if "progress" not in self._quiet:
            cores = event.cores if event.cores < _UNLIMITED else "unlimited (on other machines)"
            self._write(f"Provided cores: {cores}")
        if self._verbose:
            self._write(f"Rule file: {event.rulefile}")
            self._write(f"Working directory: {event.workdir}")
            self._write(f"Run: {event.run}")
        if event.jobs and "progress" not in self._quiet:
            self._write(job_stats(event.jobs) + "\n")
        self.flush()

    def _job_started(self, event: JobStarted) -> None:
        if "rules" in self._quiet:
            return
        text = job_block(event.job, reason="reason" not in self._quiet, command=self._commands)
        self._write(self._paint("job", f"\n[{self._clock()}]\n{text}"))

    def _job_finished(self, event: JobFinished) -> None:
        self.count(event)
        if "progress" in self._quiet:
            return
        self._write(f"[{self._clock()}]\nFinished jobid: {event.id} (Rule: {event.rule})")

    def _job_failed(self, event: JobFailed) -> None:
        from rulekit.reporting.failure import failure_block, kind_of

        # A failure is told whatever is quiet; of many alike only the first ones in full.
        alike = (event.job.rule, kind_of(event))
        seen = self._alike[alike] = self._alike.get(alike, 0) + 1
        if not event.will_retry:
            self._failures.append(event)
            self._left[event.job.rule] = self._left.get(event.job.rule, 0) - 1
        text = failure_block(
            event, self._paint, whole_logs=self._whole_logs, short=seen > _FULL_CARDS
        )
        self._write(f"[{self._clock()}]\n{text}")
        self.flush()

    def _progress(self, event: Progress) -> None:
        if "progress" not in self._quiet:
            self._write(steps(event.done, event.total))

    def _file_removed(self, event: FileRemoved) -> None:
        if "rules" in self._quiet:
            return
        if event.why == "temp":
            self._write(f"Removing temporary output {event.path}.")
        elif self._verbose:
            self._write(f"Removing {event.path} ({event.why}).")

    def _note(self, event: Note) -> None:
        if event.level == "debug":
            if self._verbose:
                self._write(self._paint("dim", event.text))
        elif event.level in ("info", "log"):
            if "all" not in self._quiet and "progress" not in self._quiet:
                self._write(event.text)
        else:
            self._write(self._paint(event.level, event.text))

    def _run_finished(self, event: RunFinished) -> None:
        if self._failures:
            from rulekit.reporting.digest import not_run, summary

            self._write("\n" + summary(self._failures, self._paint))
            left = not_run(event, self._left)
            if left:
                self._write(left)
            self._write(self._paint("error", RUN_FAILED))
        if event.interrupted:
            self._write(self._paint("error", "Interrupted: what was done is kept."))
        if self._log and ("all" not in self._quiet and "progress" not in self._quiet):
            self._write(f"Complete log(s): {self._log}")
        self.flush()
