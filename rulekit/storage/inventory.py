"""What is known of one root of stored files: filled by bulk listings, told about changes."""

from __future__ import annotations

from rulekit.node.depot import MANIFEST
from rulekit.storage.azblob.stamp import BlobStamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from rulekit.model.places import Location, Root

    class Lister(Protocol):
        """What is asked of the storage (`AzBlobStorage`)."""

        def inventory(
            self, account: str, container: str, prefix: str = ..., *, limit: int | None = ...
        ) -> dict[str, BlobStamp] | None: ...

        def folder(
            self, account: str, container: str, prefix: str
        ) -> tuple[dict[str, BlobStamp], set[str]]: ...

        def stamp(self, location: Location) -> BlobStamp | None: ...


FOLDER_SIZE = -1  # what stands for the size of a directory


class Inventory:
    """The blobs below a root, by name.

    The first question lists all of them. If there are more than `limit`, that listing is dropped and
    each folder that is asked about is listed on its own.
    """

    __slots__ = ("_folders", "_hidden", "_listed", "_lister", "_stale", "blobs", "limit", "root")

    def __init__(self, lister: Lister, root: Root, limit: int) -> None:
        self._lister = lister
        self.root = root
        self.limit = limit
        self.blobs: dict[str, BlobStamp] = {}
        self._folders: set[str] | None = None
        self._listed: set[str] | None = None  # the folders listed so far, None if all is known
        self._hidden: dict[str, BlobStamp] = {}
        self._stale: set[str] = set()  # folders whose content changed unseen
        found = lister.inventory(root.account, root.container, root.below, limit=limit)
        if found is not None:
            self.blobs = found
        else:
            self._listed = set()
            self._folders = set()

    @property
    def complete(self) -> bool:
        """Whether everything below the root is known."""
        return self._listed is None

    def find(self, name: str) -> BlobStamp | None:
        """The blob of exactly this name."""
        if self._listed is not None:
            self._need(name.rpartition("/")[0])
        if self._stale:
            self._refresh(name.rpartition("/")[0])
        return self.blobs.get(name)

    def is_folder(self, name: str) -> bool:
        """Whether a blob lies below ``name/``."""
        if self._listed is not None:
            self._need(name.rpartition("/")[0])
        if self._stale:
            self._refresh(name.rpartition("/")[0])
        if self._folders is None:
            self._folders = set()
            for known in self.blobs:
                self._add_folders(known)
        return name in self._folders

    def _add_folders(self, name: str) -> None:
        folders = self._folders
        assert folders is not None
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]

    def _need(self, folder: str) -> None:
        assert self._listed is not None and self._folders is not None
        if folder in self._listed:
            return
        self._listed.add(folder)
        root = self.root
        prefix = folder + "/" if folder else ""
        if not prefix.startswith(root.below):
            return  # above the root
        names, folders = self._lister.folder(root.account, root.container, prefix)
        self.blobs.update(names)
        self._folders |= folders

    def folder_stamp(self, name: str) -> BlobStamp:
        """Of a directory: its manifest's time and digest, else the newest time below it and no
        digest."""
        if self._listed is not None:
            self._need(name)
        manifest = self.blobs.get(f"{name}/{MANIFEST}")
        if manifest is not None:
            return BlobStamp(manifest.mtime_ns, FOLDER_SIZE, manifest.digest)
        prefix = name + "/"
        newest = max((s.mtime_ns for n, s in self.below(prefix)), default=0)
        return BlobStamp(newest, FOLDER_SIZE, "")

    def below(self, prefix: str) -> Iterator[tuple[str, BlobStamp]]:
        """Blobs whose names begin with `prefix`."""
        if self._listed is not None:
            root = self.root
            found = self._lister.inventory(root.account, root.container, prefix) or {}
            yield from found.items()
            return
        for folder in [one for one in self._stale if (one + "/").startswith(prefix)]:
            self._refresh(folder)
        for name, stamp in self.blobs.items():
            if name.startswith(prefix):
                yield name, stamp

    def _refresh(self, name: str) -> None:
        """Lists directories that a job has filled and that `name` is, or lies in."""
        while name:
            if name in self._stale:
                self._stale.discard(name)
                root = self.root
                prefix = name + "/"
                for old in [one for one in self.blobs if one.startswith(prefix)]:
                    del self.blobs[old]
                found = self._lister.inventory(root.account, root.container, prefix) or {}
                self.blobs.update(found)
                if self._folders is not None:
                    for known in found:
                        self._add_folders(known)
                return
            name = name.rpartition("/")[0]

    # -- changes -------------------------------------------------------------------------------

    def learned(self, name: str, stamp: BlobStamp) -> None:
        """A job has written this blob, or (size -1) the directory."""
        self._hidden.pop(name, None)
        if stamp.size == FOLDER_SIZE:
            self.blobs.pop(name, None)
            self._stale.add(name)
            name += "/" + MANIFEST
        self.blobs[name] = stamp
        if self._folders is not None:
            self._add_folders(name)

    def removed(self, name: str) -> None:
        """The blob, or all below the directory, is gone."""
        self._hidden.pop(name, None)
        self._stale.discard(name)
        if self.blobs.pop(name, None) is None:
            prefix = name + "/"
            for old in [one for one in self.blobs if one.startswith(prefix)]:
                del self.blobs[old]
            if self._listed is not None and self._folders is not None:
                self._folders.discard(name)
        if self._listed is None:
            self._folders = None  # made anew when it is asked for

    def hide(self, name: str) -> None:
        """Answer that it is not there, until `unhide`."""
        stamp = self.find(name)
        if stamp is not None:
            self._hidden[name] = self.blobs.pop(name)

    def unhide(self) -> None:
        self.blobs.update(self._hidden)
        self._hidden.clear()


def each_name(
    inventory: Inventory, prefix: str, is_hidden: Callable[[str], bool] | None = None
) -> Iterator[str]:
    """Names of blobs and of the folders they lie in, below a prefix, each once; no manifests."""
    seen: set[str] = set()
    for name, _ in inventory.below(prefix):
        folder, _, last = name.rpartition("/")
        if last != MANIFEST and (is_hidden is None or not is_hidden(name)):
            yield name
        while len(folder) >= len(prefix) and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]
