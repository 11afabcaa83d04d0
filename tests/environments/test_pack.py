"""Packs: the same bytes wherever they were built, and what the description in `packing` promises,
by a reader of its own that does only what stands there."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import channel as packages
import pytest

from rulekit.environments import EnvironmentStore, here
from rulekit.environments.archive import PREFIX
from rulekit.errors import SoftwareError


def unpack(archive: str, dest: Path) -> dict:
    """What the docstring of `rulekit.environments.packing` says, and nothing else."""
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert names[0] == ".rulekit/pack.json"
        assert names[1:] == sorted(names[1:], key=lambda name: names.index(name))
        assert not [name for name in names if name.startswith("/") or ".." in name.split("/")]
        tar.extractall(dest, filter="tar")
    about = json.loads((dest / ".rulekit/pack.json").read_text())
    old, new = about["prefix"].encode(), str(dest).encode()
    assert len(old) == 200 and len(new) <= 200
    for name in about["text"]:
        file = dest / name
        file.write_bytes(file.read_bytes().replace(old, new))
    for name in about["binary"]:
        file = dest / name
        strings = file.read_bytes().split(b"\0")
        mended = []
        for one in strings:
            changed = one.replace(old, new)
            mended.append(changed + b"\0" * (len(one) - len(changed)))
        file.write_bytes(b"\0".join(mended))
    for name in about["links"]:
        link = dest / name
        target = os.readlink(link).replace(about["prefix"], str(dest))
        link.unlink()
        link.symlink_to(target)
    return about


@packages.plain_python
def test_a_pack_works_at_another_place(envs, tmp_path):
    wheel = packages.wheel(tmp_path / "wheels", "greeter", "1.0", "def main(): print('hello')\n")
    dependencies = ["python", "pip", "binthing", "tally =2", f"pip: [../wheels/{wheel.name}]"]
    path = envs("py.yaml", *dependencies, more="variables: {MINE: 'x y'}\n")
    script = 'echo "at $CONDA_PREFIX" > "$CONDA_PREFIX/at.txt"\nln -s "$CONDA_PREFIX/at.txt" "$CONDA_PREFIX/whole"\n'
    envs.text("py.post-deploy.sh", script)
    store = EnvironmentStore(str(tmp_path / "store"))
    identity, _ = store.lock_for(path)
    archive = store.pack(identity)
    assert store.pack(identity) == archive
    assert not store.entries(), "building it for packing is no environment of the store"
    about = unpack(archive, tmp_path / "there")
    assert about["identity"] == identity and about["platform"] == here()
    assert set(about["text"]) >= {"at.txt", "bin/greeter", "bin/tally", ".rulekit/activate.sh"}
    assert about["binary"] == ["lib/binthing.bin"] and about["links"] == ["whole"]
    # The place it was built at is gone, so nothing can lean on it.
    shutil.rmtree(store.folder)
    command = 'python -c "import sys; print(sys.prefix)"; greeter; tally --version; binthing; other'
    command += '; echo "$MINE $TALLY_VERSION"; cat "$CONDA_PREFIX/whole"; pip --version | cut -c1-3'
    done = subprocess.run(
        ["sh", "-euc", f'. "$0"; {command}', str(tmp_path / "there/.rulekit/activate.sh")],
        capture_output=True,
        text=True,
        check=False,
    )
    there = tmp_path / "there"
    assert done.stdout.splitlines() == [
        str(there), "hello", "tally 2.0", "the data", "the data", "x y 2.0", f"at {there}", "pip",
    ], done.stderr  # fmt: skip
    rest = subprocess.run(
        ["grep", "-rlF", PREFIX[:40], str(there)], capture_output=True, text=True, check=False
    )
    assert rest.stdout == f"{there}/.rulekit/pack.json\n"


def test_the_same_bytes_from_another_place(envs, tmp_path, monkeypatch):
    more = ("pip", "python") if os.environ.get("RULEKIT_LONG") else ()
    path = envs("a.yaml", "tally =2", "binthing", *more)
    found = []
    for place in ("one", "a longer place"):
        monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / place / "pkgs"))
        store = EnvironmentStore(str(tmp_path / place / "store"))
        archive = Path(store.pack(store.lock_for(path)[0]))
        found.append(archive.read_bytes())
        text = io.BytesIO(found[-1])
        with tarfile.open(fileobj=text) as tar:
            assert not [one for one in tar if one.uid or one.gid or one.uname]
    assert found[0] == found[1]


def test_for_another_platform(envs, tmp_path):
    other = "osx-arm64" if here() != "osx-arm64" else "linux-64"
    store = EnvironmentStore(str(tmp_path / "store"))
    path = envs("a.yaml", "tally", "deep")
    identity, _ = store.lock_for(path, other)
    assert unpack(store.pack(identity), tmp_path / "there")["platform"] == other
    envs.text("b.post-deploy.sh", "true\n")
    path = envs("b.yaml", "tally", "deep")
    with pytest.raises(SoftwareError) as raised:
        store.pack(store.lock_for(path, other)[0])
    assert "have to run on that platform" in str(raised.value)


def test_compiled_files_keep_their_source_s_time(envs, tmp_path):
    """What Python would not recompile before packing it does not recompile afterwards."""
    own = tmp_path / "own"
    make = packages.builder()
    script = (
        "import os, py_compile, sys\nfolder = os.path.join(os.environ['PREFIX'], 'lib', 'm')\n"
        "os.chdir(folder)\npy_compile.compile('mod.py')\n"
        "py_compile.compile(os.path.join(folder, 'abs.py'))\n"
    )
    files = {
        "lib/m/mod.py": "X = 1\n",
        "lib/m/abs.py": "X = 1\n",
        "lib/m/make.py": script,
        "bin/.m-post-link.sh": f'#!/bin/sh\n{sys.executable} "$PREFIX/lib/m/make.py"\n',
    }
    make.write_package(str(own), "m", "1.0", files, subdir=here())
    make.write_index(str(own))
    path = envs.text("m.yaml", f"channels: [{own}]\ndependencies: [m]\n")
    store = EnvironmentStore(str(tmp_path / "store"))
    unpack(store.pack(store.lock_for(path)[0]), tmp_path / "there")
    folder = tmp_path / "there/lib/m"
    (compiled,) = (folder / "__pycache__").iterdir()
    assert compiled.name.startswith("mod.")  # the other holds the path it was built at
    header = compiled.read_bytes()[8:12]
    assert int.from_bytes(header, "little") == int((folder / "mod.py").stat().st_mtime)
