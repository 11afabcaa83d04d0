"""Questions to the service without the SDK, whose import alone costs more than a small plan.

Listings, properties and small blobs, and what a run asks before its first job; all other writing goes
by the SDK. Facts: Microsoft's pages "List Blobs", "Get Blob", "Get Blob Properties", "Put Blob",
"Create Container", "Specifying conditional headers" and "Authorize with Shared Key".
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

from rulekit.node.entries import time_ns
from rulekit.node.trouble import ServiceTrouble
from rulekit.node.web import Web, address_of
from rulekit.storage.azblob.failures import Refusal, Silence
from rulekit.storage.azblob.stamp import BlobStamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from rulekit.node.web import Answer
    from rulekit.storage.azblob.account import Account

VERSION = "2021-12-02"
SCOPE = "https://storage.azure.com/.default"
PAGE = 5000  # names in one answer; the service's most
_SAFE = "/-._~!$'()*,;:@"
_GOOD = (200, 201)
_IF_MATCH = 8  # its line in what is signed
_NEVER = {"x-ms-blob-type": "BlockBlob", "If-Match": '"0x0"'}
_EARLY_S = 300  # a token is renewed so long before it ends


class Page:
    """One answer of a listing: (name, stamp, metadata) of blobs, names of folders with their final
    slash, and the marker of the next page or an empty text."""

    __slots__ = ("blobs", "folders", "marker")

    def __init__(self) -> None:
        self.blobs: list[tuple[str, BlobStamp, Mapping[str, str]]] = []
        self.folders: list[str] = []
        self.marker = ""


class LightClient:
    """Requests to one account. Raises `Refusal` for an answer that says no, `Silence` for none."""

    def __init__(self, account: Account, web: Web) -> None:
        self._account = account
        self._address = address_of(account.url)
        self._web = web
        self._credential: Any = None
        self._token = ""
        self._token_ends = 0.0

    def __repr__(self) -> str:
        return f"LightClient({self._account.name!r})"

    # -- questions -----------------------------------------------------------------------------

    def pages(
        self, container: str, prefix: str, *, delimiter: str = "", page: int = PAGE
    ) -> Iterator[Page]:
        """The blobs whose names begin with `prefix`; with a delimiter those without it behind the
        prefix, and folders."""
        query = {"comp": "list", "include": "metadata", "restype": "container"}
        if prefix:
            query["prefix"] = prefix
        if delimiter:
            query["delimiter"] = delimiter
        if page != PAGE:
            query["maxresults"] = str(page)
        while True:
            answer = self._ask("GET", container, "", query)
            found = parsed(answer.body)
            yield found
            if not found.marker:
                return
            query["marker"] = found.marker

    def stamp(self, container: str, name: str) -> BlobStamp:
        """The properties of one blob."""
        answer = self._ask("HEAD", container, name, {})
        headers = answer.headers
        md5 = headers.get("content-md5", "")
        etag = headers.get("etag", "").strip('"')
        return BlobStamp(
            time_ns(headers.get("last-modified", "")),
            int(headers.get("content-length") or 0),
            f"md5:{md5}" if md5 else f"etag:{etag}",
        )

    def get(self, container: str, name: str) -> bytes:
        """The content of a small blob."""
        return self._ask("GET", container, name, {}).body

    def may_write(self, container: str, name: str) -> None:
        """Asks whether a blob could be written, and writes nothing: under a condition that no blob
        fulfils, so that who has the right hears of that only."""
        try:
            self._ask("PUT", container, name, {}, _NEVER)
        except Refusal as refusal:
            if refusal.status_code != 412:
                raise

    def make(self, container: str) -> None:
        """Makes a container; one that is there already is as well."""
        try:
            self._ask("PUT", container, "", {"restype": "container"})
        except Refusal as refusal:
            if refusal.error_code != "ContainerAlreadyExists":
                raise

    # -- asking --------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        container: str,
        name: str,
        query: Mapping[str, str],
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        from urllib.parse import quote, urlencode

        path = f"/{container}"
        if name:
            path += "/" + quote(name, safe=_SAFE)
        words = [urlencode(query, quote_via=quote)] if query else []
        if self._account.kind == "sas":
            words.append(self._account.secret)
        target = f"{path}?{'&'.join(words)}" if words else path

        def headers() -> dict[str, str]:
            return self._headers(method, path, query, more or {})

        try:
            answer = self._web.send(method, self._address, target, headers, b"", _GOOD, container)
        except ServiceTrouble as trouble:
            if trouble.status:
                raise Refusal(trouble.status, trouble.code, {}, "") from None
            raise Silence(trouble.detail) from None
        if answer.status in _GOOD:
            return answer
        code = answer.headers.get("x-ms-error-code") or _between(answer.body, b"Code")
        raise Refusal(answer.status, code, answer.headers, _between(answer.body, b"Message"))

    def _headers(
        self, method: str, path: str, query: Mapping[str, str], more: Mapping[str, str]
    ) -> dict[str, str]:
        import time
        from email.utils import formatdate

        sent = {"x-ms-version": VERSION, "x-ms-date": formatdate(time.time(), usegmt=True), **more}
        kind = self._account.kind
        if kind == "key":
            sent["Authorization"] = self._signed(method, path, query, sent)
        elif kind == "identity":
            sent["Authorization"] = f"Bearer {self._bearer(time.time())}"
        return sent

    def _signed(
        self, method: str, path: str, query: Mapping[str, str], sent: Mapping[str, str]
    ) -> str:
        import hashlib
        import hmac

        lines = [method, *[""] * 11]
        lines[_IF_MATCH] = sent.get("If-Match", "")
        lines += [f"{name}:{sent[name]}" for name in sorted(sent) if name.startswith("x-ms-")]
        lines.append(f"/{self._account.name}{self._address.path}{path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        text = "\n".join(lines).encode()
        key = a2b_base64(self._account.secret)
        mac = b2a_base64(hmac.new(key, text, hashlib.sha256).digest(), newline=False).decode()
        return f"SharedKey {self._account.name}:{mac}"

    def _bearer(self, now: float) -> str:
        if now > self._token_ends - _EARLY_S:
            if self._credential is None:
                from rulekit.storage.azblob import connect

                self._credential = connect.credential_of(self._account)
            token = self._credential.get_token(SCOPE)
            self._token, self._token_ends = token.token, token.expires_on
        return self._token


def _between(body: bytes, tag: bytes) -> str:
    start, end = body.find(b"<" + tag + b">"), body.find(b"</" + tag + b">")
    if start < 0 or end < start:
        return ""
    return body[start + len(tag) + 2 : end].decode("utf-8", "replace")[:300]


def parsed(body: bytes) -> Page:
    """The content of one answer to List Blobs; entries that are folders of a hierarchical namespace
    are among the folders."""
    from xml.etree import ElementTree

    page = Page()
    times: dict[str, int] = {}  # most blobs of a page were written in few moments
    tree = ElementTree.fromstring(body)  # noqa: S314  the storage service is trusted with more
    for item in tree.iterfind("Blobs/*"):
        named = item.find("Name")
        if named is None:
            continue
        name = named.text or ""
        if named.get("Encoded") == "true":
            from urllib.parse import unquote

            name = unquote(name)
        if item.tag == "BlobPrefix":
            page.folders.append(name)
            continue
        facts = {part.tag: part.text or "" for part in _parts(item.find("Properties"))}
        metadata = {part.tag: part.text or "" for part in _parts(item.find("Metadata"))}
        if facts.get("ResourceType") == "directory" or (metadata and _marks_folder(metadata)):
            page.folders.append(name + "/")
            continue
        moment = facts.get("Last-Modified", "")
        time = times.get(moment)
        if time is None:
            time = times[moment] = time_ns(moment)
        md5 = facts.get("Content-MD5")
        digest = f"md5:{md5}" if md5 else "etag:" + facts.get("Etag", "").strip('"')
        stamp = BlobStamp(time, int(facts.get("Content-Length") or 0), digest)
        page.blobs.append((name, stamp, metadata))
    marker = tree.find("NextMarker")
    page.marker = (marker.text or "") if marker is not None else ""
    return page


def _parts(element: Any) -> Iterable[Any]:
    return () if element is None else element


def _marks_folder(metadata: Mapping[str, str]) -> bool:
    return any(
        name.lower() == "hdi_isfolder" and value.lower() == "true"
        for name, value in metadata.items()
    )
