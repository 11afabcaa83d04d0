"""What the runner does to files: make room, take away, stamp, protect."""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISFIFO, S_ISLNK, S_ISSOCK, S_IWGRP, S_IWOTH, S_IWUSR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Workflows know this name (they exclude it from globs): its time stands for the directory.
MARKER = ".snakemake_timestamp"

_DISK = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "ESTALE", "EFBIG", "ENXIO")
    if hasattr(errno, name)
)


class Refused(Exception):
    """An attempt cannot go on: `problem` as in `JobResult`, `detail` in words."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail


def refusal(error: OSError, doing: str) -> Refused:
    """An operating system error as a `Refused`; `doing` says what was tried, with the path."""
    problem = "disk" if error.errno in _DISK else "access"
    text = (error.strerror or str(error)).lower()
    return Refused(problem, f"{doing}: {text}")


def is_managed(flags: Mapping[str, Any]) -> bool:
    """Whether the runner makes room for, checks and stamps such an output."""
    return not ("pipe" in flags or "service" in flags)


def make_parent(path: str) -> None:
    """Make the directory a file will stand in, if it is not there. Raises Refused."""
    parent = os.path.dirname(path)
    if parent:
        make_directory(parent)


def make_directory(path: str) -> None:
    """Make a directory and those above it, if they are not there. Raises Refused."""
    try:
        os.stat(path)
        return
    except OSError:
        pass
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise refusal(error, f"cannot make the directory `{path}`") from None


def remove(path: str) -> bool:
    """Take away a file, link, or directory with all that is in it. False if there is none.

    A link is taken away itself, never what it leads to. Raises OSError.
    """
    try:
        os.unlink(path)
        return True
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return False
    except (IsADirectoryError, PermissionError):
        # unlink on a directory is EISDIR on Linux and EPERM elsewhere
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
        if not S_ISDIR(mode):
            raise
    _remove_tree(path)
    return True


def _remove_tree(path: str) -> None:
    import shutil

    try:
        shutil.rmtree(path)
    except PermissionError:
        # A directory inside may have been made read-only by the job (or by `protected`).
        for folder, _, _ in os.walk(path):
            try:
                os.chmod(folder, 0o700)
            except OSError:
                pass
        shutil.rmtree(path)


def stamp(path: str, stat: os.stat_result) -> tuple[int, int, os.stat_result]:
    """Time (ns), size and the state of the content, from the path's own (link) state.

    A directory has the time of its marker, or its own, and size -1; a link the newer time of
    itself and what it leads to. Raises OSError if a link leads nowhere.
    """
    mode = stat.st_mode
    mtime = stat.st_mtime_ns
    if S_ISLNK(mode):
        stat = os.stat(path)
        mode = stat.st_mode
        mtime = max(mtime, stat.st_mtime_ns)
    if S_ISDIR(mode):
        try:
            mtime = os.stat(f"{path}/{MARKER}").st_mtime_ns
        except OSError:
            pass
        return mtime, -1, stat
    return mtime, stat.st_size, stat


def touch(path: str) -> None:
    """Set a file's time to now, making it if it is missing. Raises OSError."""
    try:
        os.utime(path)
    except FileNotFoundError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))


def stamp_now(path: str, directory: bool, newest_ns: int) -> tuple[int, int, os.stat_result]:
    """Set an output's time to now and return its stamp, as `stamp` does.

    "Now" is the clock of the file system, which also stamped the inputs. Where that clock runs
    behind the newest input (`newest_ns`), the output gets that input's time: it was made later.
    For a link its own time is set and counts, but the size is that of the content.
    Raises OSError.
    """
    target = path
    if directory:
        target = f"{path}/{MARKER}"
        touch(target)
    else:
        _set_time(path, None)
    own = os.lstat(target)
    if own.st_mtime_ns < newest_ns:
        _set_time(target, newest_ns)
        own = os.lstat(target)
    if directory:
        return own.st_mtime_ns, -1, os.stat(path)
    if S_ISLNK(own.st_mode):
        content = os.stat(path)
        return own.st_mtime_ns, content.st_size, content
    return own.st_mtime_ns, own.st_size, own


def _set_time(path: str, ns: int | None) -> None:
    try:
        if ns is None:
            os.utime(path, follow_symlinks=False)
        else:
            os.utime(path, ns=(ns, ns), follow_symlinks=False)
    except PermissionError:
        # The job let somebody else own the file; its time is what it is.
        pass


def protect(path: str) -> None:
    """Take away every write permission; of a directory, from all that is in it too."""
    if not os.path.islink(path):
        _chmod_less(path)
        if os.path.isdir(path):
            for folder, folders, files in os.walk(path):
                for name in folders + files:
                    inner = os.path.join(folder, name)
                    if not os.path.islink(inner):
                        _chmod_less(inner)


def _chmod_less(path: str) -> None:
    mode = os.stat(path).st_mode
    os.chmod(path, mode & 0o7777 & ~(S_IWUSR | S_IWGRP | S_IWOTH))


def is_special(mode: int) -> bool:
    """A pipe or socket: nothing to stamp or to digest."""
    return S_ISFIFO(mode) or S_ISSOCK(mode)
