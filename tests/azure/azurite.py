"""Azurite, the vendor's emulator of Azure Blob: one server a test session, in memory.

It is looked for as `RULEKIT_AZURITE` (its program, its `main.js`, or a folder with
`node_modules`) and as `azurite-blob` on the path. This folder must not become a package: `tests`
is on the import path, and `azure` is the package of the real SDK.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

ACCOUNT = "devstoreaccount1"
# The published key of every emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_MAIN = os.path.join("node_modules", "azurite", "dist", "src", "blob", "main.js")


def program() -> list[str] | None:
    """The words that start it, None if it is not installed."""
    given = os.environ.get("RULEKIT_AZURITE", "")
    if os.path.isdir(given):
        given = os.path.join(given, _MAIN)
    if given.endswith(".js"):
        node = shutil.which("node")
        return [node, given] if node and os.path.exists(given) else None
    found = shutil.which(given or "azurite-blob")
    return [found] if found else None


def absent(what: str) -> None:
    """A server that is not there: skips the test, or fails it where all must be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI is set")
    pytest.skip(f"{what} is not installed")


def free_port() -> int:
    """A free port, for a server that is started later.

    It is below those that the system gives by itself, so that nobody gets it meanwhile; each worker
    of the tests has ports of its own.
    """
    worker = int("0" + os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")) % 64
    while True:
        port = 10_240 + 64 * random.randrange(350) + worker
        with socket.socket() as made:
            try:
                made.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Azurite:
    """A running server. `url` is what AZ_BLOB_ACCOUNT_URL holds, without a SAS."""

    account = ACCOUNT
    key = KEY

    def __init__(self, *options: str, scheme: str = "http") -> None:
        words = program()
        if words is None:
            absent("azurite-blob")
        assert words is not None
        # So that it ends with the tests, however they end.
        if shutil.which("setpriv"):
            words = ["setpriv", "--pdeathsig", "TERM", *words]
        self.port = free_port()
        self.scheme = scheme
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{scheme}://{self.host}/{ACCOUNT}"
        self.process = subprocess.Popen(
            [
                *words, "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent",
                "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            if self.process.poll() is not None:
                assert self.process.stdout is not None
                said = self.process.stdout.read().decode(errors="replace")
                raise RuntimeError(f"azurite ended with {self.process.returncode}: {said}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        raise RuntimeError("azurite does not listen after 90 seconds")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.url};"
        )

    def environment(self, credential: str | None = None) -> dict[str, str]:
        """Variables for a rulekit process; `credential` is the key unless a SAS is given."""
        return {"AZ_BLOB_ACCOUNT_URL": self.url, "AZ_BLOB_CREDENTIAL": credential or KEY}

    # What follows goes by the real SDK.

    def client(self, credential: str | None = None, **options):
        """A `BlobServiceClient`; `credential` is a SAS, else the key is used."""
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient(self.url, credential=credential or KEY, retry_total=0, **options)

    def container(self, name: str | None = None) -> str:
        """Makes an empty container and gives its name."""
        name = name or "t" + uuid.uuid4().hex[:20]
        with self.client() as client:
            client.create_container(name)
        return name

    def put(self, container: str, name: str, data: bytes | str = b"", **options) -> None:
        with self.client() as client:
            client.get_blob_client(container, name).upload_blob(data, overwrite=True, **options)

    def get(self, container: str, name: str) -> bytes:
        with self.client() as client:
            return client.get_blob_client(container, name).download_blob().readall()

    def names(self, container: str, prefix: str = "") -> list[str]:
        with self.client() as client:
            listed = client.get_container_client(container).list_blob_names(
                name_starts_with=prefix or None
            )
            return sorted(listed)

    def account_sas(self, permission: str = "rwdlacupx", hours: float = 1.0) -> str:
        """A token without `?` for the blob service; negative hours: it has expired."""
        from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

        return generate_account_sas(
            ACCOUNT,
            KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions.from_string(permission),
            expiry=_after(hours),
            start=_after(min(hours, 0) - 1),
        )

    def container_sas(self, container: str, permission: str = "racwdl", hours: float = 1.0) -> str:
        """A token for one container."""
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas

        return generate_container_sas(
            ACCOUNT,
            container,
            account_key=KEY,
            permission=ContainerSasPermissions.from_string(permission),
            expiry=_after(hours),
            start=_after(min(hours, 0) - 1),
        )


def _after(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


@pytest.fixture(scope="session")
def azurite():
    """The server of this session."""
    made = Azurite()
    yield made
    made.close()


@pytest.fixture
def container(azurite):
    """The name of a fresh, empty container."""
    return azurite.container()
