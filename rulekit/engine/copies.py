"""Local copies of stored checkpoint outputs, for user code that opens them while jobs are planned.

A copy lies where the file would be in a local run. A file there that is not such a copy is
somebody's own and is never touched. Directories are not copied: `glob_wildcards` and `exists` look
into the storage.
"""

from __future__ import annotations

import json
import os

from rulekit.errors import InfrastructureError, PlanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.engine.stored import RunStorage

_TABLE = os.path.join("storage", "copies.json")
_MOST_BYTES = 256 << 20


class LocalCopies:
    """What was copied: path → [digest of the blob, time and size of the copy]."""

    def __init__(self, stored: RunStorage, state_dir: str) -> None:
        self._stored = stored
        self._table = os.path.join(state_dir, _TABLE)
        self._known: dict[str, list[object]] | None = None

    def fetch(self, paths: Sequence[str]) -> None:
        """Copies those that are stored files and not here as they are there. Raises `PlanError` if
        something else is in the way, `InfrastructureError`."""
        for path in paths:
            location = self._stored.find(path)
            if location is None:
                continue
            stamp = self._stored.files.stamp(path)
            if stamp is None or stamp.size < 0 or stamp.size > _MOST_BYTES:
                continue
            digest = self._stored.files.digest(path)
            known = self._load().get(path)
            here = _state(path)
            if here is not None and known is not None and known[1:] == here:
                if known[0] == digest:
                    continue
            elif here is not None:
                raise PlanError(
                    f"the checkpoint's output `{path}` is a stored file, and a file of that name is"
                    " here, too",
                    code="RK0453",
                    help="input functions open a local copy: move the file out of the way",
                )
            if os.path.dirname(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            self._stored.client.download_file(location, path)
            self._note(path, digest)

    def _load(self) -> dict[str, list[object]]:
        if self._known is None:
            try:
                with open(self._table, encoding="utf-8") as file:
                    found = json.load(file)
                self._known = found if isinstance(found, dict) else {}
            except (OSError, ValueError):
                self._known = {}
        return self._known

    def _note(self, path: str, digest: str | None) -> None:
        known = self._load()
        known[path] = [digest, *(_state(path) or [])]
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


def _state(path: str) -> list[object] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]
