"""Questions about submitted jobs, by the user's status command."""

from __future__ import annotations

import shlex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rulekit.executors.cluster.commands import Commands
    from rulekit.executors.cluster.settings import ClusterSettings
    from rulekit.executors.cluster.submission import Submission

MOST_CHECKS = 4  # at the same time
MOST_TROUBLE = 10  # answers in a row that are none
_INTERVAL_S = 10.0
_WORDS = ("running", "success", "failed")


class Checks:
    """Asks about one job at most so often, and about all of them at most so often."""

    def __init__(
        self,
        settings: ClusterSettings,
        commands: Commands,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        answered: Callable[[Submission, str], None],
    ) -> None:
        """`answered(submission, word)` is told running, success, failed, or broken when the
        command has failed too often."""
        self._settings = settings
        self._commands = commands
        self._environment = environment
        self._say = say
        self._answered = answered
        self._open = 0
        self._next = 0.0

    def ask(self, submission: Submission, now: float, *, at_once: bool = False) -> None:
        """Ask how a job is, if it is time to (`at_once`: now). The answer comes by `answered`."""
        interval = self._settings.check_seconds
        interval = _INTERVAL_S if interval is None else interval
        last = submission.checked or submission.submitted
        if submission.checking or submission.id is None or self._open >= MOST_CHECKS:
            return
        if now < self._next or (not at_once and last is not None and now - last < interval):
            return
        self._next = now + 1.0 / max(self._settings.checks_per_second, 0.01)
        submission.checking = True
        submission.checked = now
        self._open += 1

        def ended(code: int, output: str) -> None:
            self._open -= 1
            submission.checking = False
            self._take(submission, code, output.strip())

        try:
            command = f"{self._settings.status} {shlex.quote(submission.id)}"
            self._commands.start(command, self._environment, ended)
        except OSError as error:
            self._open -= 1
            submission.checking = False
            self._say(f"the status command cannot be started: {error.strerror}")

    def _take(self, submission: Submission, code: int, word: str) -> None:
        if code == 0 and word in _WORDS:
            submission.trouble = 0
            self._answered(submission, word)
            return
        submission.trouble += 1
        said = f"exit code {code}" if code else f"it printed `{word[:80]}`"
        self._say(
            f"the status command does not say how job `{submission.id}` is ({said}); "
            "it has to print running, success or failed"
        )
        if submission.trouble >= MOST_TROUBLE:
            self._answered(submission, "broken")
