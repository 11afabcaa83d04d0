"""The log file of a run, ``.rulekit/log/DATE.rulekit.log``: the console's lines without colour."""

from __future__ import annotations

import os

from rulekit.events import RunStarted
from rulekit.reporting.console import Console

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from rulekit.events import Event


class LogFile:
    """Writes as `Console` does, with commands, into a file made when the run starts.

    What is told before is kept until then: a run that has nothing to do leaves no file. A log that
    cannot be written (full disk, read-only folder) never stops the run: it ends.
    """

    def __init__(
        self,
        path: str,
        *,
        printshellcmds: bool = True,
        hide: Callable[[str], str] | None = None,
    ) -> None:
        """`hide` takes away what must not be written, before it is."""
        self.path = path
        self._hide = hide
        self._commands = printshellcmds
        self._file: IO[str] | None = None
        self._console: Console | None = None
        self._early: list[Event] = []
        self._broken = False

    def __call__(self, event: Event) -> None:
        if self._broken:
            return
        if self._console is None:
            self._early.append(event)
            if type(event) is not RunStarted:
                return
        try:
            if self._console is None:
                os.makedirs(os.path.dirname(self.path), exist_ok=True)
                self._file = open(
                    self.path, "w", encoding="utf-8", errors="surrogateescape", buffering=1 << 16
                )
                stream = _Unflushed(self._file, self._hide)
                self._console = Console(stream, printshellcmds=self._commands)
                for early in self._early:
                    self._console(early)
                self._early.clear()
            else:
                self._console(event)
        except OSError:
            self._broken = True

    def flush(self) -> None:
        try:
            if self._file is not None:
                self._file.flush()
        except OSError:
            self._broken = True

    def close(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        except OSError:
            pass


class _Unflushed:
    """A stream whose `flush` waits for the buffer to fill: a log is read after the run."""

    def __init__(self, file: IO[str], hide: Callable[[str], str] | None) -> None:
        self.write: Callable[[str], object] = file.write
        if hide is not None:
            self.write = lambda text: file.write(hide(text))

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False
