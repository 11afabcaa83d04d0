"""`rulekit fmt` as it is called."""

from __future__ import annotations

import io
import sys

import pytest

from rulekit.cli.main import main

UGLY = "rule a:\n  output: 'x'\n"
NEAT = 'rule a:\n    output:\n        "x",\n'


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "Snakefile"
    path.write_text(UGLY)
    return path


def test_it_writes_and_a_second_time_has_nothing_to_do(file, capsys):
    assert main(["fmt"]) == 0
    assert file.read_text() == NEAT
    out = capsys.readouterr()
    assert out.out == "changed Snakefile\n" and out.err == "1 file changed, 0 left as they are\n"
    assert main(["--fmt", "--check"]) == 0


@pytest.mark.parametrize("words", [["--check"], ["--diff"], ["--check", "--diff"]])
def test_looking_writes_nothing_and_tells_by_the_exit_code(file, words, capsys):
    assert main(["fmt", *words]) == 1
    assert file.read_text() == UGLY
    out = capsys.readouterr().out
    assert ('+        "x",\n' in out) == ("--diff" in words)


def test_stdin(file, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(UGLY))
    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr().out == NEAT


def test_files_with_mistakes_are_left_and_the_others_done(file, capsys):
    other = file.parent / "a.smk"
    other.write_text("rule a:\n  outptu: 'x'\n")
    assert main(["fmt"]) == 3
    assert other.read_text() == "rule a:\n  outptu: 'x'\n"
    assert file.read_text() == NEAT
    assert "RK0204" in capsys.readouterr().err


def test_line_length(file):
    file.write_text("x = [11111111, 22222222, 33333333]\n")
    assert main(["fmt", "--line-length", "20"]) == 0
    assert len(file.read_text().splitlines()) == 5


def test_without_ruff_it_says_what_to_install(file, capsys, monkeypatch):
    from rulekit.fmt import engine

    monkeypatch.setattr(engine, "_found", None)
    monkeypatch.setitem(sys.modules, "ruff.__main__", None)
    monkeypatch.setenv("PATH", "")
    assert main(["fmt"]) == 5
    err = capsys.readouterr().err
    assert "RK0160" in err and "rulekit-workflows[fmt]" in err
    assert file.read_text() == UGLY
