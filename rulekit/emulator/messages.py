"""A request as the handlers see it, and their answer."""

from __future__ import annotations

import json
import urllib.parse

from rulekit.emulator.formats import http_date, parse_http_date
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Entity


class Call:
    """One request. `path` is as sent, `segments` are its decoded parts, `headers` lower-case."""

    def __init__(self, verb: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.verb = verb
        self.target = target
        self.path, _, self.query_text = target.partition("?")
        self.segments = [
            urllib.parse.unquote(p, errors="surrogateescape") for p in self.path.split("/") if p
        ]
        self.query: dict[str, str] = {}
        for name, value in urllib.parse.parse_qsl(self.query_text, keep_blank_values=True):
            self.query.setdefault(name, value)
        self.headers = headers
        self.raw = body
        self.params: dict[str, str] = {}
        self.operation = ""
        self.request_id = ""
        self.account = ""
        self.base = ""
        self.json: dict[str, Any] = {}

    def parse_body(self, required: bool) -> None:
        """Read the body as a JSON object. Raises Problem."""
        if not self.raw:
            if required:
                raise Problem("InvalidRequestBody", "The request body is missing.")
            return
        try:
            found = json.loads(self.raw)
        except (ValueError, RecursionError):
            text = "The specified Request Body is not syntactically valid."
            raise Problem("InvalidRequestBody", text) from None
        if not isinstance(found, dict):
            raise Problem("InvalidRequestBody", "The request body must be a JSON object.")
        self.json = found

    def check(self, entity: Entity) -> None:
        """Hold the condition headers against an entity. Raises Problem."""
        headers = self.headers
        read = self.verb in ("GET", "HEAD")
        match, none = headers.get("if-match"), headers.get("if-none-match")
        if match is not None and not _names(match, entity.etag):
            raise Problem("ConditionNotMet")
        if none is not None and _names(none, entity.etag):
            raise Problem("ConditionNotMet", status=304 if read else 412)
        since, until = headers.get("if-modified-since"), headers.get("if-unmodified-since")
        if since is not None and int(entity.modified) <= _date(since, "If-Modified-Since"):
            raise Problem("ConditionNotMet", status=304 if read else 412)
        if until is not None and int(entity.modified) > _date(until, "If-Unmodified-Since"):
            raise Problem("ConditionNotMet")


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in [
        part.strip().removeprefix("W/").strip('"') for part in header.split(",")
    ]


def _date(text: str, header: str) -> float:
    try:
        return parse_http_date(text)
    except ValueError:
        raise Problem("InvalidHeaderValue", values={"HeaderName": header}) from None


class Answer:
    """What goes back. `body` is JSON, bytes, or a file as (path, start, length)."""

    def __init__(
        self,
        status: int = 200,
        body: dict[str, Any] | bytes | tuple[str, int, int] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def about(entity: Entity, where: str | None = None) -> dict[str, str]:
    """The headers that tell of an entity; `where` is its address without the account's."""
    headers = {"ETag": entity.etag, "Last-Modified": http_date(entity.modified)}
    if where is not None:
        address = f"{entity.world.url}/{where}"
        headers["DataServiceId"] = address
        headers["Location"] = address
    return headers
