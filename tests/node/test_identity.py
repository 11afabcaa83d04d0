"""Tokens of the machine's identity: a metadata service on loopback, the storage by TLS."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from azurite import Azurite

from rulekit.node.blob import Account
from rulekit.node.identity import Tokens
from rulekit.node.trouble import ServiceTrouble
from rulekit.node.web import Web


def token(seconds=3600, audience="https://storage.azure.com"):
    """Of the form that the emulator checks; nobody signs it."""
    now = int(time.time())
    issuer = "https://sts.windows.net/00000000-0000-0000-0000-000000000001/"
    parts = (
        {"alg": "RS256", "typ": "JWT"},
        {"aud": audience, "iss": issuer, "iat": now - 60, "nbf": now - 60, "exp": now + seconds},
    )
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*texts, b"signature"]).decode()


class Metadata:
    """Gives tokens as the service of a machine does; `answers` come first."""

    def __init__(self):
        owner = self
        self.asked = []
        self.answers = []
        self.seconds = 3600

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                parts = urlsplit(self.path)
                owner.asked.append((parts.path, parse_qs(parts.query), self.headers["Metadata"]))
                status, said = owner.answers.pop(0) if owner.answers else (200, None)
                if said is None:
                    said = {"access_token": token(), "expires_in": str(owner.seconds)}
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()


@pytest.fixture
def metadata(monkeypatch):
    made = Metadata()
    monkeypatch.setenv("RULEKIT_IMDS", made.url)
    monkeypatch.setattr("rulekit.node.web._FIRST_PAUSE_S", 0.01)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_token_is_asked_for_once_and_renewed_before_its_end(metadata):
    tokens = Tokens("client-1", Web(5))
    first = tokens.token()
    assert tokens.token() == first
    ((path, query, header),) = metadata.asked
    assert path == "/metadata/identity/oauth2/token"
    assert query == {
        "api-version": ["2018-02-01"],
        "resource": ["https://storage.azure.com/"],
        "client_id": ["client-1"],
    }
    assert header == "true"
    tokens.forget("another")
    tokens.token()
    assert len(metadata.asked) == 1
    tokens.forget(first)
    tokens.token()
    assert len(metadata.asked) == 2


def test_a_service_that_is_late_is_asked_again(metadata):
    metadata.answers = [(404, {}), (429, {}), (410, {}), (500, {})]
    assert Tokens(None, Web(5)).token()
    assert len(metadata.asked) == 5


def test_a_refusal_is_told_in_its_own_words(metadata):
    metadata.answers = [
        (400, {"error": "invalid_request", "error_description": "Identity not found"})
    ]
    with pytest.raises(ServiceTrouble, match="Identity not found") as refused:
        Tokens("client-2", Web(5)).token()
    assert refused.value.problem == "access"


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """The server by TLS, which takes tokens."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:devstoreaccount1.example",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    made = Azurite("--oauth", "basic", "--cert", certificate, "--key", key, scheme="https")
    yield made, certificate
    made.close()


def test_blobs_by_the_identity_and_tls(secure, metadata, monkeypatch):
    server, certificate = secure
    with pytest.raises(ServiceTrouble, match=r"the certificate of .* is refused"):
        Account(server.url, "identity", None, None, Web(5)).head("c", "n")
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    monkeypatch.setattr("rulekit.node.web._tls", None)
    web = Web(10)
    name = "c" + str(int(time.time()))
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(server.url, server.key, connection_verify=certificate) as client:
        client.create_container(name)
    account = Account(server.url, "identity", None, "client-1", web)
    account.put(name, "x", b"data")
    assert account.read(name, "x", 0, 100)[0] == b"data"
    assert len(metadata.asked) == 2  # one of the refused certificate
    wrong = {"access_token": token(audience="https://else.where"), "expires_in": "3600"}
    metadata.answers = [(200, wrong), (200, wrong)]
    refused = Account(server.url, "identity", None, None, web)
    with pytest.raises(ServiceTrouble, match="lacks a role"):
        refused.head(name, "x")


class Tunnel:
    """A proxy that knows CONNECT only, wants a password, and leads everything to one server."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.heads = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                plug, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plug,), daemon=True).start()

    def serve(self, plug):
        head = b""
        while b"\r\n\r\n" not in head:
            head += plug.recv(1000)
        self.heads.append(head.decode())
        if b"Proxy-Authorization: Basic dXNlcjp3b3Jk" not in head:
            plug.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            plug.close()
            return
        host, port = self.upstream.split(":")
        other = socket.create_connection((host, int(port)))
        plug.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        back = threading.Thread(target=self.pump, args=(other, plug), daemon=True)
        back.start()
        self.pump(plug, other)

    def pump(self, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_tls_goes_through_a_proxy(secure, monkeypatch):
    server, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    monkeypatch.setattr("rulekit.node.web._tls", None)
    from azure.storage.blob import BlobServiceClient

    name = "p" + str(int(time.time()))
    with BlobServiceClient(server.url, server.key, connection_verify=certificate) as client:
        client.create_container(name)
    tunnel = Tunnel(server.host)
    try:
        url = "https://devstoreaccount1.example"  # the account is in the name, as with the real service
        account = Account(url, "sas", server.account_sas(), None, Web(5))
        monkeypatch.setenv("https_proxy", f"http://user:word@{tunnel.host}")
        account.put(name, "x", b"data")
        assert account.read(name, "x", 0, 10)[0] == b"data"
        (head,) = tunnel.heads
        assert head.startswith("CONNECT devstoreaccount1.example:443")
        assert "sig=" not in head
        monkeypatch.setenv("https_proxy", f"http://{tunnel.host}")
        refused = Account(url, "sas", server.account_sas(), None, Web(0.2))
        with pytest.raises(ServiceTrouble, match="407"):
            refused.head(name, "x")
    finally:
        tunnel.server.close()
