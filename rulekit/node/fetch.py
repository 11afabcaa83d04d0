"""Inputs from the storage into a working directory: whole files or none."""

from __future__ import annotations

import json
import os
import threading

from rulekit.model.spec import FileResult
from rulekit.node.blob import content_md5
from rulekit.node.depot import MANIFEST
from rulekit.node.entries import Blob
from rulekit.node.trouble import ServiceTrouble, Trouble
from rulekit.runner.files import Refused, make_directory, make_parent, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.node.copies import Copies
    from rulekit.node.depot import Depot
    from rulekit.node.lanes import Lanes

    Place = Sequence[str]  # account, container, name

PART = 8 << 20  # bytes of one request
MODE = "rulekit_mode"  # metadata: the permissions of a file that can be executed
_TRIES = 3  # for a blob that changes while it is fetched


class Fetch:
    """Fetches of one order into the folder `work`; parts lie in `parts` until they are whole.

    `facts` holds a `FileResult` for each path that was fetched.
    """

    def __init__(self, depot: Depot, work: str, parts: str, copies: Copies | None = None) -> None:
        self.facts: dict[str, FileResult] = {}
        self.missing: list[str] = []
        self.copies = copies
        self._depot = depot
        self._work = work
        self._parts = parts
        self._count = 0
        self._lock = threading.Lock()

    def run(self, places: Mapping[str, Place], optional: Iterable[str] = ()) -> None:
        """Fetches every path. Raises `Refused` (``missing-input``, ``access``, ``disk``,
        ``storage``), naming up to five paths that are not there; `optional` may be missing."""
        make_directory(self._parts)
        make_directory(self._work)
        spare = frozenset(optional)
        lanes = self._depot.lanes()

        def call(path: str, place: Place) -> None:
            if not self._path(lanes, path, place) and path not in spare:
                with self._lock:
                    self.missing.append(path)

        lanes.run([lambda p=p, q=q: call(p, q) for p, q in places.items()])  # type: ignore[misc]
        if self.missing:
            names = sorted(self.missing)
            told = ", ".join(f"`{path}` (`{'/'.join(places[path][1:])}`)" for path in names[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            verb = "are" if len(names) > 1 else "is"
            raise Refused("missing-input", f"{told}{more} {verb} not in the storage")

    # -- one path ----------------------------------------------------------------------------

    def _path(self, lanes: Lanes, path: str, place: Place) -> bool:
        """A file, or all files of a directory. False if there is neither."""
        key, container, name = place
        account = self._depot.account(key)
        if self.copies is not None:
            known = account.head(container, name)
            if known is not None and not known.folder:
                part = self.part()
                if self.copies.take(place, known, part):
                    self.done(path, path, known, part)
                    return True
        try:
            data, blob = account.read(container, name, 0, PART)
        except ServiceTrouble as trouble:
            if trouble.status != 404 or trouble.problem != "missing-input":
                raise
            return self._directory(lanes, path, place)
        if blob.folder:
            return self._directory(lanes, path, place)
        whole = _Whole(self, path, place, blob, fact=path)
        whole.begin(lanes, data)
        return True

    def _directory(self, lanes: Lanes, path: str, place: Place) -> bool:
        key, container, name = place
        account = self._depot.account(key)
        prefix = name + "/"
        listed = {item.name: item.blob for item in account.listing(container, prefix)}
        manifest = listed.pop(prefix + MANIFEST, None)
        if not listed and manifest is None:
            return False
        target = os.path.join(self._work, path)
        make_directory(target)
        known: dict[str, str | None]
        if manifest is not None:
            text, manifest = account.read(container, prefix + MANIFEST, 0, 1 << 30)
            known = self._listed_in(text, target, path)
            fact = FileResult(path, manifest.mtime_ns, -1, manifest.digest)
        else:
            files = {item: blob for item, blob in listed.items() if not blob.folder}
            known = dict.fromkeys((item[len(prefix) :] for item in files), None)
            newest = max((blob.mtime_ns for blob in listed.values()), default=0)
            fact = FileResult(path, newest, -1, None)
        for relative, md5 in known.items():
            _check_relative(relative, path)
            lanes.add(self._member(lanes, path, relative, (key, container, prefix), md5))
        with self._lock:
            self.facts[path] = fact
        return True

    def _listed_in(self, text: bytes, target: str, path: str) -> dict[str, str | None]:
        """Names and MD5 of a manifest; makes the directories that are empty."""
        known: dict[str, str | None] = {}
        try:
            for entry in json.loads(text):
                name = str(entry["name"])
                if name.endswith("/"):
                    _check_relative(name[:-1], path)
                    make_directory(os.path.join(target, name))
                else:
                    known[name] = entry.get("md5")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Trouble(
                "storage", f"what lists the content of the directory `{path}` cannot be read"
            ) from None
        return known

    def _member(self, lanes: Lanes, path: str, relative: str, place: Place, md5: str | None) -> Any:
        key, container, prefix = place
        inner = (key, container, prefix + relative)

        def call() -> None:
            account = self._depot.account(key)
            try:
                data, blob = account.read(container, inner[2], 0, PART)
            except ServiceTrouble as trouble:
                if trouble.status == 404:
                    raise _changing(path, relative) from None
                raise
            if md5 and blob.md5 and blob.md5 != md5:
                raise _changing(path, relative)
            _Whole(self, f"{path}/{relative}", inner, blob, fact=None).begin(lanes, data)

        return call

    # -- used by the files -------------------------------------------------------------------

    def part(self) -> str:
        with self._lock:
            self._count += 1
            return os.path.join(self._parts, f"{self._count}.part")

    def done(self, path: str, fact: str | None, blob: Blob, part: str) -> None:
        """A part is whole: it gets its name."""
        target = os.path.join(self._work, path)
        try:
            make_parent(target)
            mode = blob.metadata.get(MODE, "")
            if mode:
                os.chmod(part, 0o600 | (int(mode, 8) & 0o777))
            os.utime(part, ns=(blob.mtime_ns, blob.mtime_ns))
            os.replace(part, target)
        except (OSError, ValueError) as error:
            raise _unwritable(error, path) from None
        with self._lock:
            self._depot.fetched_bytes += blob.size
            if fact is not None:
                self.facts[fact] = FileResult(fact, blob.mtime_ns, blob.size, blob.digest)

    def account(self, place: Place) -> Any:
        return self._depot.account(place[0])


class _Whole:
    """One file on its way: its parts come in any order."""

    def __init__(
        self, fetch: Fetch, path: str, place: Place, blob: Blob, fact: str | None, again: int = 0
    ) -> None:
        self._fetch = fetch
        self._path = path
        self._place = place
        self._blob = blob
        self._fact = fact
        self._again = again
        self._part = fetch.part()
        self._lock = threading.Lock()
        self._left = 0
        self._stale = False
        self._file = -1

    def begin(self, lanes: Lanes, first: bytes) -> None:
        """Writes the first part; the others are added to the lanes."""
        blob = self._blob
        try:
            self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
            if blob.size > len(first):
                _reserve(self._file, blob.size)
            _write(self._file, first, 0)
        except OSError as error:
            self._close()
            raise _unwritable(error, self._path) from None
        if blob.size == len(first):
            if blob.md5 and content_md5(first) != blob.md5:
                self._close()
                self._broken()
            self._finish()
            return
        starts = range(len(first), blob.size, PART)
        self._left = len(starts)
        for start in starts:
            lanes.add(lambda start=start: self._more(lanes, start))  # type: ignore[misc]

    def _more(self, lanes: Lanes, start: int) -> None:
        _, container, name = self._place
        if not self._stale:
            try:
                data, _ = self._fetch.account(self._place).read(
                    container, name, start, min(PART, self._blob.size - start), self._blob.etag
                )
                if len(data) != min(PART, self._blob.size - start):
                    self._broken()
                _write(self._file, data, start)
            except ServiceTrouble as trouble:
                if trouble.status not in (404, 412):
                    raise
                self._stale = True
            except OSError as error:
                raise _unwritable(error, self._path) from None
        with self._lock:
            self._left -= 1
            if self._left:
                return
        if not self._stale:
            self._finish(check=True)
            return
        # It was replaced meanwhile: once more, from the beginning.
        self._close()
        if self._again >= _TRIES:
            raise Trouble("storage", f"`{container}/{name}` changes all the time", passing=True)
        data, blob = self._fetch.account(self._place).read(container, name, 0, PART)
        again = _Whole(self._fetch, self._path, self._place, blob, self._fact, self._again + 1)
        again.begin(lanes, data)

    def _finish(self, check: bool = False) -> None:
        blob = self._blob
        if check and blob.md5:
            from rulekit.node.files import md5_of

            if md5_of(self._file, blob.size) != blob.md5:
                self._close()
                self._broken()
        self._close()
        if self._fetch.copies is not None and self._fact is not None:
            self._fetch.copies.keep(self._place, blob, self._part)
        self._fetch.done(self._path, self._fact, blob, self._part)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _broken(self) -> None:
        _, container, name = self._place
        raise Trouble(
            "storage",
            f"`{container}/{name}` does not have the content its MD5 says: it is damaged, or was"
            " stored with a wrong MD5",
        )


def _reserve(file: int, size: int) -> None:
    """Takes the room at once: a full disk shows before the time is spent."""
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        import errno

        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        os.ftruncate(file, size)


def _write(file: int, data: bytes, start: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(file, view, start)
        view = view[done:]
        start += done


def _unwritable(error: Exception, path: str) -> Refused:
    if not isinstance(error, OSError):
        return Refused("access", f"cannot write the input `{path}`")
    refused = refusal(error, f"cannot write the input `{path}`")
    # A full disk is the machine's trouble: another one may have more room.
    return Trouble(refused.problem, refused.detail, passing=refused.problem == "disk")


def _check_relative(relative: str, path: str) -> None:
    parts = relative.split("/")
    if not relative or "\0" in relative or any(part in ("", ".", "..") for part in parts):
        raise Refused(
            "access", f"the directory `{path}` holds a blob that cannot be a file: `{relative}`"
        )


def _changing(path: str, relative: str) -> Trouble:
    return Trouble(
        "storage",
        f"the directory `{path}` is not what its list says: `{relative}` is another one; it was"
        " changed by something else, or the job that makes it was interrupted",
    )
