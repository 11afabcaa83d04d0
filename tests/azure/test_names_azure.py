"""Stored files are shown by the names that people use, wherever something is shown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from azcommand import Cloud

RULES = """
rule all:
    input: "az://{box}/made/b.txt"

rule upper:
    input: "az://{box}/raw/{{s}}.txt"
    output: "az://{box}/made/{{s}}.txt"
    log: "az://{box}/logs/{{s}}.log"
    message: "making {{output}}"
    shell: "tr a-z A-Z < {{input}} > {{output}} 2> {{log}}; {more}"
"""


class Project:
    def __init__(self, azurite, container, folder):
        self.box, self.azurite, self.folder = container, azurite, folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AZ", "BATCH_"))},
            **azurite.environment(),
            "XDG_CACHE_HOME": str(folder / ".cache"),
        }

    def rules(self, more="true"):
        (self.folder / "Snakefile").write_text(RULES.format(box=self.box, more=more))

    def run(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "rulekit", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def project(azurite, container, tmp_path):
    made = Project(azurite, container, tmp_path)
    made.rules()
    return made


def plain(done):
    """What was said, which must not hold the paths that only rulekit has."""
    said = done.stdout + done.stderr
    assert ".rulekit/storage" not in said, said
    return said


def test_dry_run_run_and_why(project):
    made = f"az://{project.box}/made/b.txt"
    project.azurite.put(project.box, "raw/b.txt", "text\n")
    said = plain(project.run("-n", "-p"))
    assert f"Missing output files: {made}" in said
    assert f"tr a-z A-Z < az://{project.box}/raw/b.txt > {made}" in said
    done = project.run("--cores", "2", "-p", made)
    assert done.returncode == 0, done.stderr
    assert f"making {made}" in plain(done)
    (log,) = (project.folder / ".rulekit" / "log").glob("*.log")
    text = log.read_text()
    assert made in text and ".rulekit/storage" not in text
    said = plain(project.run("why", made))
    assert f"{made} (upper:s=b) is up to date" in said
    assert made in plain(project.run("--summary"))
    assert "Nothing to be done" in plain(project.run("-n"))
    assert "forced" in plain(project.run("-n", "-R", made)).lower()
    assert f"az://{project.box}/made/{{s}}.txt" in plain(project.run("show", "upper"))


def test_what_fails_and_what_is_missing(project):
    lost = project.run("--cores", "1")
    assert lost.returncode == 4
    assert f"az://{project.box}/raw/b.txt" in plain(lost)
    project.azurite.put(project.box, "raw/b.txt", "text\n")
    project.rules("cat az://nothing > /dev/null")
    failed = project.run("--cores", "1")
    assert failed.returncode == 1
    said = plain(failed)
    assert f"output: az://{project.box}/made/b.txt" in said
    assert f"log: az://{project.box}/logs/b.log" in said


def test_machines_read_the_same_names(project):
    import json

    project.azurite.put(project.box, "raw/b.txt", "text\n")
    found = json.loads(project.run("plan", "--json").stdout)
    text = json.dumps(found)
    assert f"az://{project.box}/made/b.txt" in text and ".rulekit/storage" not in text


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()


def test_paths_below_the_prefix_stay_as_they_are_written(cloud):
    cloud.write(
        "Snakefile", 'rule a:\n    input: "in.txt"\n    output: "x"\n    shell: "cp {input} x"\n'
    )
    done = cloud.run("-n", batch=False)
    assert done.returncode == 4
    said = plain(done)
    assert "`in.txt`" in said or "in.txt" in said
