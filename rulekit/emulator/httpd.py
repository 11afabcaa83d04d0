"""HTTP/1.1 on loopback: reads requests, keeps connections, writes answers.

Small on purpose and without `http.server`: planned faults must be able to drop a connection at
any point, and reading the headers of a request must not cost more than serving it.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import ssl
import threading
import urllib.parse

from rulekit.emulator.messages import Answer, Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # Answers a call; None: close the connection without a word.
    Handler = Callable[[Call], "Reply | None"]

_MOST_HEADERS = 200
_LONGEST_LINE = 65536
_LARGEST_BODY = 64 << 20


class Reply:
    """An answer on its way out; `cut` sends only half of it and drops the connection."""

    def __init__(self, answer: Answer, cut: bool = False) -> None:
        self.answer = answer
        self.cut = cut


_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Payload Too Large",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _line(value: str) -> str:
    """A header's value as one line: names that users gave may hold anything."""
    if value.isascii() and value.isprintable():
        return value
    return urllib.parse.quote(
        value.encode(errors="replace"), safe="!\"#$%&'()*+,/:;<=>?@[\\]^`{|} "
    )


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    timeout = 3600
    server: Httpd

    def handle(self) -> None:
        try:
            while self._serve():
                pass
        except (OSError, ValueError):
            return

    def _serve(self) -> bool:
        line = self.rfile.readline(_LONGEST_LINE + 1)
        if not line.strip():
            return False
        parts = line.decode("latin-1").rstrip("\r\n").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1"):
            self._write(Answer(400), "GET", True)
            return False
        verb, target, version = parts
        headers: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self.rfile.readline(_LONGEST_LINE + 1)
            if line in (b"\r\n", b"\n", b""):
                break
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                headers.setdefault(name.strip().lower(), value.strip())
        else:
            self._write(Answer(400), verb, True)
            return False
        keep = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        if body is None:
            self._write(Answer(413), verb, True)
            return False
        if target.startswith(("http://", "https://")):
            target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
        reply = self.server.handler(Call(verb, target, headers, body))
        if reply is None:
            return False
        self._write(reply.answer, verb, not keep, reply.cut)
        return keep and not reply.cut

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            total = 0
            while True:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
                total += size
                if total > _LARGEST_BODY:
                    return None
                chunks.append(self.rfile.read(size))
                self.rfile.readline(8)
                if size == 0:
                    return b"".join(chunks)
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= _LARGEST_BODY:
            return None
        return self.rfile.read(length)

    def _write(self, answer: Answer, verb: str, close: bool, cut: bool = False) -> None:
        body = answer.body
        headers = dict(answer.headers)
        data = b""
        length = 0
        if isinstance(body, dict):
            text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
            data = text.encode(errors="replace")  # names of files may be no Unicode
            headers.setdefault("Content-Type", "application/json; odata=minimalmetadata")
            length = len(data)
        elif isinstance(body, bytes):
            data, length = body, len(body)
        elif body is not None:
            length = body[2]
        bodiless = answer.status in (204, 304)
        if not bodiless:
            headers.setdefault("Content-Length", str(length))
        if close:
            headers["Connection"] = "close"
        head = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
        head += [f"{k}: {_line(v)}" for k, v in headers.items()]
        out = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
        if verb == "HEAD" or bodiless:
            data, body = b"", None
        if cut:
            # Half of what was promised, then silence.
            self.wfile.write(out + data[: max(1, len(data) // 2)])
            self.wfile.flush()
            return
        if isinstance(body, tuple):
            self.wfile.write(out)
            self._send_file(*body)
        else:
            self.wfile.write(out + data)
        self.wfile.flush()

    def _send_file(self, path: str, start: int, length: int) -> None:
        with open(path, "rb") as source:
            source.seek(start)
            while length > 0:
                chunk = source.read(min(length, 1 << 20))
                if not chunk:
                    raise OSError("the file became shorter")
                self.wfile.write(chunk)
                length -= len(chunk)


class Httpd(socketserver.ThreadingTCPServer):
    """The listening socket. `port` 0 takes a free one; `handler` may be called from any thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, host: str, port: int, handler: Handler, certificate: tuple[str, str] | None = None
    ) -> None:
        self.handler = handler
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((host, port), _Connection)
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="emulator-http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Accept connections in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Accept no more and drop the connections there are."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join(timeout=5)
        self.server_close()
        with self._guard:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is made by the connection's own thread, with its first read.
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""

    def server_bind(self) -> None:
        # Without the look-up of a host name that the base class of HTTP servers makes.
        if os.name == "posix":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().server_bind()
