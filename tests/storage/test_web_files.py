"""Inputs on web servers, with a real one: fetched for jobs, kept, asked about once a run."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
from email.utils import formatdate
from pathlib import Path

import pytest

RULES = """
from snakemake.remote.HTTP import RemoteProvider as HTTPRemoteProvider
HTTP = HTTPRemoteProvider()

rule all:
    input: "a.out", "b.out"

rule seven:
    input: HTTP.remote("HOST/data/{x}.txt", insecure=True, keep_local=True)
    output: "{x}.out"
    wildcard_constraints: x="a"
    resources: size=lambda wc, input: int(input.size)
    shell: "cat {input} > {output}; echo {resources.size} >> {output}"

rule nine:
    input: storage.http("http://HOST/data/{x}.txt?version=2")
    output: "{x}.out"
    wildcard_constraints: x="b"
    shell: "cat {input:q} > {output}"
"""


class Server(http.server.ThreadingHTTPServer):
    """Files from a dict: path to (content, time); `asked` is what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[bytes, int | None]] = {}
        self.asked: list[tuple[str, str]] = []
        self.heads = True
        self.short = False

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def _answer(self, body: bool) -> None:
        server = self.server
        server.asked.append((self.command, self.path))
        found = server.files.get(self.path)
        if not body and not server.heads:
            self.send_error(405)
            return
        if found is None:
            self.send_error(404)
            return
        content, time = found
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if time is not None:
            self.send_header("Last-Modified", formatdate(time, usegmt=True))
        self.end_headers()
        if body:
            self.wfile.write(content[:-1] if server.short else content)

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    made.files = {
        "/data/a.txt": (b"one\n", 1_600_000_000),
        "/data/b.txt?version=2": (b"two\n", None),
    }
    yield made
    made.shutdown()
    made.server_close()


def run(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", "--cores", "2", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def project(folder: Path, server: Server, text: str = RULES) -> Path:
    (folder / "Snakefile").write_text(text.replace("HOST", server.host))
    return folder


@contextlib.contextmanager
def gone(server: Server):
    """Nobody answers at the server's address, and nobody else gets it meanwhile."""
    server.shutdown()
    server.server_close()
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(server.server_address)
        yield


def copies(folder: Path) -> list[str]:
    found = (folder / ".rulekit" / "storage" / "web").rglob("*.txt*")
    return sorted(path.name for path in found if path.is_file())


@pytest.mark.parametrize("heads", [True, False])
def test_fetched_once_and_kept(tmp_path: Path, server: Server, heads: bool) -> None:
    server.heads = heads
    folder = project(tmp_path, server)
    run(folder, "-n")
    assert not copies(folder) or server.heads is False
    run(folder)
    assert (folder / "a.out").read_text() == "one\n4\n"
    assert (folder / "b.out").read_text() == "two\n"
    server.asked.clear()
    assert "Nothing to be done" in run(folder).stderr
    if heads:
        assert {method for method, _ in server.asked} <= {"HEAD"}
        assert len(server.asked) == len(set(server.asked))


def test_a_newer_file_makes_its_results_stale(tmp_path: Path, server: Server) -> None:
    folder = project(tmp_path, server)
    run(folder)
    server.files["/data/a.txt"] = (b"newer\n", 4_000_000_000)
    run(folder)
    assert (folder / "a.out").read_text() == "newer\n6\n"
    # Outputs are older than that file will ever be; what matters is that the copy is the new one.
    assert copies(folder) == [".a.txt.rulekit-web", ".b.txt?version=2.rulekit-web", "a.txt",
                              "b.txt?version=2"]  # fmt: skip


def test_without_the_server_copies_do(tmp_path: Path, server: Server) -> None:
    folder = project(tmp_path, server)
    run(folder)
    (folder / "a.out").unlink()
    with gone(server):
        assert "its copy of earlier is used" in run(folder).stderr
    assert (folder / "a.out").read_text() == "one\n4\n"


def test_neither_server_nor_copy(tmp_path: Path, server: Server) -> None:
    folder = project(tmp_path, server)
    with gone(server):
        assert "RK0464" in run(folder, "-n", code=6).stderr


def test_a_file_that_is_not_there_is_a_missing_input(tmp_path: Path, server: Server) -> None:
    folder = project(tmp_path, server)
    del server.files["/data/a.txt"]
    assert "RK0402" in run(folder, "-n", code=4).stderr


def test_half_a_file_is_no_file(tmp_path: Path, server: Server) -> None:
    folder = project(tmp_path, server)
    server.short = True
    assert "RK0465" in run(folder, code=1).stderr
    assert not copies(folder) and not (folder / "a.out").exists()
    server.short = False
    run(folder)


def test_named_by_a_function_only(tmp_path: Path, server: Server) -> None:
    text = """
rule all:
    input: lambda wc: storage("http://HOST/data/a.txt")
    output: "o.txt"
    run:
        with open(input[0]) as old, open(output[0], "w") as new:
            new.write(old.read())
"""
    folder = project(tmp_path, server, text)
    run(folder)
    assert (folder / "o.txt").read_text() == "one\n"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ('rule a:\n    output: storage.http("http://h/x.txt")\n    shell: ""\n', "RK0467"),
        ('rule a:\n    input: storage.http("http://me:pw@h/x.txt")\n', "RK0654"),
        ('rule a:\n    input: storage.http("http://h/../x.txt")\n', "RK0653"),
        ('rule a:\n    input: storage.http("ftp://h/x.txt")\n', "RK0653"),
        ('storage: provider="http", password="x"\n', "RK0654"),
        ('storage: provider="http", nonsense="x"\n', "RK0656"),
        ('rule a:\n    input: storage.ftp("ftp://h/x.txt")\n', "RK0654"),
        (
            "from snakemake.remote.FTP import RemoteProvider\n"
            'rule a:\n    input: RemoteProvider().remote("h/x")\n',
            "RK0654",
        ),
    ],
)
def test_refused(tmp_path: Path, rules: str, code: str) -> None:
    (tmp_path / "Snakefile").write_text(rules)
    done = run(tmp_path, "-n", code=3)
    assert code in done.stderr


def test_providers_of_others_may_be_imported_and_made(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "from snakemake.remote.S3 import RemoteProvider as S3RemoteProvider\n"
        "from snakemake.remote import FTP, GS, SFTP\n"
        "S3 = S3RemoteProvider(access_key_id='x')\n"
        "F = FTP.RemoteProvider(); G = GS.RemoteProvider(); P = SFTP.RemoteProvider()\n"
        "rule all:\n    output: 'o.txt'\n    shell: 'touch {output}'\n"
    )
    run(tmp_path)
