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

    __slots__ = (
        "_digests", "_entries", "_folders", "_sizes", "_times", "_unlisted", "digest_limit",
    )  # fmt: skip

    def __init__(self, digest_limit: int = 1_000_000) -> None:
        self.digest_limit = digest_limit
        self._folders: dict[str, set[str]] = {}
        self._unlisted: set[str] = set()  # folders that may be entered but not read
        self._digests: dict[str, str | None] = {}
        self._times: dict[str, int | None] = {}
        self._sizes: dict[str, int] = {}
        self._entries: dict[str, int] = {}  # times of links themselves

    def _list(self, folder: str) -> set[str] | None:
        """The names in a folder; None if they cannot be had, though files may be there."""
        if folder in self._unlisted:
            return None
        names: set[str] = set()
        try:
            with os.scandir(folder or ".") as entries:
                for entry in entries:
                    if entry.is_symlink() and not os.path.exists(entry.path):
                        continue  # leads nowhere
                    names.add(entry.name)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            pass  # nothing is in what is not there, or cannot be
        except OSError:
            self._unlisted.add(folder)
            return None
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
            if names is None:
                return os.path.exists(path)
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
        try:
            return self._digests[path]
        except KeyError:
            found = self._digests[path] = self._read_digest(path)
            return found

    def _read_digest(self, path: str) -> str | None:
        import hashlib

        try:
            # Asked before it is opened: opening a pipe would wait for a writer.
            if not _stat.S_ISREG(os.stat(path).st_mode):
                return None
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size > self.digest_limit:
                    return None
                return "sha256:" + hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError):
            return None

    def hide(self, paths: Iterable[str]) -> None:
        """Answer that these are not there, until all is forgotten."""
        for path in paths:
            self.exists(path)  # so that the listing is known
            folder, _, name = path.rpartition("/")
            if not folder and path[:1] == "/":
                folder = "/"
            self._folders.get(folder, set()).discard(name)
            self._times[path] = None

    def forget(self, paths: Iterable[str] | None = None) -> None:
        """Ask the disk again: about `paths`, or about everything.

        Paths are cheap to forget: the listings they are in are brought up to date, not read anew.
        """
        if paths is None:
            for cache in (self._folders, self._times, self._sizes, self._entries, self._digests):
                cache.clear()
            self._unlisted.clear()
            return
        for path in paths:
            self._forget_one(path)

    def _forget_one(self, path: str) -> None:
        self._times.pop(path, None)
        self._entries.pop(path, None)
        self._digests.pop(path, None)
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError):
            mode = 0
        # It is a folder, or was one.
        if _stat.S_ISDIR(mode) or path in self._folders or self._sizes.get(path) == -1:
            self._forget_below(path.rstrip("/"))
        self._relist(path.rstrip("/"), there=mode != 0)

    def _forget_below(self, folder: str) -> None:
        """What was known of a folder's content."""
        inside = folder + "/"
        for listed in [f for f in self._folders if f == folder or f.startswith(inside)]:
            del self._folders[listed]
        for path in [p for p in self._times if p.startswith(inside)]:
            del self._times[path]
            self._entries.pop(path, None)
        for path in [p for p in self._digests if p.startswith(inside)]:
            del self._digests[path]

    def _relist(self, path: str, *, there: bool) -> None:
        """Corrects the listing that `path` belongs to; if it exists, so do the folders above."""
        while path:
            folder, _, name = path.rpartition("/")
            if not folder and path[0] == "/":
                folder = "/"
            names = self._folders.get(folder)
            if names is not None:
                if not there:
                    names.discard(name)
                elif name in names:
                    return
                else:
                    names.add(name)
            if not there or folder == "/":
                return
            path = folder.rstrip("/")
