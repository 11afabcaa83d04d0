"""Files up and down in parallel blocks, with checksums, without holding them in memory.

Limits from Microsoft's page "Scalability and performance targets for Blob storage": 50,000 blocks for
a blob, 4,000 MiB for a block.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from rulekit.errors.tree import InfrastructureError
from rulekit.node.fetch import MODE
from rulekit.storage.azblob.stamp import BlobStamp, digest_of, stamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from typing import Any

    from rulekit.model.places import Location

    Progress = Callable[[int], None] | None

MIB = 1024 * 1024
BLOCK = 8 * MIB  # bytes; the least size of a block
MOST_BLOCKS = 50_000


class Damaged(Exception):
    """What came is not what the service has."""


def block_size(size: int) -> int:
    """Bytes for each block of a file of `size` bytes: whole MiB, at most 50,000 blocks."""
    return max(BLOCK, -(-size // MOST_BLOCKS // MIB) * MIB)


def _settings(md5: bytes) -> Any:
    from azure.storage.blob import ContentSettings

    return ContentSettings(content_md5=bytearray(md5))


def _stamp(answer: Mapping[str, Any], size: int, md5: bytes) -> BlobStamp:
    """From the answer to the request that made the blob."""
    return BlobStamp(
        int(answer["last_modified"].timestamp()) * 1_000_000_000,
        size,
        digest_of(md5, answer.get("etag")),
    )


def put(blob: Any, data: bytes, overwrite: bool, metadata: Mapping[str, str] | None) -> BlobStamp:
    """One request for all of it. Raises exceptions of the SDK."""
    md5 = hashlib.md5(data, usedforsecurity=False).digest()
    answer = blob.upload_blob(
        data,
        overwrite=overwrite,
        metadata=dict(metadata) if metadata else None,
        content_settings=_settings(md5),
        validate_content=True,
    )
    return _stamp(answer, len(data), md5)


def upload(
    blob: Any,
    path: str,
    threads: int,
    progress: Progress,
    metadata: Mapping[str, str] | None,
    overwrite: bool = True,
) -> BlobStamp:
    """A file, read once from front to back. Raises `OSError` of the file, exceptions of the SDK:
    without `overwrite`, `ResourceExistsError` if there is a blob already."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        step = block_size(size)
        if size <= step:
            data = file.read(step + 1)
            if len(data) <= step:
                made = put(blob, data, overwrite, metadata)
                if progress is not None:
                    progress(len(data))
                return made
            file.seek(0)
        return _in_blocks(blob, file, step, threads, progress, metadata, overwrite)


def _in_blocks(
    blob: Any,
    file: Any,
    step: int,
    threads: int,
    progress: Progress,
    metadata: Mapping[str, str] | None,
    overwrite: bool,
) -> BlobStamp:
    from azure.core import MatchConditions
    from azure.storage.blob import BlobBlock

    # Blocks of another upload to the same name must not be taken for ours.
    mark = os.urandom(8).hex()
    whole = hashlib.md5(usedforsecurity=False)
    ids: list[str] = []
    total = 0

    def stage(name: str, data: bytes) -> int:
        blob.stage_block(name, data, length=len(data), validate_content=True)
        return len(data)

    def tasks() -> Iterator[Callable[[], int]]:
        nonlocal total
        while data := file.read(step):
            whole.update(data)
            total += len(data)
            name = f"{mark}{len(ids):08d}"
            ids.append(name)
            yield lambda name=name, data=data: stage(name, data)  # type: ignore[misc]

    for sent in _in_order(tasks(), threads):
        if progress is not None:
            progress(sent)
    md5 = whole.digest()
    answer = blob.commit_block_list(
        [BlobBlock(one) for one in ids],
        content_settings=_settings(md5),
        metadata=dict(metadata) if metadata else None,
        **({} if overwrite else {"match_condition": MatchConditions.IfMissing}),
    )
    return _stamp(answer, total, md5)


def download(blob: Any, path: str, threads: int, progress: Progress) -> BlobStamp:
    """A blob into a file of that name, which is there whole or as before. Raises `Damaged`,
    `OSError` of the file, exceptions of the SDK."""
    properties = blob.get_blob_properties()
    stamp = stamp_of(properties)
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    part = os.path.join(folder, f".rk-{os.urandom(8).hex()}.part")
    try:
        with open(part, "xb") as file:
            md5 = _fetched(blob, properties, file, threads, progress)
        if stamp.digest.startswith("md5:") and digest_of(md5, None) != stamp.digest:
            raise Damaged("its MD5 is not the one that the service has")
        _make_executable(part, (properties.metadata or {}).get(MODE, ""))
        os.utime(part, ns=(stamp.mtime_ns, stamp.mtime_ns))
        os.replace(part, path)
    except BaseException:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise
    return stamp


def _make_executable(path: str, mode: str) -> None:
    """Gives a file the permissions that its blob's metadata tell; anybody may have written those."""
    try:
        wanted = int(mode, 8) & 0o777
    except ValueError:
        return
    os.chmod(path, 0o600 | wanted)


def _fetched(blob: Any, properties: Any, file: Any, threads: int, progress: Progress) -> bytes:
    from azure.core import MatchConditions

    size = properties.size
    step = max(BLOCK, block_size(size))

    def fetch(start: int, length: int) -> bytes:
        content: bytes = blob.download_blob(
            start,
            length,
            max_concurrency=1,
            etag=properties.etag,
            match_condition=MatchConditions.IfNotModified,
        ).readall()
        if len(content) != length:
            raise Damaged(f"{len(content)} bytes came in place of {length}")
        return content

    whole = hashlib.md5(usedforsecurity=False)
    tasks = (
        lambda start=start: fetch(start, min(step, size - start)) for start in range(0, size, step)
    )
    for content in _in_order(tasks, threads):  # type: ignore[misc,var-annotated,arg-type]
        whole.update(content)
        file.write(content)
        if progress is not None:
            progress(len(content))
    return whole.digest()


def _in_order(tasks: Iterator[Callable[[], Any]], threads: int) -> Iterator[Any]:
    """Results of tasks in their order; some more than `threads` are begun ahead, never all."""
    first = next(tasks, None)
    if first is None:
        return
    second = next(tasks, None)
    if second is None:
        yield first()
        return
    running: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(threads, "rulekit-blob") as pool:
        try:
            running.append(pool.submit(first))
            running.append(pool.submit(second))
            for task in tasks:
                running.append(pool.submit(task))
                if len(running) > threads + 1:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for one in running:
                one.cancel()


def damaged(location: Location, why: str) -> InfrastructureError:
    """The error for a transfer that went wrong unseen."""
    return InfrastructureError(
        f"the blob `{location.container}/{location.name}` did not come as it is: {why}",
        code="RK0651",
        help="run again; if it comes back, look at the blob: it may have been written with a wrong "
        "MD5",
    )


def local_trouble(error: OSError, path: str) -> InfrastructureError:
    """The error for a file on this disk that cannot be read or written."""
    reason = (error.strerror or str(error)).lower()
    return InfrastructureError(f"the file `{path}` cannot be transferred: {reason}", code="RK0657")
