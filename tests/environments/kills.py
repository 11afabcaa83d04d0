"""Kills while environments are made, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rulekit.environments import EnvironmentStore, layout

_SCRIPT = """\
import sys
from rulekit.environments import EnvironmentStore
store = EnvironmentStore(sys.argv[1])
store.make(sys.argv[2:], jobs=3, say=lambda news: print(news.stage, flush=True))
"""


def check_complete(store: EnvironmentStore) -> int:
    """Whatever has a mark is whole: every file its records name is there, with the right bytes.
    The number of complete ones."""
    count = 0
    for entry in store.entries():
        if entry.complete:
            count += 1
            check_whole(Path(entry.prefix))
    return count


def check_whole(prefix: Path) -> None:
    import hashlib
    import json

    records = list((prefix / "conda-meta").glob("*.json"))
    mark = layout.read_mark(str(prefix))
    assert mark is not None and len(records) == mark["packages"]
    for record in records:
        for one in json.loads(record.read_text())["paths_data"]["paths"]:
            path = prefix / one["_path"]
            assert os.path.lexists(path), path
            digest = one.get("sha256_in_prefix") or one.get("sha256")
            if one["path_type"] == "hardlink" and digest:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path
    assert (prefix / ".rulekit" / "activate.sh").read_text().endswith("unset __rulekit_flags __rulekit_script\n")  # fmt: skip
    if (prefix / ".rulekit" / "post-deploy.sh").exists():
        assert (prefix / "post-done").exists()


def campaign(folder: Path, files: list[str], kills: int, seed: int) -> dict[str, int]:
    """Begin to make environments, kill at a random moment, look, some times over; then have them
    for good. What happened, in numbers."""
    random_ = random.Random(seed)
    seen = {"killed": 0, "ended": 0, "complete": 0, "worker": 0}
    usual = _time_of_one(folder / "measure", files)
    where, cache = folder / "store", folder / "pkgs"
    while seen["killed"] + seen["worker"] < kills:
        # Mostly from nothing; now and then on top of what there is.
        if random_.random() < 0.5:
            shutil.rmtree(where, ignore_errors=True)
        if random_.random() < 0.3:
            shutil.rmtree(cache, ignore_errors=True)
        command = [sys.executable, "-c", _SCRIPT, str(where), *files]
        environ = {**os.environ, "CONDA_PKGS_DIRS": str(cache)}
        process = subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        began = time.monotonic()
        try:
            process.wait(random_.uniform(0, usual))
        except subprocess.TimeoutExpired:
            pass
        only_worker = random_.random() < 0.3
        workers = _children(process.pid)
        if process.poll() is not None:
            seen["ended"] += 1
            usual = max(0.3, min(usual, (time.monotonic() - began) * 1.1))
        elif only_worker and workers:
            seen["worker"] += 1
            usual *= 1.05
            for worker in workers:
                _kill(worker)
        else:
            seen["killed"] += 1
            usual *= 1.05
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        seen["complete"] += check_complete(EnvironmentStore(str(where)))
        # The next run works, with whatever was left.
        again = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
        assert again.returncode == 0, again.stderr
        store = EnvironmentStore(str(where))
        assert check_complete(store) == len({store.known(one).identity for one in files})
        left = [one for one in store.entries() if not one.complete]
        assert not left, left
    return seen


def _time_of_one(folder: Path, files: list[str]) -> float:
    began = time.monotonic()
    environ = {**os.environ, "CONDA_PKGS_DIRS": str(folder / "pkgs")}
    command = [sys.executable, "-c", _SCRIPT, str(folder / "store"), *files]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
