"""Who may write to an environment: a lock that lives exactly as long as somebody writes.

`flock` on a file that is never removed. It belongs to the open file, which the worker hands on to
pip and to post-deploy scripts: if the worker is killed, the lock is held until they have ended
too, and it is free the moment nobody is left. A dead owner so needs no detecting. Where the file
system has no such locks, a file that names its owner stands in; there the owner's death is
looked for (process number, start time, boot).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os

from rulekit.provenance.owner import DEAD, owner_from_json, this_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_WAIT_S = 0.1
_NO_LOCKS = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})


class Held:
    """A lock that is held. `file` is the descriptor that children keep it by."""

    __slots__ = ("_owner_file", "file")

    def __init__(self, file: int, owner_file: str = "") -> None:
        self.file = file
        self._owner_file = owner_file

    def release(self) -> None:
        """Give it free."""
        if self._owner_file:
            try:
                os.unlink(self._owner_file)
            except FileNotFoundError:
                pass
        os.close(self.file)


def try_hold(path: str) -> Held | None:
    """The lock, or None if somebody else has it. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return Held(file)
    except BlockingIOError:
        os.close(file)
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            os.close(file)
            raise
    owner_file = f"{path}.owner"
    if _take(owner_file):
        return Held(file, owner_file)
    os.close(file)
    return None


async def hold(path: str, waiting: Callable[[], None]) -> Held:
    """The lock, as soon as it is free; `waiting` is called once if it is not at first."""
    told = False
    while (held := try_hold(path)) is None:
        if not told:
            waiting()
            told = True
        await asyncio.sleep(_WAIT_S)
    return held


def _take(path: str) -> bool:
    """Make the file that names its owner; False if the owner of the one that is there lives."""
    import json

    own = f"{path}.{os.getpid()}"
    with open(own, "w", encoding="utf-8") as file:
        json.dump(this_process().to_json(), file)
    try:
        for _ in range(2):
            try:
                os.link(own, path)
                return True
            except FileExistsError:
                if not _owner_is_dead(path):
                    return False
                # Out of the way under another name: two who see the same dead owner do not
                # remove each other's new file unseen.
                aside = f"{own}.dead"
                try:
                    os.rename(path, aside)
                except FileNotFoundError:
                    continue
                if not _owner_is_dead(aside):
                    os.link(aside, path)
                    os.unlink(aside)
                    return False
                os.unlink(aside)
        return False
    finally:
        os.unlink(own)


def _owner_is_dead(path: str) -> bool:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return owner_from_json(json.load(file)).state() == DEAD
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
