"""Answers that are lists: filter, selection, order, pages."""

from __future__ import annotations

import base64
import json
import urllib.parse

from rulekit.emulator import odata
from rulekit.emulator.messages import Answer
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rulekit.emulator.messages import Call

LONGEST = 1000


def _bad(name: str, value: str, reason: str) -> Problem:
    values = {"QueryParameterName": name, "QueryParameterValue": value, "Reason": reason}
    text = f"The value of the query parameter {name} is invalid. {reason}"
    return Problem("InvalidQueryParameterValue", text, values)


def selection(call: Call) -> Callable[[Mapping[str, Any]], dict[str, Any]] | None:
    """What `$select` keeps, or None where all is wanted. Raises Problem."""
    text = call.query.get("$select")
    if not text:
        return None
    try:
        return odata.compile_select(text)
    except odata.FilterError as error:
        raise _bad("$select", text, str(error)) from None


def expansion(call: Call) -> bool:
    """Whether statistics are asked for. Raises Problem."""
    text = call.query.get("$expand")
    if not text:
        return False
    try:
        return "stats" in odata.compile_expand(text)
    except odata.FilterError as error:
        raise _bad("$expand", text, str(error)) from None


def page_size(call: Call, most: int = LONGEST) -> int:
    """How many entries a page may have. Raises Problem."""
    text = call.query.get("maxresults")
    if text is None:
        return most
    try:
        value = int(text)
    except ValueError:
        raise _bad("maxresults", text, "It must be a whole number.") from None
    if not 1 <= value <= LONGEST:
        raise Problem(
            "OutOfRangeQueryParameterValue",
            values={
                "QueryParameterName": "maxresults",
                "QueryParameterValue": text,
                "MinimumAllowed": "1",
                "MaximumAllowed": str(LONGEST),
            },
        )
    return min(value, most)


def answer(
    call: Call,
    fields: Mapping[str, str],
    entities: Iterable[tuple[str, Any]],
    view: Callable[[Any], dict[str, Any]],
    what: str,
    most: int = LONGEST,
) -> Answer:
    """One page. `entities` are (key, entity) in a stable order of rising keys."""
    text = call.query.get("$filter")
    keep: Callable[[Mapping[str, Any]], bool] | None = None
    if text:
        try:
            keep = odata.compile_filter(text, fields)
        except odata.FilterError as error:
            raise _bad("$filter", text, str(error)) from None
    select = selection(call)
    size = page_size(call, most)
    after = _token(call)
    values: list[dict[str, Any]] = []
    last = ""
    more = False
    for key, entity in entities:
        if after is not None and key <= after:
            continue
        shown = view(entity)
        if keep is not None and not keep(shown):
            continue
        if len(values) == size:
            more = True
            break
        values.append(select(shown) if select is not None else shown)
        last = key
    body: dict[str, Any] = {"odata.metadata": f"{call.base}/$metadata#{what}", "value": values}
    if more:
        body["odata.nextLink"] = _link(call, last)
    return Answer(200, body)


def _token(call: Call) -> str | None:
    text = call.query.get("$skiptoken")
    if text is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(found["after"])
    except (ValueError, KeyError, TypeError):
        raise _bad("$skiptoken", text, "It is not a token of this service.") from None


def _link(call: Call, last: str) -> str:
    token = json.dumps({"after": last}).encode()
    text = base64.urlsafe_b64encode(token).rstrip(b"=").decode()
    pairs = [(k, v) for k, v in call.query.items() if k not in ("$skiptoken", "timeout")]
    pairs.append(("$skiptoken", text))
    return f"{call.base}{call.path}?{urllib.parse.urlencode(pairs, safe='$')}"
