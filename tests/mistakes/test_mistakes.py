"""The mistakes that people make most: what each of them gets to read.

A folder is a mistake: the files of a project, `command.txt`, and `expected.txt` with what is
written on stderr and the exit code. In `expected.txt`, `…` stands for any text in a line, a line
`[…]` for any lines: what differs between versions of Python.

RULEKIT_WRITE_EXPECTED=1 writes what is missing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
MISTAKES = sorted(
    name for name in os.listdir(HERE) if os.path.isfile(os.path.join(HERE, name, "command.txt"))
)
# A script of the user's own raises: Python's words about it are what is wanted.
TRACEBACK = {"exception_in_script"}
# About the command line or the folder: nothing in a file is to be marked.
NO_PLACE = ("RK0201", "RK0330", "RK0401")


def told(name: str, tmp_path) -> str:
    """What the command says, without what differs from run to run."""
    folder = tmp_path / "project"
    shutil.copytree(os.path.join(HERE, name), folder)
    (folder / "expected.txt").unlink(missing_ok=True)
    program, *words = shlex.split((folder / "command.txt").read_text())
    assert program == "rulekit"
    (folder / "command.txt").unlink()
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("CI", "NO_COLOR", "FORCE_COLOR", "SNAKEMAKE_PROFILE", "RULEKIT_PROFILE")
    }
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    environment["LC_ALL"] = "C.UTF-8"
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    text = done.stderr.replace(str(folder), "PROJECT").replace(str(tmp_path), "TMP")
    text = re.sub(r"^\[\w{3} \w{3} .*\]$", "[NOW]", text, flags=re.MULTILINE)
    text = re.sub(r"^\S*/bash: line", "bash: line", text, flags=re.MULTILINE)
    text = re.sub(r"^(    \| )\S*/bash: line", r"\1bash: line", text, flags=re.MULTILINE)
    text = re.sub(r"(        \| )\S*/bash: line", r"\1bash: line", text)
    return f"{text}exit code {done.returncode}\n"


def fits(expected: str, text: str) -> bool:
    form = re.escape(expected).replace(re.escape("[…]\n"), r"(?:.*\n)*?")
    return re.fullmatch(form.replace("…", ".*"), text) is not None


def test_there_are_at_least_fifty():
    assert len(MISTAKES) >= 50


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake(name, tmp_path):
    path = os.path.join(HERE, name, "expected.txt")
    text = told(name, tmp_path)
    if not os.path.exists(path) and os.environ.get("RULEKIT_WRITE_EXPECTED"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    assert fits(expected, text), f"{name}:\n{text}\nbut expected is\n{expected}"


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_expected_is_good(name):
    """Cause, place where there is one, help, a code with a page, an exit code that says the kind."""
    from rulekit.errors.explain import PAGES

    with open(os.path.join(HERE, name, "expected.txt"), encoding="utf-8") as file:
        text = file.read()
    code = int(re.search(r"exit code (\d+)\n\Z", text)[1])
    if not name.endswith(tuple(TRACEBACK)):
        assert "Traceback" not in text
    if text.startswith("warning["):
        assert code == 0 and "= help: " in text
        return
    assert 0 < code < 70
    codes = re.findall(r"error\[(RK\d{4})\]", text)
    assert len(codes) <= 1 and all(one in PAGES for one in codes)
    if codes:
        assert f"= more: rulekit explain {codes[0]}" in text
        assert "= help: " in text or "= note: " in text or code == 1
        if codes[0][:4] not in ("RK01", "RK07") and codes[0] not in NO_PLACE:
            assert re.search(r"^ *--> \S+:\d+:", text, re.MULTILINE), "no place"
            assert "^" in text or "…" in text, "no caret"
    else:
        assert code == 1
    if code == 1:
        assert "Error in rule" in text and "cause: " in text
        assert codes or "run it again: rulekit" in text
