"""`rulekit lint` and `--lint` as commands."""

from __future__ import annotations

import json

BAD = 'rule a:\n    output: "x"\n    shell: "touch {output}"\n'
GOOD = BAD.replace("shell", 'log: "l"\n    conda: "e.yaml"\n    shell')


def test_the_flag_speaks_on_stderr_and_ends_with_1(project):
    project.write("Snakefile", BAD)
    done = project("--lint", code=1)
    assert done.stdout == ""
    assert "rule a (line 1, Snakefile):" in done.stderr
    project.write("Snakefile", GOOD)
    done = project("--lint")
    assert done.stderr == "Congratulations, your workflow is in a good condition!\n"


def test_json_goes_to_stdout(project):
    project.write("Snakefile", BAD)
    done = project("--lint", "json", code=1)
    lints = json.loads(done.stdout)["rules"][0]["lints"]
    assert [one["code"] for one in lints] == ["RL001", "RL002"]


def test_the_verb_makes_all_checks_and_writes_to_stdout(project):
    project.write("Snakefile", GOOD)
    done = project("lint", code=1)
    assert "RL101" in done.stdout
    assert "RL103" in done.stdout
    assert project("lint", "--json", code=1).stdout.startswith("{")


def test_a_file_that_cannot_be_read_ends_the_flag_with_1(project):
    project.write("Snakefile", "x = 1\ny = config['nothing']\n")
    done = project("--lint", code=1)
    assert "KeyError (line 2, " in done.stderr
    project("lint", code=3)


def test_explain_knows_the_checks(project):
    assert "absolute path" in project("explain", "rl008").stdout
    project("explain", "RL999", code=2)
