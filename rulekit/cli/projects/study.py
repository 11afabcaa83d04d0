"""A project in the layout that larger workflows have: folders for workflow, config and profiles."""

from __future__ import annotations

ABOUT = "a table of samples: several rule files, input functions, a profile"

_MAIN = """\
# What is made. The rules are in rules/, what they share in rules/common.smk.

configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/filter.smk"
include: "rules/summary.smk"


rule all:
    default_target: True
    input:
        "results/summary.tsv",
"""

_COMMON = """\
# The samples, and functions that tell rules their inputs. Columns of the table: sample, file, group.
import csv

with open(config["samples"]) as table:
    SAMPLES = {row["sample"]: row for row in csv.DictReader(table, delimiter="\\t")}


wildcard_constraints:
    sample="|".join(SAMPLES),
    group="|".join(sorted({row["group"] for row in SAMPLES.values()})),


def measurements(wildcards):
    return SAMPLES[wildcards.sample]["file"]


def of_group(wildcards):
    return [
        f"results/filtered/{name}.txt"
        for name, row in SAMPLES.items()
        if row["group"] == wildcards.group
    ]
"""

_FILTER = """\
rule filter:
    "Leave out what is too small."
    input:
        raw=measurements,
    output:
        "results/filtered/{sample}.txt",
    params:
        least=config["least"],
    log:
        "logs/filter/{sample}.log",
    conda:
        "../envs/tools.yaml"
    shell:
        "awk '$1 >= {params.least}' {input.raw} > {output} 2> {log}"
"""

_SUMMARY = """\
rule mean:
    "The mean of all measurements of a group."
    input:
        of_group,
    output:
        "results/mean/{group}.txt",
    log:
        "logs/mean/{group}.log",
    conda:
        "../envs/tools.yaml"
    shell:
        "awk '{{ sum += $1 }} END {{ print sum / NR }}' {input} > {output} 2> {log}"


rule summary:
    input:
        expand(
            "results/mean/{group}.txt",
            group=sorted({row["group"] for row in SAMPLES.values()}),
        ),
    output:
        "results/summary.tsv",
    log:
        "logs/summary.log",
    conda:
        "../envs/tools.yaml"
    script:
        "../scripts/summary.py"
"""

_SCRIPT = """\
import os

from snakemake.script import snakemake

with open(snakemake.output[0], "w") as table:
    table.write("group\\tmean\\n")
    for path in snakemake.input:
        group = os.path.basename(path).removesuffix(".txt")
        with open(path) as file:
            table.write(f"{group}\\t{file.read().strip()}\\n")
"""

_TESTS = """\
def test_filter(rulekit_workflow):
    workflow = rulekit_workflow("workflow/Rulefile", config={"least": 2})
    run = workflow.rule("filter", wildcards={"sample": "a"}, inputs={"raw": "1\\n2\\n3\\n"})
    assert run.outputs[0].read_text() == "2\\n3\\n"


def test_inputs_of_a_group(rulekit_workflow):
    job = rulekit_workflow("workflow/Rulefile").job("mean", wildcards={"group": "control"})
    assert job.inputs.paths == ["results/filtered/a.txt", "results/filtered/b.txt"]
"""

_README = """\
# A study

Measurements of samples are filtered, and their means compared between groups. Put your samples into
`config/samples.tsv` and their files into `data/`.

    rulekit -n           what would run, and why
    rulekit              run it (profiles/default says with how many cores)
    rulekit lint         what could be better
    rulekit fmt          lay out the rule files
    pytest               test the rules

| folder | what is in it |
| --- | --- |
| `workflow/` | the rules, their scripts, and the software they need |
| `config/` | the samples, and values that are likely to change |
| `profiles/default/` | options of every run |
| `data/` | measurements |
| `tests/` | tests of the rules |
| `results/`, `logs/` | what is made |
"""

FILES = {
    "workflow/Rulefile": _MAIN,
    "workflow/rules/common.smk": _COMMON,
    "workflow/rules/filter.smk": _FILTER,
    "workflow/rules/summary.smk": _SUMMARY,
    "workflow/scripts/summary.py": _SCRIPT,
    "workflow/envs/tools.yaml": "channels:\n  - conda-forge\ndependencies:\n  - gawk =5.3\n"
    "  - python =3.13\n",
    "config/config.yaml": "samples: config/samples.tsv\nleast: 1.5\n",
    "config/samples.tsv": "sample\tfile\tgroup\n"
    "a\tdata/a.txt\tcontrol\nb\tdata/b.txt\tcontrol\nc\tdata/c.txt\ttreated\n",
    "data/a.txt": "1.0\n2.0\n2.5\n",
    "data/b.txt": "1.7\n1.2\n2.2\n",
    "data/c.txt": "3.1\n2.8\n0.9\n",
    "profiles/default/config.yaml": "cores: 2\n",
    "tests/test_rules.py": _TESTS,
    "README.md": _README,
    ".gitignore": ".rulekit/\nresults/\nlogs/\n",
}
