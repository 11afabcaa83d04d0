"""Every option of the table with a dry run: it works, or says what to use instead."""

from __future__ import annotations

import contextlib
import io
import os

import pytest

from rulekit.cli.main import main
from rulekit.cli.options import GROUPS

FILE = 'rule a:\n    output: "x"\n    shell: "touch {output}"\n'
WORDS = {
    "int": "2",
    "number": "1",
    "path": "some",
    "size": "1MB",
    "rate": "10/1s",
    "cores": "2",
    "jobs": "2",
}
BY_METAVAR = {
    "RULE=I/N": "a=1/1",
    "RULE=ITEMS": "a=0",
    "RULE=N": "a=2",
    "RULE:NAME=VALUE": "a:mem_mb=5",
    "NAME=N": "gpu=2",
    "NAME=VALUE": "gpu=2",
    "NAME=SCOPE": "gpu=local",
    "RULE=GROUP": "a=g",
    "GROUP=N": "g=2",
    "RULE:W=V": "a:",
    "KEY=VALUE": "key=1",
    "TARGET": "x",
    "RULE": "a",
}
# What these are given must exist or be of a certain form.
SPECIAL = {
    "rulefile": "Snakefile",
    "configfile": "c.yaml",
    "profile": "none",
    "workflow_profile": "none",
    "executor": "local",
    "archive": "w.tar",
    "logger": "json",
    "reporter": "html",
    "wait_for_files": "Snakefile",
    "wait_for_files_file": "list.txt",
    "cluster_config": "c.yaml",
    "jobname": "{jobid}",
    "envvars": "HOME",
    "directory": ".",
    "log_json": "-",
    "set_scatter": "s=2",
    "draft_notebook": "n.ipynb",
    "edit_notebook": "n.ipynb",
}
ROWS = [row for _, rows in GROUPS for row in rows]


def words_for(row):
    _, dest, arity, metavar, kind = row[:5]
    if arity == "0":
        return []
    word = SPECIAL.get(dest) or BY_METAVAR.get(metavar) or WORDS.get(kind)
    if word is None:
        word = kind.split("|")[0] if "|" in kind else "some"
    return [word, "0"] if arity == "2" else [word]


@pytest.mark.parametrize("row", ROWS, ids=[row[0].split()[0] for row in ROWS])
def test_an_option(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "Snakefile").write_text(FILE)
    (tmp_path / "c.yaml").write_text("a: {b: 1}\n")
    (tmp_path / "list.txt").write_text("")
    raw = io.BytesIO()
    said = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(["-n", row[0].split()[0], *words_for(row)])
    said.flush()
    text = raw.getvalue().decode()
    assert "RK0001" not in text, text
    assert os.getcwd() == str(tmp_path)
    then = row[8]
    if then.startswith("refuse"):
        assert code == 2, text
        assert "help:" in text or ":" not in then.removeprefix("refuse: "), text
    elif then.startswith("later"):
        assert code == 2, text
        assert "not available in this version" in text
    elif then.startswith("note"):
        assert code == 0, text
        assert "note: --" in text
    else:
        # What asks for more than there is here says so.
        assert code in (0, 1) or "error[RK" in text, (code, text)
