"""Activation: what an environment changes in the variables, without starting any job."""

from __future__ import annotations

import json
import os
import time

import pytest

from rulekit.frozen import replace
from rulekit.model.spec import OutputSpec
from rulekit.runner import boxed, drive
from rulekit.runner.activation import activate, key_of
from rulekit.runner.command import Environments
from rulekit.runner.files import Refused

BASE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def make_prefix(folder, *scripts, values=None):
    for name in ("bin", "conda-meta", "etc/conda/activate.d", "etc/conda/deactivate.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(scripts):
        (folder / "etc" / "conda" / "activate.d" / f"{number}.sh").write_text(text)
    if values:
        (folder / "conda-meta" / "state").write_text(json.dumps({"env_vars": values}))
    return str(folder)


def test_a_prefix_without_scripts_needs_no_process(tmp_path, monkeypatch):
    prefix = make_prefix(tmp_path / "env", values={"A": "1 2", "B": "é"})
    monkeypatch.setattr("subprocess.Popen", None)
    found = activate({"conda": prefix}, BASE)
    assert found.added["PATH"] == f"{prefix}/bin:/usr/bin:/bin"
    assert (found.added["A"], found.added["B"], found.added["CONDA_PREFIX"]) == ("1 2", "é", prefix)


def test_scripts_are_sourced_in_order_and_may_say_anything(tmp_path):
    prefix = make_prefix(
        tmp_path / "an env",
        "echo noise; export X=1\nunset LANG\n",
        'export X="$X\n2"\nfalse\n',
    )
    found = activate({"conda": prefix}, BASE)
    assert found.added["X"] == "1\n2"
    assert found.removed == ("LANG",)


def test_a_script_that_ends_the_shell_is_told(tmp_path):
    prefix = make_prefix(tmp_path / "env", "echo for this reason >&2; exit 3\n")
    with pytest.raises(Refused, match="exit code 3: for this reason"):
        activate({"conda": prefix}, BASE)


def test_a_prefix_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Refused, match="is not there"):
        activate({"conda": str(tmp_path / "no")}, BASE)


def test_an_environment_takes_the_place_of_the_active_one(tmp_path):
    old = make_prefix(tmp_path / "old", values={"OLD": "1"})
    (tmp_path / "old" / "etc" / "conda" / "deactivate.d" / "d.sh").write_text("unset LEFT\n")
    new = make_prefix(tmp_path / "new")
    before = {
        **BASE,
        "PATH": f"{old}/bin:/usr/bin:/bin",
        "CONDA_PREFIX": old,
        "CONDA_SHLVL": "1",
        "OLD": "1",
        "LEFT": "1",
    }
    found = activate({"conda": new}, before)
    assert found.added["PATH"] == f"{new}/bin:/usr/bin:/bin"
    assert set(found.removed) == {"OLD", "LEFT"}


def test_search_paths(tmp_path):
    prefix = make_prefix(tmp_path / "env")
    before = {**BASE, "PYTHONPATH": "/x", "R_LIBS": "/y"}
    assert set(activate({"conda": prefix}, before).removed) == {"PYTHONPATH", "R_LIBS"}
    assert not activate({"conda": prefix, "keep_search_paths": True}, before).removed


def test_a_program_is_the_environments_own_only_if_it_brings_it(tmp_path):
    prefix = make_prefix(tmp_path / "env")
    assert activate({"conda": prefix}, BASE).program("sh") is None
    path = tmp_path / "env" / "bin" / "python"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    assert activate({"conda": prefix}, BASE).program("python3", "python") == str(path)


def test_keys_tell_environments_apart():
    orders = (
        {"conda": "/a"},
        {"conda": "/a", "keep_search_paths": True},
        {"conda": "/b"},
        {"modules": ["a"]},
        {"modules": ["a", "b"]},
        {"modules": ["b", "a"]},
    )
    assert len({key_of(one) for one in orders}) == len(orders)
    assert key_of({"conda": "/a", "container": {"engine": "docker"}}) == ""


def test_an_attempt_that_is_asked_to_stop_ends_while_it_is_activated(order, tmp_path):
    prefix = make_prefix(tmp_path / "env", "sleep 1000\n")
    spec = order("true", ["out"], software={"conda": prefix})
    pid = os.fork()
    if pid == 0:
        result = drive.run(spec, Environments())
        (tmp_path / "result").write_text(str(result.problem))
        os._exit(0)
    end = time.monotonic() + 120
    while not _sleeps(pid):
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(pid, 15)
    os.waitpid(pid, 0)
    assert (tmp_path / "result").read_text() == "cancelled"
    assert not (tmp_path / "out").exists()


def _sleeps(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return bool(file.read().split())
    except OSError:
        return False


def test_a_failing_activation_is_the_attempts_problem(order, tmp_path):
    prefix = make_prefix(tmp_path / "env", "exit 3\n")
    spec = replace(order("true", ["out"]), software={"conda": prefix})
    result = drive.run(spec, Environments())
    assert (result.ok, result.problem) == (False, "software")
    assert "cannot be activated" in result.detail


def test_only_what_differs_costs_a_process(order, tmp_path, monkeypatch):
    prefix = make_prefix(tmp_path / "env", f"echo x >> {tmp_path}/count; export A=1\n")
    environments = Environments()
    for number in range(3):
        spec = order(f"echo $A > out{number}", [f"out{number}"], software={"conda": prefix})
        assert drive.run(spec, environments).ok
        assert (tmp_path / f"out{number}").read_text() == "1\n"
    assert (tmp_path / "count").read_text() == "x\n"
    assert environments.of(order("true")).get("A") is None


def test_rootless_docker_writes_as_its_own_user(order, tmp_path):
    box = {"engine": "docker", "program": "/usr/bin/docker", "image": "i", "options": []}
    for user, expected in (("0:0", "0:0"), (None, f"{os.getuid()}:{os.getgid()}")):
        given = box if user is None else {**box, "user": user}
        words = boxed.wrap(order("true", software={"container": given}), ("bash", "-c", "true"), {})
        assert words[words.index("--user") + 1] == expected


def test_a_folder_that_the_words_cannot_hold_is_refused(order, tmp_path):
    there = tmp_path / "a,b"
    there.mkdir()
    (there / "in").write_text("")
    box = {"engine": "docker", "program": "/usr/bin/docker", "image": "i", "options": []}
    spec = order("true", (), [str(there / "in")], software={"container": box})
    inside = boxed.wrap(spec, ("bash", "-c", "true"), {})  # below the working directory
    assert not any("a,b" in word for word in inside)
    with pytest.raises(Refused, match="comma"):
        boxed.wrap(replace(spec, workdir=str(there)), ("bash", "-c", "true"), {})


def test_no_folder_of_the_system_is_shown(order):
    box = {"engine": "docker", "program": "/usr/bin/docker", "image": "i", "options": []}
    spec = order("true", (), ["/etc/hostname", "/usr/bin/env"], software={"container": box})
    words = " ".join(boxed.wrap(spec, ("bash", "-c", "true"), {}))
    assert "source=/etc/hostname,target=/etc/hostname,readonly" in words
    assert "source=/etc," not in words and "source=/usr/bin," not in words
    for output in ("/made-at-the-root", "/usr/bin/x"):
        with pytest.raises(Refused, match="cannot be shown"):
            boxed.wrap(replace(spec, outputs=(OutputSpec(output, {}),)), ("bash", "-c", "true"), {})
