"""Orders to a cluster, and its answers: scripts out, result files in.

One *submission* carries one attempt, or several that belong together. Its folder is

    STATE/cluster/RUN/jobs/N/    order.json, the script, alive, stop   (see `rulekit.runner.several`)
    STATE/cluster/RUN/done/      TOKEN.json, a result; N.ended, the exit code of the script

A result file is the truth about an attempt. The status command, if there is one, tells of jobs
that ended without leaving a result; without it, the script's own last words and its signs of life
do. Nothing here waits but `poll`.
"""

from __future__ import annotations

import json
import os
import select
import time

from rulekit.errors.tree import RulekitError
from rulekit.executors.cluster.cancels import Cancels
from rulekit.executors.cluster.checks import Checks
from rulekit.executors.cluster.commands import Commands
from rulekit.executors.cluster.script import template_of, write_submission
from rulekit.executors.cluster.submission import Submission, remove_tree
from rulekit.executors.cluster.surroundings import surroundings
from rulekit.runner import wire
from rulekit.runner.attempt import Attempt, failed, missing_outputs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rulekit.executors.cluster.settings import ClusterSettings, Description
    from rulekit.model.spec import JobResult, JobSpec

MOST_SUBMITS = 8  # at the same time; each may take a second or more
_SOONEST_S, _LATEST_S = 0.05, 5.0  # between looks for results


class ClusterExecutor:
    """Runs orders on a cluster. The same calls as `rulekit.executors.local.LocalExecutor`."""

    def __init__(
        self,
        settings: ClusterSettings,
        *,
        run: str,
        journal: str | None,
        wake_fd: int | None = None,
        say: Callable[[str], None],
        describe: Callable[[Sequence[JobSpec]], Description],
        state_dir: str = ".rulekit",
    ) -> None:
        """`journal`: the file that gets start and result lines. `say` is told what users should
        know. `describe` says how the attempts of one submission are seen by commands.

        Raises InfrastructureError if the sidecar or the job script's template cannot be had.
        """
        self.settings = settings
        self._journal = None if journal is None else os.path.abspath(journal)
        self._wake = wake_fd
        self._say = say
        self._describe = describe
        self._template = template_of(settings)
        self._folder = os.path.abspath(os.path.join(state_dir, "cluster", run))
        self._done = os.path.join(self._folder, "done")
        self._commands = Commands()
        self._poll = select.poll()
        self._poll.register(self._commands.fileno(), select.POLLIN)
        if wake_fd is not None:
            self._poll.register(wake_fd, select.POLLIN)
        self._environment, self._sidecar = surroundings(settings, self._folder)
        self._waiting: list[Submission] = []  # not handed to the cluster yet
        self._live: dict[int, Submission] = {}
        self._of_token: dict[str, Submission] = {}
        self._makers: dict[str, str] = {}  # output to the cluster's id of its job
        self._ends: list[str] = []  # files that scripts leave at their very end
        self._news: list[JobResult] = []
        self._submitting = 0
        self._next_look = 0.0
        self._pause = _SOONEST_S
        self._count = 0
        self._cancels = Cancels(settings, self._commands, self._environment, say)
        self._checks = Checks(settings, self._commands, self._environment, say, self._checked)

    # --- orders ---------------------------------------------------------------------------

    def submit(self, spec: JobSpec) -> None:
        """Queue an order; it is on its way at the next `poll` at the latest."""
        self._queue((spec,), ({},))

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """Queue orders that are one job to the cluster. What they may use at the same time is what
        was asked of the cluster for them, not `budget`."""
        self._queue(tuple(specs), amounts)

    def _queue(self, specs: tuple[JobSpec, ...], amounts: Sequence[Mapping[str, int]]) -> None:
        self._count += 1
        folder = os.path.join(self._folder, "jobs", str(self._count))
        submission = Submission(self._count, specs, tuple(map(dict, amounts)), folder)
        self._waiting.append(submission)
        self._live[submission.number] = submission
        for spec in specs:
            self._of_token[spec.token] = submission

    def cancel(self, token: str, hard: bool = False) -> None:
        """Ask the submission of an attempt to end. `hard`: do not wait until it has."""
        submission = self._of_token.get(token)
        if submission is None:
            return
        if submission in self._waiting:
            self._waiting.remove(submission)
            self._give_up(submission, "cancelled", "")
            return
        if not submission.cancelled:
            submission.cancelled = True
            submission.ask_to_stop()
            if submission.id is not None:
                self._cancels.add(submission.id)
        if hard or submission.withdrawn:
            self._give_up(submission, "cancelled", "")

    def running(self) -> int:
        """How many orders have no answer yet."""
        return len(self._of_token)

    # --- the loop -------------------------------------------------------------------------

    def fileno(self) -> int:
        """A file that can be read when a command has ended; results come without it, see `due`."""
        return self._commands.fileno()

    def due(self) -> float | None:
        """In how many seconds `poll` has something to do; None if nothing is on its way."""
        if self._news or (self._waiting and self._submitting < self._most_submits):
            return 0.0
        if not self._live:
            return None
        wait = max(0.0, self._next_look - time.monotonic())
        return min(wait, 0.05) if self._commands.blind else wait

    def poll(self, timeout_s: float | None) -> list[JobResult]:
        """Submit what is queued and wait for results, at most so long (None: until there are some).

        Returns early and empty-handed when `wake_fd` can be read.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._step()
            news, self._news = self._news, []
            now = time.monotonic()
            if news or (deadline is not None and now >= deadline):
                return news
            waits = [self.due(), None if deadline is None else deadline - now]
            wait = min((one for one in waits if one is not None), default=None)
            if wait is None and self._wake is None:
                return []
            ready = self._poll.poll(None if wait is None else int(wait * 1000) + 1)
            if any(file == self._wake for file, _ in ready):
                return []

    def _step(self) -> None:
        self._commands.reap()
        if self._sidecar is not None:
            self._sidecar.drain()
        while self._waiting and self._submitting < self._most_submits:
            self._hand_over(self._waiting.pop(0))
        self._cancels.send()
        now = time.monotonic()
        if self._live and now >= self._next_look:
            before = len(self._of_token)
            self._look(now)
            found = len(self._of_token) < before
            latest = min(_LATEST_S, self.settings.check_seconds or _LATEST_S)
            self._pause = _SOONEST_S if found else min(self._pause * 1.3, latest)
            self._next_look = time.monotonic() + self._pause

    @property
    def _most_submits(self) -> int:
        return 1 << 30 if self.settings.sync else MOST_SUBMITS

    # --- submitting -----------------------------------------------------------------------

    def _hand_over(self, submission: Submission) -> None:
        try:
            described = self._describe(submission.specs)
            command = self._write(submission, described)
            self._note_starts(submission)
        except (RulekitError, OSError) as error:
            self._fail(submission, str(error))
            return
        self._submitting += 1
        submission.label = described.label

        def ended(code: int, output: str) -> None:
            self._submitting -= 1
            self._submitted(submission, code, output)

        try:
            self._commands.start(command, self._environment, ended)
        except OSError as error:
            self._submitting -= 1
            self._fail(submission, f"the submit command cannot be started: {error.strerror}")

    def _write(self, submission: Submission, described: Description) -> str:
        """Writes order and script; the submit command for them."""
        ids = [
            self._makers[p] for spec in submission.specs for p in spec.inputs if p in self._makers
        ]
        return write_submission(
            submission,
            described,
            self.settings,
            self._template,
            done=self._done,
            ended=self._ended_file(submission),
            dependencies=" ".join(dict.fromkeys(ids)),
        )

    def _ended_file(self, submission: Submission) -> str:
        return os.path.join(self._done, f"{submission.number}.ended")

    def _submitted(self, submission: Submission, code: int, output: str) -> None:
        if submission.number not in self._live:
            return
        self._next_look = 0.0
        if self.settings.sync:
            # The command was the job: what it leaves is all there will be.
            submission.over = time.monotonic()
            return
        if code:
            if self._has_result(submission):
                return
            self._fail(submission, f"the submit command failed (exit code {code})")
            return
        submission.id = output.partition("\n")[0].strip() or None
        submission.submitted = time.monotonic()
        submission.write_id()
        if submission.id is not None:
            for spec in submission.specs:
                self._makers.update((one.path, submission.id) for one in spec.outputs)
            self._say(f"Submitted {submission.label} as cluster job `{submission.id}`.")
        elif self.settings.status is not None:
            self._fail(submission, "the submit command printed no job id")

    def _has_result(self, submission: Submission) -> bool:
        return any(
            os.path.exists(os.path.join(self._done, f"{spec.token}.json"))
            for spec in submission.specs
        )

    # --- results --------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        try:
            names = set(os.listdir(self._done))
        except FileNotFoundError:
            return
        for submission in list(self._live.values()):
            for spec in list(submission.open.values()):
                name = f"{spec.token}.json"
                if name in names:
                    self._take(submission, spec, os.path.join(self._done, name), now)
            if not submission.open or submission.number not in self._live:
                continue
            if f"{submission.number}.ended" in names and submission.over is None:
                submission.over = now
            if submission.over is not None:
                # Results may become visible a little later than the end of the script.
                patience = max(1.0, submission.specs[0].latency_wait_s)
                if now - submission.over >= patience:
                    self._give_up(submission, "lost", self._last_words(submission))
            elif self.settings.status is None:
                if submission.is_silent(now, self.settings.lost_seconds):
                    detail = f"the job gave no sign of life for {self.settings.lost_seconds:g} s"
                    self._give_up(submission, "lost", detail)
            else:
                self._checks.ask(submission, now)

    def _last_words(self, submission: Submission) -> str:
        try:
            with open(self._ended_file(submission), encoding="utf-8") as file:
                code = file.read().strip()
        except OSError:
            return "the job has ended without a result"
        return f"the job script ended with exit code {code} and left no result"

    def _take(self, submission: Submission, spec: JobSpec, path: str, now: float) -> None:
        try:
            with open(path, encoding="utf-8") as file:
                result = wire.result_from_json(json.load(file))
        except (OSError, ValueError) as error:
            result = failed(Attempt(spec), 1, "lost", f"the result cannot be read: {error}")
        if result.ok and missing_outputs(spec):
            # Written on the node, not visible here yet.
            first = submission.seen.setdefault(spec.token, now)
            if now - first < spec.latency_wait_s and not submission.is_alone_with(spec):
                return
        if result.ok and self.settings.status is not None:
            if submission.state is None:
                self._checks.ask(submission, now, at_once=True)
                return
            if submission.state == "failed":
                result = failed(Attempt(spec), 1, "lost", "the status command says it has failed")
        self._answer(submission, spec, result)

    def _answer(self, submission: Submission, spec: JobSpec, result: JobResult) -> None:
        submission.open.pop(spec.token, None)
        self._of_token.pop(spec.token, None)
        if self._journal is not None:
            self._append(f'{{"r": {json.dumps(wire.result_to_tuple(result))}}}')
        self._news.append(result)
        submission.failed = submission.failed or not result.ok
        if not submission.open:
            self._live.pop(submission.number, None)
            if not submission.failed:
                self._ends.append(self._ended_file(submission))
                remove_tree(submission.folder)

    def _fail(self, submission: Submission, why: str) -> None:
        """A submission that never got to the cluster: nothing was started."""
        from rulekit.runner.attempt import refused
        from rulekit.runner.files import Refused

        submission.ask_to_stop()
        for spec in list(submission.open.values()):
            self._answer(submission, spec, refused(spec, Refused("spawn", why)))

    def _give_up(self, submission: Submission, problem: str, detail: str) -> None:
        """Nothing more is expected of a submission; what it may have made is not to be trusted."""
        submission.ask_to_stop()
        for spec in list(submission.open.values()):
            self._answer(submission, spec, failed(Attempt(spec), 1, problem, detail))

    def _checked(self, submission: Submission, word: str) -> None:
        """The status command's answer."""
        if submission.number not in self._live:
            return
        if word == "broken":
            self._give_up(submission, "lost", "the status command does not work")
            return
        submission.state = word
        self._next_look = 0.0
        if word == "failed" and not self._has_result(submission):
            self._give_up(submission, "lost", "the status command says it has failed")
        elif word == "success" and submission.over is None:
            submission.over = time.monotonic()

    # --- journal and end ------------------------------------------------------------------

    def _note_starts(self, submission: Submission) -> None:
        now = time.time()
        for spec in submission.specs:
            self._append(f'{{"s": ["{spec.token}", {now:.3f}]}}')

    def _append(self, line: str) -> None:
        if self._journal is None:
            return
        file = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(file, f"\n{line}\n".encode())
        finally:
            os.close(file)

    def close(self, wait: bool = True) -> None:
        """End what runs beside. Jobs on the cluster go on; the next start finds their results."""
        self._cancels.finish()
        self._commands.stop()
        if self._sidecar is not None:
            self._sidecar.close()
        if self._live:
            return
        # Scripts note their end when the result is known already.
        end = time.monotonic() + 0.5
        while not self._all_over() and time.monotonic() < end:
            time.sleep(0.01)
        if self._all_over():
            remove_tree(self._done)
        remove_tree(os.path.join(self._folder, "python"))
        for folder in (os.path.join(self._folder, "jobs"), self._folder):
            try:
                os.rmdir(folder)
            except OSError:
                break  # what failed is left for a look

    def _all_over(self) -> bool:
        return all(os.path.exists(path) for path in self._ends)
