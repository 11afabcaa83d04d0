"""`--archive`, `--dump-workflow`, `--generate-unit-tests`, `--list-untracked`, deleting outputs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile

FILE = """
configfile: "config.yaml"
rule all:
    input: "out/b.txt"
rule a:
    input: "data/in.txt"
    output: temp("out/a.txt")
    shell: "sort {input} > {output}"
rule b:
    "Counts."
    input: "out/a.txt"
    output: "out/b.txt"
    params: n=config["number"]
    shell: "wc -l < {input} > {output}; echo {params.n} >> {output}"
rule c:
    output: "{x}.c"
    script: "scripts/c.py"
"""


def prepared(project):
    project.write("Snakefile", FILE)
    project.write("config.yaml", "number: 3\n")
    project.write("data/in.txt", "b\na\n")
    project.write("scripts/c.py", "pass\n")
    project.write("notes.txt", "mine\n")
    return project


def test_an_archive_has_what_the_workflow_needs_and_is_reproducible(project):
    prepared(project)
    project("--archive", "w.tar.gz")
    with tarfile.open(project.path / "w.tar.gz") as archive:
        names = sorted(archive.getnames())
    assert names == ["Snakefile", "config.yaml", "data/in.txt", "scripts/c.py"]
    first = hashlib.sha256((project.path / "w.tar.gz").read_bytes()).digest()
    project("--archive", "w.tar.gz")
    assert hashlib.sha256((project.path / "w.tar.gz").read_bytes()).digest() == first
    assert project("--archive", "w.tar.xz", "-n").stdout.split() == names


def test_an_archive_holds_what_git_keeps(project):
    prepared(project)
    subprocess.run(["git", "init", "-q"], cwd=project.path, check=True)
    subprocess.run(["git", "add", "notes.txt"], cwd=project.path, check=True)
    project("--archive", "w.tar")
    with tarfile.open(project.path / "w.tar") as archive:
        assert "notes.txt" in archive.getnames()


def test_archives_that_cannot_be_made(project):
    prepared(project)
    assert "RK0103" in project("--archive", "w.zip", code=2).stderr
    (project.path / "data/in.txt").unlink()
    project("--archive", "w.tar", code=4)


def test_dump_workflow(project):
    prepared(project)
    data = json.loads(project("--dump-workflow").stdout)
    assert data["schema"] == 1
    assert data["config"] == {"number": 3}
    assert [rule["name"] for rule in data["rules"]] == ["all", "a", "b", "c"]
    assert data["rules"][2]["docstring"] == "Counts."
    project("--dump-workflow", "w.json", "--directory", "elsewhere", "--configfile", "config.yaml")
    assert json.loads((project.path / "w.json").read_text())["rules"] == data["rules"]
    assert "--dump-workflow" in project("--print-compilation", code=2).stderr


def test_generated_tests_pass_and_can_fail(project):
    prepared(project)
    project("-c", "1", "--notemp")
    said = project("--generate-unit-tests").stdout
    assert "Wrote a test of rule a." in said
    assert "No test of rule c: no job of it has all its inputs and outputs." in said

    def run():
        # Other plugins that are installed have no part in this, and take their time.
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-p", "rulekit.testing.plugin", ".tests/unit"]
        alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(
            command, cwd=project.path, capture_output=True, text=True, check=False, env=alone
        )

    done = run()
    assert "2 passed" in done.stdout, done.stdout
    (project.path / ".tests/unit/b/expected/out/b.txt").write_text("5\n")
    assert "1 failed, 1 passed" in run().stdout
    assert "there is one already" in project("--generate-unit-tests").stdout


def test_untracked_files_are_listed(project):
    prepared(project)
    project("-c", "1")
    found = project("--list-untracked").stdout.split()
    assert "notes.txt" in found
    assert not {"out/b.txt", "data/in.txt"} & set(found)


def test_deleting_outputs(project):
    prepared(project)
    project("-c", "1", "--notemp")
    assert "Would delete" in project("--delete-all-output", "-n").stdout
    project("--delete-temp-output")
    assert not (project.path / "out/a.txt").exists()
    assert (project.path / "out/b.txt").exists()
    project("--delete-all-output")
    assert not (project.path / "out/b.txt").exists()
    assert (project.path / "data/in.txt").exists()
