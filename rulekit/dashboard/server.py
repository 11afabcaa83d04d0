"""Serves a page, a state and its changes: to this machine only, for reading only, with a token.

Every request must carry the token of this server (made anew each time, never on a command line) and
a `Host` that is this machine: a page of another site whose name was pointed at 127.0.0.1 has neither.
No answer says that other sites may read it.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from rulekit.pages.shell import Head, Policy, asset, page, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.dashboard.state import LiveState

HOST = "127.0.0.1"
PACE_S = 0.5  # a page hears of changes at most that often
MOST_LISTENERS = 20
_HEARTBEAT_S = 15.0
_SCRIPTS = ("core.js", "timeline.js", "dash.js")
_STYLES = ("palette.css", "base.css", "graph.css", "timeline.css", "dash.css")


class Dashboard:
    """The server of one state. Whoever changes the state holds `lock` and calls `changed`."""

    def __init__(self, state: LiveState, port: int = 0) -> None:
        """Binds the port. Raises OSError if that cannot be had."""
        self.state = state
        self.lock = threading.Lock()
        self.token = secrets.token_urlsafe(24)
        self.listeners = 0
        self.closing = False
        self._news = threading.Condition()
        self._page = _live_page(state.title).encode("utf-8", "backslashreplace")
        self._server = _Server((HOST, port), _handler(self))
        self.port: int = self._server.server_address[1]
        self.hosts = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the page is, with the token."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def start(self) -> None:
        """Serves from now on, in a thread."""
        self._thread.start()

    def changed(self) -> None:
        """Tells those who listen that there is something new."""
        with self._news:
            self._news.notify_all()

    def close(self, wait_s: float = 0.0) -> None:
        """Ends; listeners get the last state first, for which they have `wait_s` seconds."""
        self.closing = True
        self.changed()
        end = time.monotonic() + wait_s
        while self.listeners and time.monotonic() < end:
            time.sleep(0.02)
        self._server.shutdown()
        self._server.server_close()

    def wait(self, version: int, timeout: float) -> None:
        """Until the state is newer than `version`, or it ends."""
        with self._news:
            if self.state.version == version and not self.closing:
                self._news.wait(timeout)

    @property
    def page(self) -> bytes:
        """The page itself."""
        return self._page


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has gone is no news."""


def _handler(dashboard: Dashboard) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "rulekit"
        sys_version = ""
        timeout = 60

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = parse_qs(split.query)
            if self.headers.get("Host", "").lower() not in dashboard.hosts:
                self._answer(403, b"This name is not this machine.\n")
                return
            given = (query.get("token") or [""])[0]
            if not hmac.compare_digest(given.encode(), dashboard.token.encode()):
                self._answer(403, b"The address needs its token.\n")
                return
            if split.path == "/":
                self._answer(200, dashboard.page, "text/html; charset=utf-8")
            elif split.path == "/state":
                with dashboard.lock:
                    view = dashboard.state.view()
                self._json(view)
            elif split.path == "/works":
                since = (query.get("since") or ["0"])[0]
                with dashboard.lock:
                    works = dashboard.state.ended_since(int(since) if since.isdigit() else 0)
                self._json(works)
            elif split.path == "/events":
                self._events()
            else:
                self._answer(404, b"There is nothing here.\n")

        def _json(self, value: Any) -> None:
            body = json.dumps(value, separators=(",", ":")).encode()
            self._answer(200, body, "application/json")

        def _answer(
            self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8"
        ) -> None:
            self.send_response(status)
            self._headers(kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _headers(self, kind: str) -> None:
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Frame-Options", "DENY")
            self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")

        def _events(self) -> None:
            if dashboard.listeners >= MOST_LISTENERS:
                self._answer(503, b"Too many pages are open.\n")
                return
            dashboard.listeners += 1
            try:
                self.send_response(200)
                self._headers("text/event-stream; charset=utf-8")
                self.send_header("Connection", "close")
                self.end_headers()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                version = -1
                while True:
                    if version == dashboard.state.version and not dashboard.closing:
                        dashboard.wait(version, _HEARTBEAT_S)
                    last = dashboard.closing
                    with dashboard.lock:
                        view = dashboard.state.view()
                    if view["version"] == version:
                        self.wfile.write(b": still here\n\n")
                    else:
                        version = view["version"]
                        body = json.dumps(view, separators=(",", ":"))
                        self.wfile.write(f"data: {body}\n\n".encode())
                    self.wfile.flush()
                    if last:
                        self.wfile.write(b"event: end\ndata: {}\n\n")
                        return
                    time.sleep(PACE_S)
            except OSError:
                return  # the page was closed
            finally:
                dashboard.listeners -= 1
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Requests hold the token: they are written down nowhere."""

    return Handler


def _live_page(title: str) -> str:
    sections = (
        ("now", "Now"),
        ("timeline", "Timeline"),
        ("failures", "Failures"),
        ("notes", "Messages"),
    )
    links = "".join(
        f'<li><a href="#{name}"><span>{words}</span><span class="count" id="count-{name}"></span>'
        "</a></li>"
        for name, words in sections
    )
    parts = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{words}</h2>'
        f'<div id="{name}-box"></div></section>'
        for name, words in sections
    )
    body = (
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<header class="top"><div class="what"><h1>{text(title)}</h1>'
        '<p id="about">Reading …</p></div><span id="outcome" role="status"></span>'
        '<button type="button" id="keys">Keys</button><button type="button" id="theme">Theme</button>'
        f'</header><div class="frame"><nav class="side" aria-label="Sections"><ul>{links}</ul></nav>'
        f'<main id="main" tabindex="-1">{parts}</main></div>'
    )
    return page(
        Head(f"{title}: run"),
        body,
        styles=[asset(name) for name in _STYLES],
        scripts=[asset(name) for name in _SCRIPTS],
        policy=Policy(connect="'self'"),
    )
