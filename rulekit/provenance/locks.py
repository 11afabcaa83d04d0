"""Which run holds which files: disjoint runs may share a folder, overlapping ones may not.

A run's lock is a file ``.rulekit/locks/<run>.lock``: its owner as JSON in the first line, then
the names of its outputs, an empty name, and those of its inputs, all ended by NUL. Two runs
overlap if one makes a file that the other makes or reads.

Looking at the locks of others and making one's own happens under a short lock of the folder
(`fcntl`, which also works on network file systems and goes with its process; where it does not
work, a file made by `link`). A dead owner on this host does not count and its lock is cleared.
"""

from __future__ import annotations

import fcntl
import os
import time

from rulekit.errors.tree import InfrastructureError, LockedError
from rulekit.provenance.owner import DEAD, FOREIGN, Owner, owner_from_json, this_process
from rulekit.runner.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "locks"
_PATIENCE_S = 60.0


class Lock:
    """The lock of a run that goes on. `cleared` names dead owners that were found."""

    __slots__ = ("cleared", "path")

    def __init__(self, path: str, cleared: tuple[str, ...]) -> None:
        self.path = path
        self.cleared = cleared

    def release(self) -> None:
        """Give the files free. Any number of times."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass


def acquire(state_dir: str, run: str, outputs: Iterable[str], inputs: Iterable[str]) -> Lock:
    """Hold files for a run. Raises LockedError if another run holds one of them.

    May be called again for a run that has a lock already (after a checkpoint): it replaces it.
    """
    folder = os.path.join(state_dir, FOLDER)
    path = os.path.join(folder, f"{run}.lock")
    made = dict.fromkeys(outputs)
    read = dict.fromkeys(inputs)
    try:
        os.makedirs(folder, exist_ok=True)
        with _Gate(folder):
            cleared = _check_others(folder, path, made.keys(), read.keys())
            _write(path, made, read)
    except OSError as error:
        raise _trouble(folder, error) from error
    return Lock(path, tuple(cleared))


def clear(state_dir: str, run: str) -> None:
    """Clear the lock of a run that is known to be dead. Raises OSError."""
    try:
        os.unlink(os.path.join(state_dir, FOLDER, f"{run}.lock"))
    except FileNotFoundError:
        pass


def unlock(state_dir: str) -> list[str]:
    """Clear every lock, whoever holds it; the owners in words. For ``--unlock``."""
    folder = os.path.join(state_dir, FOLDER)
    owners = []
    try:
        for name in _names(folder):
            path = os.path.join(folder, name)
            owners.append(str(_read(path)[0] or "somebody"))
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _trouble(folder, error) from error
    return owners


def _names(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(".lock"))


def _check_others(folder: str, own: str, made: Iterable[str], read: Iterable[str]) -> list[str]:
    cleared = []
    for name in _names(folder):
        path = os.path.join(folder, name)
        if path == own:
            continue
        try:
            owner, their_outputs, their_inputs = _read(path)
        except FileNotFoundError:
            continue
        if owner is None or owner.state() == DEAD:
            # Without a head it was never finished: it is put in place by a rename.
            os.unlink(path)
            cleared.append(str(owner or name))
            continue
        shared = their_outputs.intersection(made)
        shared |= their_outputs.intersection(read)
        shared |= their_inputs.intersection(made)
        if shared:
            raise _locked(path, owner, sorted(shared))
    return cleared


def _locked(path: str, owner: Owner, shared: list[str]) -> LockedError:
    names = ", ".join(f"`{name}`" for name in shared[:3])
    more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
    if owner.state() == FOREIGN:
        help_text = (
            f"whether that process still runs can only be seen on `{owner.host}`; if it does not,"
            " clear its lock with `--unlock`"
        )
    else:
        help_text = "wait for the other run to end, or ask for other targets"
    return LockedError(
        f"another run holds files that this run needs: {names}{more}",
        code="RK0701",
        notes=(f"held by {owner}", f"its lock is `{path}`"),
        help=help_text + " (`--nolock` goes on without looking)",
    )


def _write(path: str, made: Iterable[str], read: Iterable[str]) -> None:
    parts = [dumps({"owner": this_process().to_json(), "time": time.time()}) + "\n"]
    parts += [f"{name}\0" for name in made]
    parts.append("\0")
    parts += [f"{name}\0" for name in read]
    data = memoryview("".join(parts).encode("utf-8", "surrogateescape"))
    part = f"{path}.part"
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
    os.replace(part, path)


def _read(path: str) -> tuple[Owner | None, set[str], set[str]]:
    """Owner, outputs, inputs; no owner if the file is none of ours."""
    import json

    with open(path, "rb") as file:
        head, _, body = file.read().partition(b"\n")
    try:
        owner = owner_from_json(json.loads(head)["owner"])
    except (ValueError, KeyError, TypeError):
        return None, set(), set()
    if body.startswith(b"\0"):
        made, read = b"", body[1:]
    else:
        made, _, read = body.partition(b"\0\0")
    return owner, _set(made), _set(read)


def _set(data: bytes) -> set[str]:
    names = data.decode("utf-8", "surrogateescape").split("\0")
    return {name for name in names if name}


class _Gate:
    """The short lock of the folder."""

    __slots__ = ("_file", "_link", "_path")

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "gate")
        self._file = -1
        self._link = ""

    def __enter__(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except OSError:
            self._by_link()

    def _by_link(self) -> None:
        """For file systems without locks: whoever makes the link has the gate."""
        own = f"{self._path}.{os.uname().nodename}.{os.getpid()}"
        os.close(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._link = f"{self._path}.held"
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                os.link(own, self._link)
            except OSError:
                pass
            # Over NFS the answer may be lost: the count tells whether the link was made.
            if os.stat(own).st_nlink == 2:
                os.unlink(own)
                return
            if time.monotonic() > deadline:
                os.unlink(own)
                self._link = ""
                raise TimeoutError(f"`{self._path}.held` has been there for a minute")
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        if self._link:
            os.unlink(self._link)
        os.close(self._file)


def _trouble(folder: str, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"the locks in `{folder}` cannot be read or written:"
        f" {(error.strerror or str(error)).lower()}",
        code="RK0607",
        help="make the folder writable, or go on without locks by `--nolock`",
    )
