"""Packed conda environments in the storage of a run: each is made and stored once for all runs.

`.rulekit/environments/IDENTITY.tar.gz` of the prefix; its metadata hold the digest, which orders
tell, and its time tells when it was used last: `rulekit azure gc` goes by that.
"""

from __future__ import annotations

import time

from rulekit.model.places import Location
from rulekit.node.orders import environment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rulekit.model.places import Root
    from rulekit.model.spec import JobSpec

    Place = tuple[tuple[str, str, str], str]

FOLDER = ".rulekit/environments/"
DIGEST = "rulekit_sha256"  # metadata
_CHUNK = 1 << 20
_FRESH_S = 86_400.0  # one that is older is marked as used


class Packs:
    """The packs of a run. `pack(identity)` gives the path of an archive on this machine; it is asked
    only for those that are not stored."""

    def __init__(
        self,
        storage: Any,
        root: Root,
        pack: Callable[[str], str],
        say: Callable[[str, str], None] = lambda _level, _text: None,
    ) -> None:
        self._storage = storage
        self._root = root
        self._pack = pack
        self._say = say
        self._known: dict[str, Place] = {}

    def have(self, specs: Iterable[JobSpec]) -> None:
        """Stores what these jobs need and is not there. Raises `SoftwareError`,
        `InfrastructureError`."""
        for spec in specs:
            identity = environment_of(spec)
            if identity is not None and identity not in self._known:
                self._known[identity] = self._stored(identity)

    def of(self, specs: Iterable[JobSpec]) -> dict[str, Place]:
        """Places and digests for an order, after `have`."""
        wanted = {environment_of(spec) for spec in specs}
        return {one: self._known[one] for one in wanted if one is not None and one in self._known}

    def _stored(self, identity: str) -> Place:
        at = location(self._root, identity)
        digest = self._look(at)
        if digest is None:
            path = self._pack(identity)
            digest, size = _digest(path)
            self._say("info", f"storing the environment {identity[:16]} ({size / 1e6:.1f} MB)")
            made = self._storage.upload_file(path, at, None, {DIGEST: digest}, overwrite=False)
            if made is None:
                # Somebody else was first; his bytes may be others.
                digest = self._look(at) or digest
        return (at.account, at.container, at.name), f"sha256:{digest}"

    def _look(self, at: Location) -> str | None:
        """The digest of a stored pack, which counts as used from now on; None if there is none."""
        for name, metadata, stamp in self._storage.list_results(at):
            if name == at.name:
                digest = metadata.get(DIGEST)
                if digest and time.time() - stamp.mtime_ns / 1e9 > _FRESH_S:
                    self._storage.mark(at, metadata)
                return str(digest) if digest else None
        return None


def location(root: Root, identity: str) -> Location:
    """Where the pack of an environment is stored."""
    return Location(root.account, root.container, f"{root.below}{FOLDER}{identity}.tar.gz")


def _digest(path: str) -> tuple[str, int]:
    import hashlib

    made = hashlib.sha256()
    size = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            made.update(chunk)
            size += len(chunk)
    return made.hexdigest(), size
