"""`--default-storage-provider fs`: all relative paths in one folder of this disk."""

from __future__ import annotations

import pytest

RULES = """
rule all:
    input: "final.txt"

checkpoint parts:
    input: "in.txt"
    output: directory("parts")
    shell: "mkdir {output}; cp {input} {output}/a.txt; cp {input} {output}/b.txt"

def made(wildcards):
    folder = checkpoints.parts.get().output[0]
    return [folder, *expand("each/{i}", i=sorted(glob_wildcards(folder + "/{i}.txt").i))]

rule each:
    input: rules.parts.output
    output: temp("each/{i}")
    shell: "cp {input}/{wildcards.i}.txt {output}"

rule final:
    input: made, local("here.txt"), storage.fs("other.txt")
    output: "final.txt"
    run:
        with open(output[0], "w") as file:
            file.write(f"{input} {exists(input[0])}")

rule other:
    output: storage.fs("other.txt")
    shell: "echo {output} > {output}"

rule here:
    output: local("here.txt")
    shell: "echo {output} > {output}"
"""


@pytest.fixture
def run(project):
    project.write("Snakefile", RULES)

    def called(*words, folder="st", code=0):
        return project(
            *words, "-c1", "--default-storage-provider", "fs",
            "--default-storage-prefix", str(folder), code=code,
        )  # fmt: skip

    return called


@pytest.mark.parametrize("absolute", [False, True])
def test_a_run(project, run, absolute):
    folder = project.path.parent / "store" if absolute else "st"
    root = project.path / folder
    project.write(root / "in.txt", "in")
    run(folder=folder)
    text = (root / "final.txt").read_text()
    assert text == f"{folder}/parts {folder}/each/a {folder}/each/b here.txt other.txt True"
    assert sorted(path.name for path in root.iterdir()) == ["each", "final.txt", "in.txt", "parts"]
    assert not list((root / "each").iterdir())
    assert (project.path / "here.txt").exists() and (project.path / "other.txt").exists()
    assert "Nothing to be done" in run(folder=folder).stderr


@pytest.mark.parametrize("target", ["each/a", "st/each/a", "./each/a", "here.txt", "other.txt"])
def test_targets(project, run, target):
    project.write("st/in.txt", "in")
    run(target, "--notemp")
    made = project.path / ("st/each/a" if "each" in target else target)
    assert made.exists()
    assert "is up to date" in run("why", target, "--notemp").stdout


def test_files_named_by_other_options(project, run):
    project.write("st/in.txt", "in")
    run("--until", "parts")
    assert not (project.path / "st/final.txt").exists()
    run()
    assert "Nothing to be done" in run("-n").stdout
    assert "rule final:" in run("-n", "-R", "final.txt").stdout


@pytest.mark.parametrize(
    ("folder", "said"),
    [("fs://x", "is a URL"), ("{x}", "wildcards"), (".rulekit/x", "its own files")],
)
def test_a_prefix_that_is_no_folder(run, folder, said):
    done = run(folder=folder, code=2)
    assert "RK0656" in done.stderr and said in done.stderr


def test_without_a_prefix_nothing_changes(project, run):
    project.write("in.txt", "in")
    run("parts", folder=".")
    assert (project.path / "parts/a.txt").exists()


def test_a_missing_file_is_named_with_its_folder(project, run):
    project.write("in.txt", "in")
    done = run(code=4)
    assert "RK0402" in done.stderr and "`st/in.txt`" in done.stderr
