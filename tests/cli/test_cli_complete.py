"""Shell completion."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from rulekit.cli.commands.complete import candidates


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(
        'include: "more.smk"\nrule align:\n    shell: "true"\nif True:\n    checkpoint split :\n        output: "x"\n'
    )
    (tmp_path / "more.smk").write_text("rule report: \n    input: []\n")
    return tmp_path


def names(*words):
    return [name for name, _ in candidates(words)]


def test_first_words_are_commands_and_rules(place):
    found = names("")
    assert "why" in found and {"align", "split", "report"} <= set(found)
    assert names("al") == ["align"]


def test_options_and_their_values(place):
    assert names("--rerun-t") == ["--rerun-triggers"]
    assert names("--rerun-triggers", "m") == ["mtime"]
    assert sorted(names("-R", "")) == ["align", "report", "split"]
    assert names("--dag", "mer") == ["mermaid-js"]
    assert "--svg" in names("graph", "--s")
    assert names("--cores", "a") == ["all", "align"]
    assert "--az-batch" in names("--az")


def test_file_names_are_left_to_the_shell(place):
    assert names("--snakefile", "") == []


def test_codes_and_shells(place):
    assert names("completion", "") == ["bash", "zsh", "fish"]
    assert "RK0204" in names("explain", "rk02")


def test_without_a_rule_file_and_with_a_broken_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "run" in names("")
    (tmp_path / "Snakefile").write_bytes(b"rule a:\n\xff\x00 )(\nrule b:\n")
    assert set(names("--until", "")) == {"a", "b"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_accepted_by_their_shells(project, shell):
    script = project("completion", shell).stdout
    assert "rulekit __complete" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    done = subprocess.run(
        [program, "-n"], input=script, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_shell(project):
    assert "bash, zsh or fish" in project("completion", "tcsh", code=2).stderr


def test_bash_completes(project):
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    project.write("Snakefile", 'rule only_one:\n    shell: "true"\n')
    import sys

    text = (
        f'rulekit() {{ {sys.executable} -m rulekit "$@"; }}\n'
        + project("completion", "bash").stdout
        + 'COMP_WORDS=(rulekit -R onl); COMP_CWORD=2; _rulekit_complete; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "only_one\n"
