"""The program that travels runs with a bare Python."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from rulekit.node.archive import build


def pythons():
    """Every Python here that the program must run with: this one, and others by their names."""
    found = {os.path.realpath(sys.executable)}
    for minor in range(10, 15):
        path = shutil.which(f"python3.{minor}")
        candidates = [path] if path else []
        candidates += glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python3"))
        for one in candidates:
            version = subprocess.run(
                [one, "-c", "import sys; print(sys.version_info[1])"],
                capture_output=True,
                text=True,
            )
            if version.stdout.strip() == str(minor):
                found.add(os.path.realpath(one))
    return sorted(found)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("archive") / "rulekit.pyz")
    build(path)
    return path


def test_the_bytes_are_the_same_each_time(tmp_path):
    digests = {build(str(tmp_path / name)) for name in ("a", "b")}
    assert len(digests) == 1
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_it_holds_what_nodes_need_and_no_more(program):
    names = zipfile.ZipFile(program).namelist()
    rooms = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert rooms == {"model", "runner", "node"}
    assert os.path.getsize(program) < 200_000


@pytest.mark.parametrize("python", pythons())
def test_every_module_of_it_loads_without_anything_else(program, python):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import zipfile, importlib\n"
        "for name in zipfile.ZipFile(sys.argv[1]).namelist():\n"
        "    if name.startswith('rulekit/') and not name.endswith('__main__.py'):\n"
        "        importlib.import_module(name[:-3].replace('/', '.').replace('.__init__', ''))\n"
        "print('loaded', sys.modules['rulekit.node.work'].__file__)\n"
    )
    done = subprocess.run(
        [python, "-I", "-S", "-W", "error", "-c", code, program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert program in done.stdout


def test_an_old_python_is_told(program, tmp_path):
    old = [
        path
        for minor in (6, 7, 8, 9)
        for path in glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python3"))
    ]
    if not old:
        pytest.skip("there is no old Python here")
    for python in old:
        done = subprocess.run(
            [python, program, "task"], capture_output=True, text=True, env={"PATH": "/nowhere"}
        )
        assert done.returncode == 75
        assert "needs Python 3.10 or newer" in done.stderr
