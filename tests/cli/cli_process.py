"""The command as a process, in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


class Project:
    """A directory with a rule file; calling it runs `rulekit` there."""

    def __init__(self, path):
        self.path = path
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("SNAKEMAKE_PROFILE", "RULEKIT_PROFILE", "NO_COLOR", "FORCE_COLOR", "CI")
        }
        self.environment["XDG_CACHE_HOME"] = str(path.parent / "cache")
        self.environment["XDG_CONFIG_HOME"] = str(path.parent / "config")

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def __call__(self, *words, code=0, **settings):
        done = subprocess.run(
            [sys.executable, "-m", "rulekit", *words],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **settings,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    return Project(path)
