"""Processes of an attempt that left its process group, or whose runner is gone.

Every process of an attempt carries ``RULEKIT_ATTEMPT=<token>`` in its environment, also those
that made themselves independent. Linux only: elsewhere nothing is found.
"""

from __future__ import annotations

import os
import time

from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_MARK = b"RULEKIT_ATTEMPT="
# In the environment of what runs in a task of Azure Batch.
_TASK = "AZ_BATCH_TASK_ID"


def find(prefix: str = "") -> dict[int, str]:
    """Process ids of living processes whose token starts with `prefix`, with their tokens.

    A token may be the beginning of another one: `of` looks for whole ones.

    The calling process is left out, and so are processes of other users that this one may not
    look into, and dead ones that nobody has waited for yet. Seen from outside of Azure Batch, so are
    those of its tasks: an emulator runs them on this machine, and they are to be taken over.
    """
    task = None if _TASK in os.environ else os.fsencode(_TASK) + b"="
    wanted = _MARK + os.fsencode(prefix)
    found: dict[int, str] = {}
    own = os.getpid()
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if not name.isdigit():
            continue
        pid = int(name)
        if pid == own:
            continue
        try:
            with open(f"/proc/{name}/environ", "rb", buffering=0) as file:
                environment = file.readall() or b""
        except OSError:
            continue
        if wanted not in environment or (task is not None and task in environment):
            continue
        for entry in environment.split(b"\0"):
            if entry.startswith(wanted):
                found[pid] = os.fsdecode(entry[len(_MARK) :])
    return found


def of(tokens: Collection[str]) -> list[int]:
    """Process ids of the living processes of these attempts."""
    return [pid for pid, token in find().items() if token in tokens]


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to each process; one that is gone is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def stop(tokens: Collection[str], grace_s: float = 10.0) -> int:
    """Stop all processes of these attempts; waits for their end.

    SIGTERM first, SIGKILL for what is still there after `grace_s` seconds. Returns how many
    processes there were.
    """
    seen: set[int] = set()
    deadline = time.monotonic() + grace_s
    pause = 0.01
    while True:
        alive = set(of(tokens))
        if not alive:
            return len(seen)
        new = alive - seen
        if time.monotonic() >= deadline:
            send(alive, signal.SIGKILL)
        elif new:
            send(new, signal.SIGTERM)
            send(new, signal.SIGCONT)
        seen.update(new)
        time.sleep(pause)
        pause = min(pause * 2, 0.2)
