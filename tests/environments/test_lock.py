"""Lock files and pin files: written, read back, read by conda-lock, and what is said when they do
not fit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import channel as packages
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.environments import (
    EnvironmentStore,
    Lock,
    Package,
    find_lock,
    here,
    identity,
    read_environment,
    read_settings,
    solve,
    write_lock,
    write_pin,
)
from rulekit.environments.envfile import parse_environment
from rulekit.environments.lockfile import pin_path, read_lock
from rulekit.environments.locking import lock_file
from rulekit.environments.lockyaml import lock_text, word
from rulekit.errors import SoftwareError

PLATFORMS = ("linux-64", "osx-arm64")


def code_of(raised):
    return raised.value.diagnostics[0].code


@pytest.fixture
def store(tmp_path):
    return EnvironmentStore(str(tmp_path / "store"))


def test_a_lock_for_two_platforms(envs, tmp_path):
    path = envs("a.yaml", "tally =2", "deep")
    spec = read_environment(path)
    lock = solve(spec, PLATFORMS, read_settings())
    written = write_lock(spec, lock)
    assert written.endswith("/a.conda-lock.yml")
    text = Path(written).read_text()
    for platform in PLATFORMS:
        back = find_lock(spec, platform)
        assert identity(back, platform) == identity(lock, platform)
        assert {one.name for one in back.packages_for(platform)} == {"tally", "tally-words", "deep"}
    assert identity(lock, "linux-64") != identity(lock, "osx-arm64")
    # The same lock, the same bytes, wherever and whenever.
    write_lock(spec, read_lock(written))
    assert Path(written).read_text() == text
    assert find_lock(spec, "win-64") is None


def test_conda_lock_itself_reads_it(envs, tmp_path):
    pytest.importorskip("conda_lock")
    path = envs("a.yaml", "tally =2", "binthing")
    spec = read_environment(path)
    written = write_lock(spec, solve(spec, (here(),), read_settings()))
    script = (
        "import pathlib, sys\n"
        "from conda_lock.lockfile import parse_conda_lock_file\n"
        "lock = parse_conda_lock_file(pathlib.Path(sys.argv[1]))\n"
        "print(sorted((one.name, one.version, one.manager) for one in lock.package))\n"
        "from conda_lock.conda_lock import main\n"
        "main(['render', '-k', 'explicit', '--filename-template', 'made-{platform}.txt',"
        " sys.argv[1]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, written],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [
        ("binthing", "1.0", "conda"),
        ("tally", "2.0", "conda"),
        ("tally-words", "2.0", "conda"),
    ]
    assert done.stdout.startswith(str(expected))
    rendered = (tmp_path / f"made-{here()}.txt").read_text().splitlines()
    pin = Path(write_pin(spec, read_lock(written), here())).read_text().splitlines()
    assert sorted(line for line in rendered if "://" in line) == sorted(
        line for line in pin if "://" in line
    )


def test_a_lock_that_does_not_fit_is_told(store, envs):
    path = envs("a.yaml", "tally =2")
    before = store.known(path).identity
    assert lock_file(store, read_environment(path)) == [path.replace(".yaml", ".conda-lock.yml")]
    assert lock_file(store, read_environment(path)) == []  # it fits
    assert store.make([path])[path].how == "made"
    envs("a.yaml", "tally =1")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0522"
    # Until it is made anew its jobs are stale: it is known as another environment.
    known = store.known(path)
    assert not known.complete and known.identity != before
    assert lock_file(store, read_environment(path)) != []
    assert store.make([path])[path].how == "made"


def test_what_is_in_use_is_what_gets_locked(envs, tmp_path):
    own = tmp_path / "own"
    make = packages.builder()
    make.write_package(str(own), "thing", "1.0", {"share/x": "x"})
    make.write_index(str(own))
    path = envs.text("a.yaml", f"channels: [{own}]\ndependencies: [thing]\n")
    store = EnvironmentStore(str(tmp_path / "store"))
    in_use = store.make([path])[path].identity
    make.write_package(str(own), "thing", "2.0", {"share/x": "x"})
    make.write_index(str(own))
    assert store.known(path).identity == in_use
    lock_file(store, read_environment(path))
    assert store.known(path).identity == in_use and store.known(path).complete
    lock_file(store, read_environment(path), update=True)
    assert store.known(path).identity != in_use
    made = store.make([path])[path]
    assert Path(made.prefix, "conda-meta", "thing-2.0-0.json").exists()


def test_rebuilding_elsewhere_gives_the_same_packages(envs, tmp_path, channel_folder, monkeypatch):
    """The workflow and its channel are copied, the original is gone: the lock still holds."""
    make = packages.builder()
    make.main(str(tmp_path / "one" / "channel"))
    (tmp_path / "one" / "e.yaml").write_text("channels: [./channel]\ndependencies: [tally]\n")
    first = EnvironmentStore(str(tmp_path / "one" / "store"))
    path = str(tmp_path / "one" / "e.yaml")
    lock_file(first, read_environment(path))
    wanted = first.make([path])[path]
    listed = sorted(one.name for one in Path(wanted.prefix, "conda-meta").glob("*.json"))
    (tmp_path / "one").rename(tmp_path / "two")
    monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / "empty-cache"))
    path = str(tmp_path / "two" / "e.yaml")
    other = EnvironmentStore(str(tmp_path / "other-store"), read_settings(frozen=True))
    made = other.make([path])[path]
    assert made.identity == wanted.identity
    assert sorted(one.name for one in Path(made.prefix, "conda-meta").glob("*.json")) == listed


def test_pin_files(store, envs):
    path = envs("a.yaml", "tally")
    spec = read_environment(path)
    lock = solve(spec, (here(),), read_settings())
    first = read_environment(envs("b.yaml", "tally =1"))
    older = solve(first, (here(),), read_settings()).packages
    write_pin(spec, lock, here())
    assert store.known(path).locked
    # The pin decides, whatever the file would be solved to.
    text = "@EXPLICIT\n" + "".join(f"{one.url}#{one.md5}\n" for one in older)
    Path(pin_path(path, here())).write_text(text)
    frozen = EnvironmentStore(store.folder, read_settings(frozen=True))
    made = frozen.make([path])[path]
    assert Path(made.prefix, "conda-meta", "tally-1.0-0.json").exists()
    Path(pin_path(path, here())).write_text("@EXPLICIT\nno url\n")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0521" and raised.value.diagnostics[0].span.line == 2


@packages.plain_python
def test_pip_packages_are_locked_with_their_hashes(store, envs, tmp_path):
    wheel = packages.wheel(tmp_path / "wheels", "greeter", "1.0", "def main(): print('one')\n")
    path = envs("py.yaml", "python", "pip", f"pip: [../wheels/{wheel.name}]")
    lock_file(store, read_environment(path))
    lock = read_lock(path.replace(".yaml", ".conda-lock.yml"))
    (found,) = [one for one in lock.packages if one.manager == "pip"]
    assert (found.name, found.version, len(found.sha256)) == ("greeter", "1.0", 64)
    packages.wheel(tmp_path / "wheels", "greeter", "1.0", "def main(): print('another')\n")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0527"
    assert any(
        "DO NOT MATCH THE HASHES" in note.upper() for note in raised.value.diagnostics[0].notes
    )


@pytest.mark.parametrize(
    "text", ["version: 2\n", "version: 1\n", "a: [", "version: 1\nmetadata: {platforms: [x]}\npackage: [{}]\n"]
)  # fmt: skip
def test_damaged_lock_files(store, envs, text):
    path = envs("a.yaml", "tally")
    envs.text("a.conda-lock.yml", text)
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0521"


def test_a_lock_of_conda_lock_fits_if_it_has_all_names(envs):
    path = envs("a.yaml", "tally =2")
    spec = read_environment(path)
    text = Path(write_lock(spec, solve(spec, (here(),), read_settings()))).read_text()
    theirs = text.replace('  custom_metadata:\n    rulekit: "1"\n', "")
    envs.text("a.conda-lock.yml", theirs)
    assert find_lock(spec, here()) is not None
    spec = read_environment(envs("a.yaml", "tally =2", "deep"))
    with pytest.raises(SoftwareError) as raised:
        find_lock(spec, here())
    assert "`deep`" in str(raised.value)


# -- round trips -----------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(texts)
def test_any_text_is_a_scalar(text):
    assert yaml.safe_load(f"key: {word(text)}\n") == {"key": text}


names = st.from_regex(r"[a-z][a-z0-9_.-]{0,6}", fullmatch=True)
hexes = st.integers(0, 16**32 - 1).map(lambda number: f"{number:032x}")
depends = st.lists(
    st.tuples(names, st.sampled_from(["", ">=1,<2", "1.2.*", "2 h1_0"])), max_size=3,
    unique_by=lambda one: one[0],
).map(lambda found: tuple(sorted(f"{name} {rest}".strip() for name, rest in found)))  # fmt: skip


@st.composite
def locks(draw):
    found = []
    for platform in PLATFORMS:
        for name in draw(st.lists(names, max_size=4, unique=True)):
            version = draw(st.sampled_from(["1", "1.10", "2023.1e5", "0x1", "1!2.0"]))
            url = f"https://host/ch/noarch/{name}-{version}-h_0.conda"
            found.append(
                Package(
                    name, version, platform, url, draw(hexes) * 2, draw(hexes), "h_0", draw(depends)
                )
            )
    return Lock("lock", PLATFORMS, ("https://host/ch",), tuple(found))


@settings(max_examples=2000 if os.environ.get("RULEKIT_LONG") else 25)
@given(locks())
def test_any_lock_comes_back(lock):
    spec = parse_environment(b"dependencies: [a]\n", "/x/e.yaml")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "e.conda-lock.yml")
        write_lock(spec, lock, path)
        back = read_lock(path)
    order = sorted(lock.packages, key=lambda one: (one.name, one.platform))
    assert sorted(back.packages, key=lambda one: (one.name, one.platform)) == order
    assert (back.platforms, back.channels) == (lock.platforms, lock.channels)
    hashes = dict(back.content_hashes)
    assert lock_text(back, hashes, "e.yaml") == lock_text(lock, hashes, "e.yaml")
    for platform in PLATFORMS:
        assert identity(back, platform) == identity(lock, platform)
