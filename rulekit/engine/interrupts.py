"""Signals as events: Ctrl-C once, twice, three times."""

from __future__ import annotations

import os

from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interrupts:
    """While entered, SIGINT, SIGTERM and SIGHUP are counted and wake up whoever reads `fd`.

    SIGINT counts one; the others mean "stop now" and count two at once.
    """

    def __init__(self) -> None:
        self.count = 0
        self.signal: int | None = None
        self._taken = 0
        self._old: dict[int, object] = {}
        self.fd = -1
        self._write = -1

    def __enter__(self) -> Interrupts:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            try:
                self._old[number] = signal.signal(number, self._caught)
            except ValueError:
                break  # not the main thread: the caller sees to signals
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, old in self._old.items():
            signal.signal(number, old)  # type: ignore[arg-type]
        os.close(self.fd)
        os.close(self._write)
        self.fd = self._write = -1

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        self.count += 1 if number == signal.SIGINT else 2
        try:
            os.write(self._write, b"!")
        except OSError:
            pass  # full: it is awake already

    def take(self) -> int:
        """The level of interruption if it has risen since the last call, else 0."""
        if self.count == self._taken:
            return 0
        try:
            os.read(self.fd, 1024)
        except OSError:
            pass
        self._taken = self.count
        return self.count
