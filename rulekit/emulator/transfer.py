"""Blobs to and from a node by plain HTTP, as the node agent moves resource and output files.

An address carries its own SAS, or a token is given for the identity of the pool. Codes of failures
are those of the service's task failures.
"""

from __future__ import annotations

import base64
import http.client
import os
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

_VERSION = "2021-12-02"
_CHUNK = 1 << 20
_BLOCK = 32 << 20
_TRIES = 3


class TransferError(Exception):
    """A file did not get where it should. `status` is 0 where no answer came."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def bare(url: str) -> str:
    """The address without its query, so without its secret."""
    return url.split("?", 1)[0]


def _connect(parts: urllib.parse.SplitResult, timeout: float) -> http.client.HTTPConnection:
    if parts.scheme == "https":
        import ssl

        context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or None)
        return http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
    return http.client.HTTPConnection(parts.netloc, timeout=timeout)


def _exchange(
    verb: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    sink: BinaryIO | None = None,
) -> bytes:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
        usable = usable and parts.netloc.isprintable() and " " not in parts.netloc
    except ValueError:
        usable = False
    if not usable or not parts.netloc:
        raise TransferError(0, "InvalidUri", f"{bare(url)} is not an address that can be used")
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{parts.query}" if parts.query else ""
    )
    connection = _connect(parts, 60)
    try:
        connection.request(verb, target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        if answer.status >= 300:
            text = answer.read(65536)
            code = answer.getheader("x-ms-error-code") or _code_in(text) or answer.reason
            raise TransferError(answer.status, code, f"{bare(url)}: {answer.status} {code}")
        if sink is None:
            return answer.read()
        while chunk := answer.read(_CHUNK):
            sink.write(chunk)
        if answer.length:
            raise TransferError(0, "Incomplete", f"{bare(url)}: the answer ended too early")
        return b""
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(0, type(error).__name__, f"{bare(url)}: {error}") from error
    finally:
        connection.close()


def _code_in(text: bytes) -> str:
    start, end = text.find(b"<Code>"), text.find(b"</Code>")
    return text[start + 6 : end].decode("ascii", "replace") if 0 <= start < end else ""


def _retried(
    verb: str, url: str, headers: Mapping[str, str], body: bytes | None = None, path: str = ""
) -> bytes:
    for attempt in range(_TRIES):
        try:
            if not path:
                return _exchange(verb, url, headers, body)
            with open(path, "wb") as sink:
                return _exchange(verb, url, headers, body, sink)
        except TransferError as error:
            final = error.status in (400, 401, 403, 404, 409, 412) or error.code == "InvalidUri"
            if final or attempt == _TRIES - 1:
                raise
            time.sleep(0.05 * 4**attempt)
    raise AssertionError


def _headers(token: str | None) -> dict[str, str]:
    headers = {"x-ms-version": _VERSION, "User-Agent": "rulekit-emulator-node"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return headers


def fetch(url: str, path: str, token: str | None = None) -> None:
    """One address to the file `path`, which appears whole or not at all. Raises TransferError."""
    unfinished = f"{path}.rk-part"
    headers = _headers(token)
    if "x-ms-version" in headers and token is None and "sig=" not in url:
        headers.pop("x-ms-version")  # any web server may hold a public file
    try:
        _retried("GET", url, headers, path=unfinished)
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)


def _below(container_url: str, name: str) -> str:
    parts = urllib.parse.urlsplit(container_url)
    path = parts.path.rstrip("/") + "/" + urllib.parse.quote(os.fsencode(name), safe="/")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def list_blobs(container_url: str, prefix: str, token: str | None = None) -> Iterator[str]:
    """Names of the blobs of a container that begin with `prefix`. Raises TransferError."""
    marker = ""
    while True:
        parts = urllib.parse.urlsplit(container_url)
        extra = {"restype": "container", "comp": "list"}
        if prefix:
            extra["prefix"] = prefix
        if marker:
            extra["marker"] = marker
        query = "&".join(q for q in (parts.query, urllib.parse.urlencode(extra)) if q)
        url = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
        # The answer comes from the storage service the user named.
        page = ElementTree.fromstring(_retried("GET", url, _headers(token)))  # noqa: S314
        for blob in page.iter("Blob"):
            name = blob.findtext("Name")
            if name:
                yield name
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return


def fetch_container(
    container_url: str, prefix: str, directory: str, token: str | None = None
) -> None:
    """Every blob below `prefix` into `directory`, with the structure of the names."""
    root = os.path.realpath(directory)
    for name in list_blobs(container_url, prefix, token):
        path = os.path.normpath(os.path.join(root, name))
        if path == root or name.endswith("/"):
            continue
        if not path.startswith(root + os.sep):
            raise TransferError(0, "ResourceFileCreateFailed", f"{name} leaves the directory")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fetch(_below(container_url, name), path, token)


def store(
    container_url: str,
    name: str,
    path: str,
    token: str | None = None,
    upload_headers: Mapping[str, str] | None = None,
) -> None:
    """The file `path` as a block blob of the container; large ones in blocks."""
    url = _below(container_url, name)
    headers = {**_headers(token), **(upload_headers or {})}
    size = os.path.getsize(path)
    with open(path, "rb") as source:
        if size <= _BLOCK:
            whole = {**headers, "x-ms-blob-type": "BlockBlob", "Content-Length": str(size)}
            _retried("PUT", url, whole, source.read())
            return
        blocks: list[str] = []
        joint = "&" if "?" in url else "?"
        while chunk := source.read(_BLOCK):
            block = base64.b64encode(f"{len(blocks):08d}".encode()).decode()
            blocks.append(block)
            address = f"{url}{joint}comp=block&blockid={urllib.parse.quote(block, safe='')}"
            _retried("PUT", address, {**_headers(token), "Content-Length": str(len(chunk))}, chunk)
    listing = "".join(f"<Latest>{b}</Latest>" for b in blocks)
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listing}</BlockList>'.encode()
    _retried("PUT", f"{url}{joint}comp=blocklist", headers, body)
