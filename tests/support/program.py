"""The real program, run in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def rulekit(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A run of it, with no profile of the user's in the way."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config")}
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", *words],
        cwd=folder,
        env=environment,
        timeout=600,
        capture_output=True,
        text=True,
    )
    if check and done.returncode:
        raise AssertionError(f"rulekit {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done
