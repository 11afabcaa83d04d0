"""Where things lie in a store, and the mark that says that an environment is complete.

    FOLDER/<id>/                     an environment; <id> is the first 16 signs of its identity
    FOLDER/<id>/.rulekit/complete.json   written last, after everything else was synced
    FOLDER/<id>/.rulekit/activate.sh
    FOLDER/.locks/<id>               held (`locks`) by whoever makes or removes the environment
    FOLDER/.recipes/<id>.json        what it is made from
    FOLDER/.logs/<id>.log            what pip and the post-deploy script said
    FOLDER/.trash/                   on its way out
    FOLDER/.packs/<id>.tar.gz        packed for other machines
    FOLDER/.used/<id>                its time is that of the last use
    FOLDER/.foreign/<id>.sh          activation of environments that others keep

Names are short because the path of an environment stands in the first line of its scripts, which
Linux reads up to 127 bytes.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHORT = 16
META = ".rulekit"


def prefix_of(folder: str, identity: str) -> str:
    """The folder of an environment."""
    return os.path.join(folder, identity[:SHORT])


def side(folder: str, kind: str, identity: str, ending: str = "") -> str:
    """The path of something that belongs to an environment but lies beside it."""
    return os.path.join(folder, f".{kind}", identity[:SHORT] + ending)


def activate_of(prefix: str) -> str:
    """The activation script of an environment that was made here."""
    return os.path.join(prefix, META, "activate.sh")


def mark_path(prefix: str) -> str:
    return os.path.join(prefix, META, "complete.json")


def read_mark(prefix: str) -> dict[str, Any] | None:
    """The mark of a complete environment; None if there is none, or the folder was moved here
    from elsewhere (its scripts then hold another path)."""
    try:
        with open(mark_path(prefix), "rb") as file:
            data = file.read()
    except OSError:
        return None
    import json

    try:
        mark = json.loads(data)
        return mark if mark["prefix"] == prefix else None
    except (ValueError, KeyError, TypeError):
        return None


def is_complete(folder: str, identity: str) -> bool:
    """Whether an environment can be used."""
    mark = read_mark(prefix_of(folder, identity))
    return mark is not None and mark.get("identity") == identity


def write_mark(prefix: str, mark: dict[str, Any]) -> None:
    """Say that all of an environment is there, once it is on disk. Raises OSError."""
    import json

    sync_below(prefix)
    path = mark_path(prefix)
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(mark, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sync_below(folder: str) -> None:
    """Have everything written to the file system of a folder on disk."""
    import ctypes

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            failed = ctypes.CDLL(None, use_errno=True).syncfs(handle)
        except (OSError, AttributeError):
            failed = -1
        if failed:
            os.sync()
    finally:
        os.close(handle)


def discard(folder: str, prefix: str) -> None:
    """Remove an environment, complete or not: it is out of its place at once."""
    import uuid

    if not os.path.lexists(prefix):
        return
    try:
        os.unlink(mark_path(prefix))
    except OSError:
        pass
    trash = os.path.join(folder, ".trash")
    os.makedirs(trash, exist_ok=True)
    aside = os.path.join(trash, f"{os.path.basename(prefix)}.{uuid.uuid4().hex[:8]}")
    os.rename(prefix, aside)
    _remove_tree(aside)


def empty_trash(folder: str) -> None:
    """Remove what killed processes have left: put aside, or made for a moment a day ago."""
    import time

    trash = os.path.join(folder, ".trash")
    if os.path.isdir(trash):
        for name in os.listdir(trash):
            _remove_tree(os.path.join(trash, name))
    before = time.time() - 86_400
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(".lock-") and os.stat(path).st_mtime < before:
            discard(folder, path)


def _remove_tree(path: str) -> None:
    import shutil

    remove: Any = shutil.rmtree
    if sys.version_info >= (3, 12):
        remove(path, onexc=_open_up)
    else:
        remove(path, onerror=_open_up)


def _open_up(function: Any, path: str, _: Any) -> None:
    """A package may hold folders that cannot be written: they go all the same."""
    try:
        # Never a file: it may be a hard link to the one in the package cache.
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
        function(path)
    except OSError:
        pass
