"""The cache of compiled rule files: right or absent, never in the way."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

import rulekit
from rulekit.compiler import cache
from rulekit.errors import RuleFileError
from rulekit.syntax import cachedir


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rulekit" / "parse"


@pytest.fixture
def rulefile(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "Rulefile"
    path.write_text("configfle: 'x'\nrule a:\n    input: 'x'\n    input: 'y'\n    shell: 'z'\n")
    return path


def kept(home: pathlib.Path) -> list[pathlib.Path]:
    return sorted(home.glob("code-*"))


def refuse_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(text: str, path: str) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("rulekit.syntax.parser.parse", parse)


def test_second_time_from_the_cache(home, rulefile, monkeypatch) -> None:
    first = cache.compiled(str(rulefile))
    assert len(kept(home)) == 1
    assert home.stat().st_mode & 0o777 == 0o700
    refuse_parsing(monkeypatch)
    code, names, warnings = cache.compiled(str(rulefile))
    assert code == first[0]
    assert code.co_filename == str(rulefile)
    assert names == first[1] and "__rulekit__" in names
    assert [found.code for found in warnings] == ["RK0210", "RK0208"]
    assert warnings == first[2]


def test_another_text_path_or_version_is_another_entry(home, rulefile, monkeypatch, tmp_path):
    source = rulefile.read_bytes()
    cache.compiled(str(rulefile))
    assert cache.load_code(str(rulefile), source) is not None
    assert cache.load_code(str(rulefile), source + b"\n") is None
    assert cache.load_code(str(rulefile) + "2", source) is None
    monkeypatch.setattr(cache, "__version__", "0")
    assert cache.load_code(str(rulefile), source) is None


def test_every_damaged_byte_is_noticed(home, rulefile) -> None:
    cache.compiled(str(rulefile))
    (path,) = kept(home)
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert cache.load_code(str(rulefile), rulefile.read_bytes()) is None
    for size in (0, 10, len(data) - 1):
        path.write_bytes(data[:size])
        assert cache.load_code(str(rulefile), rulefile.read_bytes()) is None
    path.write_bytes(data)
    assert cache.load_code(str(rulefile), rulefile.read_bytes()) is not None


def test_sealed_rubbish_is_a_miss(home, rulefile) -> None:
    cache.compiled(str(rulefile))
    (path,) = kept(home)
    path.unlink()
    cachedir.write_sealed(str(home), path.name, b"i\x01\x00\x00\x00")
    assert path.exists()
    assert cache.load_code(str(rulefile), rulefile.read_bytes()) is None


def test_a_folder_that_others_can_write_is_not_used(home, rulefile) -> None:
    cache.compiled(str(rulefile))
    home.chmod(0o770)
    assert cachedir.cache_folder() is None
    assert cache.load_code(str(rulefile), rulefile.read_bytes()) is None
    cache.compiled(str(rulefile))
    home.chmod(0o700)
    assert len(kept(home)) == 1


def test_a_link_in_place_of_the_folder_is_not_used(home, rulefile, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.parent.mkdir(parents=True)
    home.symlink_to(tmp_path / "elsewhere")
    code, _, _ = cache.compiled(str(rulefile))
    assert code.co_filename == str(rulefile)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_place_for_a_cache(rulefile, monkeypatch, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", pathlib.Path("/dev/null/x"), pathlib.Path("/proc/x")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        assert cache.compiled(str(rulefile))[0].co_filename == str(rulefile)


def test_a_full_disk_leaves_nothing_half_made(home, rulefile, monkeypatch) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.compiled(str(rulefile))
    assert [path.name for path in home.iterdir()] == []


def test_the_number_of_files_is_bounded(home, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cache, "MOST_FILES", 10)
    for n in range(25):
        path = tmp_path / f"{n}.smk"
        path.write_text(f"x = {n}\n")
        cache.compiled(str(path))
        for age, old in enumerate(sorted(home.iterdir(), key=lambda p: p.stat().st_mtime_ns)):
            os.utime(old, ns=(age, age))
        assert len(list(home.iterdir())) <= 10
    assert cache.load_code(str(path), path.read_bytes()) is not None, "the newest is kept"


def test_mistakes_are_not_kept(home, tmp_path) -> None:
    path = tmp_path / "bad"
    path.write_text("rule a\n")
    for _ in range(2):
        with pytest.raises(RuleFileError):
            cache.compiled(str(path))
    assert kept(home) == []


def test_a_warm_start_imports_no_parser(home, rulefile) -> None:
    root = os.path.dirname(os.path.dirname(rulekit.__file__))
    program = (
        "import sys; before = set(sys.modules)\n"
        "from rulekit.compiler.cache import compiled\n"
        f"compiled({str(rulefile)!r})\n"
        "print(*set(sys.modules) - before)"
    )
    heavy = {"lark", "ast", "tokenize", "dataclasses", "typing", "hashlib", "pathlib", "inspect"}
    loaded = []
    for _ in range(2):
        # Without `site`: what else is installed may import modules at every start.
        done = subprocess.run(
            [sys.executable, "-S", "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((root, *filter(None, sys.path)))},
            capture_output=True,
            text=True,
            check=True,
        )
        loaded.append(set(done.stdout.split()))
    assert heavy - {"hashlib", "pathlib"} <= loaded[0]
    assert not heavy & loaded[1]
