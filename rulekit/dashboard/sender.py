"""The run's end of a live page: events go through a pipe to a process of its own.

Nothing here waits: what the pipe does not take now is kept and given later, and a page that cannot
follow is given up, not the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from rulekit.errors.tree import InfrastructureError, UsageError
from rulekit.events import JobFailed, JobStarted, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.events import Event, JobInfo

_MOST_KEPT = 16_000_000  # bytes for a reader that is behind


def check_port(port: int, option: str) -> None:
    """Raises `UsageError` for a number that no port has; 0 is any that is free."""
    if not 0 <= port <= 65535:
        raise UsageError(f"{option}: {port} is no port: these go up to 65535", code="RK0103")


class Sender:
    """A listener for events. `url` is where the page is. `hide` takes secrets out of a line."""

    def __init__(
        self, port: int = 0, title: str = "", hide: Callable[[str], str] | None = None
    ) -> None:
        """Starts the process. Raises `InfrastructureError` if the port cannot be had, `UsageError` if
        it is none."""
        check_port(port, "--watch-port")
        self._hide = hide
        self._kept = bytearray()
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-P", "-m", "rulekit.dashboard", str(port), title],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._process.stdout as stream:
            said = stream.readline().decode(errors="replace").strip()
        if not said.startswith("http://"):
            self._process.stdin.close()
            self._process.wait()
            reason = said.removeprefix("error: ").lower() or "its process ended at once"
            raise InfrastructureError(
                f"the live page cannot be served: {reason}",
                code="RK0171",
                help="leave out --watch-port, and a port is taken that is free",
            )
        self.url = said
        self._pipe = self._process.stdin.fileno()
        os.set_blocking(self._pipe, False)

    def __call__(self, event: Event) -> None:
        if self._process is None:
            return
        kind = type(event)
        now = time.time()
        body: dict[str, Any]
        if kind is JobStarted or kind is JobFailed:
            body = _with_job(event, now)
        else:
            body = to_json(event, now)
        line = json.dumps(body, separators=(",", ":"))
        if self._hide is not None:
            line = self._hide(line)
        self._kept += line.encode("utf-8", "backslashreplace") + b"\n"
        self._give()

    def _give(self) -> None:
        kept = self._kept
        try:
            while kept:
                del kept[: os.write(self._pipe, kept[: 1 << 16])]
        except BlockingIOError:
            if len(kept) > _MOST_KEPT:
                self._drop()
        except OSError:
            self._drop()  # it was ended by somebody

    def flush(self) -> None:
        """Gives what was kept back."""
        if self._process is not None:
            self._give()

    def _drop(self) -> None:
        process, self._process = self._process, None
        self._kept.clear()
        if process is not None and process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                pass

    def close(self) -> None:
        """The run has ended; the process tells its readers, and ends by itself."""
        if self._process is None:
            return
        end = time.monotonic() + 0.5
        self._give()
        while self._process is not None and self._kept and time.monotonic() < end:
            time.sleep(0.01)
            self._give()
        self._drop()


def _with_job(event: Any, now: float) -> dict[str, Any]:
    """An event with the parts of its job that a page shows: no commands, no long lists of files."""
    info: JobInfo = event.job
    job = {
        "key": info.key,
        "rule": info.rule,
        "threads": info.threads,
        "reason": info.reason[:300],
        "resources": {
            name: value for name, value in info.resources.items() if type(value) in (int, float)
        },
    }
    body: dict[str, Any] = {"event": type(event).__name__, "time": now, "job": job}
    body["attempt"] = event.attempt
    if type(event) is JobFailed:
        body["exit_code"] = event.exit_code
        body["cause"] = event.cause
        body["log_tail"] = [[path, text[-4000:]] for path, text in event.log_tail]
        body["will_retry"] = event.will_retry
        body["again"] = event.again
    return body
