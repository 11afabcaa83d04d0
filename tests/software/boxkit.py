"""Images for tests: `hosted` has this machine's programs, `stocked` an environment inside."""

from __future__ import annotations

import io
import os
import tarfile

from azurite import absent
from containers import image_tar

# Of an image whose programs are this machine's: `/usr` is shown in it.
HOSTED = "localhost/rulekit-hosted:1"
SHOWN = "--volume /usr:/usr:ro"


def hosted_tar() -> bytes:
    """The root of an image that is empty but for links into `/usr`."""
    if not os.path.islink("/bin") or not os.path.exists("/usr/bin/python3"):
        absent("a system with all programs in /usr, and python3 among them,")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("dev", "etc", "proc", "sys", "tmp", "usr"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name in ("bin", "sbin", "lib", "lib32", "lib64"):
            if os.path.islink(f"/{name}"):
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
                tar.addfile(link)
        add(tar, "etc/rulekit-image", b"hosted\n")
        add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    return made.getvalue()


def stocked_tar(prefix: str) -> bytes:
    """The test image with a conda environment at `prefix`: a program and a script of activation."""
    made = io.BytesIO(image_tar())
    with tarfile.open(fileobj=made, mode="a") as tar:
        inner = prefix.lstrip("/")
        add(tar, f"{inner}/bin/tool", b"#!/bin/sh\necho stocked tool $SET\n", 0o755)
        add(tar, f"{inner}/etc/conda/activate.d/s.sh", b"export SET=set\n")
    return made.getvalue()


def add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def load(containers, data: bytes, name: str) -> None:
    done = containers.podman("import", "-q", "-", name, data=data)
    assert done.returncode == 0, done.stderr
