"""Mistakes that a run says before its first job, and a dry run too."""

from __future__ import annotations

import pytest

UNKNOWN = """
rule last:
    input: "one"
    output: "last"
    params: p=PARAM
    script: "s.py"

rule first:
    output: "{name}"
    wildcard_constraints: name="one"
    shell: "touch {output}"
"""


@pytest.fixture
def workflow(project):
    def write(param):
        project.write("Snakefile", UNKNOWN.replace("PARAM", param))
        project.write("s.py", "open(snakemake.output[0], 'w').close()\n")
        return project

    return write


@pytest.mark.parametrize("param", ['"{nosuch}"', '["x", "{nosuch}.txt"]'])
@pytest.mark.parametrize("words", [("-n",), ("-n", "-q"), ("-c", "1")])
def test_an_unknown_wildcard_in_the_params_of_a_script(workflow, param, words):
    project = workflow(param)
    said = project(*words, code=4).stderr
    assert "RK0451" in said and "Snakefile:2" in said, said
    assert not (project.path / "one").exists()


def test_a_dry_run_calls_the_params_functions_of_a_script(workflow):
    said = workflow("lambda wildcards: 1 / 0")("-n", code=4).stderr
    assert "RK0452" in said and "ZeroDivisionError" in said, said


def test_params_of_rules_without_a_job_are_not_looked_at(workflow):
    project = workflow('"{nosuch}"')
    project("-c", "1", "one")
    assert (project.path / "one").exists()


def test_wildcards_as_text(project):
    project.write(
        "Snakefile",
        'rule a:\n    output: "{b}_{a}.txt"\n'
        "    params: text=lambda wildcards: str(wildcards)\n"
        "    shell: \"echo '{wildcards}' {params.text} > {output}\"\n",
    )
    project("-c", "1", "x_y.txt")
    assert (project.path / "x_y.txt").read_text() == "a=y,b=x x y\n"
