"""Every check finds what it is for, and leaves alone what is well."""

from __future__ import annotations

import json
import os
import re

import pytest

from rulekit.cli.main import main
from rulekit.compiler.load import load
from rulekit.lint.catalogue import CHECKS, page
from rulekit.lint.check import check
from rulekit.lint.form import CLEAN, as_json, as_text

CLEAN_RULE = """
rule a:
    input:
        reads="in.txt",
    output:
        "out.txt",
    log:
        "logs/a.log",
    conda:
        "env.yaml"
    shell:
        "cp {input.reads} {output} 2> {log}"
"""

ALL = "rule all:\n    input:\n        [],\n"


@pytest.fixture
def codes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "env.yaml").write_text("dependencies: []\n")

    def found(text, own=True, **files):
        for name, content in files.items():
            (tmp_path / f"{name}.smk").write_text(content)
        (tmp_path / "Snakefile").write_text(text)
        return check(load("Snakefile"), own=own)

    return found


def test_a_good_rule_has_no_findings(codes):
    assert codes(CLEAN_RULE) == ()


CASES = {
    "RL001": CLEAN_RULE.replace('    log:\n        "logs/a.log",\n', "").replace(" 2> {log}", ""),
    "RL002": CLEAN_RULE.replace('    conda:\n        "env.yaml"\n', ""),
    "RL003": CLEAN_RULE.replace("conda:", "envmodules:"),
    "RL004": CLEAN_RULE.replace("log:", 'params:\n        p="ou",\n    log:').replace(
        "cp", "cp {params.p}"
    ),
    "RL005": "X = 1\n" + CLEAN_RULE.replace("cp", "cp {X}"),
    "RL006": CLEAN_RULE.partition("    shell:")[0]
    + "    run:\n"
    + "".join(f"        x{i} = {i}\n" for i in range(6)),
    "RL007": CLEAN_RULE.replace("{input.reads}", "{input[0]}"),
    "RL008": CLEAN_RULE.replace('"in.txt"', '"/data/in.txt"'),
    "RL010": "D = 'x'\n" + CLEAN_RULE.replace('"in.txt"', 'D + "/in.txt"'),
    "RL011": "import os\nos.environ['Q'] = '1'\nX = os.environ['Q']\n" + CLEAN_RULE,
    "RL012": CLEAN_RULE.replace("conda:", "singularity:").replace("env.yaml", "docker://x:1"),
    "RL013": CLEAN_RULE.replace("    ", "\t"),
    "RL014": ALL
    + CLEAN_RULE.replace("out.txt", "{s}.txt").replace("a.log", "{s}.log").replace("cp", "cp {s}"),
    "RL101": CLEAN_RULE.replace(" 2> {log}", ""),
    "RL102": CLEAN_RULE.replace("conda:", "container:").replace("env.yaml", "docker://x:latest"),
    "RL103": CLEAN_RULE.replace("env.yaml", "other.yaml"),
    "RL104": CLEAN_RULE.replace("log:", "params:\n        p=3,\n    log:"),
    "RL105": CLEAN_RULE.replace("log:", "threads: 8\n    log:"),
    "RL106": "def f(wildcards):\n    try:\n        return checkpoints.c.get().output\n"
    "    except Exception:\n        return []\n" + CLEAN_RULE,
    "RL107": CLEAN_RULE + CLEAN_RULE.replace("rule a", "rule b"),
    "RL108": CLEAN_RULE.replace('"cp', '"cd x; cp'),
    "RL109": CLEAN_RULE.replace("out.txt", "{s}.txt").replace("a.log", "{s}.log"),
    "RL110": CLEAN_RULE.replace('"in.txt",', '"in.txt"\n        "in2.txt",'),
    "RL111": CLEAN_RULE.replace("{input.reads}", "{input.raeds}"),
    "RL112": CLEAN_RULE.replace('"out.txt"', '"out/"'),
    "RL113": CLEAN_RULE.replace("    log:", "    version: '1'\n    log:"),
    "RL114": "wildcard_constraints:\n    smaple='x'\n" + CLEAN_RULE,
    "RL115": CLEAN_RULE + CLEAN_RULE.replace("rule a", "rule b").replace("out.txt", "b.txt"),
}


@pytest.mark.parametrize("code", sorted(CASES))
def test_each_check_finds_its_case_and_nothing_else(codes, code):
    assert {one.code for one in codes(CASES[code])} == {code}


def test_functions_among_rules_only_matter_in_several_files(codes):
    text = "def f(wildcards):\n    return []\n" + CLEAN_RULE
    assert codes(text) == ()
    found = codes('include: "other.smk"\n' + text, other="X = 1\n")
    assert [(one.code, one.line) for one in found] == [("RL009", 2)]


def test_every_check_has_a_case_and_a_page():
    assert set(CASES) | {"RL009"} == set(CHECKS)
    for code, one in CHECKS.items():
        assert page(code.lower()).startswith(f"{code}: {one.title}\n")
        assert re.fullmatch(r"RL\d{3}", code)
    assert page("RL999") is None


@pytest.mark.parametrize(
    "text",
    [
        'X = "a/b".replace("/b", "/c")\n',
        'X = "/".join(["a", "b"])\n',
        'X = open("/dev/null")\n',
        'X = "a text / with a slash" + str(1)\n',
        'X = "/"\n',
        "X = 1 + 2\n",
        'import os\nX = os.environ.get("Q")\n',
        'import os\nos.environ["Q"] = "1"\n',
        "def f():\n    '''/path/in/a/docstring'''\n",
        "X = '''\n\ta tab in a text'''\n",
    ],
)
def test_what_only_looks_alike_is_left_alone(codes, text):
    assert codes(text + CLEAN_RULE) == ()


def test_announced_variables_are_well(codes, monkeypatch):
    monkeypatch.setenv("Q", "1")
    assert codes('envvars: "Q"\nX = os.environ["Q"]\n' + CLEAN_RULE) == ()


def test_comments_allow_findings(codes):
    text = CASES["RL008"]
    on_the_line = text.replace('in.txt",', 'in.txt",  # lint: ignore RL008')
    assert codes(on_the_line) == ()
    assert codes(on_the_line.replace("RL008", "RL001")) != ()
    rule = CASES["RL002"]
    assert codes(rule.replace("rule a:", "rule a:  # lint: ignore")) == ()


def test_snakemakes_flag_leaves_out_our_own_checks(codes):
    assert codes(CASES["RL101"], own=False) == ()
    assert len(codes(CASES["RL001"], own=False)) == 1


def test_a_file_is_not_taken_for_a_target(codes, capsys):
    codes(CLEAN_RULE, other=CASES["RL001"])
    assert main(["lint", "other.smk"]) == 2
    assert "rulekit lint -s other.smk" in capsys.readouterr().err
    assert main(["lint", "-s", "other.smk"]) == 1
    assert main(["--lint", "out.txt"]) == 0  # as Snakemake, for which it is a run


def test_written_form(codes):
    assert as_text(()) == CLEAN + "\n"
    findings = codes(
        CASES["RL008"] + CASES["RL001"].replace("rule a", "rule b").replace("out.txt", "b")
    )
    text = as_text(findings)
    assert text.startswith("Snakefile:\n    RL008 the path `/data/in.txt` is absolute (line 4)\n")
    assert "rule b (line 14, Snakefile):\n    RL001 the rule names no log file\n" in text
    assert text.endswith("2 findings; `rulekit explain RL008` says more.\n")
    data = json.loads(as_json(findings))
    path = os.path.abspath("Snakefile")
    assert [one["for"] for one in data["snakefiles"]] == [{"snakefile": path}]
    assert [one["for"] for one in data["rules"]] == [{"rule": "b", "line": 14, "snakefile": path}]
    assert set(data["rules"][0]["lints"][0]) == {
        "code",
        "title",
        "body",
        "links",
        "line",
        "fixable",
    }
    assert json.loads(as_json(())) == {"snakefiles": [], "rules": []}


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (CLEAN_RULE.replace("in.txt", "a/").replace('"a/"', '("a/"\n         "b")'), ""),
        (CLEAN_RULE.replace("{input.reads}", "{{input.raeds}} {input.size_mb}"), ""),
        (CLEAN_RULE.replace('"out.txt"', 'directory("out/")'), ""),
        ("wildcard_constraints:\n    s='x'\n" + ALL + CASES["RL109"], ""),
        (ALL + CASES["RL109"].replace("rule a:", "rule a:  # {s}"), ""),
        (CLEAN_RULE.replace("reads=", "*[], reads="), ""),
    ],
)
def test_what_is_meant_so_is_left_alone(codes, text, more):
    assert codes(text) == ()


def test_an_input_function_may_give_any_name(codes):
    text = "def f(wildcards):\n    return {'r': 'in.txt'}\n" + CLEAN_RULE
    text = text.replace('reads="in.txt"', "unpack(f)").replace("input.reads", "input.r")
    assert codes(text) == ()
