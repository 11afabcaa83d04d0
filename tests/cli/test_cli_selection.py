"""What a dry run looks at, and what words beside the targets add to it."""

from __future__ import annotations

import re

import pytest

RULES = """
rule all:
    input: "a.txt"

rule a:
    output: "a.txt"
    shell: "touch {output}"

rule other:
    output: "other.txt"
    shell: "touch {output}"

rule any:
    output: "{x}.any"
    shell: "touch {output}"
"""


def planned(text):
    """Rules and counts of the first table."""
    table = text.split("Job stats:")[1].split("\n\n")[0]
    return dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))


@pytest.mark.parametrize("option", ["--forcerun", "--prioritize"])
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("other", {"all", "a", "other", "total"}),
        ("./other.txt", {"all", "a", "other", "total"}),
        ("1.any", {"all", "a", "any", "total"}),
        ("any", {"all", "a", "total"}),
    ],
)
def test_named_jobs_are_planned(project, option, name, rules):
    project.write("Snakefile", RULES)
    assert set(planned(project("-n", option, name).stdout)) == rules


def test_until_is_a_target(project):
    project.write("Snakefile", RULES)
    assert set(planned(project("-n", "--until", "other").stdout)) == {"other", "total"}


def test_what_is_forced_is_forced_by_any_name(project):
    project.write("Snakefile", RULES)
    project("--cores", "1", "other")
    assert set(planned(project("-n", "other", "-R", "./other.txt").stdout)) == {"other", "total"}


def test_a_name_that_nothing_has_is_told(project):
    project.write("Snakefile", RULES)
    assert "nosuch" in project("-n", "--forcerun", "nosuch", code=4).stderr


def test_highest_priority_is_shown(project):
    project.write("Snakefile", RULES)
    assert "priority: highest" in project("-n", "--prioritize", "a").stdout


@pytest.mark.parametrize("wrong", ["{nosuch}", "{x}", "{input[3]}"])
def test_a_dry_run_makes_a_command_of_each_rule(project, wrong):
    text = f'rule a:\n    output: "{{x}}.txt"\n    shell: "echo {wrong} > {{output}}"\n'
    project.write("Snakefile", text)
    done = project("-n", "1.txt", code=3)
    assert "RK02" in done.stderr and "Shell command" not in done.stdout


def test_a_dry_run_looks_for_scripts(project):
    text = 'rule a:\n    output: "{x}.txt"\n    script: "scripts/{wildcards.x}.py"\n'
    project.write("Snakefile", text)
    project.write("scripts/there.py", "")
    project("-n", "there.txt")
    assert "RK0291" in project("-n", "gone.txt", code=3).stderr


def test_target_jobs_run_in_any_case(project):
    project.write("Snakefile", RULES)
    project("--cores", "1", "1.any")
    assert set(planned(project("-n", "--target-jobs", "any:x=1").stdout)) == {"any", "total"}
