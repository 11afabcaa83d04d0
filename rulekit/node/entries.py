"""What the storage service says of its blobs: in headers and in listings."""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Blob:
    """What the service says of a blob. `md5` is base64, None where it knows none."""

    size: int
    mtime_ns: int
    etag: str
    md5: str | None
    metadata: Mapping[str, str]
    folder: bool = False

    @property
    def digest(self) -> str:
        """As in records: ``md5:…``, else ``etag:…`` (without its quotation marks)."""
        if self.md5:
            return f"md5:{self.md5}"
        plain = self.etag.strip('"')
        return f"etag:{plain}"


@frozen
class Listed:
    """A blob of a listing."""

    name: str
    blob: Blob


def time_ns(text: str) -> int:
    """The time of a header, in ns; 0 if it is none."""
    parts = parsedate_tz(text)
    return int(mktime_tz(parts)) * 1_000_000_000 if parts else 0


def parse_listing(body: bytes) -> tuple[list[Listed], str]:
    """The blobs of one page, and the marker of the next; the empty text if this is the last."""
    from urllib.parse import unquote
    from xml.etree import ElementTree

    tree = ElementTree.fromstring(body)  # noqa: S314  the storage service is trusted with more
    found = []
    for item in tree.iter("Blob"):
        named = item.find("Name")
        if named is None:
            continue
        name = named.text or ""
        if named.get("Encoded") == "true":
            name = unquote(name)
        facts: dict[str, str] = {}
        for part in item.find("Properties") or ():
            facts[part.tag] = part.text or ""
        metadata = {}
        for part in item.find("Metadata") or ():
            metadata[part.tag.lower()] = part.text or ""
        folder = facts.get("ResourceType") == "directory" or (
            metadata.get("hdi_isfolder", "").lower() == "true"
        )
        blob = Blob(
            int(facts.get("Content-Length") or 0),
            time_ns(facts.get("Last-Modified", "")),
            _quoted(facts.get("Etag", "")),
            facts.get("Content-MD5") or None,
            metadata,
            folder,
        )
        found.append(Listed(name, blob))
    marker = tree.find("NextMarker")
    return found, (marker.text or "") if marker is not None else ""


def _quoted(etag: str) -> str:
    """Listings leave out the quotation marks that headers have."""
    return etag if not etag or etag.startswith('"') else f'"{etag}"'
