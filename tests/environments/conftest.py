"""`channel`: the address of a channel of real packages, built once a session for all workers;
`envs`: a folder of environment files with settings and a package cache of its own."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest
from cli.cli_process import project

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import channel as packages

__all__ = ["channel", "channel_folder", "envs", "own_settings", "project"]


@pytest.fixture(scope="session")
def channel_folder(tmp_path_factory, worker_id):
    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        root = root.parent  # that of all workers
    folder = root / "conda-channel"
    with open(root / "conda-channel.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = root / "conda-channel.part"
            packages.build(part)
            part.rename(folder)
    return folder


@pytest.fixture(scope="session")
def channel(channel_folder):
    return f"file://{channel_folder}"


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    """A package cache that the tests of one worker share, as a user's would."""
    return str(tmp_path_factory.mktemp("pkgs"))


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path, shared_cache):
    """Nothing of the user's conda settings, and a package cache of the tests."""
    for name in list(os.environ):
        if name.startswith(("CONDA", "MAMBA", "PIP_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("CONDA_PKGS_DIRS", shared_cache)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


class Files:
    """Environment files in a folder."""

    def __init__(self, folder: Path, channel: str) -> None:
        self.folder = folder
        self.channel = channel

    def __call__(self, name: str, *dependencies: str, more: str = "") -> str:
        """Write an environment file of the test channel; its path."""
        lines = ["channels:", f"  - {self.channel}", "dependencies:"]
        lines += [f"  - {one}" for one in dependencies]
        return self.text(name, "\n".join(lines) + f"\n{more}")

    def text(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)


@pytest.fixture
def envs(tmp_path, channel):
    return Files(tmp_path / "envs", channel)
