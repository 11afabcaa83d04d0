"""Copies of fetched inputs that stay on this machine, so that the next job need not fetch them.

A copy counts for the one state of its blob (its etag); jobs get copies of it, never the file itself.
"""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.node.entries import Blob


class Copies:
    """A folder of copies, by account, container, name and etag. Several processes may use it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def take(self, place: Sequence[str], blob: Blob, target: str) -> bool:
        """Makes `target` from the copy of this state of the blob; False if there is none."""
        source = self._path(place, blob)
        try:
            if os.stat(source).st_size != blob.size:
                return False
            _copy(source, target)
        except OSError:
            return False
        return True

    def keep(self, place: Sequence[str], blob: Blob, path: str) -> None:
        """Keeps a copy of a fetched file; without one, if the disk does not take it."""
        target = self._path(place, blob)
        part = f"{target}.{os.getpid()}.{os.path.basename(path)}"
        try:
            os.makedirs(self._folder, exist_ok=True)
            _copy(path, part)
            os.replace(part, target)
        except OSError:
            try:
                os.unlink(part)
            except OSError:
                pass

    def _path(self, place: Sequence[str], blob: Blob) -> str:
        name = "\0".join((*place, blob.etag)).encode("utf-8", "surrogateescape")
        return os.path.join(self._folder, hashlib.sha256(name).hexdigest()[:40])


def _copy(source: str, target: str) -> None:
    """All bytes of a file, by the kernel where it can. Raises OSError."""
    with open(source, "rb") as old, open(target, "wb") as new:
        left = os.fstat(old.fileno()).st_size
        while left > 0:
            try:
                done = os.copy_file_range(old.fileno(), new.fileno(), left)
            except OSError:
                done = 0
            if not done:
                import shutil

                old.seek(-left, os.SEEK_END)
                new.seek(0, os.SEEK_END)
                shutil.copyfileobj(old, new, 1 << 20)
                return
            left -= done
