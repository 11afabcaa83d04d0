"""Files that must not be lost, or not be trusted: changed by hand, left by a failed job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RULES = """
rule a:
    output: "a.txt"
    shell: "echo made > {output}; test ! -e fail"
"""


def rulekit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rulekit", "--cores", "1", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_output_changed_by_hand_is_made_again_and_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(RULES)
    assert rulekit(tmp_path).returncode == 0
    (tmp_path / "a.txt").write_text("edited by hand\n")
    done = rulekit(tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "a.txt").read_text() == "made\n"
    kept = [p for p in (tmp_path / ".rulekit" / "kept").rglob("*") if p.is_file()]
    assert [p.read_text() for p in kept] == ["edited by hand\n"]
    assert os.path.relpath(kept[0], tmp_path) in done.stderr


def test_what_a_failed_job_kept_is_not_taken_for_made(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(RULES)
    (tmp_path / "fail").touch()
    assert rulekit(tmp_path, "--keep-incomplete").returncode == 1
    assert (tmp_path / "a.txt").exists()
    (tmp_path / "fail").unlink()
    done = rulekit(tmp_path)
    assert done.returncode == 0 and "Incomplete output files: a.txt" in done.stderr
    assert "Nothing to be done" in rulekit(tmp_path).stderr


def test_why_a_file_although_the_first_rule_has_wildcards(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        'rule first:\n    output: "{x}.b"\n    shell: "touch {output}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", "why", "one.b"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 and "one.b" in done.stdout
