"""The smallest project that has everything: one rule file, config, software, a test."""

from __future__ import annotations

ABOUT = "words in texts: one rule file, a script, a test"

_RULEFILE = """\
# Words in each text, and all counts in one table.
# `rulekit -n` shows what would run and why, `rulekit -c 2` runs it.

configfile: "config.yaml"


rule all:
    input:
        "results/counts.tsv",


rule count:
    "Count the lines, words and bytes of one text."
    input:
        text="texts/{name}.txt",
    output:
        "results/{name}.count",
    log:
        "logs/count/{name}.log",
    conda:
        "envs/tools.yaml"
    shell:
        "wc {input.text} > {output} 2> {log}"


rule table:
    "Put all counts into one table."
    input:
        expand("results/{name}.count", name=config["texts"]),
    output:
        "results/counts.tsv",
    log:
        "logs/table.log",
    conda:
        "envs/tools.yaml"
    script:
        "scripts/table.py"
"""

_SCRIPT = """\
# What the rule knows is in `snakemake`: input, output, params, wildcards, ...
from snakemake.script import snakemake

with open(snakemake.output[0], "w") as table:
    table.write("text\\tlines\\twords\\n")
    for path in snakemake.input:
        with open(path) as count:
            lines, words, _, name = count.read().split()
        table.write(f"{name}\\t{lines}\\t{words}\\n")
"""

_TESTS = """\
# Run by pytest: each rule alone, in a folder that has only what is given here.


def test_count(rulekit_workflow):
    inputs = {"text": "one two\\nthree\\n"}
    run = rulekit_workflow().rule("count", wildcards={"name": "a"}, inputs=inputs)
    assert run.outputs[0].read_text().split()[:3] == ["2", "3", "14"]


def test_table(rulekit_workflow):
    workflow = rulekit_workflow(config={"texts": ["a"]})
    run = workflow.rule("table", inputs={"results/a.count": "2 3 14 texts/a.txt\\n"})
    assert run.outputs[0].read_text() == "text\\tlines\\twords\\ntexts/a.txt\\t2\\t3\\n"
"""

_README = """\
# Words in texts

Counts the lines and words of the texts in `texts/`, and puts the counts into one table.

    rulekit -n           what would run, and why
    rulekit -c 2         run it
    rulekit why results/counts.tsv
    rulekit lint         what could be better
    rulekit fmt          lay out the rule file
    pytest               test the rules

| file | what is in it |
| --- | --- |
| `Rulefile` | the rules: which files are made from which, by which command |
| `config.yaml` | values that are likely to change |
| `scripts/` | longer Python |
| `envs/` | which software in which version; used by `rulekit --sdm conda` |
| `tests/` | tests of the rules |
| `results/`, `logs/` | what is made |
"""

FILES = {
    "Rulefile": _RULEFILE,
    "config.yaml": "# Add a name here and a file in texts/: only that one is counted.\n"
    "texts: [apple, pear]\n",
    "scripts/table.py": _SCRIPT,
    "envs/tools.yaml": "channels:\n  - conda-forge\ndependencies:\n  - coreutils =9.5\n"
    "  - python =3.13\n",
    "texts/apple.txt": "An apple a day\nkeeps the doctor away\n",
    "texts/pear.txt": "Walnuts and pears you plant for your heirs\n",
    "tests/test_rules.py": _TESTS,
    "README.md": _README,
    ".gitignore": ".rulekit/\nresults/\nlogs/\n",
}
