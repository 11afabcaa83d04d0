"""`StoredFiles`: the files of a plan, on this disk and in remote storage, behind one view."""

from __future__ import annotations

from rulekit.frozen import replace
from rulekit.model.files import Stamp
from rulekit.model.places import Location
from rulekit.storage.azblob.stamp import BlobStamp
from rulekit.storage.inventory import Inventory, each_name
from rulekit.storage.local import LocalFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulekit.model.places import Places, Root
    from rulekit.storage.inventory import Lister

# Blobs below the root of a run that are held in memory, and below the folder of a single name.
MOST_BLOBS = 200_000
MOST_FOREIGN = 20_000


class StoredFiles(LocalFiles):
    """A `FileView` over this disk and the inventories of remote roots.

    One bulk listing for each root, on the first question about it; no request for a single file.
    What jobs change is told by `learned` and `removed`. `forget` asks this disk again, and remote
    storage only about what nobody told; `relist` asks for everything again.
    """

    __slots__ = ("_inventories", "_known", "_places", "lister")

    def __init__(self, places: Places, lister: Lister, digest_limit: int = 1_000_000) -> None:
        super().__init__(digest_limit)
        self._places = places
        self.lister = lister
        self._inventories: dict[tuple[str, str], list[Inventory]] = {}
        self._known: dict[str, Location | None] = {}

    @property
    def places(self) -> Places:
        """Where files are. It may be set to another value as more is known of the rule files."""
        return self._places

    @places.setter
    def places(self, places: Places) -> None:
        if places != self._places:
            self._places = places
            self._known.clear()

    # -- where ---------------------------------------------------------------------------------

    def _find(self, path: str) -> Location | None:
        try:
            return self._known[path]
        except KeyError:
            found = self._known[path] = self.places.find(path)
            return found

    def _inventory(self, path: str, location: Location) -> Inventory:
        """The inventory that tells about a stored path; lists its root the first time."""
        held = self._inventories.setdefault((location.account, location.container), [])
        for inventory in held:
            if location.name.startswith(inventory.root.below):
                return inventory
        root = self.places.root_of(path)
        assert root is not None
        return self._open(root, held)

    def _holders(self, path: str, location: Location) -> list[Inventory]:
        """All inventories that a change concerns: roots may lie inside of each other."""
        self._inventory(path, location)
        held = self._inventories[location.account, location.container]
        return [one for one in held if location.name.startswith(one.root.below)]

    def _open(self, root: Root, held: list[Inventory]) -> Inventory:
        made = Inventory(self.lister, root, MOST_FOREIGN if root.prefix else MOST_BLOBS)
        held.append(made)
        return made

    # -- questions -----------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Whether there is a file, or a folder with something in it."""
        location = self._find(path)
        if location is None:
            return super().exists(path)
        inventory = self._inventory(path, location)
        return inventory.find(location.name) is not None or inventory.is_folder(location.name)

    def _stamp(self, path: str, location: Location) -> BlobStamp | None:
        inventory = self._inventory(path, location)
        found = inventory.find(location.name)
        if found is None and inventory.is_folder(location.name):
            return inventory.folder_stamp(location.name)
        return found

    def stamp(self, path: str) -> Stamp | None:
        """Time in ns and size in bytes (-1 for a directory); None if there is nothing."""
        location = self._find(path)
        if location is None:
            return super().stamp(path)
        found = self._stamp(path, location)
        return None if found is None else Stamp(found.mtime_ns, found.size)

    def mtime_ns(self, path: str) -> int | None:
        """The time of `stamp` alone."""
        location = self._find(path)
        if location is None:
            return super().mtime_ns(path)
        found = self._stamp(path, location)
        return None if found is None else found.mtime_ns

    def link_mtime_ns(self, path: str) -> int | None:
        """There are no links in storage: the same as `mtime_ns`."""
        if self._find(path) is None:
            return super().link_mtime_ns(path)
        return self.mtime_ns(path)

    def digest(self, path: str) -> str | None:
        """``md5:...`` or ``etag:...`` of a stored file of any size, ``sha256:...`` of a local one."""
        location = self._find(path)
        if location is None:
            return super().digest(path)
        found = self._stamp(path, location)
        return (found.digest or None) if found is not None else None

    def is_stored(self, path: str) -> bool:
        """Whether the path stands for a blob."""
        return self._find(path) is not None

    def below(self, folder: str) -> Iterator[str]:
        """All stored files and directories below a folder of the plan, as paths, unsorted.

        `folder` is "" or a path without a final slash. Nothing if it is not a stored one.
        """
        default = self.places.default
        if folder:
            # The top of a container has no name of its own.
            location = self.places.find(folder + "/x")
            if location is None:
                return
            inventory = self._inventory(folder + "/x", location)
            prefix = location.name[:-1]
        else:
            if default is None:
                return
            location = Location(default.account, default.container, default.below)
            held = self._inventories.setdefault((default.account, default.container), [])
            known = [one for one in held if default.below.startswith(one.root.below)]
            inventory = known[0] if known else self._open(default, held)
            prefix = default.below
        for name in each_name(inventory, prefix):
            path = self.places.path_of(replace(location, name=name))
            if path is not None:
                yield path

    def blobs_of(self, path: str) -> list[Location]:
        """All blobs that a stored file or directory is made of, the list of its content too."""
        location = self._find(path)
        if location is None:
            return []
        inventory = self._inventory(path, location)
        found = [location] if inventory.find(location.name) is not None else []
        if inventory.is_folder(location.name):
            inside = [name for name, _ in inventory.below(location.name + "/")]
            found += [replace(location, name=name) for name in inside]
        return found

    # -- changes -------------------------------------------------------------------------------

    def learned(self, path: str, mtime_ns: int, size: int, digest: str | None) -> None:
        """A job has made this file: what its result says of it. Nothing is asked."""
        location = self._find(path)
        if location is None:
            super().forget((path,))
            return
        stamp = BlobStamp(mtime_ns, size, digest or "")
        for inventory in self._holders(path, location):
            inventory.learned(location.name, stamp)

    def removed(self, paths: Iterable[str]) -> None:
        """These files or directories were removed. Nothing is asked."""
        local = []
        for path in paths:
            location = self._find(path)
            if location is None:
                local.append(path)
            else:
                for inventory in self._holders(path, location):
                    inventory.removed(location.name)
        super().forget(local)

    def hide(self, paths: Iterable[str]) -> None:
        """Answer that these are not there, until all is forgotten."""
        local = []
        for path in paths:
            location = self._find(path)
            if location is None:
                local.append(path)
            else:
                for inventory in self._holders(path, location):
                    inventory.hide(location.name)
        super().hide(local)

    def forget(self, paths: Iterable[str] | None = None) -> None:
        """Ask this disk again, about `paths` or about everything. Of stored files the inventories
        stay: `learned` and `removed` keep them right, `relist` asks again."""
        if paths is None:
            for inventories in self._inventories.values():
                for inventory in inventories:
                    inventory.unhide()
            super().forget()
        else:
            super().forget([path for path in paths if self._find(path) is None])

    def relist(self) -> None:
        """Ask for everything again, at the next questions."""
        self._inventories.clear()
        super().forget()
