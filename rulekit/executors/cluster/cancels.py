"""Requests to cancel jobs, by the user's command."""

from __future__ import annotations

import shlex
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rulekit.executors.cluster.commands import Commands
    from rulekit.executors.cluster.settings import ClusterSettings

_PATIENCE_S = 5.0


class Cancels:
    """Collects ids and hands them to the command, so many at a time as it takes."""

    def __init__(
        self,
        settings: ClusterSettings,
        commands: Commands,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._commands = commands
        self._environment = environment
        self._say = say
        self._ids: list[str] = []
        self._open = 0

    def add(self, job: str) -> None:
        """Cancel a job with the next `send`. Without a command nothing happens."""
        if self._settings.cancel is not None:
            self._ids.append(job)

    def send(self) -> None:
        """Start the command for all that were added."""
        ids, self._ids = self._ids, []
        size = self._settings.cancel_nargs or len(ids)
        for start in range(0, len(ids), size or 1):
            words = " ".join(map(shlex.quote, ids[start : start + size]))
            command = f"{self._settings.cancel} {words}"
            try:
                self._commands.start(command, self._environment, self._ended)
            except OSError as error:
                self._say(f"the cancel command cannot be started: {error.strerror}")
                return
            self._open += 1

    def finish(self) -> None:
        """Send what is left and wait until it is done, not for long."""
        self.send()
        end = time.monotonic() + _PATIENCE_S
        while self._open and time.monotonic() < end:
            self._commands.reap()
            time.sleep(0.02)

    def _ended(self, code: int, _output: str) -> None:
        self._open -= 1
        if code:
            self._say(f"the cancel command failed (exit code {code})")
