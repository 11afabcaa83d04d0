"""Which process of which host a lock or a journal belongs to, and whether it is still there."""

from __future__ import annotations

import os

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ALIVE, DEAD, FOREIGN = "alive", "dead", "foreign"


@frozen
class Owner:
    """A process: numbers are used again, so its start time and the boot of its host belong to it.

    `boot` is the id of the host's boot, `space` that of the namespace of process numbers (they
    differ inside containers), `start` the start in clock ticks since boot. What a system does
    not tell is empty or 0.
    """

    host: str
    boot: str
    space: str
    pid: int
    start: int

    def to_json(self) -> dict[str, Any]:
        """As an object that `json` can write."""
        return {
            "host": self.host,
            "boot": self.boot,
            "space": self.space,
            "pid": self.pid,
            "start": self.start,
        }

    def state(self) -> str:
        """``alive``, ``dead`` or ``foreign`` (on another host: it cannot be known from here)."""
        own = this_machine()
        if self.host != own.host:
            return FOREIGN
        if self.boot != own.boot:
            return DEAD
        if self.space != own.space:
            return FOREIGN
        return ALIVE if is_running(self.pid, self.start) else DEAD

    def rebooted(self) -> bool:
        """Whether its host, this one, was started again since."""
        own = this_machine()
        return self.host == own.host and self.boot != own.boot

    def __str__(self) -> str:
        return f"process {self.pid} on host `{self.host}`"


def owner_from_json(values: Any) -> Owner:
    """The reverse of `Owner.to_json`. Raises ValueError if it is none."""
    try:
        return Owner(
            str(values["host"]),
            str(values["boot"]),
            str(values["space"]),
            int(values["pid"]),
            int(values["start"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an owner: {values!r}") from error


def this_machine() -> Owner:
    """This host and boot, with process number 0."""
    global _here
    if _here is None:
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
                boot = file.read().strip()
        except OSError:
            boot = ""
        try:
            space = os.readlink("/proc/self/ns/pid")
        except OSError:
            space = ""
        _here = Owner(os.uname().nodename, boot, space, 0, 0)
    return _here


_here: Owner | None = None


def this_process() -> Owner:
    """The calling process."""
    here = this_machine()
    pid = os.getpid()
    return Owner(here.host, here.boot, here.space, pid, start_ticks(pid))


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 if it is not there or not told."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.readall() or b""
        return int(text[text.rfind(b")") + 1 :].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def is_running(pid: int, start: int) -> bool:
    """Whether the process that had this number and start time is running still.

    A process that has ended, but was not waited for, is not.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = (text := file.readall() or b"")[text.rfind(b")") + 1 :].split()
        return fields[0] not in (b"Z", b"X") and (start == 0 or int(fields[19]) == start)
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return False
    except (OSError, ValueError, IndexError):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
