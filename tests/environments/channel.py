"""Real conda packages, made by hand: a channel for tests, built once a session.

The small ones come from the builder of `example_workflows/conda-versions`. Beside them:

* `python` (linux-64 or whatever this machine is): the running interpreter with the part of its
  standard library that pip and small scripts need, as a `.conda` file;
* `pip` (noarch python, with an entry point): the pip of the running interpreter;
* `deep` 1.0, 2.0 and `user-a`, `user-b`: two that exclude each other through a third;
* `macthing`: for osx-arm64 only; `binthing`: a binary and a text file that hold the prefix, and
  links; `linker`: with a post-link script.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from rulekit.environments import here

EXAMPLE = Path(__file__).parents[2] / "example_workflows" / "conda-versions"
PYTHON = "{}.{}.{}".format(*sys.version_info[:3])


# Debian's own Python looks for packages in `dist-packages`, where no conda package puts them.
plain_python = pytest.mark.skipif(
    "posix_local" in sysconfig.get_scheme_names(),
    reason="the running Python is Debian's, which cannot be a conda package",
)


def builder() -> ModuleType:
    """The example's own builder of packages."""
    spec = importlib.util.spec_from_file_location("make_channel", EXAMPLE / "make_channel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(folder: Path) -> None:
    """The channel of the tests, below `folder`."""
    make = builder()
    channel = str(folder)
    make.main(channel)
    write = make.write_package
    for version in ("1.0", "2.0"):
        write(channel, "deep", version, {f"share/deep/{version}": version})
    write(channel, "user-a", "1.0", {"share/a": "a"}, depends=["deep 1.*"])
    write(channel, "user-b", "1.0", {"share/b": "b"}, depends=["deep 2.*"])
    write(channel, "macthing", "1.0", {"bin/macthing": "#!/bin/sh\n"}, subdir="osx-arm64")
    where = make.PLACEHOLDER
    write(
        channel,
        "binthing",
        "1.0",
        {
            "bin/binthing": f"#!/bin/sh\ncat {where}/share/binthing/data\n",
            "lib/binthing.bin": b"\x7fFAKE\0" + f"{where}/lib:{where}/share".encode() + b"\0end\0",
            "share/binthing/data": "the data\n",
        },
        links=[("lib/binthing.link", "binthing.bin"), ("bin/other", "binthing")],
        subdir=here(),
    )
    script = '#!/bin/sh\necho "linked in $PREFIX" > "$PREFIX/linked.txt"\n'
    write(channel, "linker", "1.0", {"bin/.linker-post-link.sh": script}, subdir=here())
    _pip(make, channel)
    make.write_index(channel)
    _python(channel)


def _pip(make: ModuleType, channel: str) -> None:
    files = {}
    of_installation = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".pyc")
    for entry in importlib.metadata.files("pip") or []:
        name = str(entry)
        if name.startswith(("pip/", "pip-")) and not name.endswith(of_installation):
            files[f"site-packages/{name}"] = Path(str(entry.locate())).read_bytes()
    assert files, "the running interpreter has no pip"
    make.write_package(
        channel,
        "pip",
        importlib.metadata.version("pip"),
        files,
        depends=["python"],
        noarch="python",
        entry_points=["pip = pip._internal.cli.main:main"],
    )


_LEFT_OUT = {
    "test", "tests", "idlelib", "lib2to3", "turtledemo", "tkinter", "pydoc_data", "ensurepip",
    "site-packages", "dist-packages", "__pycache__", "config", "unittest", "lib-tk",
}  # fmt: skip


def _python(channel: str) -> None:
    """A `.conda` file: a ZIP of two tar files compressed by zstandard."""
    short = "{}.{}".format(*sys.version_info[:2])
    files: list[tuple[str, Path]] = [(f"bin/python{short}", Path(os.path.realpath(sys.executable)))]
    library = Path(sysconfig.get_path("stdlib"))
    for base, folders, names in os.walk(library):
        folders[:] = [
            one for one in sorted(folders) if one not in _LEFT_OUT and not one.startswith("config-")
        ]
        for name in sorted(names):
            path = Path(base, name)
            if not name.endswith((".a", ".pyc")) and path.is_file():
                files.append((f"lib/python{short}/{path.relative_to(library)}", path))
    paths = []
    payload = io.BytesIO()
    with tarfile.open(fileobj=payload, mode="w") as tar:
        for name, path in files:
            data = path.read_bytes()
            paths.append(
                {
                    "_path": name,
                    "path_type": "hardlink",
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size_in_bytes": len(data),
                }
            )
            _add(tar, name, data, 0o755 if name.startswith("bin/") else 0o644)
        for name in ("bin/python", "bin/python3"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = tarfile.SYMTYPE, f"python{short}", 0o777
            tar.addfile(member)
            paths.append({"_path": name, "path_type": "softlink", "size_in_bytes": 0})
    index = {
        "name": "python",
        "version": PYTHON,
        "build": "0",
        "build_number": 0,
        "depends": [],
        "constrains": [],
        "license": "PSF-2.0",
        "subdir": here(),
        "timestamp": 1_700_000_000_000,
    }
    info = io.BytesIO()
    with tarfile.open(fileobj=info, mode="w") as tar:
        listing = "".join(f"{one['_path']}\n" for one in paths)
        for name, text in (
            ("info/index.json", json.dumps(index)),
            ("info/paths.json", json.dumps({"paths_version": 1, "paths": paths})),
            ("info/files", listing),
            ("info/about.json", "{}"),
        ):
            _add(tar, name, text.encode(), 0o644)
    whole = f"python-{PYTHON}-0"
    target = Path(channel, here(), f"{whole}.conda")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        packed.writestr(f"pkg-{whole}.tar.zst", _zstd(payload.getvalue()))
        packed.writestr(f"info-{whole}.tar.zst", _zstd(info.getvalue()))
    data = target.read_bytes()
    index["sha256"] = hashlib.sha256(data).hexdigest()
    index["md5"] = hashlib.md5(data).hexdigest()
    index["size"] = len(data)
    repodata = target.with_name("repodata.json")
    values = json.loads(repodata.read_text())
    values["packages.conda"][target.name] = index
    repodata.write_text(json.dumps(values, indent=1))


def wheel(folder: Path, name: str, version: str, text: str) -> Path:
    """A wheel with one module that has `main`, and a program of its name."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": text,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{one},,\n" for one in [*files, f"{about}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for one, content in files.items():
            packed.writestr(zipfile.ZipInfo(one), content)
    return path


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), mode, 1_700_000_000
    tar.addfile(member, io.BytesIO(data))


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(data)
