"""`rulekit why` and `--why-not`: the whole chain, with what was and what is."""

from __future__ import annotations

import json
import re

import pytest
from cli_process import project  # noqa: F401

RULES = """
rule all:
    input: "final.txt"

rule raw:
    input: "src.txt"
    output: "raw.txt"
    shell: "cp {input} {output}"

rule plot:
    input: "raw.txt"
    output: "plot.txt"
    params: 1, title="Names", size=3, gone=0, also=3
    script: "scripts/plot.py"

rule final:
    input: "plot.txt", "raw.txt"
    output: "final.txt"
    run:
        text = open(input[0]).read()
        with open(output[0], "w") as file:
            file.write(text)
            file.write("end")

rule other:
    output: "other.txt"
    shell: "touch {output}"
"""
SCRIPT = """# a comment
import sys
for number in range(10):
    pass
with open(snakemake.output[0], "w") as file:
    file.write("x")
"""


@pytest.fixture
def made(project):  # noqa: F811
    project.write("Rulefile", RULES)
    project.write("scripts/plot.py", SCRIPT)
    project.write("src.txt", "one\n")
    project("-c", "1", "--quiet")
    return project


def edit(project, name, *changes):  # noqa: F811
    text = (project.path / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    project.write(name, text)


def test_the_whole_chain(made):
    edit(
        made,
        "Rulefile",
        ('title="Names", size=3, gone=0', 'size=4, title="All names", new=[1]'),
        ('write("end")', 'write("END")'),
    )
    edit(made, "scripts/plot.py", ("range(10)", "range(12)"), ("# a comment", "# another"))
    made.write("src.txt", "some more\n")
    text = made("why", "final.txt").stdout
    assert "final.txt (final) will be made, because\n" in text
    assert (
        "  - the code has changed: Rulefile:19\n"
        "            file.write(text)\n"
        "      -     file.write('end')\n"
        "      +     file.write('END')\n"
    ) in text
    assert "- input is made again by another job: plot.txt (by plot), raw.txt (by raw)" in text
    # The comment of the script is no difference.
    assert (
        "      - the code has changed: scripts/plot.py\n"
        "            import sys\n"
        "          - for number in range(10):\n"
        "          + for number in range(12):\n"
    ) in text
    assert (
        "      - params have changed\n"
        "          + new=[1]\n"
        "          size: 3 -> 4\n"
        "          title: 'Names' -> 'All names'\n"
        "          - gone=0\n"
    ) in text
    assert re.search(r"src\.txt: changed .*; 4 bytes when it was read, 10 now\n", text)
    assert text.endswith(
        "In the end it comes from:\n"
        "  - changed code of: final, plot\n"
        "  - changed files: src.txt\n"
        "  - changed params of: plot\n"
    )
    answer = json.loads(made("why", "plot.txt", "--json").stdout)
    reason = next(r for r in answer[0]["reasons"] if r["kind"] == "params")
    assert reason["new_names"][reason["new"].index("'All names'")] == "title"


def test_the_place_of_a_param_without_a_name(made):
    edit(made, "Rulefile", ("params: 1,", "params: 2,"))
    assert "      [0]: 1 -> 2\n" in made("why", "plot.txt").stdout


def test_names_of_params_are_no_part_of_what_is_compared(made):
    edit(made, "Rulefile", ("size=3, gone=0, also=3", "gone=3, also=0, size=3"))
    assert "up to date" in made("status").stdout


def test_why_not(made):
    text = made("--why-not", "final.txt").stdout
    assert "final.txt (final) is up to date\n" in text
    assert re.search(r"  - the output is there, of \d{4}-", text)
    assert re.search(r"  - no input is newer: the newest, plot\.txt, is of ", text)
    assert "      code: Rulefile:19 (layout and comments do not count)\n" in text
    assert "  - all 2 jobs before it: up to date, too\n" in text
    assert "--force" in text
    text = made("--why-not", "plot.txt", "--rerun-triggers", "mtime").stdout
    assert "not looked at (--rerun-triggers): code, input, params, software-env" in text


def test_why_not_of_what_stands_behind_an_ancient_input(project):  # noqa: F811
    project.write(
        "Rulefile",
        'rule b:\n    input: ancient("a.txt")\n    output: "b.txt"\n    shell: "touch {output}"\n'
        'rule a:\n    output: "a.txt"\n    params: 1\n    shell: "touch {output}"\n',
    )
    project("-c", "1", "--quiet")
    assert "  - the job before it: up to date, too\n" in project("--why-not", "b.txt").stdout
    edit(project, "Rulefile", ("params: 1", "params: 2"))
    text = project("--why-not", "b.txt").stdout
    assert "b.txt (b) is up to date\n" in text
    assert "  - before it will be made, without effect on it: a\n" in text


def test_why_not_although_an_input_is_newer(made):
    import os
    import time

    now = time.time() + 5
    os.utime(made.path / "src.txt", (now, now))
    text = made("--why-not", "raw.txt").stdout
    assert re.search(r"src\.txt is newer \(.*\), but its content is what was read then", text)


def test_why_not_of_what_does_run(made):
    edit(made, "Rulefile", ('write("end")', 'write("END")'))
    text = made("--why-not", "final.txt").stdout
    assert "final.txt (final) will be made, because\n  - the code has changed\n" in text
    assert "`rulekit why`" in text


def test_why_not_of_what_nobody_needs(made):
    text = made("--why-not", "other.txt").stdout
    assert text.startswith("Nothing that `rulekit` makes without targets (rule all) needs this")


def test_a_dry_run_ends_with_jobs_by_reason(made):
    made.write("src.txt", "more\n")
    edit(
        made,
        "Rulefile",
        (
            "rule other:\n",
            'rule many:\n    input: expand("{n}.m", n=range(3))\n\n'
            'rule m:\n    output: "{n}.m"\n    shell: "touch {output}"\n\nrule other:\n',
        ),
    )
    text = made("-n", "final.txt", "many").stdout
    assert "    output files have to be generated:\n        m (3 jobs)\n" in text
    assert "    updated input files:\n        raw\n" in text


def test_jobs_that_run_for_the_same_are_told_of_once(project):  # noqa: F811
    rules = (
        'rule all:\n    input: expand("{n}.out", n=range(9))\n\n'
        'rule one:\n    input: "{n}.in"\n    output: "{n}.out"\n    shell: "cp {input} {output}"\n'
    )
    project.write("Rulefile", rules)
    for number in range(9):
        project.write(f"{number}.in", "x")
    project("-c", "2", "--quiet")
    project.write("Rulefile", rules.replace("cp {input}", "cp -p {input}"))
    text = project("why", "all").stdout
    assert text.count("the code has changed") == 1
    assert "(and 8 more jobs, for the same: 1.out, 2.out, 3.out, 4.out, ...)" in text
    assert "  - changed code of: one (9 jobs)\n" in text


def test_logs_by_the_value_of_a_wildcard_and_of_failures(project):  # noqa: F811
    assert project("logs", "--failed").stdout == "Nothing was run here yet.\n"
    project.write(
        "Rulefile",
        'rule all:\n    input: "a.x", "b.x"\n\n'
        'rule x:\n    output: "{n}.x"\n    log: "{n}.log"\n'
        '    shell: "echo at {wildcards.n} > {log}; test {wildcards.n} = a; touch {output}"\n',
    )
    project("-c", "1", "-k", "--quiet", code=1)
    assert project("logs", "b").stdout == "at b\n"
    text = project("logs", "--failed").stdout
    assert re.fullmatch(
        r"1 job failed in the last run \(.*\):\n\nx n=b: exit code 1\n==> b\.log <==\nat b\n", text
    )
    (project.path / "b.log").unlink()
    assert "(b.log was not written)\n" in project("logs", "--failed").stdout
    status = project("status").stdout
    assert "1 job failed in the last run: `rulekit logs --failed`\n" in status
    assert re.search(r"^all +0 +0 +1$", status, re.MULTILINE)
    assert "source file" in project("logs", "Rulefile", code=2).stderr
    assert "RK0401" in project("logs", "nothing", code=4).stderr
