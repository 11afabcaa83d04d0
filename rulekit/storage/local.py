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

    __slots__ = ("_folders", "_links", "_stamps", "digest_limit")

    def __init__(self, digest_limit: int = 1_000_000) -> None:
        self.digest_limit = digest_limit
        self._folders: dict[str, set[str]] = {}
        self._links: dict[str, bool] = {}
        self._stamps: dict[str, tuple[int, Stamp] | None] = {}

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

    def _stat(self, path: str) -> tuple[int, Stamp] | None:
        found = None
        try:
            status = os.lstat(path)
            entry_mtime = status.st_mtime_ns
            mtime = entry_mtime
            if _stat.S_ISLNK(status.st_mode):
                status = os.stat(path)
                mtime = max(mtime, status.st_mtime_ns)
            size = status.st_size
            if _stat.S_ISDIR(status.st_mode):
                size = -1
                try:
                    mtime = entry_mtime = os.stat(path + "/" + DIRECTORY_MARKER).st_mtime_ns
                except OSError:
                    pass
            found = (entry_mtime, Stamp(mtime, size))
        except (OSError, ValueError):
            pass  # gone, not reachable, or not a name a file can have
        self._stamps[path] = found
        return found

    def stamp(self, path: str) -> Stamp | None:
        """Time and size of what `path` leads to; for a link the newer time of link and target."""
        found = self._stamps.get(path, 0)
        if found == 0:
            found = self._stat(path) if self.exists(path) else None
        return found[1] if found else None  # type: ignore[index]

    def link_mtime_ns(self, path: str) -> int | None:
        """The time of the directory entry itself."""
        found = self._stamps.get(path, 0)
        if found == 0:
            found = self._stat(path) if self.exists(path) else None
        return found[0] if found else None  # type: ignore[index]

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
            self._stamps.clear()
            return
        for path in paths:
            self._stamps.pop(path, None)
            self._folders.pop(path.rpartition("/")[0] or ("/" if path[:1] == "/" else ""), None)
