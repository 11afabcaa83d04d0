"""Outputs and logs into the storage: first all content, uncommitted, then all commits.

A reader sees the old blob or the whole new one. Small files have no blocks: their one request
comes with the commits. A directory's files come first, then the manifest that lists them, then
files of earlier runs are taken away.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from stat import S_ISREG

from rulekit.frozen import frozen
from rulekit.model.spec import FileResult
from rulekit.node.blob import content_md5, wrong_name
from rulekit.node.depot import MANIFEST
from rulekit.node.entries import Blob
from rulekit.node.fetch import MODE
from rulekit.node.files import md5_of, read_at
from rulekit.node.trouble import ServiceTrouble
from rulekit.runner.files import MARKER, Refused, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulekit.node.blob import Account
    from rulekit.node.depot import Depot
    from rulekit.node.lanes import Call

    Place = Sequence[str]  # account, container, name

SMALL = 1 << 20  # bytes; up to here a file is stored by one request
BLOCK = 8 << 20
MOST_BLOCKS = 50_000
_ID_LENGTH = 36  # of a block's id before it is put in base64
_TRIES = 3
_LOST_BLOCKS = ("InvalidBlockList", "InvalidBlobOrBlock", "InvalidBlockId")
PROTECTED = "rulekit_protected"


@frozen
class Item:
    """One output as it lies in the working directory. `directory`: with all that is in it."""

    path: str
    place: Place
    source: str
    directory: bool = False
    protected: bool = False


class Store:
    """The storing of one order. `facts` holds a `FileResult` for each path that was stored."""

    def __init__(self, depot: Depot, salt: str) -> None:
        """`salt` is unique for the attempt: its blocks are not those of another one."""
        self.facts: dict[str, FileResult] = {}
        self._depot = depot
        self._salt = salt
        self._lock = threading.Lock()

    def outputs(self, items: Iterable[Item]) -> None:
        """All of them, or a `Refused` (``storage``, ``access``, ``disk``)."""
        items = list(items)
        single = [
            _File(self, item.source, item.place, item) for item in items if not item.directory
        ]
        folders = [(item, _walk(item)) for item in items if item.directory]
        inner = {
            item.path: [_File(self, source, _below(item, name), item) for name, source in found[0]]
            for item, found in folders
        }
        every = [*single, *(file for found in inner.values() for file in found)]
        big = [file for file in every if file.size > SMALL]
        if big:
            self._depot.lanes().run([call for file in big for call in file.content()])
        self._depot.lanes().run([file.commit for file in every])
        for file in single:
            self._note(file.item.path, file.size, file.blob)
        if folders:
            self._depot.lanes().run(
                [
                    lambda i=item, e=found[1]: self._manifest(i, inner[i.path], e)  # type: ignore[misc]
                    for item, found in folders
                ]
            )

    def plain(self, items: Iterable[Item]) -> None:
        """Files of which each counts for itself: logs. The first trouble is raised at the end."""
        troubles: list[Refused] = []

        def call(item: Item) -> None:
            try:
                file = _File(self, item.source, item.place, item)
                if file.size > SMALL:
                    for step in file.content():
                        step()
                file.commit()
                self._note(item.path, file.size, file.blob)
            except Refused as refused:
                troubles.append(refused)

        self._depot.lanes().run([lambda item=item: call(item) for item in items])  # type: ignore[misc]
        if troubles:
            raise troubles[0]

    def _note(self, path: str, size: int, blob: Blob | None) -> None:
        assert blob is not None
        with self._lock:
            self.facts[path] = FileResult(path, blob.mtime_ns, size, blob.digest)

    def _manifest(self, item: Item, files: list[_File], empty: list[str]) -> None:
        key, container, name = item.place
        account = self._depot.account(key)
        prefix = name + "/"
        entries = [
            {"name": file.place[2][len(prefix) :], "size": file.size, "md5": file.md5}
            for file in files
        ]
        entries += [{"name": folder + "/", "size": 0, "md5": None} for folder in empty]
        entries.sort(key=lambda entry: str(entry["name"]))
        data = json.dumps(entries, ensure_ascii=False, indent=0).encode("utf-8", "surrogateescape")
        blob = account.put(container, prefix + MANIFEST, data)
        kept = {prefix + str(entry["name"]) for entry in entries} | {prefix + MANIFEST}
        old = [
            listed.name
            for listed in account.listing(container, prefix)
            if not listed.blob.folder and listed.name not in kept
        ]
        plain = account.head(container, name)
        if plain is not None and not plain.folder:  # in an earlier run it was a file
            old.append(name)
        try:
            for gone in old:
                account.delete(container, gone)
        except ServiceTrouble as trouble:
            if trouble.status != 403:
                raise
            # A SAS may permit to write only. What the manifest does not list counts for nothing.
        with self._lock:
            self.facts[item.path] = FileResult(item.path, blob.mtime_ns, -1, blob.digest)

    # -- used by the files -------------------------------------------------------------------

    def account_of(self, place: Place) -> Account:
        return self._depot.account(place[0])

    def block_id(self, name: str, number: int, length: int) -> str:
        """Base64 of `length` bytes: the service wants one length for all blocks of a blob."""
        import base64

        seed = hashlib.sha256(f"{self._salt}\0{name}".encode()).hexdigest()
        text = f"{number:06d}{seed}"[:length].ljust(length, "0")
        return base64.b64encode(text.encode()).decode()

    def count(self, size: int) -> None:
        with self._lock:
            self._depot.stored_bytes += size


class _File:
    """One file on its way."""

    def __init__(self, store: Store, source: str, place: Place, item: Item) -> None:
        self._store = store
        self._source = source
        self.place = place
        self.item = item
        self.blob: Blob | None = None
        self.md5 = ""
        self._blocks: list[str] = []
        self._id_length = _ID_LENGTH
        wrong = wrong_name(place[2])
        if wrong:
            raise Refused("access", f"`{item.path}` cannot be stored as `{place[2]!a}`: {wrong}")
        try:
            self._stat = os.stat(source)
        except OSError as error:
            raise self._unreadable(error) from None
        if not S_ISREG(self._stat.st_mode):
            raise Refused("access", f"`{item.path}` is no file that can be stored")
        self.size = self._stat.st_size

    def content(self) -> list[Call]:
        """Calls that send all blocks and find the MD5 of the whole."""
        length = block_size(self.size)
        starts = range(0, self.size, length)
        if self._id_length == _ID_LENGTH:
            name = self.place[2]
            self._blocks = [
                self._store.block_id(name, number, self._id_length) for number in range(len(starts))
            ]
        return [
            self._hash,
            *(
                lambda n=number, s=start: self._block(n, s, length)  # type: ignore[misc]
                for number, start in enumerate(starts)
            ),
        ]

    def commit(self) -> None:
        """Makes it the blob of its name."""
        account = self._store.account_of(self.place)
        _, container, name = self.place
        metadata = self._metadata()
        if self.size <= SMALL:
            data = self._read(0, self.size + 1)
            if len(data) != self.size:
                raise self._changed()
            self.md5 = content_md5(data)
            self.blob = account.put(container, name, data, metadata)
            self._store.count(self.size)
            return
        for turn in range(_TRIES):
            try:
                self.blob = account.commit(
                    container, name, self._blocks, self.size, self.md5, metadata
                )
                break
            except ServiceTrouble as trouble:
                if trouble.code not in _LOST_BLOCKS:
                    raise
                there = account.head(container, name)
                if there is not None and (there.size, there.md5) == (self.size, self.md5):
                    self.blob = there
                    break
                if turn + 1 == _TRIES:
                    raise
                # Another writer's commit threw our blocks away.
                for call in self.content():
                    call()
        self._store.count(self.size)

    def _metadata(self) -> dict[str, str]:
        metadata = {}
        mode = self._stat.st_mode & 0o777
        if mode & 0o111:
            metadata[MODE] = f"{mode:o}"
        if self.item.protected:
            metadata[PROTECTED] = "1"
        return metadata

    def _hash(self) -> None:
        try:
            file = os.open(self._source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self.md5 = md5_of(file, self.size)
            finally:
                os.close(file)
        except OSError as error:
            raise self._unreadable(error) from None
        self._check()

    def _block(self, number: int, start: int, length: int) -> None:
        data = self._read(start, min(length, self.size - start))
        if len(data) != min(length, self.size - start):
            raise self._changed()
        account = self._store.account_of(self.place)
        _, container, name = self.place
        try:
            account.put_block(container, name, self._blocks[number], data)
        except ServiceTrouble as trouble:
            if trouble.code not in ("InvalidBlobOrBlock", "InvalidBlockId"):
                raise
            # Blocks that somebody left there have ids of another length: ours must have it, too.
            self._same_length(account.uncommitted(container, name))
            account.put_block(container, name, self._blocks[number], data)
        self._check()

    def _same_length(self, found: list[str]) -> None:
        import base64

        if not found:
            return
        length = len(base64.b64decode(found[0]))
        self._id_length = length
        name = self.place[2]
        self._blocks = [
            self._store.block_id(name, number, length) for number in range(len(self._blocks))
        ]

    def _read(self, start: int, length: int) -> bytes:
        try:
            file = os.open(self._source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return read_at(file, start, length)
            finally:
                os.close(file)
        except OSError as error:
            raise self._unreadable(error) from None

    def _check(self) -> None:
        """Whether somebody still writes to the file."""
        try:
            now = os.stat(self._source)
        except OSError as error:
            raise self._unreadable(error) from None
        if (now.st_mtime_ns, now.st_size) != (self._stat.st_mtime_ns, self._stat.st_size):
            raise self._changed()

    def _changed(self) -> Refused:
        return Refused(
            "access",
            f"`{self.item.path}` was changed after its job had ended: a process that the job left"
            " behind still writes to it",
        )

    def _unreadable(self, error: OSError) -> Refused:
        return refusal(error, f"cannot read `{self.item.path}`")


def block_size(size: int) -> int:
    """The length of the blocks of a file, in bytes: whole MiB, so that they are few enough."""
    if size <= BLOCK * MOST_BLOCKS:
        return BLOCK
    needed = -(-size // MOST_BLOCKS)
    return -(-needed // (1 << 20)) << 20


def _below(item: Item, name: str) -> Place:
    key, container, folder = item.place
    return (key, container, f"{folder}/{name}")


def _walk(item: Item) -> tuple[list[tuple[str, str]], list[str]]:
    """Files of a directory (name below it, path) and its empty folders. Links are followed."""
    files: list[tuple[str, str]] = []
    empty: list[str] = []
    todo: list[tuple[str, str, tuple[str, ...]]] = [("", item.source, ())]
    try:
        while todo:
            below, folder, above = todo.pop()
            real = os.path.realpath(folder)
            if real in above:  # a link back to what holds it
                continue
            above = (*above, real)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            for entry in entries:
                name = below + entry.name
                if entry.name in (MARKER, MANIFEST) and not below:
                    continue
                if entry.is_dir():
                    todo.append((name + "/", entry.path, above))
                elif entry.is_file():
                    files.append((name, entry.path))
                else:
                    what = "is neither a file nor a folder"
                    if entry.is_symlink():
                        what = "is a link that leads nowhere"
                    raise Refused("access", f"`{item.path}/{name}` {what}")
            if not entries and below:
                empty.append(below[:-1])
    except OSError as error:
        raise refusal(error, f"cannot read the directory `{item.path}`") from None
    files.sort()
    return files, empty
