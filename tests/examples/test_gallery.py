"""The gallery: each example gives what is in its `expected/`, and what its README says to try happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_examples import EXAMPLES, Example

from rulekit.testing.compare import Rules, difference_of

GALLERY = ("rnaseq", "cells", "digits", "stars", "tour")


def open_example(name: str, folder: Path) -> Example:
    if name == "digits":
        pytest.importorskip("pandas", reason="pandas is not installed")
    return Example(name, folder)


def check_expected(example: Example) -> None:
    """Every file of `expected/` is made, with that content."""
    expected = example.folder / "expected"
    files = [path for path in expected.rglob("*") if path.is_file()]
    assert files
    for path in files:
        made = example.folder / "results" / path.relative_to(expected)
        difference = difference_of(made, path, Rules())
        assert difference is None, difference


def started(name: str, folder: Path) -> Example:
    """The example, run."""
    example = open_example(name, folder)
    assert example.run()
    check_expected(example)
    assert example.run() == {}
    return example


def test_rnaseq(tmp_path: Path) -> None:
    example = started("rnaseq", tmp_path)
    done = example.command("--report", "report.html")
    assert done.returncode == 0, done.stderr
    page = example.text("report.html")
    assert "Counts per thousand reads" in page and "counted by gene" in page
    example.edit("config/config.yaml", "least_change: 1 ", "least_change: 2 ")
    assert example.plan() == {"compare": 1, "plot": 1, "all": 1}
    example.edit("config/samples.csv", "t3,treated", "t3,treatd")
    done = example.command("-n")
    assert done.returncode == 3 and "treatd" in done.stderr
    example.edit("config/samples.csv", "t3,treatd,data/t3.fastq.gz\n", "")
    planned = example.plan()
    assert planned["count"] == 5 and planned["matrix"] == planned["qc_table"] == 1
    assert "qc_quality" not in planned


def test_the_tests_of_rnaseq(tmp_path: Path) -> None:
    example = open_example("rnaseq", tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "rulekit.testing.plugin", "tests"]
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    done = subprocess.run(
        command,
        cwd=example.folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_cells(tmp_path: Path) -> None:
    example = started("cells", tmp_path)
    assert not list((example.folder / "results/tiles").rglob("*.pgm"))
    example.edit("config.yaml", "smallest: 12", "smallest: 60")
    following = {"find": 3, "table": 1, "sizes": 1, "outline": 3, "all": 1}
    assert example.run() == following
    shutil.copy(example.folder / "data/control.pgm", example.folder / "data/again.pgm")
    one = {"cut": 1, "clean": 4, "join": 1, "find": 1, "outline": 1, "table": 1}
    assert example.run() == {**one, "sizes": 1, "all": 1}


def test_digits(tmp_path: Path) -> None:
    example = started("digits", tmp_path)
    table = example.folder / "config/settings.tsv"
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join([rows[0], *reversed(rows[1:])]))
    assert "read" not in example.plan()
    table.write_text("".join([*rows, "2\t3\tcity\n"]))
    assert example.plan()["read"] == 1
    table.write_text("".join(rows[:-1]))
    assert example.plan() == {"score": 1, "best": 1, "plot": 1, "all": 1}


def test_stars(tmp_path: Path) -> None:
    example = started("stars", tmp_path)
    assert example.text("results/clusters.tsv").splitlines()[-1].startswith("5\t8\t")
    example.edit("config.yaml", "enough: 12", "enough: 30")
    assert example.plan() == {"table": 1, "draw": 1, "all": 1}
    example.edit("config.yaml", "near: 3.0", "near: 3.3")
    assert example.run()["measure"] < 5


def test_tour(tmp_path: Path) -> None:
    example = started("tour", tmp_path)
    said = example.command("why", "results/rejoined.txt")
    assert "is up to date" in said.stdout
    assert not os.path.exists(example.folder / "results/pipe")
    example.edit("config.yaml", "loud: true", "loud: false")
    assert example.run() == {"branched": 1, "all": 1}
    (example.folder / "data/tree.txt").write_text("a tree\n")
    more = ("words", "count", "folder", "stamp", "values", "by_run", "all")
    assert example.run() == dict.fromkeys(more, 1)


@pytest.mark.parametrize("name", GALLERY)
def test_the_graph_of_a_readme_has_every_rule(name: str) -> None:
    folder = EXAMPLES / name
    files = (*folder.rglob("Rulefile"), *folder.rglob("Snakefile"), *folder.rglob("*.smk"))
    found = re.findall(
        r"^(?:rule|checkpoint) (\w+):", "\n".join(file.read_text() for file in files), re.M
    )
    readme = (folder / "README.md").read_text()
    graph = readme.split("```mermaid\n")[1].split("```")[0]
    drawn = set(re.findall(r"\w+", re.sub(r'"[^"]*"|flowchart TD', " ", graph)))
    assert set(found) == drawn
    assert "## Where the" in readme


@pytest.mark.parametrize("name", ["rnaseq", "cells", "digits", "stars"])
def test_the_data_is_what_its_tool_writes(name: str, tmp_path: Path) -> None:
    folder = EXAMPLES / name
    words = [] if name in ("digits", "stars") else [str(tmp_path)]
    tool = [sys.executable, str(folder / "tools/simulate.py"), *words]
    printed = subprocess.run(tool, check=True, capture_output=True).stdout
    if not words:
        (tmp_path / os.listdir(folder / "data")[0]).write_bytes(printed)
    for path in sorted((folder / "data").iterdir()):
        difference = difference_of(tmp_path / path.name, path, Rules())
        assert difference is None, difference


def test_every_example_is_in_the_lists() -> None:
    """The README of the gallery and the page of the documentation name all of them."""
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    readme = (EXAMPLES / "README.md").read_text()
    assert set(re.findall(r"^\| \[([\w-]+)\]", readme, re.M)) == folders
    plain = re.sub(r"\[([\w-]+)\]\([\w-]+/\)", r"`\1`", readme)
    rows = [line for line in plain.splitlines() if line.startswith("| `")]
    page = (EXAMPLES.parent / "docs/examples.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows
