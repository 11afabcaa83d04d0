"""The command in a directory of its own, and what a directory looks like."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]

# Exit codes as documented: done, job failed, command line, rule file, plan, software,
# infrastructure, locked, pending, state; 130 and 143 after signals.
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143}


class Said:
    """How a command ended, and what it said."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "surrogateescape")
        self.err = done.stderr.decode("utf-8", "surrogateescape")
        self.text = self.out + self.err


class Project:
    """A directory; calling it runs `rulekit` there, which must not crash."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("SNAKEMAKE_PROFILE", "RULEKIT_PROFILE", "NO_COLOR", "FORCE_COLOR", "CI")
        }
        self.environment["PYTHONPATH"] = str(ROOT)
        self.environment["XDG_CACHE_HOME"] = str(path.parent / "cache")
        self.environment["XDG_CONFIG_HOME"] = str(path.parent / "config")
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def write(self, name: str, content: str | bytes) -> pathlib.Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def __call__(self, *words: str, code: int | None = 0, **settings: Any) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "rulekit", *words],
            cwd=settings.pop("cwd", self.path),
            env={**self.environment, **settings.pop("environment", {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,
            **settings,
        )
        said = Said(done)
        assert "Traceback" not in said.text and "RK0001" not in said.text, said.text
        assert said.code in DOCUMENTED, (said.code, said.text)
        assert code is None or said.code == code, (said.code, said.text)
        return said

    def files(self) -> set[str]:
        """Every file and link that is no state of rulekit's, relative, as text."""
        found = set()
        for folder, folders, names in os.walk(os.fsencode(self.path)):
            if b".rulekit" in folders:
                folders.remove(b".rulekit")
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), os.fsencode(self.path))
                found.add(os.fsdecode(path))
        return found


def picture(top: pathlib.Path) -> dict[str, tuple[object, ...]]:
    """All that can be told of a tree without reading it twice: names, modes, sizes, times, and
    contents."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(top):
        for name in [*folders, *names, "."]:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            content = ""
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[path] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino, content)
    return found
