"""Who may read a dashboard, and how."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from rulekit.dashboard.server import Dashboard
from rulekit.dashboard.state import LiveState


@pytest.fixture
def dashboard():
    found = Dashboard(LiveState("<b>title</b>"))
    found.start()
    yield found
    found.close()


def ask(dashboard, path, method="GET", host=None, token=True):
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
    if token:
        path += ("&" if "?" in path else "?") + f"token={dashboard.token}"
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{dashboard.port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def test_it_listens_on_this_machine_only(dashboard):
    assert urlsplit(dashboard.url).hostname == "127.0.0.1"
    outside = socket.gethostbyname(socket.gethostname())
    if not outside.startswith("127."):
        with pytest.raises(OSError):
            socket.create_connection((outside, dashboard.port), timeout=2)


def test_the_page(dashboard):
    status, body, headers = ask(dashboard, "/")
    assert status == 200 and b"&lt;b&gt;title" in body and b"<b>title" not in body
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers
    assert dashboard.token.encode() not in body


@pytest.mark.parametrize("path", ["/", "/state", "/works", "/events", "/nothing"])
def test_without_the_token_there_is_nothing(dashboard, path):
    assert ask(dashboard, path, token=False)[0] == 403
    assert ask(dashboard, f"{path}?token=wrong", token=False)[0] == 403
    assert ask(dashboard, f"{path}?token=", token=False)[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1", "0.0.0.0:80"])
def test_a_name_that_was_pointed_here_is_refused(dashboard, host):
    assert ask(dashboard, "/state", host=host)[0] == 403


def test_localhost_is_this_machine(dashboard):
    assert ask(dashboard, "/state", host=f"localhost:{dashboard.port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(dashboard, method):
    assert ask(dashboard, "/state", method=method)[0] == 501


def test_what_is_not_there(dashboard):
    assert ask(dashboard, "/../etc/passwd")[0] == 404
    assert json.loads(ask(dashboard, "/works?since=-1")[1]) == []
    assert json.loads(ask(dashboard, "/works?since=99999999999999999999")[1]) == []


def test_changes_are_heard_and_the_end(dashboard):
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
    connection.request("GET", f"/events?token={dashboard.token}")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")

    def news():
        while True:
            line = answer.readline()
            if line.startswith(b"data: {"):
                return json.loads(line[6:])

    assert news()["run"] == {}
    with dashboard.lock:
        dashboard.state.take(
            {"event": "RunStarted", "time": 1.0, "run": "x", "jobs": {"r": 1}, "cores": 1}
        )
    dashboard.changed()
    assert news()["total"] == 1
    dashboard.closing = True
    dashboard.changed()
    assert b"event: end" in answer.read()


def test_two_servers_have_two_tokens(dashboard):
    other = Dashboard(LiveState("other"))
    other.start()
    assert other.token != dashboard.token and len(other.token) >= 32
    other.close()
