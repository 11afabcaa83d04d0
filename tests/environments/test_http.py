"""Channels over HTTP, from a real server: passwords, tokens, stored credentials, mirrors."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import threading
from pathlib import Path

import pytest

from rulekit.environments import EnvironmentStore, read_environment, read_settings
from rulekit.environments.lockfile import write_lock
from rulekit.errors import SoftwareError


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the channel below /open, /locked (user `me`, password `geheim`), /t/WORD/tokens."""

    def do_GET(self) -> None:
        self.answer(super().do_GET)

    def do_HEAD(self) -> None:
        self.answer(super().do_HEAD)

    def answer(self, give) -> None:
        right = "Basic " + base64.b64encode(b"me:geheim").decode()
        path = self.path
        if path.startswith("/locked/") and self.headers.get("Authorization") != right:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        for start in ("/open", "/locked", "/t/WORTMARKE/tokens"):
            if path.startswith(start + "/"):
                self.server.seen.append(path)  # type: ignore[attr-defined]
                self.path = path[len(start) :]
                give()
                return
        self.send_error(404)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(channel_folder):
    handler = functools.partial(Handler, directory=str(channel_folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        found.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def make(server, envs, tmp_path, monkeypatch):
    """Makes an environment from a channel of the server; nothing may hold a secret."""
    monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / "pkgs"))

    def make(channel: str) -> Path:
        path = envs.text("a.yaml", f"channels: ['{channel}']\ndependencies: [tally =1]\n")
        store = EnvironmentStore(str(tmp_path / "store"), read_settings())
        said = []
        made = store.make([path], say=said.append)[path]
        _, lock = store.lock_for(path)
        write_lock(read_environment(path), lock)
        for place in (tmp_path / "store", tmp_path / "pkgs", tmp_path / "envs"):
            for file in place.rglob("*"):
                if file.is_file() and file.name != "a.yaml":
                    data = file.read_bytes()
                    assert b"geheim" not in data and b"WORTMARKE" not in data, file
        assert "geheim" not in str(said)
        return Path(made.prefix)

    make.base = f"127.0.0.1:{server.server_address[1]}"
    return make


def test_an_open_channel(make):
    assert (make(f"http://{make.base}/open") / "bin" / "tally").exists()


def test_a_password_in_the_url(make, monkeypatch):
    monkeypatch.setenv("WORD", "geheim")
    assert (make(f"http://me:${{WORD}}@{make.base}/locked") / "bin" / "tally").exists()


def test_a_wrong_password(make, monkeypatch):
    with pytest.raises(SoftwareError) as raised:
        make(f"http://me:falschfalsch@{make.base}/locked")
    found = raised.value.diagnostics[0]
    assert found.code == "RK0525" and "falschfalsch" not in str(found)


def test_a_token(make, monkeypatch):
    monkeypatch.setenv("TOKEN", "WORTMARKE")
    assert (make(f"http://{make.base}/t/$TOKEN/tokens") / "bin" / "tally").exists()


def test_credentials_that_are_stored(make, tmp_path, monkeypatch):
    stored = tmp_path / "auth.json"
    one = {"BasicHTTP": {"username": "me", "password": "geheim"}}
    stored.write_text(json.dumps({"127.0.0.1": one}))
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(stored))
    assert (make(f"http://{make.base}/locked") / "bin" / "tally").exists()


def test_a_mirror(make, tmp_path, server):
    home = tmp_path / "home"
    settings = {"mirrored_channels": {"big": [f"http://me:geheim@{make.base}/locked"]}}
    (home / ".condarc").write_text(json.dumps(settings))
    prefix = make("big")
    assert any("/noarch/tally-1.0-0" in path for path in server.seen)
    # A lock that was made without the mirror is installed from it.
    path = tmp_path / "envs" / "a.conda-lock.yml"
    text = path.read_text().replace(f"http://{make.base}/locked", "https://conda.anaconda.org/big")
    path.write_text(text)
    again = EnvironmentStore(str(tmp_path / "again"), read_settings(frozen=True))
    source = str(tmp_path / "envs" / "a.yaml")
    assert again.make([source])[source].identity.startswith(prefix.name)


def test_a_mirror_without_password(make, tmp_path, server):
    settings = {"mirrored_channels": {"big": [f"http://{make.base}/open"]}}
    (tmp_path / "home" / ".condarc").write_text(json.dumps(settings))
    prefix = make("big")
    assert any("/noarch/tally-1.0-0" in path for path in server.seen)
    records = [json.loads(one.read_text()) for one in (prefix / "conda-meta").glob("*.json")]
    # What is written down is where it comes from, not where it was asked for.
    assert {one["url"].rpartition("/noarch/")[0] for one in records} == {
        "https://conda.anaconda.org/big"
    }
