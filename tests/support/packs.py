"""Packs of environments made by hand, by the description in `rulekit.environments.packing`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile

PREFIX = "/" + "made_here_" * 19 + "prefixpfx"  # 200 bytes
assert len(PREFIX) == 200
IDENTITY = "ab" * 32
PLATFORM = "linux-" + {"x86_64": "64"}.get(os.uname().machine, os.uname().machine)


def entry(name, data=b"", mode=0o644, link=None, kind=None):
    made = tarfile.TarInfo(name)
    made.mode, made.mtime = mode, 1_000_000_000
    if link is not None:
        made.type, made.linkname, data = tarfile.SYMTYPE, link, b""
    if kind is not None:
        made.type = kind
    made.size = len(data)
    return made, data


def pack(members, *, text=(), binary=(), links=(), **changes):
    """The bytes of a pack with these members (`entry`)."""
    head = {
        "format": "rulekit-environment-1",
        "identity": IDENTITY,
        "platform": PLATFORM,
        "prefix": PREFIX,
        "text": list(text),
        "binary": list(binary),
        "links": list(links),
        "activate": ".rulekit/activate.sh",
        **changes,
    }
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for info, data in (entry(".rulekit/pack.json", json.dumps(head).encode()), *members):
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


ACTIVATE = f"""\
export PATH="{PREFIX}/bin:$PATH" CONDA_PREFIX="{PREFIX}"
for script in "{PREFIX}"/etc/conda/activate.d/*.sh; do . "$script"; done
"""
TOOL = f"""\
#!/bin/sh
echo "tool in {PREFIX}, colour $LAB_COLOUR"
"""


def small():
    """An environment with a program, a library, a script of activation and links of both kinds."""
    library = b"\x7fELF\0" + PREFIX.encode() + b"/lib:" + PREFIX.encode() + b"/x\0tail\0\xff\xfe"
    return pack(
        [
            entry(".rulekit/activate.sh", ACTIVATE.encode()),
            entry("bin/tool", TOOL.encode(), 0o755),
            entry("bin/tool2", link="tool"),
            entry("bin/whole", link=f"{PREFIX}/bin/tool"),
            entry("etc/conda/activate.d/lab.sh", b"export LAB_COLOUR=green\n"),
            entry("lib/libx.so", library, 0o755),
            entry("share/plain", b"\0" * 10),
        ],
        text=[".rulekit/activate.sh", "bin/tool"],
        binary=["lib/libx.so"],
        links=["bin/whole"],
    )
