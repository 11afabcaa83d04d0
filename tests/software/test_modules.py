"""Environment modules, by the real `module` command."""

from __future__ import annotations

import os

import pytest

RULES = """
rule all:
    input: "shell.txt", "script.txt", "run.txt"
rule by_shell:
    output: "shell.txt"
    envmodules: "tools/1.0", "more"
    shell: "tool > {output}; echo $MORE >> {output}"
rule by_script:
    output: "script.txt"
    envmodules: "tools/1.0"
    script: "s.py"
rule by_run:
    output: "run.txt"
    envmodules: "tools/1.0"
    run:
        shell("tool > {output}")
"""
SCRIPT = """
import subprocess
with open(snakemake.output[0], "w") as file:
    subprocess.run(["tool"], stdout=file, check=True)
"""


@pytest.fixture
def lab(project, modules, tmp_path):
    bin_ = tmp_path / "opt" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "tool").write_text("#!/bin/sh\necho tool of a module\n")
    (bin_ / "tool").chmod(0o755)
    modules("tools/1.0", f"prepend-path PATH {bin_}")
    modules("more", "setenv MORE more")
    project.write("Snakefile", RULES)
    project.write("s.py", SCRIPT)
    project.environment["MODULEPATH"] = modules.folder
    project.environment["BASH_ENV"] = modules.init
    return project


def read(project, name):
    return (project.path / name).read_text()


def test_modules_are_loaded_for_every_kind_of_body(lab):
    lab("-c2", "--use-envmodules")
    assert read(lab, "shell.txt") == "tool of a module\nmore\n"
    assert read(lab, "script.txt") == "tool of a module\n"
    assert read(lab, "run.txt") == "tool of a module\n"
    assert "Nothing to be done" in lab("-c2", "--sdm", "env-modules").stderr


def test_without_the_option_they_are_not(lab):
    lab("-c1", "shell.txt", code=1)


def test_other_modules_make_a_job_stale_and_no_other(lab):
    lab("-c2", "--use-envmodules")
    lab.write("Snakefile", RULES.replace('"tools/1.0", "more"', '"tools/1.0"'))
    told = lab("-n", "--use-envmodules").stdout
    assert "rule by_shell" in told and "Software environment" in told
    assert "rule by_script" not in told and "rule by_run" not in told


def test_a_module_that_is_not_there_is_told_in_its_own_words(lab):
    lab.write("Snakefile", RULES.replace('"more"', '"no-such-module"'))
    told = lab("-c1", "--use-envmodules", "shell.txt", code=1).stderr
    assert "`no-such-module` cannot be loaded" in told
    assert "Unable to locate a modulefile" in told


def test_module_is_found_where_only_an_init_file_defines_it(lab, monkeypatch, modules):
    del lab.environment["BASH_ENV"]
    lab.environment["MODULESHOME"] = os.path.dirname(os.path.dirname(modules.init))
    lab("-c1", "--use-envmodules", "shell.txt")


def test_modules_take_the_place_of_a_conda_environment(lab):
    lab.write("Snakefile", RULES.replace("    shell:", '    conda: "no-such.yaml"\n    shell:'))
    lab("-c1", "--sdm", "env-modules", "conda", "--", "shell.txt")
    assert read(lab, "shell.txt") == "tool of a module\nmore\n"


def test_many_jobs_of_the_same_modules_load_them_few_times(lab, modules, tmp_path):
    count = tmp_path / "count"
    modules("counted", f'exec sh -c "echo x >> {count}"')
    lab.write(
        "Snakefile",
        'rule all:\n    input: expand("{n}.txt", n=range(20))\n'
        'rule one:\n    output: "{n}.txt"\n    envmodules: "counted"\n'
        "    shell: 'echo $LOADEDMODULES > {output}'\n",
    )
    lab("-c2", "--use-envmodules")
    assert read(lab, "19.txt") == "counted\n"
    assert len(count.read_text().split()) <= 2  # as many as start at once


def test_a_cluster_job_loads_modules_where_it_runs(lab):
    lab("-c1", "--cluster", "sh", "--jobs", "1", "--use-envmodules", "shell.txt")
    assert read(lab, "shell.txt") == "tool of a module\nmore\n"
