"""The example with containers, run with the image of the tests."""

from __future__ import annotations

import os
import shutil

from containers import IMAGE

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "example_workflows", "containers")


def test_the_example(project, containers):
    shutil.copytree(EXAMPLE, project.path, dirs_exist_ok=True)
    project.environment.update(containers.environment)
    words = ("--sdm", "apptainer", "--container-runtime", "podman")
    words += ("--config", f"image=docker://{IMAGE}")
    project("--cores", "2", *words)
    assert (project.path / "results" / "summary.txt").read_text().split() == ["5", "e", "7", "e"]
    assert "Nothing to be done" in project("-n", *words).stdout
    other = (*words[:-1], "image=docker://localhost/another:1")
    told = project("-n", *other).stdout
    assert told.count("Software environment definition") >= 3
