"""Environments that are really made: by the solver, the installer, pip and scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import channel as packages
import pytest

from rulekit.environments import EnvironmentStore, here, layout, read_environment, read_settings
from rulekit.errors import SoftwareError


@pytest.fixture
def store(tmp_path):
    return EnvironmentStore(str(tmp_path / "store"))


def inside(made, command, shell="sh"):
    """What a command prints in an activated environment, under the flags rules have."""
    done = subprocess.run(
        [shell, "-euc", f'. "$0"; {command}', made.activate],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_of(raised):
    return raised.value.diagnostics[0].code


def test_three_versions_of_one_tool(store, envs):
    files = [envs(f"t{number}.yaml", f"tally ={number}") for number in (1, 2, 3)]
    before = store.known(files[0])
    assert not before.complete and not before.locked and before.prefix == ""
    heard = []
    made = store.make(files, say=heard.append)
    assert [inside(made[one], "tally --version; echo $TALLY_VERSION") for one in files] == [
        f"tally {number}.0\n{number}.0\n" for number in (1, 2, 3)
    ]
    assert {news.stage for news in heard} == {"solve", "install", "done"}
    assert max(news.done for news in heard) == 2
    for one in files:
        known = store.known(one)
        assert known.complete and known.locked and known.identity == made[one].identity
        assert known.prefix == made[one].prefix and known.activate == made[one].activate
    again = store.make(files)
    assert {one.how for one in again.values()} == {"found"}


def test_the_same_content_is_one_environment(store, envs):
    one = envs("a.yaml", "tally =1", "deep")
    other = envs("sub/b.yml", "deep", "  tally   =1 # why")
    made = store.make([one, other])
    assert made[one].prefix == made[other].prefix
    assert len(store.entries()) == 1


def test_known_files_need_neither_yaml_nor_rattler(store, envs, tmp_path):
    path = envs("a.yaml", "tally =1")
    store.make([path])
    script = (
        "import sys; from rulekit.environments import EnvironmentStore\n"
        f"known = EnvironmentStore({store.folder!r}).known({path!r})\n"
        "assert known.complete, known\n"
        "heavy = {'yaml', 'rattler', 'asyncio', 'subprocess', 'hashlib', 'difflib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    program = [sys.executable, "-S", "-c", script]
    root = str(Path(__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "[]\n"


def test_what_makes_another_environment_and_what_does_not(store, envs):
    path = envs("a.yaml", "tally =1")
    first = store.make([path])[path]
    Path(path).write_text("# a comment\n" + Path(path).read_text())
    assert store.known(path).identity == first.identity
    envs("a.yaml", "tally =1", more="variables: {X: y}\n")
    assert store.known(path).identity != first.identity
    second = store.make([path])[path]
    assert inside(second, "echo $X") == "y\n"
    envs("a.yaml", "tally =1")
    assert store.known(path).identity == first.identity and store.known(path).complete


@packages.plain_python
def test_python_pip_variables_links_and_scripts(store, envs, tmp_path):
    wheel = packages.wheel(tmp_path / "wheels", "greeter", "1.0", "def main(): print('hello')\n")
    path = envs(
        "py.yaml",
        "python",
        "pip",
        "binthing",
        "linker",
        f"pip: [../wheels/{wheel.name}]",
        more='variables:\n  QUOTED: "it\'s $HOME"\n',
    )
    script = (
        '#!env bash\nset -o pipefail\necho "$CONDA_PREFIX $QUOTED" > "$CONDA_PREFIX/post.txt"\n'
    )
    envs.text("py.post-deploy.sh", script)
    made = store.make([path])[path]
    prefix = made.prefix
    assert inside(made, 'python -c "import sys; print(sys.prefix)"') == f"{prefix}\n"
    assert inside(made, "greeter; binthing; other") == "hello\nthe data\nthe data\n"
    assert inside(made, 'echo "$QUOTED"') == "it's $HOME\n"
    assert Path(prefix, "post.txt").read_text() == f"{prefix} it's $HOME\n"
    assert Path(prefix, "linked.txt").read_text() == f"linked in {prefix}\n"
    data = Path(prefix, "lib/binthing.bin").read_bytes()
    assert f"{prefix}/lib:{prefix}/share\0".encode() in data
    # pip's own program is of this environment, and knows what it installed.
    listed = inside(made, "pip list --format=json --disable-pip-version-check")
    assert {"name": "greeter", "version": "1.0"} in json.loads(listed)
    mark = layout.read_mark(prefix)
    assert [one["name"] for one in mark["pip"]] == ["greeter"]
    # Where nothing is replaced files are those of the cache.
    library = "lib/python{}.{}/os.py".format(*sys.version_info[:2])
    assert os.stat(Path(prefix, library)).st_nlink > 1


def test_a_failing_step_leaves_nothing_that_counts(store, envs):
    path = envs("a.yaml", "tally =1")
    envs.text("a.post-deploy.sh", "echo began; echo no luck >&2; exit 3\n")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0528"
    assert "no luck" in raised.value.diagnostics[0].notes
    assert not store.known(path).complete
    envs.text("a.post-deploy.sh", "echo fine\n")
    assert store.make([path])[path].how == "made"


def test_a_damaged_package_and_a_missing_channel(store, envs, tmp_path):
    copy = tmp_path / "bad"
    make = packages.builder()
    make.write_package(str(copy), "thing", "1.0", {"share/x": "x"})
    make.write_index(str(copy))
    make.write_package(str(copy), "thing", "1.0", {"share/x": "what the index does not say"})
    path = envs.text("a.yaml", f"channels: [{copy}]\ndependencies: [thing]\n")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0526" and "checksum" in str(raised.value.diagnostics[0].notes)
    path = envs.text("b.yaml", "channels:\n  - file:///nowhere/at/all\ndependencies: [thing]\n")
    with pytest.raises(SoftwareError) as raised:
        store.make([path])
    assert code_of(raised) == "RK0525" and raised.value.diagnostics[0].span.line == 2


def test_a_package_that_was_built_anew_is_not_taken_from_the_cache(store, envs, tmp_path):
    folder = tmp_path / "own"
    make = packages.builder()
    for text in ("old", "new"):
        make.write_package(str(folder), "thing", "1.0", {"share/x": text})
        make.write_index(str(folder))
        path = envs.text(f"{text}.yaml", f"channels: [{folder}]\ndependencies: [thing, deep]\n")
        envs.text(f"{text}.yaml", Path(path).read_text().replace("[/", f"[{envs.channel}, /"))
        store_of = EnvironmentStore(str(tmp_path / f"store-{text}"))
        made = store_of.make([path])[path]
        assert Path(made.prefix, "share/x").read_text() == text


@packages.plain_python
def test_a_folder_with_blanks_and_a_moved_store(envs, tmp_path):
    path = envs("a.yaml", "tally =2", "python", "pip")
    store = EnvironmentStore(str(tmp_path / "with blanks" / "it's"))
    made = store.make([path])[path]
    assert inside(made, "tally --version; pip --version | cut -d' ' -f1") == "tally 2.0\npip\n"
    (tmp_path / "with blanks").rename(tmp_path / "moved")
    moved = EnvironmentStore(str(tmp_path / "moved" / "it's"))
    assert not moved.known(path).complete  # its scripts hold the old path
    assert inside(moved.make([path])[path], "tally --version") == "tally 2.0\n"


def test_a_fit_of_frozen(store, envs, tmp_path):
    path = envs("a.yaml", "tally =2")
    frozen = EnvironmentStore(store.folder, read_settings(frozen=True))
    with pytest.raises(SoftwareError) as raised:
        frozen.make([path])
    assert code_of(raised) == "RK0524"
    store.lock_for(path)
    assert frozen.make([path])[path].how == "made"  # it was solved before


def test_two_stores_agree_on_what_was_solved(envs, tmp_path):
    """The memory of a workflow survives another --conda-prefix; a channel near the file does not
    mean the same elsewhere."""
    path = envs("a.yaml", "tally")
    memory = str(tmp_path / "memory")
    first = EnvironmentStore(str(tmp_path / "one"), memory=memory)
    identity = first.make([path])[path].identity
    other = EnvironmentStore(str(tmp_path / "two"), read_settings(frozen=True), memory=memory)
    assert other.make([path])[path].identity == identity


def test_named_ones_and_folders(store, envs, tmp_path, monkeypatch):
    path = envs("a.yaml", "tally =3")
    prefix = store.make([path])[path].prefix
    monkeypatch.setenv("CONDA_ENVS_PATH", str(tmp_path / "named"))
    (tmp_path / "named").mkdir()
    there = tmp_path / "named" / "mine"
    there.symlink_to(prefix)
    other = EnvironmentStore(str(tmp_path / "other"), read_settings())
    known = other.known("mine")
    assert known.complete and known.prefix == str(there)
    made = other.make(["mine", str(there)])
    assert inside(made["mine"], "tally --version; echo $TALLY_VERSION") == "tally 3.0\n3.0\n"
    assert made["mine"].how == "foreign" and made[str(there)].identity == known.identity
    # Another package in it is another identity.
    Path(prefix, "conda-meta", "new-1.0-0.json").write_text("{}")
    assert other.known("mine").identity != known.identity
    with pytest.raises(SoftwareError) as raised:
        other.make(["mime"])
    assert code_of(raised) == "RK0529" and "`mine`" in raised.value.diagnostics[0].help
    with pytest.raises(SoftwareError):
        other.make([str(tmp_path)])


def test_entries_removal_and_the_package_cache(envs, tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / "pk"))
    store = EnvironmentStore(str(tmp_path / "store"))
    keep, go = envs("a.yaml", "tally =1"), envs("b.yaml", "deep =2")
    made = store.make([keep, go])
    assert [one.complete for one in store.entries(sizes=True)] == [True, True]
    assert all(one.size > 0 for one in store.entries(sizes=True))
    assert store.clean_packages("unused") == 0
    identity = store.known(go).identity
    assert store.remove([identity]) == [identity]
    assert not store.known(go).complete and store.known(go).identity == identity
    assert store.clean_packages("unused") > 0
    names = {one.name for one in (tmp_path / "pk").iterdir() if one.is_dir()}
    assert "tally-1.0-0" in names and "deep-2.0-0" not in names
    assert inside(made[keep], "tally --version") == "tally 1.0\n"
    assert store.make([go])[go].how == "made"  # what was solved is known still


def test_activation_is_what_rattler_s_is(store, envs):
    """The variables of our own script against those of rattler's activation."""
    path = envs("a.yaml", "tally =1", more="variables: {MINE: 'a b'}\n")
    made = store.make([path])[path]
    script = (
        "import sys, os\nfrom pathlib import Path\nfrom rattler.shell import *\n"
        f"made = activate(Path({made.prefix!r}), ActivationVariables(), Shell.bash)\n"
        "sys.stdout.write(made.script); sys.stdout.flush(); os._exit(0)\n"
    )
    theirs = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    show = (
        "echo $CONDA_PREFIX; echo $CONDA_SHLVL; echo $MINE; echo $TALLY_VERSION; command -v tally"
    )
    done = subprocess.run(
        ["bash", "-c", f"{theirs}\n{show}"], capture_output=True, text=True, check=True
    )
    assert inside(made, show, "bash") == done.stdout


def test_other_platforms_are_solved_not_installed(store, envs):
    path = envs("a.yaml", "macthing")
    other = "osx-arm64" if here() != "osx-arm64" else "linux-64"
    if other == "osx-arm64":
        identity, lock = store.lock_for(path, other)
        assert [one.name for one in lock.packages_for(other)] == ["macthing"]
        assert store.known(path, other).identity == identity
        assert not store.entries()


def test_a_spec_in_place_of_a_path(store, envs):
    spec = read_environment(envs("a.yaml", "tally =1"))
    assert store.make([spec])[spec.path].identity == store.known(spec).identity
