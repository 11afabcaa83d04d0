"""`--fix` mends what its pages say, keeps what the file makes, and leaves the rest."""

from __future__ import annotations

import json

import pytest

from rulekit.cli.main import main
from rulekit.compiler.load import load
from rulekit.lint.catalogue import CHECKS
from rulekit.lint.check import check
from rulekit.lint.fixes import fixed

OLD = """\
rule all:
\tinput:
\t\t"a.txt",

rule a:
\tinput:
\t\t"{s}.in",
\toutput:
\t\t"{s}.txt",
\tlog:
\t\t"{s}.log",
\tsingularity:
\t\t"docker://image:1"
\tshell:
\t\t\"\"\"
\tcp {input} {output} # {s} {{s}} {s!r}
\t\t2> {log}\"\"\"
"""
NEW = """\
rule all:
    input:
        "a.txt",

rule a:
    input:
        "{s}.in",
    output:
        "{s}.txt",
    log:
        "{s}.log",
    container:
        "docker://image:1"
    shell:
        \"\"\"
\tcp {input} {output} # {wildcards.s} {{s}} {wildcards.s!r}
\t\t2> {log}\"\"\"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "Snakefile"
    path.write_text(OLD)
    return path


def test_it_mends_all_that_the_pages_promise(file):
    found = check(load("Snakefile"), own=True)
    mended = {code for code, one in CHECKS.items() if one.mended}
    assert {one.code for one in found} >= mended
    new, count = fixed(OLD, str(file), found)
    assert new == NEW
    assert count == len([one for one in found if one.code in mended])
    file.write_text(new)
    left = check(load("Snakefile"), own=True)
    assert not {one.code for one in left} & mended


def test_the_command(file, capsys):
    assert main(["lint", "--diff"]) == 1
    assert file.read_text() == OLD
    assert "+    container:\n" in capsys.readouterr().out
    main(["lint", "--fix"])
    out = capsys.readouterr()
    assert file.read_text() == NEW
    assert out.err.startswith("mended 3 findings in ")
    main(["lint", "--fix", "--json"])
    assert file.read_text() == NEW
    data = json.loads(capsys.readouterr().out)
    assert all(not lint["fixable"] for one in data["rules"] for lint in one["lints"])


def test_tabs_that_mean_something_are_left(file):
    text = "if 1:\n\tx = 1\n        # eight\n\ty = 2\n"
    found = [one for one in check(load("Snakefile"), own=True) if one.code == "RL013"]
    new, _ = fixed(text, str(file), found)
    assert new.replace(" ", "") == text.replace("\t", "").replace(" ", "")
    compile(new, "x", "exec")


def test_a_computed_command_is_left(file):
    file.write_text(OLD.replace('\t\t"""\n', '\t\tf"""\n').replace("{", "{{").replace("}", "}}"))
    text = file.read_text()
    found = [one for one in check(load("Snakefile"), own=True) if one.code == "RL014"]
    assert fixed(text, str(file), found) == (text, 0)
