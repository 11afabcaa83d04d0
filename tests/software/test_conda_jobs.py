"""Jobs in conda environments: from the rule file to the action, for each kind of body."""

from __future__ import annotations

import json
import os

import pytest

RULES = """
rule all:
    input: "shell.txt", "script.txt", "bash.txt", "r.txt", "run.txt", "plain.txt", "wrapper.txt"
rule by_shell:
    output: "shell.txt"
    conda: "envs/one.yaml"
    shell: "tool > {output}"
rule by_script:
    output: "script.txt"
    conda: "envs/python.yaml"
    script: "s.py"
rule by_bash:
    output: "bash.txt"
    conda: "envs/one.yaml"
    script: "s.sh"
rule by_r:
    output: "r.txt"
    conda: "envs/r.yaml"
    script: "s.R"
rule by_run:
    output: "run.txt"
    conda: "envs/two.yaml"
    run:
        shell("tool > {output}")
rule by_wrapper:
    output: "wrapper.txt"
    wrapper: "file:wrappers/w"
rule plain:
    output: "plain.txt"
    shell: "if command -v tool; then exit 1; fi; touch {output}"
"""
SCRIPT = """
import os, subprocess
with open(snakemake.output[0], "w") as file:
    file.write(os.environ.get("INTERPRETER", "none") + "\\n")
    file.flush()
    subprocess.run(["tool"], stdout=file, check=True)
"""
MADE_BY_R = '#!bash echo "$INTERPRETER" > r.txt\n'


def environment(channel, *packages, more=""):
    lines = "".join(f"  - {package}\n" for package in packages)
    return f"channels:\n  - {channel}\n  - nodefaults\ndependencies:\n{lines}{more}"


@pytest.fixture
def lab(project, channel, tmp_path):
    project.environment["CONDA_PKGS_DIRS"] = str(tmp_path / "pkgs")
    project.environment["HOME"] = str(tmp_path / "home")
    project.write("Snakefile", RULES)
    project.write("s.py", SCRIPT)
    project.write("s.sh", 'tool > "${snakemake_output[0]}"\n')
    project.write("s.R", MADE_BY_R)
    for name, *packages in (
        ("one", "tool =1"),
        ("two", "tool =2"),
        ("python", "tool =3", "python"),
        ("r", "r-base"),
    ):
        project.write(f"envs/{name}.yaml", environment(channel, *packages))
    project.write("wrappers/w/wrapper.py", SCRIPT)
    project.write("wrappers/w/environment.yaml", environment(channel, "tool =3", "python"))
    return project


def read(project, name):
    return (project.path / name).read_text()


def test_every_kind_of_body_has_its_environment(lab):
    lab("-c2", "--use-conda")
    assert read(lab, "shell.txt") == "tool 1 activated-1\n"
    assert read(lab, "script.txt") == "conda\ntool 3 activated-3\n"
    assert read(lab, "bash.txt") == "tool 1 activated-1\n"
    assert read(lab, "r.txt") == "conda-r\n"
    assert read(lab, "run.txt") == "tool 2 activated-2\n"
    assert read(lab, "wrapper.txt") == "conda\ntool 3 activated-3\n"
    # Each environment once, and nothing more to do.
    assert "Nothing to be done" in lab("-c2", "--use-conda").stderr


def test_a_dry_run_makes_nothing(lab):
    told = lab("-n", "--use-conda").stdout
    assert "rule by_shell" in told
    assert told.count("Conda environment envs/one.yaml will be created.") == 1
    assert not os.path.exists(lab.path / ".rulekit")


def test_a_changed_environment_makes_its_jobs_stale_and_no_others(lab, channel):
    lab("-c2", "--use-conda")
    lab.write("envs/one.yaml", "# a comment\n" + environment(channel, "tool =1"))
    (lab.path / "envs" / "two.yaml").rename(lab.path / "moved.yaml")
    lab.write("Snakefile", RULES.replace("envs/two.yaml", "moved.yaml"))
    assert "Nothing to be done" in lab("-n", "--use-conda").stdout
    lab.write("envs/one.yaml", environment(channel, "tool =2"))
    told = lab("-n", "--use-conda").stdout
    assert {line for line in told.split("\n") if line.startswith("rule ")} == {
        "rule by_shell:",
        "rule by_bash:",
    }
    lab("-c2", "--use-conda")
    assert read(lab, "shell.txt") == "tool 2 activated-2\n"


def test_what_cannot_be_made_starts_nothing_and_names_the_rule(lab, channel):
    lab.write("envs/two.yaml", environment(channel, "no-such-tool"))
    done = lab("-c2", "--use-conda", code=5)
    assert "no-such-tool" in done.stderr
    assert "by_run" in done.stderr
    assert not (lab.path / "shell.txt").exists()
    lab.write("envs/two.yaml", environment(channel, "tool =2"))
    assert "killed" not in lab("-c2", "--use-conda").stderr


def test_a_missing_file_is_told_with_its_rule(lab):
    (lab.path / "envs" / "two.yaml").unlink()
    done = lab("-c1", "--use-conda", "run.txt", code=5)
    assert "two.yaml" in done.stderr and "by_run" in done.stderr


def test_environments_by_wildcards_and_functions(lab):
    lab.write(
        "Snakefile",
        """
rule all:
    input: "one.w", "two.w", "1.f", "2.f"
rule wild:
    output: "{name}.w"
    wildcard_constraints: name="[a-z]+"
    conda: "envs/{name}.yaml"
    shell: "tool > {output}"
def chosen(wildcards):
    return "envs/one.yaml" if wildcards.n == "1" else None
rule function:
    output: "{n}.f"
    conda: chosen
    shell: "tool > {output} || echo none > {output}"
""",
    )
    lab("-c2", "--use-conda")
    assert read(lab, "one.w") == "tool 1 activated-1\n"
    assert read(lab, "two.w") == "tool 2 activated-2\n"
    assert read(lab, "1.f") == "tool 1 activated-1\n"
    assert read(lab, "2.f") == "none\n"
    assert "Nothing to be done" in lab("-n", "--use-conda").stdout


def test_an_environment_that_only_a_checkpoint_shows(lab):
    lab.write(
        "Snakefile",
        """
checkpoint first:
    output: "list.txt"
    shell: "echo two > {output}"
def found(wildcards):
    with open(checkpoints.first.get().output[0]) as file:
        return [line.strip() + ".out" for line in file]
rule all:
    default_target: True
    input: found
rule later:
    output: "{name}.out"
    conda: "envs/{name}.yaml"
    shell: "tool > {output}"
""",
    )
    lab("-c1", "--use-conda")
    assert read(lab, "two.out") == "tool 2 activated-2\n"


def test_pipes_groups_and_shadows(lab):
    lab.write(
        "Snakefile",
        """
rule all:
    input: "end.txt", "shadow.txt"
rule begin:
    output: pipe("p")
    conda: "envs/one.yaml"
    shell: "tool > {output}"
rule end:
    input: "p"
    output: "end.txt"
    conda: "envs/two.yaml"
    shell: "cat {input} > {output}; tool >> {output}"
rule shadowed:
    output: "shadow.txt"
    shadow: "minimal"
    conda: "envs/one.yaml"
    benchmark: "b.tsv"
    shell: "tool > {output}"
""",
    )
    lab("-c2", "--use-conda")
    assert read(lab, "end.txt") == "tool 1 activated-1\ntool 2 activated-2\n"
    assert read(lab, "shadow.txt") == "tool 1 activated-1\n"


def test_a_cluster_job_activates_where_it_runs(lab):
    words = ("--cluster", "sh", "--jobs", "2", "--use-conda", "--", "shell.txt", "run.txt")
    lab("-c1", *words)
    assert read(lab, "shell.txt") == "tool 1 activated-1\n"
    assert read(lab, "run.txt") == "tool 2 activated-2\n"


def test_search_paths_of_the_machine_are_blocked_unless_they_shall_not(lab):
    lab.write(
        "Snakefile",
        'rule a:\n    output: "a.txt"\n    conda: "envs/one.yaml"\n'
        '    shell: "echo ${{R_LIBS:-none}} > {output}"\n',
    )
    lab.environment["R_LIBS"] = "/of/this/machine"
    lab("-c1", "--use-conda")
    assert read(lab, "a.txt") == "none\n"
    lab("-c1", "-F", "--use-conda", "--conda-not-block-search-path-envvars")
    assert read(lab, "a.txt") == "/of/this/machine\n"


def test_an_environment_of_somebody_else(lab, tmp_path):
    prefix = tmp_path / "their env"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "tool").write_text("#!/bin/sh\necho theirs $SAID $SET\n")
    (prefix / "bin" / "tool").chmod(0o755)
    meta = prefix / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("")
    (meta / "state").write_text(json.dumps({"env_vars": {"SET": "set"}}))
    scripts = prefix / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "s.sh").write_text("export SAID=said\n")
    lab.write(
        "Snakefile",
        f'rule a:\n    output: "a.txt"\n    conda: "{prefix}"\n    shell: "tool > {{output}}"\n',
    )
    before = sorted(os.walk(prefix))
    lab("-c1", "--use-conda")
    assert read(lab, "a.txt") == "theirs said set\n"
    assert sorted(os.walk(prefix)) == before


def test_variables_of_the_file_are_set(lab, channel):
    more = "variables:\n  OF_THE_FILE: one two\n"
    lab.write("envs/one.yaml", environment(channel, "tool =1", more=more))
    lab.write(
        "Snakefile",
        'rule a:\n    output: "a.txt"\n    conda: "envs/one.yaml"\n'
        '    shell: "echo $OF_THE_FILE > {output}"\n',
    )
    lab("-c1", "--use-conda")
    assert read(lab, "a.txt") == "one two\n"


def test_a_notebook_runs_in_its_environment(lab):
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    text = (
        "import os, subprocess\n"
        "with open(snakemake.output[0], 'w') as file:\n"
        "    file.write(os.environ.get('INTERPRETER', 'none') + '\\n')\n"
        "    file.flush()\n"
        "    subprocess.run(['tool'], stdout=file, check=True)\n"
    )
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    book = {
        "cells": [{**cell, "source": text}],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    lab.write("n.py.ipynb", json.dumps(book))
    lab.write(
        "Snakefile",
        'rule a:\n    output: "a.txt"\n    conda: "envs/python.yaml"\n    notebook: "n.py.ipynb"\n',
    )
    lab("-c1", "--use-conda")
    assert read(lab, "a.txt") == "conda\ntool 3 activated-3\n"


def test_a_wrapper_that_lies_elsewhere_is_not_fetched_to_be_looked_at(lab):
    lab.write("a.txt", "")
    lab.write("Snakefile", 'rule a:\n    output: "a.txt"\n    wrapper: "http://127.0.0.1:9/w"\n')
    lab("--touch", "-c1", "--use-conda", "-F")
    assert "Nothing to be done" in lab("-n", "--use-conda").stdout
    assert "rule a" in lab("-n", "-F", "--use-conda").stdout
