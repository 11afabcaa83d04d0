"""The first commands of the README, literally: in a fresh clone, with a fresh Python environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import blocks
import pytest

ROOT = blocks.ROOT


@pytest.mark.skipif(not os.environ.get("RULEKIT_LONG"), reason="installs packages: RULEKIT_LONG=1")
def test_the_first_commands_of_the_readme(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    first = next(
        block
        for block in blocks.blocks_of((clone / "README.md").read_text())
        if block.language == "console"
    )
    (step,) = blocks.steps_of(first)
    done = subprocess.run(
        ["bash", "-c", step.command], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = clone / "example_workflows/penguins/results/report.html"
    assert "<svg" in report.read_text()
    # What was made is not taken for a part of the repository.
    status = ["git", "status", "--short"]
    assert subprocess.run(status, cwd=clone, capture_output=True, check=True).stdout == b""
