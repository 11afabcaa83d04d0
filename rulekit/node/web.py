"""Requests over `http.client`: kept connections, proxies, repeats. Safe to use from threads.

What is secret in a request (its query, its headers) never gets into what is raised.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import threading
import time

from rulekit.frozen import frozen
from rulekit.node.trouble import Cancelled, ServiceTrouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Mapping

REPEATED = frozenset((408, 429, 500, 502, 503, 504))
PATIENCE_S = 300.0  # how long one request is tried again
_TIMEOUT_S = 60.0  # without a single byte
_NAME_PATIENCE_S = 30.0  # for a host that cannot be found
_FIRST_PAUSE_S = 0.3
_LONGEST_PAUSE_S = 20.0
_LONGEST_ASKED_S = 120.0  # of what `Retry-After` may ask for
_KEPT = 32  # idle connections to one host


@frozen
class Address:
    """Where a service listens. `path` begins every target and does not end with a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        """Host and port, where that is not the usual one."""
        usual = {"http": 80, "https": 443}[self.scheme]
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """An address from `url`. Raises ValueError; the text does not hold the query."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address of a service begins with https:// or http:// and a host")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(f"the address of `{parts.hostname}` must not hold a query or a password")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


_tls: ssl.SSLContext | None = None


def tls() -> ssl.SSLContext:
    """How this process and its forks check certificates: to read them all is much for one job."""
    global _tls
    if _tls is None:
        import ssl

        context = ssl.create_default_context()
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        if not bundle and not context.cert_store_stats()["x509_ca"]:
            try:
                import certifi  # a Python without the system's certificates

                bundle = certifi.where()
            except ImportError:
                pass
        if bundle:
            try:
                folder = os.path.isdir(bundle)
                context.load_verify_locations(
                    None if folder else bundle, bundle if folder else None
                )
            except OSError:
                pass  # the system's own are there
        _tls = context
    return _tls


@frozen
class Answer:
    """Status, headers (names in lower case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Web:
    """The connections of one order. `abort` ends all requests of all threads."""

    def __init__(self, patience_s: float = PATIENCE_S, timeout_s: float = _TIMEOUT_S) -> None:
        self.patience_s = patience_s
        self.timeout_s = timeout_s
        self.requests = 0
        self.repeats = 0
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._idle: dict[Address, list[http.client.HTTPConnection]] = {}
        self._busy: set[http.client.HTTPConnection] = set()

    # -- requests ----------------------------------------------------------------------------

    def send(
        self,
        method: str,
        address: Address,
        target: str,
        headers: Callable[[], Mapping[str, str]],
        body: bytes = b"",
        accept: Collection[int] = (200, 201, 202, 204, 206),
        what: str = "",
        repeated: Collection[int] = REPEATED,
    ) -> Answer:
        """One request until it is answered. The answer has a status of `accept`, or one that
        trying again will not change.

        `target` is path and query below `address.path`, percent-encoded. `headers` is called for
        each try. `what` names the thing in errors. Raises `ServiceTrouble` when patience ends,
        `Cancelled` after `abort`.
        """
        began = time.monotonic()
        pause = _FIRST_PAUSE_S
        while True:
            self.check()
            asked = 0.0
            patience = self.patience_s
            try:
                answer = self._once(method, address, target, headers(), body)
                if answer.status in accept or answer.status not in repeated:
                    return answer
                asked = _seconds(answer.headers.get("retry-after"))
                cause = f"it answers {answer.status}"
                code = answer.headers.get("x-ms-error-code", "")
                if code:
                    cause += f" ({code})"
                status = answer.status
            except (OSError, http.client.HTTPException) as error:
                self.check()
                _give_up_at_once(error, address, what)
                if isinstance(error, socket.gaierror):
                    patience = min(patience, _NAME_PATIENCE_S)
                cause, code, status = _words(error), "", 0
            wait = max(asked, pause * (0.5 + random.random()))  # noqa: S311  no secret
            if time.monotonic() + wait - began > patience:
                spent = time.monotonic() - began
                raise ServiceTrouble(
                    "storage",
                    f"{what or 'a request'}: `{address.name}` did not do it in {spent:.0f} s: {cause}",
                    status,
                    code,
                    passing=True,
                )
            self.repeats += 1
            self._stopped.wait(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _once(
        self, method: str, address: Address, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        while True:
            connection, used = self._take(address)
            try:
                answer = self._exchange(connection, address, method, target, headers, body)
            except (ConnectionError, http.client.BadStatusLine):
                self._drop(connection)
                # The other side may close a connection that rests, at any moment.
                if used and not self._stopped.is_set():
                    continue
                raise
            except BaseException:
                self._drop(connection)
                raise
            return answer

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        address: Address,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        self.requests += 1
        full = address.path + target
        sent = dict(headers)
        if getattr(connection, "rulekit_absolute", False):  # by a proxy, without TLS
            full = f"http://{address.name}{full}"
            sent.update(getattr(connection, "rulekit_headers", {}))
        sent["Content-Length"] = str(len(body))
        if method in ("GET", "HEAD", "DELETE"):
            del sent["Content-Length"]
        try:
            connection.request(method, full, body or None, sent)
            response = connection.getresponse()
        except (BrokenPipeError, ConnectionResetError):
            response = _early(connection, method)
        data = response.read()
        wanted = response.length
        if method != "HEAD" and wanted:
            raise http.client.IncompleteRead(data, wanted)
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close or self._stopped.is_set():
            self._drop(connection)
        else:
            self._give_back(connection, address)
        return Answer(response.status, found, data)

    # -- connections -------------------------------------------------------------------------

    def _take(self, address: Address) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            idle = self._idle.get(address)
            if idle:
                connection = idle.pop()
                self._busy.add(connection)
                return connection, True
        connection = self._connect(address)
        with self._lock:
            self._busy.add(connection)
        return connection, False

    def _connect(self, address: Address) -> http.client.HTTPConnection:
        proxy = proxy_of(address)
        host, port = (address.host, address.port) if proxy is None else proxy.place
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, port, timeout=self.timeout_s, context=tls()
            )
            if proxy is not None:
                connection.set_tunnel(address.host, address.port, headers=proxy.headers)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self.timeout_s)
            if proxy is not None:
                connection.rulekit_absolute = True  # type: ignore[attr-defined]
                connection.rulekit_headers = proxy.headers  # type: ignore[attr-defined]
        return connection

    def _give_back(self, connection: http.client.HTTPConnection, address: Address) -> None:
        with self._lock:
            self._busy.discard(connection)
            idle = self._idle.setdefault(address, [])
            if len(idle) < _KEPT:
                idle.append(connection)
                return
        connection.close()

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    # -- the end -----------------------------------------------------------------------------

    def check(self) -> None:
        """Raises `Cancelled` after `abort`."""
        if self._stopped.is_set():
            raise Cancelled

    def abort(self) -> None:
        """Every request of every thread ends as soon as it can; there are no more."""
        self._stopped.set()
        with self._lock:
            busy = list(self._busy)
        for connection in busy:
            plug = connection.sock
            if plug is not None:
                try:
                    plug.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self) -> None:
        """Closes the connections that rest."""
        with self._lock:
            idle = [connection for found in self._idle.values() for connection in found]
            self._idle.clear()
        for connection in idle:
            connection.close()


def _early(connection: http.client.HTTPConnection, method: str) -> http.client.HTTPResponse:
    """The answer of a server that has refused a body without reading all of it. To be called while
    that error is handled: it is raised again if there is no answer."""
    plug = connection.sock
    if plug is None:
        raise  # noqa: PLE0704  the error that is handled
    response = connection.response_class(plug, method=method)
    try:
        response.begin()
        response.will_close = True
        return response
    except (OSError, http.client.HTTPException):
        pass
    raise  # noqa: PLE0704


class Proxy:
    """A proxy: its host and port, and headers it wants to see, which may hold a password."""

    __slots__ = ("headers", "place")

    def __init__(self, place: tuple[str, int], headers: Mapping[str, str]) -> None:
        self.place = place
        self.headers = headers


def proxy_of(address: Address, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy for an address by the usual variables; this machine and the metadata service of
    a cloud's machines (169.254.169.254) are always spoken to directly."""
    names = os.environ if environment is None else environment

    def value(name: str) -> str:
        return names.get(name) or names.get(name.upper()) or ""

    given = value(f"{address.scheme}_proxy") or value("all_proxy")
    host = address.host.lower()
    if not given or host == "localhost" or host.startswith(("127.", "169.254.")) or host == "::1":
        return None
    for given_item in value("no_proxy").split(","):
        item = given_item.strip().lower().partition(":")[0]
        if item == "*":
            return None
        item = item.lstrip("*").lstrip(".")
        if item and (host == item or host.endswith("." + item)):
            return None
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(given if "://" in given else f"http://{given}")
    if not parts.hostname:
        return None
    headers = {}
    if parts.username:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return Proxy((parts.hostname, parts.port or 80), headers)


def _seconds(text: str | None) -> float:
    try:
        return min(max(0.0, float(text or 0)), _LONGEST_ASKED_S)
    except ValueError:
        return 0.0


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "it breaks off in the middle of an answer"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return "it does not speak HTTP as expected: " + type(error).__name__


def _give_up_at_once(error: BaseException, address: Address, what: str) -> None:
    """Trying again does not change a certificate or a request that cannot be written."""
    if type(error).__name__ == "SSLCertVerificationError":
        detail = getattr(error, "verify_message", "") or "it cannot be verified"
        raise ServiceTrouble(
            "storage", f"{what}: the certificate of `{address.name}` is refused: {detail}", 0, ""
        ) from None
    if isinstance(error, http.client.InvalidURL):
        raise ServiceTrouble("storage", f"{what}: this name cannot be asked for", 0, "") from None
