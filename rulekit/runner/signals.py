"""Signals to jobs, as plain numbers: `signal` builds three enumerations, 1.5 ms of a start."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:  # another Python than the usual one
        import signal

__all__ = ["GRACE_S", "signal", "signal_group"]

GRACE_S = 10.0  # between asking a job to stop and killing it


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a job's process group, and wake it if it sleeps; gone is no error."""
    try:
        os.killpg(pid, number)
        if number != signal.SIGKILL:
            os.killpg(pid, signal.SIGCONT)
    except (ProcessLookupError, PermissionError):
        pass
