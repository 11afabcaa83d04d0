"""The quick way to rulekit's own modules: same modules, and never outdated ones."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys

import pytest

from rulekit.cli.quick import QuickFinder, QuickLoader


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "quickly"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "__init__.py").write_text("HERE = __path__\n")
    (folder / "inner" / "module.py").write_text("VALUE = 1\n\ndef fail():\n    raise KeyError(1)\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for path in folder.rglob("*.py"):
        py_compile.compile(str(path), doraise=True)
    return folder


def loaded(spec):
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_modules_and_packages_are_what_they_are_otherwise(package):
    finder = QuickFinder("quickly", str(package))
    inner = finder.find_spec("quickly.inner")
    assert isinstance(inner.loader, QuickLoader)
    assert list(loaded(inner).HERE) == [str(package / "inner")]
    spec = finder.find_spec("quickly.inner.module")
    usual = importlib.util.spec_from_file_location("quickly.inner.module", spec.origin)
    assert (spec.origin, spec.cached, spec.parent) == (usual.origin, usual.cached, usual.parent)
    module = loaded(spec)
    assert module.VALUE == 1
    assert module.__file__ == str(package / "inner" / "module.py")
    assert spec.loader.get_source("quickly.inner.module").startswith("VALUE")


def test_an_outdated_compiled_file_is_not_used(package):
    finder = QuickFinder("quickly", str(package))
    source = package / "inner" / "module.py"
    source.write_text("VALUE = 22\n")
    assert finder.find_spec("quickly.inner.module") is None
    py_compile.compile(str(source), doraise=True)
    assert loaded(finder.find_spec("quickly.inner.module")).VALUE == 22
    status = source.stat()
    os.utime(source, (status.st_atime, status.st_mtime + 2))
    assert finder.find_spec("quickly.inner.module") is None


def test_a_damaged_compiled_file_is_not_used(package):
    cached = importlib.util.cache_from_source(str(package / "inner" / "module.py"))
    with open(cached, "rb") as file:
        data = file.read()
    for cut in (0, 3, 16, 20, len(data) - 5):
        with open(cached, "wb") as file:
            file.write(data[:cut])
        assert QuickFinder("quickly", str(package)).find_spec("quickly.inner.module") is None


def test_others_are_left_to_others(package):
    finder = QuickFinder("quickly", str(package))
    for name in ("quickly", "quick", "quicklyinner.module", "quickly.none", "os.path"):
        assert finder.find_spec(name) is None


def test_the_command_uses_it_and_nobody_else_does(tmp_path):
    program = (
        "import sys\nfrom rulekit.cli.main import main\nbefore = len(sys.meta_path)\n"
        "import rulekit.api\nassert len(sys.meta_path) == before\n"
        "main(['--help'])\nprint(len(sys.meta_path) - before, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stderr.split()[-1] == "1", done.stderr
