"""The storage service's requests: one method for each, and what its answers mean.

Facts: Microsoft's reference of the Blob REST API (Get Blob, Put Blob, Put Block, Put Block List,
Get Block List, Delete Blob, List Blobs). Sizes in bytes, times in ns since the epoch.
"""

from __future__ import annotations

import base64
import hashlib

from rulekit.node.entries import Blob, Listed, parse_listing, time_ns
from rulekit.node.identity import Tokens
from rulekit.node.trouble import ServiceTrouble
from rulekit.node.web import Answer, Web, address_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

VERSION = "2021-12-02"
FOLDER_MARK = "x-ms-meta-hdi_isfolder"  # an entry for a folder, in accounts that have folders
_SAFE = "/-._~!$'()*,;:@"  # of a name, in the path of a target


class Account:
    """One storage account: its address and what opens it. Its repr shows no secret."""

    def __init__(self, url: str, auth: str, sas: str | None, client_id: str | None, web: Web):
        self.address = address_of(url)
        self.auth = auth
        self.web = web
        self._sas = (sas or "").strip().lstrip("?&") if auth == "sas" else ""
        self._tokens = Tokens(client_id, web) if auth == "identity" else None

    def __repr__(self) -> str:
        return f"Account({self.address.name!r}, {self.auth!r})"

    # -- reading -----------------------------------------------------------------------------

    def head(self, container: str, name: str) -> Blob | None:
        """What the service says of a blob; None if there is none."""
        answer = self._ask("HEAD", container, name, accept=(200, 404))
        if answer.status == 404:
            return None
        return _blob(answer, int(answer.headers.get("content-length") or 0))

    def read(
        self, container: str, name: str, start: int, length: int, etag: str | None = None
    ) -> tuple[bytes, Blob]:
        """Bytes from `start`, at most `length`; and the blob they are of, with its whole size.

        With `etag` the blob must still be that one, else `ServiceTrouble` has the status 412.
        """
        headers = {"x-ms-range": f"bytes={start}-{start + length - 1}"}
        if etag:
            headers["If-Match"] = etag
        answer = self._ask("GET", container, name, headers=headers, accept=(200, 206, 416))
        if answer.status == 416:  # nothing there, or the blob is empty
            if start:
                return b"", _blob(answer, start)
            answer = self._ask("GET", container, name, accept=(200,))
        data = answer.body
        size = len(data)
        if answer.status == 206:
            size = int(answer.headers.get("content-range", "").rpartition("/")[2] or size)
        elif start or len(data) > length:  # a service that knows no ranges
            data = data[start : start + length]
        return data, _blob(answer, size)

    def listing(self, container: str, prefix: str) -> Iterator[Listed]:
        """All blobs whose names begin with `prefix`, in the order of the service."""
        marker = ""
        while True:
            query = {
                "restype": "container",
                "comp": "list",
                "include": "metadata",
                "prefix": prefix,
            }
            if marker:
                query["marker"] = marker
            answer = self._ask("GET", container, "", query=query)
            found, marker = parse_listing(answer.body)
            yield from found
            if not marker:
                return

    # -- writing -----------------------------------------------------------------------------

    def put(
        self, container: str, name: str, data: bytes, metadata: Mapping[str, str] | None = None
    ) -> Blob:
        """A small blob in one request."""
        md5 = content_md5(data)
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "x-ms-blob-content-md5": md5,
            "Content-MD5": md5,
            **_meta(metadata),
        }
        answer = self._ask("PUT", container, name, headers=headers, body=data)
        return _blob(answer, len(data), md5)

    def put_block(self, container: str, name: str, block: str, data: bytes) -> None:
        """One uncommitted block; `block` is its id in base64."""
        # TLS guards what is on the way better than MD5 does, for which a second time over all of a
        # big file is much; the MD5 of the whole comes with the commit.
        plain = self.address.scheme == "http"
        self._ask(
            "PUT",
            container,
            name,
            query={"comp": "block", "blockid": block},
            headers={"Content-MD5": content_md5(data)} if plain else {},
            body=data,
        )

    def commit(
        self,
        container: str,
        name: str,
        blocks: Sequence[str],
        size: int,
        md5: str,
        metadata: Mapping[str, str] | None = None,
    ) -> Blob:
        """Makes the blob of its blocks. To repeat it does no harm."""
        # `Latest` finds a block also when an answer was lost and the repeat finds it committed.
        items = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{items}</BlockList>'.encode()
        answer = self._ask(
            "PUT",
            container,
            name,
            query={"comp": "blocklist"},
            headers={
                "x-ms-blob-content-md5": md5,
                "Content-MD5": content_md5(body),
                "Content-Type": "application/xml",
                **_meta(metadata),
            },
            body=body,
        )
        return _blob(answer, size, md5)

    def uncommitted(self, container: str, name: str) -> list[str]:
        """The ids of blocks that wait to be committed, by anybody."""
        import re

        answer = self._ask(
            "GET",
            container,
            name,
            query={"comp": "blocklist", "blocklisttype": "uncommitted"},
            accept=(200, 404),
        )
        if answer.status == 404:
            return []
        return re.findall(r"<Name>([^<]*)</Name>", answer.body.decode("utf-8", "replace"))

    def delete(self, container: str, name: str) -> bool:
        """Takes a blob away, with its snapshots; False if there was none."""
        headers = {"x-ms-delete-snapshots": "include"}
        answer = self._ask("DELETE", container, name, headers=headers, accept=(202, 404))
        return answer.status == 202

    # -- asking ------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        container: str,
        name: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        accept: Sequence[int] = (200, 201, 202, 206),
    ) -> Answer:
        from urllib.parse import quote, urlencode

        target = f"/{container}"
        if name:
            target += "/" + quote(name, safe=_SAFE)
        words = [urlencode(query, quote_via=quote)] if query else []
        if self._sas:
            words.append(self._sas)
        if words:
            target += "?" + "&".join(words)
        given = ""

        def dressed() -> dict[str, str]:
            nonlocal given
            sent = {"x-ms-version": VERSION, **(headers or {})}
            if self._tokens is not None:
                given = self._tokens.token()
                sent["Authorization"] = f"Bearer {given}"
            return sent

        what = f"`{container}/{name}`" if name else f"the container `{container}`"
        answer = self.web.send(method, self.address, target, dressed, body, accept, what)
        if answer.status == 401 and self._tokens is not None:
            self._tokens.forget(given)
            answer = self.web.send(method, self.address, target, dressed, body, accept, what)
        if answer.status == 404 and answer.headers.get("x-ms-error-code") == "ContainerNotFound":
            raise self.refused(answer, container, name)
        if answer.status not in accept:
            raise self.refused(answer, container, name)
        return answer

    def refused(self, answer: Answer, container: str, name: str) -> ServiceTrouble:
        """An answer that says no, in words that hold no secret."""
        status = answer.status
        code = answer.headers.get("x-ms-error-code") or _code_of(answer.body)
        what = f"`{container}/{name}`" if name else f"the container `{container}`"
        where = f"at `{self.address.name}`"
        said = f"({status}{', ' + code if code else ''})"
        if code in ("ContainerNotFound", "ContainerBeingDeleted"):
            return ServiceTrouble(
                "access", f"there is no container `{container}` {where} {said}", status, code
            )
        if status in (401, 403):
            return ServiceTrouble(
                "access", f"{what} {where} may not be used: {self._why(code)} {said}", status, code
            )
        if status == 404:
            return ServiceTrouble(
                "missing-input", f"{what} is not there, {where} {said}", status, code
            )
        return ServiceTrouble(
            "storage", f"{what} {where}: the service refuses {said}", status, code
        )

    def _why(self, code: str) -> str:
        if self.auth == "identity":
            return (
                "the identity of this machine lacks a role such as `Storage Blob Data Contributor`"
            )
        if self.auth == "none":
            return "no credential was given, and it is not public"
        end = _end_of(self._sas)
        import time

        if end and end < time.time():
            return f"the SAS has expired {_ago(time.time() - end)} ago"
        if code == "AuthorizationPermissionMismatch":
            return "the SAS does not permit this"
        if code == "AuthorizationFailure":
            return "the network rules of the account, or the SAS, do not permit it"
        return "the SAS is not accepted"


def wrong_name(name: str) -> str:
    """What keeps a name from being that of a blob, in words; nothing if it may be one."""
    if not name or len(name) > 1024:
        return "a name has 1 to 1024 characters"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "it is not Unicode"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "it has an empty part, `.` or `..`"
    if name[-1] == ".":
        return "it ends in a dot"
    if "\0" in name or "\\" in name:
        return "it has a character that names of blobs cannot have"
    return ""


def content_md5(data: bytes) -> str:
    """The MD5 of `data` as the service writes it, in base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _meta(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"x-ms-meta-{name}": value for name, value in (metadata or {}).items()}


def _blob(answer: Answer, size: int, md5: str | None = None) -> Blob:
    headers = answer.headers
    if md5 is None:
        # Of a part of a blob, `Content-MD5` would be the part's.
        md5 = headers.get("x-ms-blob-content-md5")
        if md5 is None and answer.status == 200:
            md5 = headers.get("content-md5")
    start = "x-ms-meta-"
    metadata = {n[len(start) :]: value for n, value in headers.items() if n.startswith(start)}
    return Blob(
        size,
        time_ns(headers.get("last-modified", "")),
        headers.get("etag", ""),
        md5,
        metadata,
        headers.get(FOLDER_MARK, "").lower() == "true",
    )


def _code_of(body: bytes) -> str:
    start, end = body.find(b"<Code>"), body.find(b"</Code>")
    return body[start + 6 : end].decode("ascii", "replace")[:80] if 0 <= start < end else ""


def _end_of(sas: str) -> float | None:
    """When a SAS ends, in seconds since the epoch."""
    from datetime import datetime, timezone
    from urllib.parse import parse_qs

    given = parse_qs(sas).get("se", [""])[0]
    try:
        end = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        return None
    if end.tzinfo is None:
        end = end.replace(tzinfo=timezone.utc)  # noqa: UP017  nodes may have 3.10
    return end.timestamp()


def _ago(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"


def account_of(given: Mapping[str, Any], sas: str | None, web: Web) -> Account:
    """An account as orders describe it."""
    return Account(given["url"], given.get("auth", "none"), sas, given.get("client_id"), web)
