"""Processes of a campaign: all that descends from its command carries a mark in its environment."""

from __future__ import annotations

import os
import signal
import time

MARK = "RULEKIT_CAMPAIGN"


def alive(mark: str) -> dict[int, str]:
    """Living processes with this mark, by id, and what they are: ``driver`` (with or without a
    runner process forked from it) or the token of the job they belong to."""
    wanted = f"{MARK}={mark}".encode()
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                entries = file.read().split(b"\0")
            with open(f"/proc/{name}/stat", "rb") as file:
                state = file.read().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if wanted not in entries or state == b"Z":
            continue
        tokens = [entry for entry in entries if entry.startswith(b"RULEKIT_ATTEMPT=")]
        found[int(name)] = tokens[0].partition(b"=")[2].decode() if tokens else "driver"
    return found


def kill_all(mark: str) -> None:
    """SIGKILL for everything with this mark, until nothing is left."""
    while pids := alive(mark):
        for pid in pids:
            kill(pid)
        time.sleep(0.005)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; a process that is gone is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def wait_until_gone(mark: str, seconds: float) -> dict[int, str]:
    """Wait for all processes with this mark to end; those that are left."""
    end = time.monotonic() + seconds
    while (pids := alive(mark)) and time.monotonic() < end:
        time.sleep(0.02)
    return pids
