"""Starting task processes and hearing of their end, with one thread for all of them.

Each task gets its own session, so that its whole process group can be killed. On Linux the end
of a process wakes the thread through a descriptor of the process; elsewhere a thread for each
process waits.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Process:
    """A started task. `kill` ends its whole group at once."""

    __slots__ = ("_child", "_dead", "_guard", "pid")

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._guard = threading.Lock()
        self._dead = False
        self.pid = child.pid

    def kill(self) -> None:
        """SIGKILL to the group; harmless when it is gone."""
        with self._guard:
            if not self._dead:
                _kill_group(self.pid)

    def reap(self) -> int:
        """Collect the exit status; 128 + signal for a killed process, as a shell says it.

        What the command left behind in its group is killed first, while the number of the
        group cannot yet belong to another process.
        """
        with self._guard:
            _kill_group(self.pid)
            code = self._child.wait()
            self._dead = True
        return code if code >= 0 else 128 - code


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


class Reaper:
    """Starts processes and calls back when they end."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._selector.register(self._inner, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._new: list[tuple[int, Process, Callable[[int], None]]] = []
        self._alive: dict[int, Process] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="emulator-reaper", daemon=True)
        self._thread.start()

    def start(
        self,
        argv: list[str],
        cwd: str,
        environment: dict[str, str],
        stdout: str,
        stderr: str,
        ended: Callable[[int], None],
    ) -> Process:
        """Start `argv`; its output is appended to the two files.

        `ended` gets the exit code, in the reaper's thread. Raises OSError when it cannot start.
        """
        with open(stdout, "ab") as out, open(stderr, "ab") as err:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        process = Process(child)
        with self._lock:
            self._alive[child.pid] = process
            stopped = self._stopped
        if stopped:
            process.kill()
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(child.pid)
            with self._lock:
                self._new.append((descriptor, process, ended))
            self._poke()
        else:
            threading.Thread(target=self._wait, args=(process, ended), daemon=True).start()
        return process

    def close(self) -> None:
        """Kill every group that is left, collect the processes, end the thread."""
        with self._lock:
            self._stopped = True
            left = list(self._alive.values())
        for process in left:
            process.kill()
        self._poke()
        self._thread.join(timeout=10)
        self._inner.close()
        self._outer.close()

    def _poke(self) -> None:
        try:
            self._outer.send(b"x")
        except OSError:
            pass

    def _wait(self, process: Process, ended: Callable[[int], None]) -> None:
        # Without taking the status: `reap` does, after it has ended the group.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self._end(process, ended)

    def _end(self, process: Process, ended: Callable[[int], None]) -> None:
        code = process.reap()
        with self._lock:
            self._alive.pop(process.pid, None)
        ended(code)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._inner:
                    try:
                        self._inner.recv(4096)
                    except BlockingIOError:
                        pass
                    continue
                process, ended = key.data
                self._selector.unregister(key.fileobj)
                os.close(key.fd)
                self._end(process, ended)
            with self._lock:
                fresh, self._new = self._new, []
                done = self._stopped and not fresh and not self._alive
            for descriptor, process, ended in fresh:
                self._selector.register(descriptor, selectors.EVENT_READ, (process, ended))
            if done:
                self._selector.close()
                return
