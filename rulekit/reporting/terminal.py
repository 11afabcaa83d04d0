"""The terminal of a live view: its keys, its size, and what jobs write on it meanwhile.

While the view is up, standard output and error (where they are the terminal) are a file without a
name. What jobs, hooks and imported code write goes there, is read from it and shown above the
view. It is a file and not a pipe, because jobs outlive a run that is killed: a pipe without a
reader would end them.
"""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 1 << 16
_SPOOL = 16 << 20  # bytes after which a file that was read to its end is emptied

# Colours stay; whatever moves the cursor or talks to the terminal goes.
_CONTROLS = re.compile(
    r"(\x1b\[[0-9;:]*m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def harmless(text: str) -> str:
    """Lines as a terminal shows them in the end, without what would move its cursor.

    Of a line that was overwritten from its start (a progress bar) the last state is left.
    """
    if "\r" in text:
        lines = []
        for line in text.split("\n"):
            parts = [part for part in line.split("\r") if part]
            lines.append(parts[-1] if parts else "")
        text = "\n".join(lines)
    return _CONTROLS.sub(lambda match: match[1] or "", text)


class Terminal:
    """Made when the view begins; `leave` gives everything back."""

    def __init__(self, descriptor: int = 2, keyboard: int = 0) -> None:
        """`descriptor` is the terminal that is drawn on. Raises `OSError`."""
        self._out = os.dup(descriptor)
        os.set_inheritable(self._out, False)
        self._keyboard = keyboard
        self._modes: Any = None
        self._kept: dict[int, int] = {}
        self._spool = -1
        self._read = 0
        self._partial = b""
        self._columns_rows = (80, 24)
        self.dead = False  # the terminal has gone
        self._capture(descriptor)

    # -- drawing -----------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Text to the terminal. A terminal that has gone is not written to again."""
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data and not self.dead:
                data = data[os.write(self._out, data) :]
        except OSError:
            self.dead = True

    def size(self) -> tuple[int, int]:
        """Columns and rows, now."""
        try:
            columns, rows = os.get_terminal_size(self._out)
        except OSError:
            return self._columns_rows
        if columns > 0 and rows > 0:
            self._columns_rows = (columns, rows)
        return self._columns_rows

    # -- what others write -------------------------------------------------------------------

    def _capture(self, descriptor: int) -> None:
        import tempfile

        try:
            spool, path = tempfile.mkstemp(prefix="rulekit-output-")
            os.unlink(path)
        except OSError:
            return  # then it goes where it always went, through the view
        import fcntl

        fcntl.fcntl(spool, fcntl.F_SETFL, fcntl.fcntl(spool, fcntl.F_GETFL) | os.O_APPEND)
        self._spool = spool
        here = os.fstat(descriptor)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        for number in (1, 2):
            try:
                there = os.fstat(number)
            except OSError:
                continue
            if os.isatty(number) and there.st_rdev == here.st_rdev:
                kept = os.dup(number)
                os.set_inheritable(kept, False)
                self._kept[number] = kept
                os.dup2(spool, number)

    def written(self, *, rest: bool = False) -> str:
        """Whole lines that others wrote since the last call; with `rest` the last, unfinished one,
        too."""
        if self._spool < 0:
            return ""
        parts = [self._partial]
        while data := os.pread(self._spool, _CHUNK, self._read):
            parts.append(data)
            self._read += len(data)
        if self._read > _SPOOL and os.fstat(self._spool).st_size == self._read:
            os.ftruncate(self._spool, 0)
            self._read = 0
        data = b"".join(parts)
        end = len(data) if rest else data.rfind(b"\n") + 1
        self._partial = data[end:]
        if not end:
            return ""
        text = harmless(data[:end].decode("utf-8", "replace"))
        return text if text.endswith("\n") else text + "\n"

    # -- keys --------------------------------------------------------------------------------

    @property
    def in_front(self) -> bool:
        """Whether this process is the one the terminal listens to."""
        try:
            return os.tcgetpgrp(self._out) == os.getpgrp()
        except OSError:
            return True

    def listen(self) -> int | None:
        """Keys come one by one from now on; the descriptor they come from, None if there is none.
        Ctrl-C and Ctrl-Z mean what they always do."""
        import termios

        try:
            if not (os.isatty(self._keyboard) and os.tcgetpgrp(self._keyboard) == os.getpgrp()):
                return None
            modes = termios.tcgetattr(self._keyboard)
            if self._modes is None:
                self._modes = [*modes[:6], list(modes[6])]
            if modes[3] & (termios.ICANON | termios.ECHO):
                modes[3] &= ~(termios.ICANON | termios.ECHO)
                modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, modes)
        except (OSError, termios.error):
            return None
        return self._keyboard

    def hush(self) -> None:
        """The keyboard is again as it was."""
        if self._modes is None:
            return
        import termios

        try:
            if self.in_front:
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._modes)
        except (OSError, termios.error):
            pass
        self._modes = None

    def leave(self) -> str:
        """Gives back keyboard and streams; the result is what others wrote and was not shown."""
        self.hush()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        for number, kept in self._kept.items():
            os.dup2(kept, number)
            os.close(kept)
        self._kept.clear()
        left = self.written(rest=True)
        if self._spool >= 0:
            os.close(self._spool)
            self._spool = -1
        return left

    def close(self) -> None:
        """After `leave`; nothing can be written any more."""
        if self._out >= 0:
            os.close(self._out)
            self._out = -1
        self.dead = True
