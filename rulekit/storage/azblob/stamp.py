"""What is known of a blob without reading it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class BlobStamp(NamedTuple):
        """mtime_ns: Last-Modified, in ns since the epoch (whole seconds). size: bytes. digest:
        ``md5:<base64>`` where the service knows one, else ``etag:<etag>``."""

        mtime_ns: int
        size: int
        digest: str

else:
    from collections import namedtuple

    BlobStamp = namedtuple("BlobStamp", ("mtime_ns", "size", "digest"))


def stamp_of(properties: Any) -> BlobStamp:
    """The stamp of the SDK's `BlobProperties`."""
    modified = properties.last_modified
    md5 = properties.content_settings.content_md5
    return BlobStamp(
        int(modified.timestamp()) * 1_000_000_000,
        properties.size,
        digest_of(bytes(md5) if md5 else None, properties.etag),
    )


def digest_of(md5: bytes | None, etag: str | None) -> str:
    """The digest from what a request tells: the MD5's 16 bytes, or the etag with or without
    quotes."""
    if md5:
        from binascii import b2a_base64

        return "md5:" + b2a_base64(md5, newline=False).decode("ascii")
    return "etag:" + (etag or "").strip('"')
