"""The Batch service, asked through the real SDK, with retries of our own.

The SDK's retries are off: it does not repeat a request whose connection dropped, and its waits
are too long for a driver. Every creation here has a name of ours, so a repeated request that
finds its work done is a success; `call` leaves that judgement to its caller by the code of the
`ServiceError`.
"""

from __future__ import annotations

import os
import random
import time

from rulekit.errors import InfrastructureError
from rulekit.storage.azblob.masking import masked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.veil import Veil

    _T = TypeVar("_T")

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
# Codes that a repetition cannot mend although their status says so.
_FINAL = frozenset({"PoolBeingResized", "NotImplemented"})
_PAUSE_MOST_S = 60.0


class ServiceError(InfrastructureError):
    """What the service refused. `name` is its code (``PoolExists``), `status` that of HTTP."""

    def __init__(
        self,
        message: str,
        *,
        name: str,
        status: int,
        code: str,
        help: str | None = None,  # noqa: A002  the word users read
        notes: tuple[str, ...] = (),
        values: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, code=code, help=help, notes=notes)
        self.name = name
        self.status = status
        self.values = values


class BatchService:
    """One account. Safe to use in several threads.

    `requests` counts what was sent. The connection is made with the first request.
    """

    def __init__(
        self,
        settings: AzureSettings,
        *,
        deadline_s: float = 600.0,
        first_pause_s: float = 0.5,
        credential: Any = None,
    ) -> None:
        """`deadline_s`: how long one request is repeated. `credential`: in place of the key or
        of the default identity."""
        self.settings = settings
        self.requests = 0
        self.repeated = 0
        self._secrets = settings.secrets()
        self._veil: Veil | None = None
        self._deadline = deadline_s
        self._first = first_pause_s
        self._credential = credential
        self._client: Any = None

    def masked(self, text: str) -> str:
        """`text` without keys and signatures, and what `hide` was told of."""
        text = masked(text, self._secrets)
        return text if self._veil is None else self._veil(text)

    def hide(self, values: Iterable[str]) -> None:
        """Values that no text of this run may show, such as those of `--envvars`."""
        from rulekit.model.veil import Veil, secrets_among

        found = secrets_among(values, os.path.exists)
        self._veil = Veil(found) if found else None

    def hurry(self, deadline_s: float) -> None:
        """From now on a request is repeated for so long only: the run is over."""
        self._deadline = min(self._deadline, deadline_s)

    # --- requests -------------------------------------------------------------------------

    def call(self, operation: str, *args: Any, **options: Any) -> Any:
        """Call an operation of the SDK's client by its name, as often as it takes.

        Raises ServiceError.
        """
        return self._often(operation, lambda: getattr(self.sdk, operation)(*args, **options))

    def attempt(self, operation: str, once: Callable[[], _T]) -> _T:
        """`once()` as often as it takes; `operation` names it. Raises ServiceError."""
        return self._often(operation, once)

    def each(self, operation: str, *args: Any, **options: Any) -> Iterator[Any]:
        """The items of a list, page by page; a page that fails is asked for again.

        Raises ServiceError.
        """
        token: str | None = None
        while True:
            items, token = self._often(operation, self._page(operation, args, options, token))
            yield from items
            if not token:
                return

    def _page(
        self, operation: str, args: Any, options: Any, token: str | None
    ) -> Callable[[], tuple[list[Any], str | None]]:
        def page() -> tuple[list[Any], str | None]:
            pages = getattr(self.sdk, operation)(*args, **options).by_page(token)
            try:
                items = list(next(pages))
            except StopIteration:
                return [], None
            return items, pages.continuation_token

        return page

    def raw(self, path: str, query: dict[str, str]) -> Any:
        """GET a resource as plain JSON: the SDK's records cost more than all else in a long list.

        Raises ServiceError.
        """
        return self._often("get", lambda: self._request("GET", path, query, None))

    def send(self, operation: str, verb: str, path: str, body: Any = None) -> None:
        """A request whose work the service does later (deletions and the like), without the
        SDK's poller, which would ask again and again in a thread of its own.

        Raises ServiceError.
        """
        self._often(operation, lambda: self._request(verb, path, {}, body))

    def _request(self, verb: str, path: str, query: dict[str, str], body: Any) -> Any:
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        # Through the SDK's client, so that its signature and its version are used.
        own = path.startswith("/")
        version = self.sdk._config.api_version
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json; odata=minimalmetadata"
        request = HttpRequest(
            verb,
            "{endpoint}" + path if own else path,
            params={"api-version": version, **query} if own else None,
            headers=headers,
            json=body,
        )
        response = self.sdk.send_request(request)
        if response.status_code not in (200, 202, 204):
            raise HttpResponseError(response=response)
        return response.json() if verb == "GET" else None

    def rows(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The items of a list as plain JSON, all pages. Raises ServiceError."""
        body = self.raw(path, query)
        while True:
            yield from body.get("value", ())
            following = body.get("odata.nextLink")
            if not following:
                return
            body = self.raw(following, {})

    def _often(self, operation: str, once: Callable[[], _T]) -> _T:
        from azure.core.exceptions import (
            AzureError,
            ClientAuthenticationError,
            HttpResponseError,
        )

        until = time.monotonic() + self._deadline
        pause = self._first
        while True:
            self.requests += 1
            wait: float | None = None
            status = 0
            try:
                return once()
            except HttpResponseError as error:
                status = error.status_code or 0
                name, text, _ = facts_of(error)
                # A body cut short has the status of a success.
                again = status in _AGAIN or status < 300
                if not again or name in _FINAL or isinstance(error, ClientAuthenticationError):
                    raise self._refused(operation, error) from None
                wait = _asked_pause(error)
                last = f"{name or status}: {text}"
            except AzureError as error:
                if _is_login(error):
                    raise self._no_login(error) from None
                last = str(error)
            except (ValueError, EOFError, ConnectionError) as error:
                if isinstance(error, ValueError) and "JSON" not in type(error).__name__:
                    raise
                last = f"an answer cut short ({error})"
            now = time.monotonic()
            delay = pause * random.uniform(0.6, 1.4) if wait is None else wait  # noqa: S311
            until = min(until, now + self._deadline)  # it may have been made shorter
            if now + delay > until:
                raise self._unreachable(operation, last, status)
            self.repeated += 1
            pause = min(pause * 2, _PAUSE_MOST_S)
            time.sleep(delay)

    # --- errors ---------------------------------------------------------------------------

    def _refused(self, operation: str, error: Any) -> ServiceError:
        from rulekit.executors.azure.remedies import remedy

        name, text, values = facts_of(error)
        status = error.status_code or 0
        code, help_ = remedy(name, status)
        where = operation.replace("begin_", "").replace("_", " ")
        notes = tuple(f"{key}: {self.masked(value)}" for key, value in values)
        reason = self.masked(text or error.reason or "no reason given")
        return ServiceError(
            f"Azure Batch refused to {where}: {name or status}: {reason}",
            name=name,
            status=status,
            code=code,
            help=help_,
            notes=notes,
            values=tuple(values),
        )

    def _unreachable(self, operation: str, last: str, status: int) -> ServiceError:
        url = self.settings.account_url
        where = operation.replace("begin_", "").replace("_", " ")
        return ServiceError(
            f"the Batch account {url} does not answer ({where}): {self.masked(last)}",
            name="Unreachable",
            status=status,
            code="RK0612",
            help="check the address, the network and the service's health, then run again:"
            " what is done is kept",
        )

    def _no_login(self, error: BaseException) -> ServiceError:
        first = self.masked(str(error)).strip().partition("\n")[0]
        return ServiceError(
            f"no login for the Batch account: {first}",
            name="NoLogin",
            status=401,
            code="RK0612",
            help="`az login`, or set AZ_BATCH_ACCOUNT_KEY, or AZURE_CLIENT_ID, AZURE_TENANT_ID and"
            " AZURE_CLIENT_SECRET",
        )

    # --- the connection -------------------------------------------------------------------

    @property
    def sdk(self) -> Any:
        """The SDK's client. Raises InfrastructureError if the SDK is not installed."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Any:
        try:
            from azure.batch import BatchClient
            from azure.core.credentials import AzureNamedKeyCredential
        except ImportError as error:
            raise InfrastructureError(
                f"the packages for Azure Batch are not installed: {error}",
                code="RK0621",
                help="pip install 'azure-batch>=15,<16' azure-identity azure-storage-blob",
            ) from None
        import logging

        # It logs a traceback for each error without a body.
        logging.getLogger("azure.batch._utils.model_base").setLevel(logging.CRITICAL)
        settings = self.settings
        options: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": 20,
            "read_timeout": 60,
            "logging_enable": False,
            "user_agent": "rulekit",
        }
        credential = self._credential
        if credential is None and settings.account_key is not None:
            key = settings.account_key.reveal()
            _check_key(key)
            credential = AzureNamedKeyCredential(settings.account_name, key)
        elif credential is None:
            from azure.identity import DefaultAzureCredential

            chosen = settings.identity_client_id
            more = {"managed_identity_client_id": chosen} if chosen else {}
            credential = DefaultAzureCredential(**more)
        if settings.credential_scope:
            options["credential_scopes"] = [settings.credential_scope]
        return BatchClient(settings.account_url, credential, **options)

    def close(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def facts_of(error: Any) -> tuple[str, str, list[tuple[str, str]]]:
    """Code, text (with the request's id) and values of an error of azure-core."""
    body: Any = None
    try:
        response = error.response
        body = response.json() if response is not None else None
    except Exception:
        # Not read yet (a stream), empty, or no JSON: all of it is possible here.
        try:
            response.read()
            body = response.json()
        except Exception:
            body = None
    if not isinstance(body, dict):
        inner = getattr(error, "error", None)
        return (getattr(inner, "code", None) or "", str(getattr(error, "message", error)), [])
    message = body.get("message")
    text = message.get("value", "") if isinstance(message, dict) else str(message or "")
    first, _, rest = text.partition("\n")
    for line in rest.splitlines():
        if line.startswith("RequestId:"):
            first = f"{first} ({line})"
    values = [(str(v.get("key")), str(v.get("value"))) for v in body.get("values") or ()]
    return str(body.get("code") or ""), first, values


def _asked_pause(error: Any) -> float | None:
    """Seconds of Retry-After, if the service asks for a pause."""
    headers = getattr(error.response, "headers", None) or {}
    text = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return min(max(float(text), 0.0), 2 * _PAUSE_MOST_S) if text else None
    except ValueError:
        return None


def _is_login(error: BaseException) -> bool:
    from azure.core.exceptions import ClientAuthenticationError

    return isinstance(error, ClientAuthenticationError) or "non-TLS" in str(error)


def _check_key(key: str) -> None:
    import base64
    import binascii

    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise InfrastructureError(
            "AZ_BATCH_ACCOUNT_KEY is not the key of a Batch account: it is no base64 text",
            code="RK0611",
            help="copy it again: `az batch account keys list` shows it",
        ) from None
