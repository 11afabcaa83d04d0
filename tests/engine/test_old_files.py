"""Rule files of the 5 to 7 generation run as then, with a notice."""

from __future__ import annotations

import time

import pytest

OLD = """
from snakemake.io import load_configfile
from snakemake.utils import min_version, listfiles, makedirs, report, R, read_job_properties
from snakemake.logging import logger, setup_logger
min_version("5.1.2")
values = load_configfile("c.json")
helper = srcdir("helper.txt")
rule all:
    input: "a.txt", "b.txt", "e.txt"
rule a:
    input: h=helper
    output: x="a.txt"
    version: "1.{{0}}"
    resources: mem_mb="4000", partition="short"
    params: queue=cluster_config.get("a", {{}}).get("queue", "none"), v=values["a"]
    shell: "echo {{params.queue}} {{params.v}} {{resources.mem_mb}} {version} > {{output.x}}"
rule b:
    output: "b.txt"
    version: "3"
    message: "b by {{version}}"
    run:
        shell("echo {{version}} {{rule}} > {{output}}")
        assert version == "3"
rule e:
    output: "e.txt"
    script: "e.py"
"""
SCRIPT = """
from snakemake import shell
from snakemake.utils import simplify_path, listfiles, report
from snakemake.io import expand, glob_wildcards
shell("echo script > {snakemake.output[0]}")
"""


def test_names_and_directives_of_old_files(project):
    project.write("c.json", '{"a": 2}')
    project.write("helper.txt", "")
    project.write("e.py", SCRIPT)
    text = OLD.replace("{{", "{").replace("}}", "}").replace("1.{0}", "1.0")
    project.write("Snakefile", text)
    said = project("-c2").stderr
    assert "Job 1: b by 3\n" in said
    assert "note: `srcdir` is gone" in said and "note: `version:` of rules is gone" in said
    assert (project.path / "a.txt").read_text() == "none 2 4000 1.0\n"
    assert (project.path / "b.txt").read_text() == "3 b\n"
    assert (project.path / "e.txt").read_text() == "script\n"
    # Another version of the software makes no job stale, as it did not then.
    project.write("Snakefile", text.replace('version: "1.0"', 'version: "2.0"'))
    assert "Nothing to be done" in project("-n").stdout


def test_notes_and_warnings_are_shown_once_and_not_if_quiet(project):
    project.write(
        "Snakefile", 'srcdir("a")\nsrcdir("b")\nrule a:\n    threads: 1\n    threads: 2\n'
    )
    said = project("-n").stderr
    assert said.count("note: `srcdir`") == 1 and "warning[RK0208]" in said
    assert project("-n", "-q", "all").stderr == ""


DYNAMIC = """
rule all:
    input: "merged.txt"
rule split:
    input: "in.txt"
    output: dynamic("parts/{x}.txt")
    shell: "mkdir -p parts; for i in $(cat {input}); do echo $i > parts/$i.txt; done"
rule proc:
    input: "parts/{x}.txt"
    output: "proc/{x}.txt"
    shell: "cat {input} {input} > {output}"
rule merge:
    input: dynamic("proc/{x}.txt")
    output: "merged.txt"
    shell: "cat {input} > {output}"
"""


def test_dynamic_files(project):
    project.write("Snakefile", DYNAMIC)
    project.write("in.txt", "b a\n")
    done = project("-n")
    assert "checkpoint split" in done.stdout and "note: `dynamic` is gone" in done.stderr
    project("-c2")
    assert (project.path / "merged.txt").read_text() == "a\na\nb\nb\n"
    assert "Nothing to be done" in project("-n").stdout


def test_dynamic_files_of_an_earlier_run_are_taken_away(project):
    project.write("Snakefile", DYNAMIC)
    project.write("in.txt", "a b\n")
    project("-c2")
    time.sleep(0.01)
    project.write("in.txt", "b c\n")
    project("-c2")
    assert sorted(p.name for p in (project.path / "parts").iterdir()) == ["b.txt", "c.txt"]
    assert (project.path / "merged.txt").read_text() == "b\nb\nc\nc\n"


def test_dynamic_files_as_targets_and_with_other_wildcards(project):
    project.write(
        "Snakefile",
        'rule all:\n    input: dynamic("p/{s}.{n}.txt"), dynamic("of_{s}.txt")\n'
        'rule split:\n    output: dynamic("p/{s}.{n}.txt")\n'
        '    shell: "mkdir -p p; touch p/x.1.txt p/x.2.txt p/y.1.txt"\n'
        'rule join:\n    input: dynamic("p/{s}.{n}.txt")\n    output: "of_{s}.txt"\n'
        '    shell: "echo {input} > {output}"\n',
    )
    project("-c1")
    assert (project.path / "of_x.txt").read_text() == "p/x.1.txt p/x.2.txt\n"
    assert (project.path / "of_y.txt").read_text() == "p/y.1.txt\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('dynamic("parts/{x}.txt")', 'dynamic("parts/{x}.txt"), "other.txt"', "and others"),
        ('dynamic("proc/{x}.txt")', 'dynamic("proc/{y}.txt")', "no dynamic output has"),
    ],
)
def test_wrong_use_of_dynamic(project, old, new, words):
    project.write("Snakefile", DYNAMIC.replace(old, new))
    said = project("-n", code=3).stderr
    assert "error[RK0295]" in said and words in said


def test_subworkflows_say_what_to_use_instead(project):
    project.write("Snakefile", 'subworkflow other:\n    workdir: "x"\nrule a:\n    output: "a"\n')
    said = project("-n", code=3).stderr
    assert "error[RK0247]" in said and "`use rule * from other as other_*`" in said
