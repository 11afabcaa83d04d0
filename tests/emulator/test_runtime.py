"""Container runtimes of emulated tasks: real podman, the program docker, bubblewrap, none."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time

import pytest
from azurite import absent
from containers import IMAGE, image_tar

from rulekit.emulator import runtime
from rulekit.errors.tree import InfrastructureError


def run(found: runtime.Runtime, image: str, workdir: str | None, argv: list[str], **rest):
    """Runs a command as the emulator does: with the environment of the task alone."""
    environment = {"PATH": os.environ["PATH"], **rest.get("environment", {})}
    words = found.command(
        image, rest.get("options", []), rest.get("binds", []), environment, workdir, argv
    )
    for value in rest.get("environment", {}).values():
        assert value not in " ".join(words)
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(params=["podman", "docker"])
def engine(request, monkeypatch):
    if request.param == "docker":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("docker_socket"))
    else:
        request.getfixturevalue("containers")
    return runtime.choose(request.param)


def test_a_command_runs_in_the_image(engine, tmp_path):
    (tmp_path / "wd").mkdir()
    engine.pull(IMAGE)
    ended = run(
        engine,
        IMAGE,
        f"{tmp_path}/wd",
        ["/bin/sh", "-c", 'cat /etc/rulekit-image; pwd; echo "$GREETING" > out; exit 7'],
        binds=[(str(tmp_path), str(tmp_path))],
        environment={"GREETING": "hello world"},
    )
    assert (ended.returncode, ended.stderr) == (7, "")
    assert ended.stdout == f"busybox\n{tmp_path}/wd\n"
    assert (tmp_path / "wd" / "out").read_text() == "hello world\n"


def test_options_reach_the_engine(engine):
    ended = run(engine, IMAGE, None, ["hostname"], options=["--network=none", "--hostname=box"])
    assert ended.stdout == "box\n", ended.stderr


@pytest.mark.parametrize("options", [[], ["--name=mine"], ["--name", "mine"]])
def test_a_killed_task_leaves_no_container(engine, options):
    environment = {"PATH": os.environ["PATH"]}
    argv = ["sh", "-c", "sleep 1000", "--name=not-me"]
    words = engine.command(IMAGE, options, [], environment, None, argv)
    child = subprocess.Popen(words, env=environment, start_new_session=True)
    name = "mine" if options else words[words.index("--name") + 1]

    def known() -> bool:
        listed = [engine.name, "ps", "--format", "{{.Names}}"]
        found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
        return name in found.split()

    until = time.monotonic() + 60
    while not known() and time.monotonic() < until:
        assert child.poll() is None
        time.sleep(0.1)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    engine.kill(words)
    assert not known()


def test_an_image_comes_from_a_registry_or_not(registry, containers):
    found = runtime.choose("podman")
    found.pull(f"{registry}/busybox:1")
    ended = run(found, f"{registry}/busybox:1", None, ["cat", "/etc/rulekit-image"])
    assert ended.stdout == "busybox\n"
    with pytest.raises(runtime.PullError, match="nothing"):
        found.pull(f"{registry}/nothing:1")
    for wrong in ("", "--privileged"):
        with pytest.raises(runtime.PullError):
            found.pull(wrong)


def test_bubblewrap_over_an_unpacked_root(tmp_path, monkeypatch):
    if shutil.which("bwrap") is None:
        absent("bubblewrap")
    images = tmp_path / "images"
    with tarfile.open(fileobj=io.BytesIO(image_tar())) as tar:
        tar.extractall(images / "docker.io_test_busybox_1", filter="tar")
    (tmp_path / "wd").mkdir()
    monkeypatch.setenv("RULEKIT_EMULATOR_IMAGES", str(images))
    found = runtime.choose("bubblewrap")
    found.pull("docker.io/test/busybox:1")
    ended = run(
        found,
        "docker.io/test/busybox:1",
        f"{tmp_path}/wd",
        ["sh", "-c", "cat /etc/rulekit-image; pwd; echo $X > out; echo > /etc/new; exit 7"],
        binds=[(str(tmp_path), str(tmp_path))],
        environment={"X": "inside the box"},
    )
    assert ended.stdout == f"busybox\n{tmp_path}/wd\n", ended.stderr
    assert ended.returncode == 7 and "Read-only" in ended.stderr
    assert (tmp_path / "wd" / "out").read_text() == "inside the box\n"
    for missing in ("other:1", "..", ""):
        with pytest.raises(runtime.PullError):
            found.pull(missing)


def test_declared_runs_here_and_notes_the_image():
    found = runtime.choose("declared")
    found.pull("docker.io/x:1")
    assert found.command("docker.io/x:1", ["--rm"], [], {}, None, ["true"]) == ["true"]
    assert isinstance(found, runtime.Declared) and "docker.io/x:1" in found.images


def test_the_first_that_works_is_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv("RULEKIT_EMULATOR_RUNTIME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runtime.choose().name == "declared"
    broken = tmp_path / "docker"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert runtime.choose().name == "declared"
    monkeypatch.setenv("RULEKIT_EMULATOR_RUNTIME", "docker")
    with pytest.raises(InfrastructureError) as caught:
        runtime.choose()
    assert caught.value.diagnostics[0].code == "RK0670"
    monkeypatch.setenv("RULEKIT_EMULATOR_RUNTIME", "declared")
    assert runtime.choose().name == "declared"
