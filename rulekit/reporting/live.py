"""The live view of a run on a terminal: the state, drawn at the bottom at most five times a second.

What must stay readable after the run (failures, warnings, output of jobs, the end) is printed above
the view, in the same words as in plain lines. A thread draws; it begins after the first job has
been started, because the process that runs jobs is a fork and threads must not be about then.
"""

from __future__ import annotations

import os
import sys
import time

from rulekit.events import JobFailed, JobStarted, Note, RunFinished, RunStarted
from rulekit.reporting.console import Console
from rulekit.reporting.paint import ansi, plain
from rulekit.reporting.progress import RunState
from rulekit.reporting.region import Region
from rulekit.reporting.terminal import Terminal, harmless
from rulekit.reporting.viewlines import ASCII, UNICODE, Chosen, duration, view_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.events import Event
    from rulekit.reporting.progress import RunningJob
    from rulekit.reporting.viewlines import Line

_TICK = 0.2  # seconds between two looks
_IDLE = 1.0  # seconds between two pictures when nothing happens
_TAIL_BYTES = 4096


class LiveView:
    """A listener that keeps the view at the bottom of the terminal."""

    def __init__(
        self,
        *,
        printshellcmds: bool = False,
        show_failed_logs: bool = False,
        colour: bool = True,
        shown: Callable[[str], str] | None = None,
        history: Callable[[], Mapping[str, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shown` gives what may be seen of a text; `history` the mean seconds of a job by rule in
        earlier runs, and is called once, in the thread."""
        self._clock = clock
        self.state = RunState(clock)
        self._paint = ansi if colour else plain
        self._shown = shown
        self._history = history
        self._commands = printshellcmds
        encoding = (getattr(sys.stderr, "encoding", None) or "").lower().replace("-", "")
        self._look = UNICODE if encoding == "utf8" else ASCII
        self._terminal: Terminal | None = None
        self._region: Region | None = None
        self._thread: Any = None
        self._lock: Any = None
        self._wake = (-1, -1)
        self._above: list[str] = []
        self._dirty = True
        self._ending = False
        self._suspended = False
        self._deaf = False
        self._chosen: RunningJob | None = None
        self._handlers: dict[int, Any] = {}
        self._plain = Console(
            _Above(self),
            paint=self._paint,
            printshellcmds=printshellcmds,
            show_failed_logs=show_failed_logs,
        )

    # -- listening ---------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        lock = self._lock
        if lock is None:
            self.state.take(event)
        else:
            with lock:
                self.state.take(event)
                self._dirty = True
        kind = type(event)
        if kind is RunStarted:
            self._plain(event)
            self._begin()
        elif kind is RunFinished:
            assert isinstance(event, RunFinished)
            self._stop()
            self._plain(event)
            if event.ok:
                noun = "job" if event.done == 1 else "jobs"
                self.print_above(f"{event.done} {noun} done in {duration(event.seconds)}.\n")
        elif kind is JobFailed or kind is Note or self._terminal is None:
            self._plain(event)
        elif kind is JobStarted:
            assert isinstance(event, JobStarted)
            job = event.job
            if self._commands and job.command is not None:
                self.print_above(f"{job.key}: {job.command}\n")
            if self._thread is None and (job.outputs or job.command is not None):
                self._start_thread()
        else:
            self._plain.count(event)

    def print_above(self, text: str) -> None:
        """Write text that stays, above the view."""
        if self._terminal is None:
            sys.stderr.write(text)
            sys.stderr.flush()
            return
        with self._lock:
            self._above.append(text if self._shown is None else self._shown(text))
        self._ring()

    def flush(self) -> None:
        """Nothing waits: the view draws itself."""

    def close(self) -> None:
        """Takes the view away. Any number of times."""
        self._stop()

    # -- beginning and end -------------------------------------------------------------------

    def _begin(self) -> None:
        import threading

        self._lock = threading.RLock()
        try:
            self._terminal = Terminal()
        except OSError:
            return  # plain lines then
        self._region = Region(self._terminal.write, self._terminal.size)

    def _start_thread(self) -> None:
        import signal
        import threading

        self._wake = os.pipe()
        for descriptor in self._wake:
            os.set_blocking(descriptor, False)
        if threading.current_thread() is threading.main_thread():
            for number, handler in (
                (signal.SIGTSTP, self._suspend),
                (signal.SIGCONT, self._continue),
            ):
                self._handlers[number] = signal.signal(number, handler)
        self._thread = threading.Thread(target=self._work, name="rulekit-view", daemon=True)
        # Signals are for the main thread, which waits for them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _stop(self) -> None:
        terminal, self._terminal = self._terminal, None
        if terminal is None:
            return
        if self._thread is not None:
            import signal

            self._ending = True
            self._ring()
            self._thread.join(5)
            self._thread = None
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()
            for descriptor in self._wake:
                os.close(descriptor)
            self._wake = (-1, -1)
        assert self._region is not None
        self._region.leave()
        left = self._seen(terminal.leave())
        text = left + "".join(self._above)
        self._above.clear()
        if text:
            terminal.write(text.replace("\n", "\r\n"))
        terminal.close()

    def _ring(self) -> None:
        if self._wake[1] >= 0:
            try:
                os.write(self._wake[1], b"!")
            except OSError:
                pass  # full: it is awake already

    # -- stopping and going on in the shell ---------------------------------------------------

    def _suspend(self, number: int, frame: object) -> None:
        """Ctrl-Z: the shell gets the terminal as it was."""
        import signal

        with self._lock:
            self._suspended = True
            if self._region is not None:
                self._region.pause()
            if self._terminal is not None:
                self._terminal.hush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._suspend)

    def _continue(self, number: int, frame: object) -> None:
        with self._lock:
            self._suspended = False
            if self._region is not None:
                self._region.forget()
            self._dirty = True

    # -- the thread --------------------------------------------------------------------------

    def _work(self) -> None:
        import select

        if self._history is not None:
            try:
                history = self._history()
            except Exception:
                history = {}  # an estimate is not worth an error
            with self._lock:
                self.state.history = history
        terminal = self._terminal
        drawn = -_IDLE
        while terminal is not None and not self._ending and not terminal.dead:
            keyboard = None
            if not (self._suspended or self._deaf):
                keyboard = terminal.listen()
            watched = [self._wake[0]] if keyboard is None else [self._wake[0], keyboard]
            ready = select.select(watched, (), (), _TICK)[0]
            if self._wake[0] in ready:
                os.read(self._wake[0], 4096)
            with self._lock:
                if keyboard is not None and keyboard in ready:
                    self._keys(keyboard)
                if self._ending or self._suspended or not terminal.in_front:
                    continue
                drawn = self._look_again(terminal, drawn, keyboard is not None)

    def _look_again(self, terminal: Terminal, drawn: float, keys: bool) -> float:
        """Draws if there is a reason to; the time of the last picture."""
        assert self._region is not None
        now = self._clock()
        above = self._seen(terminal.written(rest=bool(self._above))) + "".join(self._above)
        self._above.clear()
        due = now - drawn >= (_TICK if self._dirty or self._chosen else _IDLE)
        if not (above or due or self._region.outdated):
            return drawn
        self._dirty = False
        columns, rows = terminal.size()
        lines, cells = self._picture(columns, rows, now, keys)
        self._region.draw(lines, cells, columns, above)
        return now

    def _picture(
        self, columns: int, rows: int, now: float, keys: bool
    ) -> tuple[list[str], list[int]]:
        """The lines as they are written, and how many cells each takes."""
        chosen = self._log_of(self._chosen) if self._chosen is not None else None
        texts, cells = [], []
        for line in view_lines(
            self.state, now, columns, rows, look=self._look, chosen=chosen, keys=keys
        ):
            text, taken = self._fitted(line, columns - 1)
            texts.append(text)
            cells.append(taken)
        return texts, cells

    def _fitted(self, line: Line, room: int) -> tuple[str, int]:
        """A line in colour, cut to `room` cells."""
        parts: list[str] = []
        used = 0
        for style, text in line:
            piece = text if self._shown is None else self._shown(text)
            size = len(piece) if piece.isascii() else _cells(piece)
            if used + size > room:
                piece = _cut(piece, room - used, self._look.cut)
                size = len(piece) if piece.isascii() else _cells(piece)
                parts.append(self._paint(style, piece) if style else piece)
                return "".join(parts), used + size
            parts.append(self._paint(style, piece) if style else piece)
            used += size
        return "".join(parts), used

    def _seen(self, text: str) -> str:
        return text if self._shown is None or not text else self._shown(text)

    # -- keys --------------------------------------------------------------------------------

    def _keys(self, keyboard: int) -> None:
        try:
            data = os.read(keyboard, 256)
        except OSError:
            data = b""
        if not data:
            self._deaf = True  # the terminal has nothing more to say
            return
        text = data.decode("utf-8", "replace")
        text = text.replace("\x1b[A", "k").replace("\x1b[B", "j").replace("\x1bOA", "k")
        for key in text.replace("\x1bOB", "j"):
            self._dirty = True
            if key in "lL\n\r":
                self._chosen = None if self._chosen is not None else self._beside(0)
            elif key in "\x1bq":
                self._chosen = None
            elif key in "jn":
                self._chosen = self._beside(1)
            elif key in "kp":
                self._chosen = self._beside(-1)

    def _beside(self, step: int) -> RunningJob | None:
        """The running job next to the chosen one; the oldest if none is chosen."""
        running = sorted(self.state.running.values(), key=lambda job: job.since)
        if not running:
            return None
        if self._chosen not in running:
            return running[0]
        return running[(running.index(self._chosen) + step) % len(running)]

    def _log_of(self, job: RunningJob) -> Chosen:
        info = job.info
        key = info.key if self.state.running.get(info.key) is job else f"{info.key} has ended"
        if not info.logs:
            return Chosen(key, "", ("the rule has no `log:`; what it prints is shown above",))
        for path in info.logs:
            text = _tail(path)
            if text:
                return Chosen(key, path, tuple(text.rstrip("\n").split("\n")))
        return Chosen(key, info.logs[0], ("nothing so far",))


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return harmless(file.read().decode("utf-8", "replace"))
    except OSError:
        return ""


def _cells(text: str) -> int:
    """Columns that a text takes: some signs take two, some none."""
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, room: int, mark: str) -> str:
    """As much of a text as fits, with a mark at its end."""
    if room <= 1:
        return mark[:room]
    if text.isascii():
        return text[: room - 1] + mark
    from rich.cells import set_cell_size

    return set_cell_size(text, room - 1).rstrip() + mark


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
