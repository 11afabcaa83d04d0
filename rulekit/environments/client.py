"""The side that asks the worker: one process for one piece of work, gone afterwards.

The worker has a process group of its own. It ends itself, and all it started, when this end of
its pipe is closed, whatever closes it.
"""

from __future__ import annotations

import os
import sys

from rulekit.environments.wire import raise_error, receive, send
from rulekit.errors import SoftwareError
from rulekit.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

    from rulekit.environments.values import Progress


def ask(
    work: str,
    *arguments: Any,
    say: Callable[[Progress], None] | None = None,
    secrets: tuple[str, ...] = (),
) -> Any:
    """Have the worker do `work` (a function of `worker`) and return its answer. Values of `secrets`
    are left out of texts.

    Raises the RulekitError that it raised; SoftwareError (RK0500) if it died. An exception in
    `say`, or a KeyboardInterrupt, ends the worker before it goes on.
    """
    import signal
    import subprocess
    import tempfile

    from rulekit.model.veil import Veil

    veil = Veil(secrets)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.environ.get("PYTHONPATH")
    environ = {**os.environ, "PYTHONPATH": root + (os.pathsep + path if path else "")}
    with tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            # -P: nothing is imported from the folder one stands in.
            [sys.executable, "-P", "-m", "rulekit.environments.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env=environ,
            process_group=0,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            try:
                send(process.stdin, (work, *arguments))
            except BrokenPipeError:
                pass  # its end says why
            return _answer(process.stdout, say, veil)
        except EOFError:
            status = process.wait()
            raise _died(status, [veil(line) for line in _tail(talk)]) from None
        finally:
            try:
                process.stdin.close()
            except OSError:
                pass
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()


def _answer(
    stream: IO[bytes], say: Callable[[Progress], None] | None, veil: Callable[[str], str]
) -> Any:
    while (message := receive(stream)) is not None:
        if message[0] == "progress":
            if say is not None:
                say(replace(message[1], text=veil(message[1].text)))
        elif message[0] == "done":
            return message[1]
        else:
            _, name, diagnostics = message
            veiled = [
                replace(one, message=veil(one.message), notes=tuple(map(veil, one.notes)))
                for one in diagnostics
            ]
            raise_error(("error", name, tuple(veiled)))
    raise EOFError


def _tail(file: IO[bytes]) -> list[str]:
    file.seek(0)
    text = file.read().decode("utf-8", "replace")
    return [line for line in text.splitlines() if line.strip()][-8:]


def _died(status: int, lines: list[str]) -> SoftwareError:
    from rulekit.environments.channels import without_secrets

    how = f"signal {-status}" if status < 0 else f"exit code {status}"
    return SoftwareError(
        f"the process that prepares environments ended unexpectedly ({how})",
        code="RK0500",
        notes=tuple(without_secrets(line) for line in lines),
        help="run again: what was finished is kept",
    )
