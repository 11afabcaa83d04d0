"""Commands of the user's that run beside the engine: submit, status, cancel, sidecar."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    Ended = Callable[[int, str], None]


class Commands:
    """Child processes whose ends are told by a call. Their stderr is this process's own.

    `fileno` can be read when one has ended; without that (old kernels) ask now and then.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._running: dict[int, tuple[subprocess.Popen[bytes], IO[bytes], Ended, int]] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def blind(self) -> bool:
        """Whether some end would not be told by `fileno`."""
        return any(handle < 0 for _, _, _, handle in self._running.values())

    def fileno(self) -> int:
        return self._epoll.fileno()

    def start(self, command: str | list[str], environment: Mapping[str, str], ended: Ended) -> None:
        """Start a command (text: by the shell). `ended(exit code, output)` is called by `reap`.

        Raises OSError.
        """
        output = tempfile.TemporaryFile()
        try:
            process = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                stdin=subprocess.DEVNULL,
                stdout=output,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C is for the engine, which cancels in order
            )
        except OSError:
            output.close()
            raise
        try:
            handle = os.pidfd_open(process.pid)
            self._epoll.register(handle, select.EPOLLIN)
        except (OSError, AttributeError):
            handle = -1
        self._running[process.pid] = (process, output, ended, handle)

    def reap(self) -> int:
        """Tell of all that have ended; how many."""
        count = 0
        for pid, (process, output, ended, handle) in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            count += 1
            del self._running[pid]
            if handle >= 0:
                self._epoll.unregister(handle)
                os.close(handle)
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
            output.close()
            ended(code, text)
        return count

    def stop(self) -> None:
        """End all that still run, without telling."""
        for process, output, _, handle in self._running.values():
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except (ProcessLookupError, PermissionError):
                pass
            if handle >= 0:
                os.close(handle)
            output.close()
        self._running.clear()
        self._epoll.close()


class Sidecar:
    """A program that runs as long as the workflow; its first line is for the other commands."""

    def __init__(self, command: str) -> None:
        """Raises OSError if it cannot be started."""
        self._process = subprocess.Popen(  # noqa: S602
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline().decode("utf-8", "replace").rstrip("\r\n")
        os.set_blocking(self._process.stdout.fileno(), False)

    def drain(self) -> None:
        """Take what it has written, so that it never waits for a reader."""
        assert self._process.stdout is not None
        try:
            self._process.stdout.read()
        except (OSError, ValueError):
            pass

    def close(self) -> None:
        """Ask it to end, and insist after five seconds."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        except ProcessLookupError:
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
