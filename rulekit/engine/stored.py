"""The stored files of one run, as the engine needs them: places, sizes, changes, removals."""

from __future__ import annotations

import os

from rulekit.storage.session import StorageSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.model.places import Location
    from rulekit.model.spec import FileResult

_BATCH = 256  # removals in one request


class RunStorage(StorageSession):
    """What a run has to do with remote storage. Also the `StorageHook` of the load before it."""

    def __init__(
        self,
        provider: str | None = None,
        prefix: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        digest_limit: int = 1_000_000,
    ) -> None:
        """As `StorageSession`; `environ` is by default that of the process."""
        super().__init__(
            os.environ if environ is None else environ, provider, prefix, digest_limit=digest_limit
        )
        self._doomed: list[str] = []

    def target(self, text: str) -> str:
        """The path of a target as the user writes it: plain, with the prefix, or with a scheme."""
        if "://" in text:
            from rulekit.language.storagenames import table

            return table().path(text)
        return self.places.target(text)

    def find(self, path: str) -> Location | None:
        """The place of a stored file; None for one of this disk."""
        return self.places.find(path)

    def size(self, path: str) -> int:
        """Bytes of a file, stored or not; 0 for what is not there, and for directories."""
        stamp = self.files.stamp(path)
        return 0 if stamp is None else max(0, stamp.size)

    def bytes_in(self, path: str) -> int:
        """Bytes of a stored file, or of all that is in a stored directory."""
        stamp = self.files.stamp(path)
        if stamp is not None and stamp.size < 0:
            return sum(self.size(one) for one in self.files.below(path))
        return self.size(path)

    def learned(self, files: Sequence[FileResult]) -> None:
        """A job has made these files."""
        for file in files:
            self.files.learned(file.path, file.mtime_ns, file.size, file.digest)

    def log_tail(self, path: str, state_dir: str) -> str | None:
        """The end of a stored log; None if it cannot be had. A copy of it stays on this disk, for
        `rulekit logs`."""
        from rulekit.engine.storedlogs import fetch

        location = self.find(path)
        return None if location is None else fetch(self.client, location, path, state_dir)

    def remove_later(self, path: str) -> bool:
        """Notes a stored file for removal; whether enough have come together for a request."""
        self._doomed.append(path)
        return len(self._doomed) >= _BATCH

    def remove(self) -> list[str]:
        """Removes what was noted, in bulk; the paths. Raises `InfrastructureError`."""
        paths, self._doomed = self._doomed, []
        locations: list[Location] = []
        for path in paths:
            locations += self.files.blobs_of(path)
        if locations:
            self.client.delete(locations)
            self.files.removed(paths)
        return paths
