"""The projects of `rulekit init` run, are laid out, have no findings, and their tests pass."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rulekit.cli.commands.init import EXAMPLES, files_of
from rulekit.cli.main import main

RESULTS = {
    "words": ("results/counts.tsv", "text\tlines\twords\ntexts/apple.txt\t2\t8\n"),
    "study": ("results/summary.tsv", "group\tmean\ncontrol\t2.1\n"),
}


def rulekit(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "rulekit", *words], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_project_is_sound(name, tmp_path, monkeypatch):
    made = rulekit("init", "new", "--example", name, cwd=tmp_path)
    assert made.returncode == 0
    assert made.stdout.split() == [f"new/{path}" for path in files_of(name)]
    folder = tmp_path / "new"
    done = rulekit("-c", "2", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    path, begin = RESULTS[name]
    assert (folder / path).read_text().startswith(begin)
    for words in (["lint"], ["fmt", "--check"]):
        done = rulekit(*words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    ignored = (folder / ".gitignore").read_text().split()
    left = {entry + "/" * (folder / entry).is_dir() for entry in os.listdir(folder)}
    assert left - set(ignored) == {
        file.split("/")[0] + "/" * ("/" in file) for file in files_of(name)
    }
    # Other plugins that are installed have no part in this, and take their time.
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words += ["-p", "rulekit.testing.plugin", "tests"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_command_that_comes_next_can_be_copied(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my project"]) == 0
    assert "Now run: cd 'my project' && rulekit -c 2\n" in capsys.readouterr().err


def test_files_that_are_there_stay(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    assert main(["--init"]) == 2
    assert os.listdir(tmp_path) == ["README.md"]
    assert "RK0109" in capsys.readouterr().err
    assert main(["init", "--force"]) == 0
    assert (tmp_path / "README.md").read_text() != "mine"


def test_an_unknown_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--example", "wrods"]) == 2
    err = capsys.readouterr().err
    assert "RK0163" in err and "`words`" in err
