"""Files and folders between this disk and storage, for `rulekit azure upload`, `download` and `ls`."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from binascii import b2a_base64
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from rulekit.errors.tree import InfrastructureError
from rulekit.frozen import frozen, replace
from rulekit.model.places import Location
from rulekit.node.depot import MANIFEST
from rulekit.node.fetch import MODE
from rulekit.storage.azblob.failures import Refusal, translated
from rulekit.storage.azblob.names import check_names, fault_of_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from rulekit.storage.azblob.client import AzBlobStorage
    from rulekit.storage.azblob.stamp import BlobStamp

    # Told of each piece that has arrived: (bytes of this piece, bytes in all, files in all).
    Report = Callable[["Progress"], None]

AT_ONCE = 8  # files that travel side by side


@frozen
class Progress:
    """How far a transfer is. Sizes are in bytes; `files` counts those that are done, skipped ones
    too; `name` is the file that the last piece was of."""

    done: int
    total: int
    files: int
    of_files: int
    name: str


@frozen
class Transferred:
    """What a transfer did: names (of blobs, or paths) that went, names that were the same on both
    sides, and the bytes that travelled."""

    moved: tuple[str, ...]
    same: tuple[str, ...]
    size: int


def listing(
    storage: AzBlobStorage, location: Location, *, recursive: bool = False
) -> Iterator[tuple[str, BlobStamp | None]]:
    """What is below a location: names relative to its folder, with stamps; folders end with ``/``
    and have none. A location that is itself a blob gives that one, by its last part. Sorted.

    `location.name` is a folder with or without its slash; empty for the whole container.
    """
    name = location.name.rstrip("/")
    if name and not location.name.endswith("/"):
        itself = storage.stamp(replace(location, name=name))
        if itself is not None:
            yield name.rpartition("/")[2], itself
    prefix = name + "/" if name else ""
    if recursive:
        found = storage.inventory(location.account, location.container, prefix) or {}
        for blob in sorted(found):
            yield blob[len(prefix) :], found[blob]
        return
    blobs, folders = storage.folder(location.account, location.container, prefix)
    entries: list[tuple[str, BlobStamp | None]] = [
        (blob[len(prefix) :], stamp) for blob, stamp in blobs.items()
    ]
    entries += [(folder[len(prefix) :] + "/", None) for folder in folders]
    yield from sorted(entries, key=lambda entry: entry[0])


def upload(
    storage: AzBlobStorage,
    paths: Sequence[str],
    target: Location,
    *,
    force: bool = False,
    report: Report | None = None,
) -> Transferred:
    """Uploads files and folders with all that is in them.

    A path `a/b.txt` becomes the blob ``a/b.txt`` below the target's folder, so that a run with this
    folder as its prefix finds it by the same path; of absolute paths and those with ``..`` the last
    part alone. Blobs that are the same (size and MD5) are left alone unless `force`. Links are
    followed; a file that can be executed stays one. A stored directory that gets a file is what lies
    below it from then on: the list of what its job made goes. Raises `InfrastructureError`, before anything is sent for names that cannot be stored.
    """
    prefix = target.name.rstrip("/") + "/" if target.name.rstrip("/") else ""
    found = list(_local_files(paths))
    check_names((path, prefix + name) for path, name, _ in found)
    there = storage.inventory(target.account, target.container, prefix) or {}
    lists = {name for name in there if name.rpartition("/")[2] == MANIFEST}
    lock = threading.Lock()

    def send(path: str, name: str, told: Callable[[int], None]) -> bool:
        known = None if force else there.get(prefix + name)
        status = os.stat(path)
        if known is not None and known.size == status.st_size and _has(path, known.digest):
            return False
        with lock:
            stale = [one for one in lists if (prefix + name).startswith(one[: -len(MANIFEST)])]
            lists.difference_update(stale)
            storage.delete(replace(target, name=one) for one in stale)
        mode = status.st_mode & 0o777
        metadata = {MODE: f"{mode:o}"} if mode & 0o111 else None
        storage.upload_file(path, replace(target, name=prefix + name), told, metadata)
        return True

    return _all(
        [(name, size, lambda told, p=path, n=name: send(p, n, told)) for path, name, size in found],  # type: ignore[misc]
        report,
    )


def download(
    storage: AzBlobStorage,
    source: Location,
    folder: str,
    *,
    names: Iterable[str] | None = None,
    force: bool = False,
    report: Report | None = None,
) -> Transferred:
    """Downloads a blob, or all blobs below a folder, into a folder of this disk.

    `names` picks some, relative to the source's folder. Files that are the same are left alone
    unless `force`. Empty folders of a stored directory are made. Raises RK0650 if there is nothing,
    RK0644 if there is no container, `InfrastructureError` for names that would lead out of `folder`.
    """
    name = source.name.rstrip("/")
    prefix = name + "/" if name else ""
    found = storage.inventory(source.account, source.container, prefix) or {}
    if not found and name:
        itself = storage.stamp(replace(source, name=name))
        if itself is not None:
            found = {name: itself}
            prefix = name[: len(name) - len(name.rpartition("/")[2])]
    if names is not None:
        wanted = {prefix + one for one in names}
        missing = sorted(wanted - found.keys())
        if missing:
            raise _nothing(storage, source, missing[0])
        found = {one: found[one] for one in found if one in wanted}
    if not found:
        raise _nothing(storage, source, name)

    def fetch(blob: str, path: str, told: Callable[[int], None]) -> bool:
        stamp = found[blob]
        if (
            not force
            and os.path.isfile(path)
            and os.path.getsize(path) == stamp.size
            and _has(path, stamp.digest)
        ):
            return False
        storage.download_file(replace(source, name=blob), path, told)
        return True

    work: list[tuple[str, int, Callable[[Callable[[int], None]], bool]]] = []
    for blob, stamp in sorted(found.items()):
        path = _inside(folder, blob[len(prefix) :])
        if os.path.basename(path) == MANIFEST:
            _make_folders(storage, replace(source, name=blob), os.path.dirname(path))
            continue
        work.append((path, stamp.size, lambda told, b=blob, p=path: fetch(b, p, told)))  # type: ignore[misc]
    return _all(work, report)


def _make_folders(storage: AzBlobStorage, manifest: Location, folder: str) -> None:
    """A stored directory and its empty folders; what cannot be read as its list names none."""
    os.makedirs(folder, exist_ok=True)
    try:
        entries = [str(entry["name"]) for entry in json.loads(storage.get(manifest))]
    except (ValueError, TypeError, KeyError):
        return
    for name in entries:
        if name.endswith("/"):
            os.makedirs(_inside(folder, name[:-1]), exist_ok=True)


def require_container(storage: AzBlobStorage, place: Location) -> None:
    """For when nothing was found. Raises RK0644 if the container is not there at all."""
    storage.check(place.account, place.container, "l")
    if (place.account, place.container) in storage.gone:
        missing = Refusal(404, "ContainerNotFound", {}, "")
        raise translated(missing, storage.account(place.account), place.container, "list")


def _nothing(storage: AzBlobStorage, source: Location, name: str) -> InfrastructureError:
    require_container(storage, source)
    what = f"no blob `{name}`" if name else "nothing"
    return InfrastructureError(
        f"there is {what} in the container `{source.container}`", code="RK0650"
    )


def _inside(folder: str, name: str) -> str:
    """The path of a blob below `folder`. The name comes from outside: it must not lead elsewhere."""
    parts = name.split("/")
    if fault_of_name(name) is not None or any(part in ("", ".", "..") for part in parts):
        raise InfrastructureError(
            f"the blob `{name}` cannot be a file here",
            code="RK0642",
            help="its name would lead out of the folder, or is none that a file can have",
        )
    path = os.path.join(folder, *parts)
    # A link inside of the folder must not lead out of it either.
    above = os.path.realpath(os.path.dirname(path))
    base = os.path.realpath(folder or ".")
    if above != base and not above.startswith(base.rstrip("/") + "/"):
        raise InfrastructureError(
            f"the blob `{name}` would be written outside of `{folder}`, through a link",
            code="RK0642",
        )
    return path


def _local_files(paths: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Path, name and size of each file."""
    for given in paths:
        path = given.rstrip("/") or given
        plain = os.path.normpath(path)
        outside = os.path.isabs(plain) or plain == ".." or plain.startswith("../")
        name = os.path.basename(plain) if outside else plain
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InfrastructureError(
                f"the file `{path}` cannot be transferred: {reason}", code="RK0657"
            ) from None
        if stat.S_ISDIR(mode):
            yield from _walk(path, "" if name == "." else name)
        else:
            yield path, name, os.path.getsize(path)


def _walk(folder: str, name: str) -> Iterator[tuple[str, str, int]]:
    for here, inner, files in os.walk(folder, followlinks=True):
        inner[:] = sorted(one for one in inner if one not in (".rulekit", ".snakemake", ".git"))
        below = os.path.relpath(here, folder)
        start = name if below == "." else f"{name}/{below}" if name else below
        for file in sorted(files):
            path = os.path.join(here, file)
            if os.path.isfile(path) and file != MANIFEST:
                yield path, f"{start}/{file}" if start else file, os.path.getsize(path)


def _has(path: str, digest: str) -> bool:
    """Whether a file's content is that of a digest; no if it is none of the content."""
    kind, _, value = digest.partition(":")
    if kind != "md5":
        return False
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    return b2a_base64(found, newline=False).decode() == value


def _all(
    work: Sequence[tuple[str, int, Callable[[Callable[[int], None]], bool]]], report: Report | None
) -> Transferred:
    """Runs transfers side by side. The first error ends it, after those that are under way."""
    total = sum(size for _, size, _ in work)
    lock = threading.Lock()
    state = [0, 0]  # bytes, files
    moved: list[str] = []
    same: list[str] = []
    travelled = 0

    def tell(name: str, size: int, files: int) -> None:
        with lock:
            state[0] += size
            state[1] += files
            if report is not None:
                report(Progress(state[0], total, state[1], len(work), name))

    def one(name: str, size: int, do: Callable[[Callable[[int], None]], bool]) -> bool:
        sent = do(lambda count: tell(name, count, 0))
        tell(name, 0 if sent else size, 1)
        return sent

    with ThreadPoolExecutor(AT_ONCE, "rulekit-transfer") as pool:
        queue = iter(work)
        running: dict[Future[bool], tuple[str, int]] = {}
        error: BaseException | None = None
        while True:
            while error is None and len(running) < AT_ONCE:
                item = next(queue, None)
                if item is None:
                    break
                running[pool.submit(one, *item)] = item[:2]
            if not running:
                break
            try:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            for future in done:
                name, size = running.pop(future)
                try:
                    if future.result():
                        moved.append(name)
                        travelled += size
                    else:
                        same.append(name)
                except BaseException as raised:
                    error = error or raised
        if error is not None:
            raise error
    return Transferred(tuple(sorted(moved)), tuple(sorted(same)), travelled)
