"""`run:` bodies: in a fork of the runner process, or, with threads about, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RULES = """
import os
import sys

print("reading the file", file=sys.stderr)
HEAD = "global"
THREADS = None

rule all:
    input: "a.txt", "b.txt"

rule a:
    output: "{x}.txt"
    params: word=lambda wildcards: {"x": (wildcards.x, {1, 2})}
    threads: 2
    run:
        HEAD = HEAD_OF()
        shell("echo {HEAD} {wildcards.x} {params.word[x][0]} {threads} > {output}")
        with open(output[0], "a") as file:
            print(sorted(params.word["x"][1]), os.environ["RULEKIT_ATTEMPT"][:2], file=file)

def HEAD_OF():
    return HEAD
"""


def rulekit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rulekit", "--cores", "2", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("threaded", [False, True])
def test_a_body_sees_globals_and_its_own_names(tmp_path: Path, threaded: bool) -> None:
    text = RULES
    if threaded:
        text = text.replace(
            "THREADS = None",
            "import threading, time\n"
            "THREADS = threading.Thread(target=time.sleep, args=(2,), daemon=True)\n"
            "THREADS.start()",
        )
    (tmp_path / "Rulefile").write_text(text)
    done = rulekit(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.txt").read_text() == "global a a 2\n[1, 2] 20\n"
    assert (tmp_path / "b.txt").read_text() == "global b b 2\n[1, 2] 20\n"
    # A fork has read the file already; a process of its own reads it again.
    assert done.stderr.count("reading the file") == (3 if threaded else 1)


def test_a_body_that_raises_fails_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        'rule a:\n    output: "a.txt"\n    run:\n        open(output[0], "w").close()\n        1 / 0\n'
    )
    done = rulekit(tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "Rulefile:5:" in done.stderr
    assert not (tmp_path / "a.txt").exists()
    assert "Traceback" not in done.stderr


def test_what_was_printed_before_is_not_printed_again_by_a_body(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        'print("once")\n'
        'rule a:\n    output: "a.txt"\n    run:\n        print("body")\n'
        '        open(output[0], "w").close()\n'
    )
    done = rulekit(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("once") == 1 and done.stdout.count("body") == 1


def test_a_log_that_was_not_written_is_there_and_empty(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        'rule a:\n    output: "a.txt"\n    log: "logs/a.log"\n    shell: "touch {output}"\n'
    )
    assert rulekit(tmp_path).returncode == 0
    assert (tmp_path / "logs" / "a.log").read_text() == ""


def test_what_the_file_defines_and_rows_of_tables_get_into_a_body(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        """
import dataclasses
from collections import namedtuple

@dataclasses.dataclass
class Point:
    x: int

def double(value):
    return value * 2

def hidden():
    return namedtuple("Row", "a b")(1, "two")

rule all:
    output: "o.txt"
    params: f={"double": double, "add": (lambda n: lambda v: v + n)(4)}, c=Point(3), k=[Point], row=hidden()
    run:
        with open(output[0], "w") as file:
            print(params.f["double"](2), params.f["add"](5), params.c.x, params.k[0](5), params.row, params.row.b, file=file)
"""
    )
    done = rulekit(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o.txt").read_text() == "4 9 3 Point(x=5) Row(a=1, b='two') two\n"


def test_what_cannot_get_into_a_body_is_told(tmp_path: Path) -> None:
    (tmp_path / "Rulefile").write_text(
        "rule all:\n"
        '    output: "o.txt"\n'
        "    params: 1, file={1: open(workflow.snakefile)}\n"
        "    run: open(output[0], 'w').close()\n"
    )
    done = rulekit(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "RK0283" in done.stderr and "the `params` item `file` of rule `all`" in done.stderr
    assert not (tmp_path / "o.txt").exists()
