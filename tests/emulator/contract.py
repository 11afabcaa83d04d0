"""Holds what passes the emulator against the contract of the service (tests/data/azure).

    contract = Contract()
    emulator.service.on_exchange = contract.note
    ... a session with any client ...
    assert contract.violations == []

Answers are judged strictly: unknown members, missing members, wrong types and formats, undeclared
status codes, missing headers. Of requests it is demanded that a bad one is not answered as if it
were good.
"""

from __future__ import annotations

import copy
import json
import os
import re
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache

import jsonschema
import jsonschema.validators

PATH = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    "data/azure/BatchService.2025-06-01.sdk-derived.json",
)
# Seen from the real service although the contract writes them without capital letters.
_CAPITALS = frozenset({"Spread", "Pack", "Success", "ClientError", "ServerError"})
# Required by the contract, yet missing from answers: secrets, and what older nodes do not have.
_ABSENT = {"BatchNode": "ipv6Address", "UserAccount": "password"}
_FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z"),
    "duration": re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d{1,7})?S)?)?"),
    "int64": re.compile(r"-?\d+"),
    "uri": re.compile(r"\S+"),
}
_DATES = frozenset({"last-modified", "ocp-creation-time"})


@lru_cache(maxsize=1)
def document() -> dict:
    """The contract as it stands in the file."""
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def _close(schema: object, needs: str) -> None:
    """Forbid members that are not named; of what is required keep `all`, what is `writable`, `none`."""
    if isinstance(schema, list):
        for part in schema:
            _close(part, needs)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict) and schema.get("type") == "object":
        schema.setdefault("patternProperties", {r"^odata\.": {}})
        schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("required"), list):
        own = properties if isinstance(properties, dict) else {}
        kept = [
            name
            for name in schema["required"]
            if needs == "all" or (needs == "writable" and not own.get(name, {}).get("readOnly"))
        ]
        schema["required"] = kept
        if not kept:
            del schema["required"]
    for part in list(schema.values()):
        _close(part, needs)


def _enumeration(_validator, known, value, _schema):
    if value not in known and value not in _CAPITALS:
        yield jsonschema.ValidationError(f"{value!r} is not one of {known}")


_Validator = jsonschema.validators.extend(jsonschema.Draft4Validator, {"enum": _enumeration})
_checker = jsonschema.FormatChecker(formats=())
for _name, _pattern in _FORMATS.items():
    _checker.checks(_name)(
        lambda value, pattern=_pattern: (
            not isinstance(value, str) or pattern.fullmatch(value) is not None
        )
    )


@lru_cache(maxsize=3)
def _definitions(needs: str) -> dict:
    made = copy.deepcopy(document()["definitions"])
    _close(made, needs)
    for name, absent in _ABSENT.items():
        if needs == "all":
            made[name]["required"].remove(absent)
    return made


@cache
def _validator(reference: str, needs: str):
    schema = {"$ref": reference, "definitions": _definitions(needs)}
    return _Validator(schema, format_checker=_checker)


def faults(reference: str, value: object, needs: str = "all") -> list[str]:
    """What is wrong with a value that should be of a definition (`#/definitions/BatchPool`)."""
    found = sorted(_validator(reference, needs).iter_errors(value), key=lambda e: str(e.path))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


class Operation:
    """One operation of the contract."""

    def __init__(self, verb: str, path: str, body: dict) -> None:
        self.verb = verb
        self.path = path
        self.name = body["operationId"]
        self.responses = body["responses"]
        self.is_list = "x-ms-pageable" in body
        parameters = [_resolved(p) for p in body["parameters"]]
        self.query = {p["name"]: p for p in parameters if p["in"] == "query"}
        self.body = next((p for p in parameters if p["in"] == "body"), None)
        pattern = re.sub(r"\\\{filePath\\\}", ".+", re.escape(path))
        self.pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern) + "/?")


def _resolved(parameter: dict) -> dict:
    if "$ref" in parameter:
        return document()["parameters"][parameter["$ref"].rpartition("/")[2]]
    return parameter


@lru_cache(maxsize=1)
def operations() -> list[Operation]:
    """All operations; those with longer literal paths first, so that files come last."""
    made = [
        Operation(verb.upper(), path, body)
        for path, verbs in document()["paths"].items()
        for verb, body in verbs.items()
    ]
    return sorted(made, key=lambda o: ("{filePath}" in o.path, -len(o.path)))


def find(verb: str, path: str) -> Operation | None:
    """The operation of a request, None if the contract has none."""
    for operation in operations():
        if operation.verb == verb and operation.pattern.fullmatch(path):
            return operation
    return None


class Contract:
    """Judges exchanges. `violations` are sentences, `seen` the operations that were answered well."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.seen: set[str] = set()

    def note(self, call, answer) -> None:
        """The hook of the emulator: a request and its answer."""
        operation = find(call.verb, call.path)
        where = f"{call.verb} {call.path} -> {answer.status}"
        said = [f"{where}: {text}" for text in self._judge(operation, call, answer)]
        self.violations += [text for text in said if text not in self.violations]
        if operation is not None and answer.status < 300:
            self.seen.add(operation.name)

    def _judge(self, operation, call, answer):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if "request-id" not in headers:
            yield "header request-id is missing"
        if headers.get("dataserviceversion") != "3.0":
            yield "header DataServiceVersion is not 3.0"
        if operation is None:
            if answer.status not in (400, 401, 403, 404, 405):
                yield "an operation that does not exist was answered"
            return
        if str(answer.status) in operation.responses:
            yield from self._good(operation, call, answer, headers)
        elif answer.status == 206 and "ocp-range" in call.headers:
            if "content-range" not in headers:
                yield "header Content-Range is missing"
        elif answer.status == 304:
            if answer.body:
                yield "304 with a body"
        elif answer.status < 400:
            yield f"status is not one of {sorted(operation.responses)}"
        elif call.verb != "HEAD":
            if not isinstance(answer.body, dict):
                yield "an error without a body"
            else:
                yield from faults("#/definitions/BatchError", answer.body)
                for name in ("code", "message"):
                    if name not in answer.body:
                        yield f"an error without {name}"

    def _good(self, operation, call, answer, headers):
        yield from self._accepted(operation, call)
        response = operation.responses[str(answer.status)]
        for name in response.get("headers", {}):
            yield from self._header(operation, call, name.lower(), headers)
        reference = (response.get("schema") or {}).get("$ref")
        if reference is not None and answer.status < 300:
            if not isinstance(answer.body, dict):
                yield "the body is missing"
                return
            needs = "none" if "$select" in call.query else "all"
            yield from faults(reference, answer.body, needs)
        elif answer.body and isinstance(answer.body, dict) and answer.status < 300:
            yield "a body where the contract has none"

    def _accepted(self, operation, call):
        """What should have been refused."""
        for name, parameter in operation.query.items():
            if parameter.get("required") and name not in call.query:
                yield f"accepted without the query parameter {name}"
        for name in call.query:
            if name not in operation.query and name != "$skiptoken":
                yield f"accepted with the unknown query parameter {name}"
        version = call.query.get("api-version")
        if version not in operation.query["api-version"]["enum"]:
            yield f"accepted with api-version {version}"
        if operation.body is None:
            return
        if not call.raw:
            if operation.body.get("required"):
                yield "accepted without a body"
            return
        try:
            body = json.loads(call.raw)
        except ValueError:
            yield "accepted a body that is no JSON"
            return
        for text in faults(operation.body["schema"]["$ref"], body, "writable"):
            # Durations and times are sent in more forms than are sent back, numbers also as text; a
            # collection of tasks is answered with 200, each bad task has its own error.
            fine = re.search(r"is not a |'-?\d+' is not of type 'integer'", text)
            if operation.name != "create_task_collection" and not fine:
                yield f"accepted a body: {text}"

    def _header(self, operation, call, name, headers):
        value = headers.get(name)
        if value is None:
            wanted = name not in ("client-request-id", "content-length", "content-type")
            if name in ("etag", "last-modified", "dataserviceid"):
                # The contract names them everywhere; the service tells them of single entities.
                wanted = operation.name.startswith(("get_", "create_", "update_", "replace_")) and (
                    operation.name
                    not in ("create_task_collection", "get_job_task_counts", "get_application")
                    and name != "dataserviceid"
                    and not re.search("node|_file", operation.name)
                )
            if wanted:
                yield f"header {name} is missing"
            return
        if name in _DATES:
            try:
                parsedate_to_datetime(value)
            except ValueError:
                yield f"header {name} is no date: {value}"
        if name == "ocp-batch-file-isdirectory" and value not in ("True", "False"):
            yield f"header {name} is {value}"
