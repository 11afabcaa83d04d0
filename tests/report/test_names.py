"""Names that are no UTF-8, and a report of what was never run by rulekit."""

from __future__ import annotations

import os
import zipfile

from support.program import rulekit

FILE = """
rule all:
    input: "total.txt", directory("d")
rule folder:
    output: report(directory("d"), patterns=["{name}.txt"])
    shell: "mkdir -p d; echo x > d/$'\\\\xff'.txt; echo y > d/plain.txt"
rule total:
    input: "d"
    output: "total.txt"
    shell: "ls {input} > {output}"
"""


def test_names_that_are_no_text(tmp_path):
    (tmp_path / "Rulefile").write_text(FILE)
    rulekit(tmp_path, "-c", "1", "--quiet")
    assert b"\xff.txt" in os.listdir(os.fsencode(tmp_path / "d"))
    rulekit(tmp_path, "--report", "r.html")
    assert "plain.txt" in (tmp_path / "r.html").read_text(encoding="utf-8")
    rulekit(tmp_path, "--report", "r.zip")
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        assert archive.testzip() is None
        assert "report/data/d/plain.txt" in archive.namelist()
    rulekit(tmp_path, "--crate", "c.zip")
    rulekit(tmp_path, "--graph", "g.html")
    rulekit(tmp_path, "timeline", "-o", "t.html")


def test_results_that_were_there_before(tmp_path):
    (tmp_path / "Rulefile").write_text('rule a:\n    output: report("a.txt")\n    shell: "false"\n')
    (tmp_path / "a.txt").write_text("old")
    rulekit(tmp_path, "--report", "r.html")
    assert "old" in (tmp_path / "r.html").read_text()
    assert not (tmp_path / ".rulekit").exists()
