"""Inputs on web servers: what is known of them, and copies of them on this disk.

A server is asked once a run for each file (HEAD). A copy is as good as the file as long as the
server tells the same of it: its ETag, else its time and size. A copy has the time of the file
(`Last-Modified`, or the beginning of 1970 where there is none), so that results grow old when the
file on the server is a newer one. Without an answer, a copy that is there is used, with a note.
"""

from __future__ import annotations

import os

from rulekit.errors.tree import InfrastructureError
from rulekit.model.files import Stamp
from rulekit.model.places import WEB
from rulekit.storage.local import LocalFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Facts = dict[str, Any]  # "etag", "modified" (s since 1970), "size" (bytes, -1: not told)

_PLAIN = "/?&=:;,+%~@!$'()*[]"  # characters of addresses that stay
_SECONDS = 60.0  # for one answer
_ATTEMPTS = 3
_BEGINNING_NS = 10**9
_AGENT = {"User-Agent": "rulekit", "Accept-Encoding": "identity"}
_known: dict[str, Facts | None] = {}  # what servers said in this run, by path


def address(path: str) -> str:
    """The address of a copy's path."""
    scheme, _, rest = path[len(WEB) :].partition("/")
    from urllib.parse import quote

    return f"{scheme}://{quote(rest, safe=_PLAIN)}"


class WebFiles(LocalFiles):
    """A `FileView` of the working directory that asks web servers about the files behind copies."""

    __slots__ = ()

    def exists(self, path: str) -> bool:
        if path.startswith(WEB):
            return look(path) is not None
        return super().exists(path)

    def mtime_ns(self, path: str) -> int | None:
        if path.startswith(WEB):
            found = look(path)
            return None if found is None else _time_ns(found)
        return super().mtime_ns(path)

    def link_mtime_ns(self, path: str) -> int | None:
        return self.mtime_ns(path) if path.startswith(WEB) else super().link_mtime_ns(path)

    def stamp(self, path: str) -> Stamp | None:
        if path.startswith(WEB):
            found = look(path)
            return None if found is None else Stamp(_time_ns(found), max(0, found["size"]))
        return super().stamp(path)


def look(path: str) -> Facts | None:
    """What the server tells of a file; None if it has none.

    Raises `InfrastructureError` (RK0464) if there is neither an answer nor a copy.
    """
    if path not in _known:
        try:
            _known[path] = _ask(path)
        except InfrastructureError:
            copy = _facts_of(path)
            if copy is None:
                raise
            import sys

            sys.stderr.write(
                f"note: {address(path)} does not answer: its copy of earlier is used\n"
            )
            _known[path] = copy
    return _known[path]


def fetch(paths: Iterable[str]) -> None:
    """Sees to it that those of `paths` that are copies are there, and are what the server has.

    Raises `InfrastructureError` (RK0464, RK0465).
    """
    for path in paths:
        if path.startswith(WEB):
            told = look(path)
            if told is None:
                raise _error(path, "RK0465", "the server has no such file")
            if not _same(_facts_of(path), told):
                _download(path)


def _time_ns(facts: Facts) -> int:
    modified = facts["modified"]
    return _BEGINNING_NS if modified is None else int(modified) * 10**9


def _same(copy: Facts | None, told: Facts) -> bool:
    if copy is None:
        return False
    if copy["etag"] and told["etag"]:
        return bool(copy["etag"] == told["etag"])
    known = told["size"] < 0 or told["size"] == copy["size"]
    return bool(known and told["modified"] == copy["modified"])


def _note_of(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.rulekit-web"


def _facts_of(path: str) -> Facts | None:
    """What the server told of a copy when it was made; None if there is no whole copy."""
    import json

    try:
        size = os.stat(path).st_size
        with open(_note_of(path), encoding="utf-8") as file:
            facts: Facts = json.load(file)
    except (OSError, ValueError):
        return None
    return facts if facts.get("bytes") == size else None


def _ask(path: str) -> Facts | None:
    import urllib.error

    try:
        with _open(path, "HEAD") as answer:
            return _told(answer)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        if error.code not in (403, 405, 501):
            raise _error(path, "RK0464", f"the server answers {error.code}") from None
    # Some servers know only GET; the answer's head is enough.
    try:
        with _open(path, "GET") as answer:
            return _told(answer)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise _error(path, "RK0464", f"the server answers {error.code}") from None


def _told(answer: Any) -> Facts:
    from email.utils import parsedate_to_datetime

    head = answer.headers
    modified = None
    try:
        modified = int(parsedate_to_datetime(head["Last-Modified"]).timestamp())
    except (TypeError, ValueError):
        pass  # not told, or not a date
    length = head["Content-Length"] or ""
    size = int(length) if length.isascii() and length.isdecimal() else -1
    return {"etag": head["ETag"] or "", "modified": modified, "size": size}


def _open(path: str, method: str) -> Any:
    """The answer. Raises `HTTPError` as it is; no answer at all is `InfrastructureError`."""
    import http.client
    import time
    import urllib.error
    import urllib.request

    request = urllib.request.Request(address(path), headers=_AGENT, method=method)  # noqa: S310
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310  http(s) only
        except urllib.error.HTTPError as error:
            if attempt == _ATTEMPTS or error.code not in (429, 500, 502, 503, 504):
                raise
        except (OSError, http.client.HTTPException) as error:
            if attempt == _ATTEMPTS:
                reason = getattr(error, "reason", None) or error
                raise _error(path, "RK0464", str(reason)) from None
        time.sleep(0.5 * attempt)
    raise AssertionError("unreachable")


def _download(path: str) -> None:
    """Fetches a file to its copy: written beside, then renamed, with what the server told of it."""
    import http.client
    import json
    import urllib.error

    os.makedirs(os.path.dirname(path), exist_ok=True)
    folder, _, name = path.rpartition("/")
    part = f"{folder}/.{name}.{os.getpid()}.part"
    size = 0
    try:
        with _open(path, "GET") as answer, open(part, "wb") as file:
            facts = _told(answer)
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                size += len(chunk)
        if 0 <= facts["size"] != size:
            raise _error(path, "RK0465", f"{size} of {facts['size']} bytes came")
        os.utime(part, ns=(_time_ns(facts),) * 2)
        note = _note_of(path)
        with open(note + ".part", "w", encoding="utf-8") as file:
            json.dump({**facts, "bytes": size}, file)
        os.replace(part, path)
        os.replace(note + ".part", note)
    except urllib.error.HTTPError as error:
        raise _error(path, "RK0465", f"the server answers {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _error(path, "RK0465", str(error)) from None
    finally:
        try:
            os.unlink(part)
        except OSError:
            pass  # renamed, or never made
    _known[path] = facts


def _error(path: str, code: str, why: str) -> InfrastructureError:
    name = address(path).partition("?")[0]
    if code == "RK0464":
        return InfrastructureError(
            f"nothing is known of the input `{name}`: {why}",
            code=code,
            help="is the address right, and does this machine reach it (`curl -I`)?",
        )
    return InfrastructureError(f"the input `{name}` cannot be fetched: {why}", code=code)
