"""Local copies of stored checkpoint outputs, for user code that opens them while jobs are planned.

A copy lies where the file would be in a local run. A file there that is not such a copy is
somebody's own and is never touched. `glob_wildcards` and `exists` look into the storage, so that a
directory is copied only when something else lists it or opens what is in it (`os.listdir`, `glob`):
of that Python tells by an audit event, before it is done.
"""

from __future__ import annotations

import json
import os
import sys
import weakref

from rulekit.errors import InfrastructureError, PlanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.engine.stored import RunStorage

_TABLE = os.path.join("storage", "copies.json")
_MOST_BYTES = 256 << 20
_LOOKS = frozenset({"os.listdir", "os.scandir", "glob.glob", "open"})  # audit events


class LocalCopies:
    """What was copied: path → [digest of the blob, time and size of the copy]."""

    def __init__(self, stored: RunStorage, state_dir: str) -> None:
        self._stored = stored
        self._table = os.path.join(state_dir, _TABLE)
        self._known: dict[str, list[Any]] | None = None
        self._folders: dict[str, str] = {}  # absolute path of a stored directory: its path
        self._watching = False

    def fetch(self, paths: Sequence[str]) -> None:
        """Copies those that are stored files and not here as they are there. Raises `PlanError` if
        something else is in the way, `InfrastructureError`."""
        for path in paths:
            location = self._stored.find(path)
            if location is None:
                continue
            stamp = self._stored.files.stamp(path)
            if stamp is not None and stamp.size < 0:
                self._folders[os.path.abspath(path)] = path
                self._watch()
            if stamp is None or stamp.size < 0 or stamp.size > _MOST_BYTES:
                continue
            digest = self._stored.files.digest(path)
            known = self._load().get(path)
            here = _state(path)
            if here is not None and known is not None and known[1:] == here:
                if known[0] == digest:
                    continue
            elif here is not None:
                raise _in_the_way(path)
            if os.path.dirname(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            self._stored.client.download_file(location, path)
            self._note(path, digest)

    def _watch(self) -> None:
        """From now on, directories are fetched when they are looked into."""
        if self._watching:
            return
        self._watching = True
        # A hook stays for ever: it must not keep what it was for, nor act when that is gone.
        known = weakref.ref(self)

        def hook(event: str, words: tuple[Any, ...]) -> None:
            if event in _LOOKS and words and isinstance(words[0], str | bytes | os.PathLike):
                copies = known()
                if copies is not None:
                    copies._looked(os.path.abspath(os.fsdecode(words[0])))

        sys.addaudithook(hook)

    def _looked(self, path: str) -> None:
        for folder in list(self._folders):
            if path == folder or path.startswith(folder + "/"):
                name = self._folders.pop(folder)  # our own looking is no reason
                try:
                    self._bring(name)
                except BaseException:
                    self._folders[folder] = name
                    raise

    def _bring(self, path: str) -> None:
        """A stored directory, as it is there. Raises as `fetch`."""
        from rulekit.storage.azblob.transfer import download

        location = self._stored.find(path)
        assert location is not None
        digest = self._stored.files.digest(path)
        known, here = self._load().get(path), _state(path)
        before: list[str] = []
        if here is not None:
            if known is None or known[1:3] != here:
                raise _in_the_way(path)
            if digest is not None and known[0] == digest:
                return
            before = known[3]
        into = path if here is not None else f"{self._table}.{os.getpid()}.folder"
        done = download(self._stored.client, location, into)
        names = sorted(os.path.relpath(one, into) for one in (*done.moved, *done.same))
        if into != path:  # whole or not at all
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            os.rename(into, path)
        for gone in set(before).difference(names):
            try:
                os.unlink(os.path.join(path, gone))
            except OSError:
                pass  # somebody else did it
        self._note(path, digest, names)

    def _load(self) -> dict[str, list[Any]]:
        if self._known is None:
            try:
                with open(self._table, encoding="utf-8") as file:
                    found = json.load(file)
                self._known = found if isinstance(found, dict) else {}
            except (OSError, ValueError):
                self._known = {}
        return self._known

    def _note(self, path: str, digest: str | None, names: list[str] | None = None) -> None:
        known = self._load()
        known[path] = [digest, *(_state(path) or []), *([] if names is None else [names])]
        part = f"{self._table}.{os.getpid()}.part"
        try:
            os.makedirs(os.path.dirname(self._table), exist_ok=True)
            with open(part, "w", encoding="utf-8") as file:
                json.dump(known, file)
            os.replace(part, self._table)
        except OSError as error:
            raise InfrastructureError(
                f"`{self._table}` cannot be written: {error.strerror}", code="RK0605"
            ) from None


def _in_the_way(path: str) -> PlanError:
    return PlanError(
        f"the checkpoint's output `{path}` is a stored file, and a file of that name is here, too",
        code="RK0453",
        help="input functions open a local copy: move the file out of the way",
    )


def _state(path: str) -> list[object] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]
