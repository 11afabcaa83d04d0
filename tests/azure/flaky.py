"""A proxy that fails on purpose: it stands before a real server and spoils some of the requests.

    with Flaky(azurite.host, rate=0.05, seed=1) as flaky:
        url = azurite.url.replace(azurite.host, flaky.host)

Each spoilt request gets one of the `kinds`: ``429`` and ``503`` and ``500`` (an answer without asking
the server), ``drop`` (the connection closed without an answer), ``lost`` (the server did it, and its
answer is dropped), ``500-after`` (the server did it, and an error is said), ``cut`` (half of the
answer). Signatures hold: Azurite takes the account from the path, and keys do not sign the host.
"""

from __future__ import annotations

import http.client
import random
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEFORE = ("429", "500", "503", "drop")
AFTER = ("lost", "500-after", "cut")
KINDS = (*BEFORE, *AFTER)


class Flaky:
    """`spoilt` counts what was done to whom: (kind, method, path). `asked` counts all requests.

    `rate`: the share of requests that are spoilt. `chosen(method, path)` gives the kind for a
    request, or None, in place of chance.
    """

    def __init__(
        self,
        upstream: str,
        rate: float = 0.05,
        seed: int = 0,
        kinds: tuple[str, ...] = KINDS,
        chosen: Callable[[str, str], str | None] | None = None,
        retry_after_s: int = 0,
    ) -> None:
        self.upstream = upstream
        self.rate = rate
        self.kinds = kinds
        self.chosen = chosen
        self.retry_after_s = retry_after_s
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.asked = 0
        self.spoilt: list[tuple[str, str, str]] = []
        owner = self

        class Handler(_Handler):
            flaky = owner

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self.thread.start()

    def __enter__(self) -> Flaky:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def choose(self, method: str, path: str) -> str | None:
        with self.lock:
            self.asked += 1
            if self.chosen is not None:
                kind = self.chosen(method, path)
            else:
                kind = self.random.choice(self.kinds) if self.random.random() < self.rate else None
            if kind is not None:
                self.spoilt.append((kind, method, path))
            return kind


class _Handler(BaseHTTPRequestHandler):
    flaky: Flaky
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    return b"".join(parts)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _pass_on(self) -> None:
        body = self._body()
        kind = self.flaky.choose(self.command, self.path)
        if kind == "drop":
            self._hang_up()
            return
        if kind in ("429", "500", "503"):
            self._say(int(kind))
            return
        try:
            status, headers, content = self._ask(body)
        except OSError:
            self._hang_up()
            return
        if kind == "lost":
            self._hang_up()
            return
        if kind == "500-after":
            self._say(500)
            return
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in (
                "transfer-encoding",
                "connection",
                "keep-alive",
                "content-length",
            ):
                self.send_header(name, value)
        if self.command == "HEAD" or status in (204, 304):
            length = next((v for n, v in headers if n.lower() == "content-length"), None)
            if length is not None:
                self.send_header("Content-Length", length)
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(content[: len(content) // 2])
            self._hang_up()
        elif self.command != "HEAD":
            self.wfile.write(content)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.flaky.upstream, timeout=60)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in (
                    "transfer-encoding",
                    "content-length",
                    "connection",
                    "expect",
                ):
                    connection.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _say(self, status: int) -> None:
        codes = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}
        content = (
            f"<?xml version='1.0'?><Error><Code>{codes[status]}</Code>"
            "<Message>spoilt on purpose</Message></Error>"
        ).encode()
        self.send_response_only(status)
        self.send_header("x-ms-error-code", codes[status])
        self.send_header("Content-Type", "application/xml")
        if status != 500:
            self.send_header("Retry-After", str(self.flaky.retry_after_s))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _pass_on
