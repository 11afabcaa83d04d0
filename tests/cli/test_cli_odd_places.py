"""The command where things are not as usual: closed streams, a deleted folder, a full disk, no HOME."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

RULEKIT = f"{shlex.quote(sys.executable)} -m rulekit"
RULES = """
rule all:
    input: "b.txt"
rule a:
    output: "a.txt"
    shell: "echo said by a job; echo a > {output}"
rule b:
    input: "a.txt"
    output: "b.txt"
    shell: "cat {input} > {output}"
"""


def shell(script, folder, **changes):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **changes}
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    """One whose name is not easy."""
    made = tmp_path / "a b 'c\" {d} ü"
    made.mkdir()
    (made / "Rulefile").write_text(RULES)
    return made


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(folder, closed):
    """What is opened next must not become a stream: the records would get what jobs print."""
    assert shell(f"{RULEKIT} --cores 1 {closed}", folder).returncode == 0
    done = shell(f"{RULEKIT} status --check", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell(f"{RULEKIT} -n {closed}", folder).returncode == 0


def test_without_a_home_or_any_other_variable(folder):
    script = f"env -i PATH={shlex.quote(os.environ['PATH'])} {RULEKIT}"
    paths = shlex.quote(os.pathsep.join(path for path in sys.path if path))
    script = script.replace("env -i ", f"env -i PYTHONPATH={paths} ")
    assert shell(f"{script} --cores 1 --quiet", folder).returncode == 0
    assert "up to date" in shell(f"{script} why b.txt", folder).stdout


def test_a_folder_that_was_deleted(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    path = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    done = shell(f"rmdir ../gone; {RULEKIT} -n", gone, PYTHONPATH=path, XDG_CACHE_HOME=None)
    assert done.returncode == 2 and "RK0109" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_that_cannot_be_written(folder):
    done = shell(f"{RULEKIT} -n > /dev/full", folder)
    assert done.returncode == 6
    assert "error[RK0600]: its output cannot be written: No space left" in done.stderr


def test_a_locale_that_cannot_say_a_name(folder):
    (folder / "Rulefile").write_text("rule a:\n    output: 'ü.txt'\n    shell: 'touch {output}'\n")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell(f"cd .. && {RULEKIT} -d work -s */Rulefile --cores 1", folder, **ascii_only)
    assert done.returncode in (0, 6) and "RK0001" not in done.stderr, done.stderr
    done = shell(f"{RULEKIT} --cores 1", folder, LC_ALL="C")
    assert done.returncode == 0 and (folder / "ü.txt").exists()
