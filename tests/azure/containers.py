"""Real containers for tests: podman with storage of its own, an image made by hand, a registry.

Nothing is fetched: the image is a static busybox. `containers` sets the variables of podman for
the session, so that a program under test that finds `podman` on the path finds this image too;
`docker_socket` starts a daemon of Docker with it, `registry` is an image registry on loopback.
Debian: apt install podman runc busybox-static docker.io docker-registry.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time

import pytest
from azurite import absent, free_port

IMAGE = "localhost/rulekit-busybox:1"
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{base}/store"
runroot = "{base}/runroot"
"""
# runc and cgroupfs: what works where the tests are themselves in a container.
_ENGINE = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


def busybox() -> str | None:
    """The path of a busybox that needs no libraries, None if there is none."""
    found = shutil.which("busybox")
    if found is None:
        return None
    with open(found, "rb") as binary:
        return None if b"ld-linux" in binary.read(4096) else found


def image_tar() -> bytes:
    """The root of the test image, as a tar archive.

    It has busybox with all its commands in /bin, a /bin/bash that is busybox's shell, /usr/bin/env
    and a writable /tmp.
    """
    program = busybox()
    assert program is not None
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "usr", "usr/bin"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        with open(program, "rb") as binary:
            _file(tar, "bin/busybox", binary.read(), 0o755)
        _file(tar, "bin/bash", b'#!/bin/sh\nexec /bin/sh "$@"\n', 0o755)
        _file(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        _file(tar, "etc/rulekit-image", b"busybox\n", 0o644)
        links = {f"bin/{name}": "busybox" for name in listed.stdout.split() if name != "busybox"}
        links.pop("bin/bash", None)
        for name, target in {**links, "usr/bin/env": "/bin/busybox"}.items():
            link = tarfile.TarInfo(name)
            link.type = tarfile.SYMTYPE
            link.linkname = target
            tar.addfile(link)
    return made.getvalue()


def _file(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = mode
    tar.addfile(entry, io.BytesIO(data))


class Containers:
    """Podman with its own storage. `image` can be run, `environment` must be set to see it."""

    name = "podman"
    image = IMAGE

    def __init__(self) -> None:
        for needed in ("podman", "runc"):
            if shutil.which(needed) is None:
                absent(needed)
        if busybox() is None:
            absent("busybox-static")
        self.base = tempfile.mkdtemp(prefix="rulekit-podman-")
        self.trusted: list[str] = []
        files = {"storage.conf": _STORAGE.format(base=self.base), "containers.conf": _ENGINE}
        for name, text in files.items():
            self._write(name, text)
        self.environment = {
            "CONTAINERS_STORAGE_CONF": f"{self.base}/storage.conf",
            "CONTAINERS_CONF": f"{self.base}/containers.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{self.base}/registries.conf",
        }
        self.trust()
        made = self.podman("import", "-q", "-c", "CMD=/bin/sh", "-", IMAGE, data=image_tar())
        if made.returncode != 0:
            self.close()
            raise RuntimeError(f"podman import: {made.stderr.decode(errors='replace')}")

    def _write(self, name: str, text: str) -> None:
        with open(os.path.join(self.base, name), "w") as file:
            file.write(text)

    def trust(self, *hosts: str) -> None:
        """Registries at these addresses (`127.0.0.1:5000`) are spoken to without TLS, those of
        earlier calls as well."""
        self.trusted += hosts
        known = [f'[[registry]]\nlocation = "{host}"\ninsecure = true\n' for host in self.trusted]
        self._write("registries.conf", "".join(known))

    def podman(self, *words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Runs podman with this storage and gives how it ended."""
        return subprocess.run(
            ["podman", *words],
            input=data,
            capture_output=True,
            env={**os.environ, **self.environment},
            check=False,
        )

    def close(self) -> None:
        self.podman("rm", "-a", "-f", "-t", "0")
        # Not `system reset`: it removes /run/libpod, too, under the feet of whoever else runs
        # podman just now, such as another worker of these tests.
        self.podman("rmi", "-a", "-f")
        subprocess.run(["umount", f"{self.base}/store/overlay"], capture_output=True, check=False)
        shutil.rmtree(self.base, ignore_errors=True)


class Child:
    """A server as a child in the foreground that ends with the tests."""

    def __init__(self, words: list[str], environment: dict[str, str], address: object) -> None:
        self.process = subprocess.Popen(
            words,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        until = time.monotonic() + 180
        while True:
            with socket.socket(family) as probe:
                if probe.connect_ex(address) == 0:  # type: ignore[arg-type]
                    return
            if self.process.poll() is not None or time.monotonic() > until:
                self.close()
                raise RuntimeError(f"{words[0]} does not listen")
            time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def containers():
    """Podman of this session; its variables are set for all tests that follow."""
    made = Containers()
    before = {name: os.environ.get(name) for name in made.environment}
    os.environ.update(made.environment)
    yield made
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    made.close()


@pytest.fixture(scope="session")
def docker_socket():
    """A daemon of Docker's own that has the test image: what DOCKER_HOST must be to reach it."""
    for needed in ("docker", "dockerd", "runc"):
        if shutil.which(needed) is None:
            absent(needed)
    base = tempfile.mkdtemp(prefix="rulekit-docker-")
    path = os.path.join(base, "docker.sock")
    options = ["--data-root", f"{base}/data", "--exec-root", f"{base}/exec", "-p", f"{base}/pid"]
    # No bridge and no firewall rules: it may run inside a container and beside another daemon.
    options += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"]
    options += ["--default-ulimit", "nofile=4096:4096"]
    options += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
    daemon = Child(["dockerd", "-H", f"unix://{path}", *options], {}, path)
    try:
        made = subprocess.run(
            ["docker", "import", "-c", 'CMD ["/bin/sh"]', "-", IMAGE],
            env={**os.environ, "DOCKER_HOST": f"unix://{path}"},
            input=image_tar(),
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        yield f"unix://{path}"
    finally:
        daemon.close()
        subprocess.run(["umount", f"{base}/exec/netns/default"], capture_output=True, check=False)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def registry(containers):
    """The address of an image registry that holds the test image as `<address>/busybox:1`."""
    if shutil.which("docker-registry") is None:
        absent("docker-registry")
    port = free_port()
    address = f"127.0.0.1:{port}"
    config = os.path.join(containers.base, "registry.yml")
    with open(config, "w") as file:
        file.write(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {containers.base}/registry}}}}\n"
            f"http: {{addr: '{address}'}}\nlog: {{level: error}}\n"
        )
    server = Child(["docker-registry", "serve", config], {}, ("127.0.0.1", port))
    containers.trust(address)
    pushed = containers.podman("push", "-q", IMAGE, f"{address}/busybox:1")
    assert pushed.returncode == 0, pushed.stderr
    yield address
    server.close()
