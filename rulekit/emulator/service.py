"""From a request to an answer: authentication, version, shape, the operation, the headers."""

from __future__ import annotations

import re
import time
import traceback

from rulekit.emulator import auth, contract, neighbours, routes
from rulekit.emulator.api_tasks import LARGEST_BODY
from rulekit.emulator.formats import http_date, new_guid
from rulekit.emulator.httpd import Reply
from rulekit.emulator.ledger import RequestEntry
from rulekit.emulator.messages import Answer, Call
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.emulator.faults import Fault
    from rulekit.emulator.state import World

CONTROL = "_emulator"
_POSITIVE = re.compile("0*[1-9][0-9]*")
# Versions before ours that older clients (azure-cli, azure-batch 14) ask for. Answers are those of
# our version: what these clients read has the same names. What they may still send is ignored.
_DROPPED = frozenset(
    {
        "authenticationTokenSettings",
        "certificateReferences",
        "currentNodeCommunicationMode",
        "resourceTags",
        "targetNodeCommunicationMode",
    }
)
OLDER = frozenset({"2023-05-01.17.0", "2023-11-01.18.0", "2024-02-01.19.0", "2024-07-01.20.0"})


class Service:
    """Answers requests for one world. `control` answers addresses below `/_emulator`."""

    def __init__(
        self,
        world: World,
        accounts: Mapping[str, str],
        control: Callable[[Call], Answer] | None = None,
    ) -> None:
        self._world = world
        self._accounts = dict(accounts)
        self._control = control
        self.skew_s = 0.0
        # Answers that a planned fault may give again, by address.
        self._before: dict[str, tuple[float, Answer]] = {}
        # Called with every request and its answer, outside the lock; for tests.
        self.on_exchange: Callable[[Call, Answer], None] | None = None

    def handle(self, call: Call) -> Reply | None:
        """The reply to a request; None drops the connection."""
        world = self._world
        scheme = "https" if world.url.startswith("https") else "http"
        host = call.headers.get("host")
        call.base = f"{scheme}://{host}" if host else world.url
        call.request_id = new_guid()
        if call.segments and call.segments[0] == CONTROL:
            if self._control is None:
                return Reply(Answer(404))
            return Reply(self._control(call))
        neighbour = neighbours.answer(world, call)
        if neighbour is not None:
            return Reply(neighbour)
        fault: Fault | None = None
        code = ""
        try:
            operation, call.params = contract.find(call.verb, call.segments)
            call.operation = operation.name
        except Problem as problem:
            answer, code = self._failed(call, problem)
            # A stranger does not learn what there is.
            try:
                self._authenticate(call)
            except Problem as refused:
                answer, code = self._failed(call, refused)
        else:
            fault = world.faults.request(call.verb, call.path, call.operation)
            answer, code = self._planned(call, operation, fault)
        self._finish(call, answer)
        if self.on_exchange is not None:
            self.on_exchange(call, answer)
        kind = fault.kind if fault is not None else ""
        world.ledger.request(
            RequestEntry(
                world.clock.now(),
                call.verb,
                call.path,
                call.query_text,
                call.operation,
                answer.status,
                code,
                call.request_id,
                call.headers.get("user-agent", ""),
                len(call.raw),
                kind,
            )
        )
        if kind in ("drop", "drop-after"):
            return None
        return Reply(answer, cut=kind == "half")

    def _planned(
        self, call: Call, operation: contract.Operation, fault: Fault | None
    ) -> tuple[Answer, str]:
        if fault is None:
            return self._answer(call, operation)
        plan = fault.plan
        if fault.kind == "slow":
            time.sleep(float(plan.get("seconds", 1.0)))
        if fault.kind in ("status", "drop"):
            return self._failed(call, self._problem(plan, 503))
        if fault.kind == "expired-link":
            if "$skiptoken" in call.query:
                values = {"QueryParameterName": "$skiptoken"}
                return self._failed(call, Problem("InvalidQueryParameterValue", values=values))
            return self._answer(call, operation)
        if fault.kind == "stale" and call.verb == "GET":
            old = self._before.get(call.target)
            if old is not None and time.monotonic() - old[0] < float(plan.get("seconds", 60.0)):
                return Answer(old[1].status, old[1].body, dict(old[1].headers)), ""
        answer, code = self._answer(call, operation)
        if fault.kind == "stale" and answer.status == 200:
            self._before[call.target] = (time.monotonic(), answer)
        if fault.kind == "after":
            return self._failed(call, self._problem(plan, 500))
        return answer, code

    def _problem(self, plan: dict[str, object], usual: int) -> Problem:
        status = int(str(plan.get("status", usual)))
        named = {
            401: "AuthenticationFailed",
            403: "AuthenticationFailed",
            404: "ResourceNotFound",
            429: "TooManyRequests",
            500: "InternalError",
            503: "ServerBusy",
        }
        code = str(plan.get("code") or named.get(status, "InternalError"))
        headers = {}
        if plan.get("retry_after") is not None:
            headers["Retry-After"] = str(plan["retry_after"])
        return Problem(code, str(plan.get("message") or ""), status=status, headers=headers)

    def _authenticate(self, call: Call) -> None:
        settings = self._world.settings
        if not settings.verify:
            call.account = next(iter(self._accounts))
            return
        call.account = auth.check(call, self._accounts, settings.auth, self.skew_s)

    def _answer(self, call: Call, operation: contract.Operation) -> tuple[Answer, str]:
        world = self._world
        try:
            self._authenticate(call)
            self._check_query(call, operation)
            self._check_body(call, operation)
            handler = routes.HANDLERS[operation.name]
            if operation.name in routes.UNLOCKED:
                return handler(world, call), ""
            with world.lock:
                return handler(world, call), ""
        except Problem as problem:
            return self._failed(call, problem)
        except Exception:
            world.clock.errors.append(traceback.format_exc())
            return self._failed(call, Problem("InternalError"))

    def _check_query(self, call: Call, operation: contract.Operation) -> None:
        version = call.query.get("api-version")
        if not version:
            raise Problem(
                "MissingRequiredQueryParameter",
                "A query parameter that's mandatory for this request is not specified.",
                {"QueryParameterName": "api-version"},
            )
        if version != contract.version() and version not in OLDER:
            raise Problem(
                "UnsupportedRequestVersion",
                "The specified api version is not supported.",
                {
                    "QueryParameterName": "api-version",
                    "QueryParameterValue": version,
                    "Reason": f"This service knows {contract.version()}.",
                },
            )
        for name in call.query:
            known = name in operation.query or name in ("api-version", "$skiptoken")
            if not known and name.lower() not in ("timeout",):
                raise Problem("UnsupportedQueryParameter", values={"QueryParameterName": name})
        timeout = call.query.get("timeout") or call.query.get("timeOut")
        # More than 30 s is not an error: the service then takes its default.
        if timeout is not None and not _POSITIVE.fullmatch(timeout):
            raise Problem(
                "InvalidQueryParameterValue",
                values={"QueryParameterName": "timeout", "QueryParameterValue": timeout},
            )

    def _check_body(self, call: Call, operation: contract.Operation) -> None:
        if len(call.raw) > LARGEST_BODY:
            raise Problem(
                "RequestBodyTooLarge",
                "The request body is too large and exceeds the maximum permissible limit.",
                {"MaxLimit": str(LARGEST_BODY)},
            )
        if operation.body is None:
            return
        if call.raw:
            kind, _, rest = call.headers.get("content-type", "").partition(";")
            fine = kind.strip().lower() == "application/json" and "odata=" in rest.replace(" ", "")
            if not fine:
                raise Problem(
                    "InvalidHeaderValue",
                    "The value for one of the HTTP headers is not in the correct format.",
                    {"HeaderName": "Content-Type", "HeaderValue": f"{kind};{rest}"[:200]},
                )
        call.parse_body(operation.body_required)
        if call.query["api-version"] in OLDER:
            call.json = _without(call.json, _DROPPED)
        if operation.name == "create_task_collection":
            # The tasks are looked at one by one: a bad one fails alone.
            items = call.json.get("value")
            if not isinstance(items, list) or set(call.json) != {"value"}:
                contract.check(call.json, operation.body)
                raise Problem("InvalidRequestBody")
            return
        if call.raw or operation.body_required:
            contract.check(call.json, operation.body)

    def _failed(self, call: Call, problem: Problem) -> tuple[Answer, str]:
        headers = dict(problem.headers)
        headers["DataServiceVersion"] = "3.0"
        body = problem.body(call.request_id, self._world.clock.now(), call.base)
        plain = problem.status == 304
        return Answer(problem.status, None if plain else body, headers), problem.code

    def _finish(self, call: Call, answer: Answer) -> None:
        headers = answer.headers
        headers["Date"] = http_date(time.time())
        headers["Server"] = "rulekit-emulator"
        headers["request-id"] = call.request_id
        headers["DataServiceVersion"] = "3.0"
        client = call.headers.get("client-request-id")
        if client and call.headers.get("return-client-request-id", "").lower() == "true":
            headers["client-request-id"] = client[:256]
        if answer.status < 300 and call.operation.startswith(
            ("enable_", "disable_", "terminate_", "reactivate_", "resize_", "stop_")
        ):
            headers.setdefault("DataServiceId", f"{call.base}{call.path}")


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, names) for name, item in value.items() if name not in names}
    if isinstance(value, list):
        return [_without(item, names) for item in value]
    return value
