"""The shapes of requests: which operations there are and what their bodies may hold.

The table `contract.json` names operations, properties, types and required members.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache

from rulekit.emulator.formats import parse_duration, parse_stamp
from rulekit.emulator.problem import Problem
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGITS = re.compile(r"-?\d{1,10}", re.ASCII)
_DEEPEST = 40
# The bodies whose `id` names a new thing.
_NAMED = frozenset(
    {
        "BatchPoolCreateOptions",
        "BatchJobCreateOptions",
        "BatchTaskCreateOptions",
        "BatchJobScheduleCreateOptions",
        "BatchJobManagerTask",
        "BatchJobPreparationTask",
        "BatchJobReleaseTask",
    }
)


@frozen
class Operation:
    """One operation. `pattern` matches the decoded path parts; `body` names its definition."""

    name: str
    verb: str
    parts: tuple[str, ...]
    body: str | None
    body_required: bool
    query: frozenset[str]
    ok: int


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    path = os.path.join(os.path.dirname(__file__), "contract.json")
    with open(path, encoding="utf-8") as source:
        return json.load(source)  # type: ignore[no-any-return]


def version() -> str:
    """The api-version that is understood."""
    return str(_data()["version"])


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Every operation of the contract."""
    return tuple(
        Operation(
            o["id"],
            o["verb"],
            tuple(p for p in o["path"].split("/") if p),
            o["body"],
            bool(o["required"]),
            frozenset(o["query"]),
            int(o["ok"]),
        )
        for o in _data()["operations"]
    )


def find(verb: str, segments: list[str]) -> tuple[Operation, dict[str, str]]:
    """The operation for a verb and path, with the path's parameters. Raises Problem.

    A file path takes all the rest of the address.
    """
    other = False
    for operation in operations():
        params = _match(operation.parts, segments)
        if params is None:
            continue
        if operation.verb == verb:
            return operation, params
        other = True
    if other:
        raise Problem("UnsupportedHttpVerb", "The resource does not support the specified verb.")
    raise Problem("ResourceNotFound", "The specified resource does not exist.")


def _match(parts: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if not parts or len(segments) < len(parts):
        return None
    rest = parts[-1] == "{filePath}"
    if len(segments) != len(parts) and not rest:
        return None
    params: dict[str, str] = {}
    for number, part in enumerate(parts):
        if part == "{filePath}":
            params["filePath"] = "/".join(segments[number:])
        elif part[0] == "{":
            params[part[1:-1]] = segments[number]
        elif part != segments[number].lower():
            return None
    return params


def check(body: object, definition: str) -> None:
    """Hold a body against its definition. Raises Problem."""
    _check(body, definition, "", 0)


def _wrong(name: str, value: object, reason: str) -> Problem:
    shown = value if isinstance(value, (str, int, float, bool)) else type(value).__name__
    values = {"PropertyName": name, "PropertyValue": str(shown)[:200], "Reason": reason}
    text = "The value provided for one of the properties in the request body is invalid."
    return Problem("InvalidPropertyValue", text, values)


def _check(value: object, kind: Any, name: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise Problem("InvalidRequestBody")
    if isinstance(kind, list):
        if not isinstance(value, list):
            raise _wrong(name, value, "A list is expected.")
        for item in value:
            if item is None:
                raise _wrong(name, "null", "The list has an empty place.")
            _check(item, kind[0], name, depth + 1)
        return
    definition = _data()["definitions"].get(kind)
    if definition is None:
        _scalar(value, kind, name)
    elif "enum" in definition:
        known = [e.lower() for e in definition["enum"]]
        if not isinstance(value, str) or value.lower() not in known:
            raise _wrong(name, value, f"One of {', '.join(definition['enum'])} is expected.")
    else:
        _members(value, kind, definition, name, depth)


def _members(value: object, kind: str, definition: dict[str, Any], name: str, depth: int) -> None:
    if not isinstance(value, dict):
        if not name:
            raise Problem("InvalidRequestBody", "The request body must be a JSON object.")
        raise _wrong(name, value, "An object is expected.")
    properties = definition["properties"]
    for key, member in value.items():
        if key not in properties:
            if key.startswith("odata."):
                continue
            text = f"The property `{key}` does not exist here."
            raise Problem(
                "InvalidRequestBody",
                "The specified Request Body is not syntactically valid.",
                {"Reason": text, "PropertyName": f"{name}.{key}" if name else key},
            )
        if properties[key] == "integer" and isinstance(member, str) and _DIGITS.fullmatch(member):
            # azure-cli writes numbers as text, and the service takes them.
            value[key] = int(member)
            _check(value[key], "integer", key, depth + 1)
        elif member is not None:
            _check(member, properties[key], key, depth + 1)
    for key in definition["required"]:
        if value.get(key) is None:
            raise Problem(
                "MissingRequiredProperty",
                "A required property was not specified in the request body.",
                {"PropertyName": key, "PropertyPath": f"{name}.{key}" if name else key},
            )
    if kind in _NAMED and value.get("id") is not None and not _ID.fullmatch(value["id"]):
        reason = "1 to 64 letters, digits, hyphens and underscores are expected."
        raise _wrong("id", value["id"], reason)
    shown = value.get("displayName")
    if isinstance(shown, str) and len(shown) > 1024:
        raise _wrong("displayName", shown, "At most 1024 characters are expected.")


def _scalar(value: object, kind: str, name: str) -> None:
    if kind == "object":
        return
    if kind == "boolean":
        good = isinstance(value, bool)
    elif kind == "integer":
        good = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31
    elif kind == "number":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        good = isinstance(value, str)
    if not good:
        raise _wrong(name, value, f"A value of the type {kind} is expected.")
    if kind in ("duration", "date-time"):
        try:
            (parse_duration if kind == "duration" else parse_stamp)(str(value))
        except (ValueError, OverflowError):
            raise _wrong(name, value, f"An ISO 8601 {kind} is expected.") from None
