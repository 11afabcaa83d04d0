"""Files of this machine, asked for in bulk: one listing for a folder, a stat only for what exists."""

from __future__ import annotations

import os
import stat as _stat

from rulekit.model.files import Stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# A file of this name in a folder that is an output stands for the folder's time.
DIRECTORY_MARKER = ".snakemake_timestamp"


class LocalFiles:
    """A `FileView` of the working directory: a cache that is filled as questions come.

    What it answers is as of the first question about a folder or file; `forget` makes it ask
    again. `digest_limit` is in bytes: larger files have no digest.
    """

    __slots__ = ("_entries", "_folders", "_sizes", "_times", "digest_limit")

    def __init__(self, digest_limit: int = 1_000_000) -> None:
        self.digest_limit = digest_limit
        self._folders: dict[str, set[str]] = {}
        self._times: dict[str, int | None] = {}
        self._sizes: dict[str, int] = {}
        self._entries: dict[str, int] = {}  # times of links themselves

    def _list(self, folder: str) -> set[str]:
        names: set[str] = set()
        try:
            with os.scandir(folder or ".") as entries:
                for entry in entries:
                    if entry.is_symlink() and not os.path.exists(entry.path):
                        continue  # leads nowhere
                    names.add(entry.name)
        except OSError:
            pass  # no such folder, or not readable: nothing in it exists for us
        self._folders[folder] = names
        return names

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path` (a link must lead somewhere)."""
        folder, _, name = path.rpartition("/")
        if not name or name == "." or name == "..":
            return os.path.exists(path)
        if not folder and path[0] == "/":
            folder = "/"
        names = self._folders.get(folder)
        if names is None:
            names = self._list(folder)
        return name in names

    def _look(self, path: str) -> int | None:
        """Asks the disk about a path: its time, None if there is nothing."""
        time = None
        if self.exists(path):
            try:
                status = os.lstat(path)
                time = status.st_mtime_ns
                if not _stat.S_ISREG(status.st_mode):
                    time = self._special(path, status)
                else:
                    self._sizes[path] = status.st_size
            except (OSError, ValueError):
                time = None  # gone, not reachable, or not a name a file can have
        self._times[path] = time
        return time

    def _special(self, path: str, status: os.stat_result) -> int:
        """The time of a link (or its target's, if newer) or of a folder (by its marker)."""
        time = status.st_mtime_ns
        if _stat.S_ISLNK(status.st_mode):
            status = os.stat(path)
            self._entries[path] = time
            time = max(time, status.st_mtime_ns)
        self._sizes[path] = status.st_size
        if _stat.S_ISDIR(status.st_mode):
            self._sizes[path] = -1
            try:
                time = os.stat(path + "/" + DIRECTORY_MARKER).st_mtime_ns
                self._entries.pop(path, None)
            except OSError:
                pass
        return time

    def mtime_ns(self, path: str) -> int | None:
        """The time of what `path` leads to; for a link the newer one of link and target."""
        time = self._times.get(path, -1)
        return time if time != -1 else self._look(path)

    def link_mtime_ns(self, path: str) -> int | None:
        """The time of the directory entry itself."""
        time = self._times.get(path, -1)
        if time == -1:
            time = self._look(path)
        return self._entries.get(path, time) if self._entries else time

    def stamp(self, path: str) -> Stamp | None:
        """Time and size of what `path` leads to; None if there is nothing."""
        time = self.mtime_ns(path)
        return None if time is None else Stamp(time, self._sizes[path])

    def digest(self, path: str) -> str | None:
        """``sha256:<hex>`` of a regular file's content, None for others and for large files."""
        import hashlib

        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                if not _stat.S_ISREG(status.st_mode) or status.st_size > self.digest_limit:
                    return None
                return "sha256:" + hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError):
            return None

    def forget(self, paths: Iterable[str] | None = None) -> None:
        """Ask the disk again: about `paths` and their folders, or about everything."""
        if paths is None:
            self._folders.clear()
            self._times.clear()
            self._sizes.clear()
            self._entries.clear()
            return
        for path in paths:
            self._times.pop(path, None)
            self._entries.pop(path, None)
            self._folders.pop(path.rpartition("/")[0] or ("/" if path[:1] == "/" else ""), None)
