"""Pipes and services, in real runs through the command."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

PIPE = """
rule all:
    input: "sum"
rule write:
    output: pipe("numbers")
    shell: "for i in 1 2 3; do echo $i; done > {output}"
rule read:
    input: "numbers"
    output: "sum"
    shell: "paste -sd+ {input} > {output}"
"""
SERVICE = """
rule all:
    input: expand("out{n}", n=range(4))
rule serve:
    output: service("run/socket")
    shell: "trap 'echo stopped >> serve.log; exit 0' TERM; echo up >> serve.log; "
           "touch {output}; sleep 1000 & wait"
rule use:
    input: "run/socket"
    output: "out{n}"
    shell: "test -e {input}; echo {wildcards.n} > {output}"
"""


def test_both_ends_of_a_pipe_run_at_the_same_time(project):
    # More than a pipe holds: one after the other would never end.
    project.write("Snakefile", PIPE.replace("echo $i; done", "seq 1 40000; done"))
    project("-c2")
    assert len((project.path / "sum").read_text()) > 500_000
    assert not (project.path / "numbers").exists()
    assert "Nothing to be done" in project("-c2").stderr


def test_a_pipe_is_made_again_for_whoever_reads_it(project):
    project.write("Snakefile", PIPE)
    project("-c2")
    (project.path / "sum").unlink()
    project("-c2")
    assert (project.path / "sum").read_text() == "1+2+3\n"
    project.write("Snakefile", PIPE.replace("1 2 3", "4 5"))
    project("-c2")
    assert (project.path / "sum").read_text() == "4+5\n"


def test_a_chain_of_pipes_and_a_plain_file_beside_it(project):
    project.write(
        "Snakefile",
        """
rule last:
    input: "b", "plain"
    output: "out"
    shell: "cat {input} > {output}"
rule first:
    output: pipe("a"), "side"
    shell: "echo x | tee {output}"
rule middle:
    input: "a"
    output: pipe("b")
    shell: "sed s/x/y/ {input} > {output}"
rule plain:
    output: "plain"
    shell: "echo z > {output}"
""",
    )
    project("-c3")
    assert (project.path / "out").read_text() == "y\nz\n"
    assert (project.path / "side").read_text() == "x\n"


def test_too_few_cores_for_both_ends_are_refused_before_the_start(project):
    project.write("Snakefile", PIPE)
    done = project("-c1", code=4)
    assert "RK0416" in done.stderr
    assert "--cores 2" in done.stderr
    assert not (project.path / "sum").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("for i in", "exit 3; for i in", "exit code 3"),  # before the pipe is open
        ("done > {output}", "done > {output}; exit 4", "exit code 4"),  # all is written
        ("paste", "exit 5; paste", "exit code 5"),
    ],
)
def test_if_one_end_fails_nothing_of_either_is_left(project, old, new, says):
    project.write("Snakefile", PIPE.replace(old, new))
    done = project("-c2", code=1)
    assert says in done.stderr
    assert not (project.path / "sum").exists()
    assert not (project.path / "numbers").exists()


def test_a_writer_that_never_opens_its_pipe(project):
    project.write("Snakefile", PIPE.replace("done > {output}", "done > /dev/null"))
    project("-c2")
    assert (project.path / "sum").read_text() == "\n"


def test_both_ends_are_tried_again(project):
    project.write(
        "Snakefile",
        PIPE.replace('> {output}"\n\n', "").replace(
            "paste", "cat {input} > /dev/null; test -e once || {{ touch once; exit 1; }}; echo"
        ),
    )
    project("-c2", "--retries", "1")
    assert (project.path / "sum").exists()


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (["numbers"], "", ""),
        (["sum", "other"], "rule all", 'rule other:\n    input: "numbers"\n    output: "other"\n'
         '    shell: "cp {input} {output}"\nrule all'),
        ([], 'shell: "for i in 1 2 3; do echo $i; done > {output}"', "run: print(1)"),
        ([], 'shell: "paste -sd+ {input} > {output}"', "run: print(1)"),
    ],
)  # fmt: skip
def test_pipes_that_cannot_work_are_refused(project, words, old, new):
    project.write("Snakefile", PIPE.replace(old, new) if old else PIPE)
    assert "RK0415" in project("-c4", *words, code=4).stderr


def test_a_service_runs_while_it_is_used(project):
    project.write("Snakefile", SERVICE)
    project("-c2")
    assert sorted(file.name for file in project.path.glob("out*")) == [
        "out0", "out1", "out2", "out3",
    ]  # fmt: skip
    assert (project.path / "serve.log").read_text() == "up\nstopped\n"
    assert not (project.path / "run/socket").exists()
    assert "Nothing to be done" in project("-c2").stderr


def test_a_service_needs_a_core_of_its_own(project):
    project.write("Snakefile", SERVICE)
    assert "RK0416" in project("-c1", code=4).stderr


def test_a_service_that_fails_takes_its_users_along(project):
    project.write("Snakefile", SERVICE.replace("sleep 1000 & wait", "exit 7").replace(
        "test -e {input};", "sleep 100;"))  # fmt: skip
    assert "exit code 7" in project("-c2", code=1).stderr
    assert not list(project.path.glob("out*"))


def test_a_user_that_fails_ends_the_service_too(project):
    project.write("Snakefile", SERVICE.replace("echo {wild", "test {wildcards.n} = 0; echo {wild"))
    project("-c2", code=1)
    assert (project.path / "serve.log").read_text() == "up\nstopped\n"


def test_only_users_that_failed_are_tried_again(project):
    text = SERVICE.replace(
        "test -e {input};",
        "echo {wildcards.n} >> tries; "
        "test {wildcards.n} != 2 || test -e once || {{ touch once; exit 1; }};",
    )
    project.write("Snakefile", text)
    done = project("-c5", "--retries", "1")
    tries = (project.path / "tries").read_text().split()
    assert sorted(tries) == ["0", "1", "2", "2", "3"]
    assert "6 of 6 steps (100%) done" in done.stderr
    assert (project.path / "serve.log").read_text() == "up\nstopped\nup\nstopped\n"


def test_nothing_survives_a_killed_run(project):
    """The engine and the process that runs jobs are killed: the next run ends what is left."""
    project.write("Snakefile", SERVICE.replace("test -e {input};", "touch used; sleep 1000;"))
    environment = {**project.environment, "CANARY": str(project.path)}
    run = subprocess.Popen(
        [sys.executable, "-m", "rulekit", "-c2"], cwd=project.path, env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(project.path / "used")
    for pid in reversed(family(run.pid)):
        name = command(pid)
        if "rulekit" in name:
            os.kill(pid, signal.SIGKILL)
    run.wait()
    project.write("Snakefile", SERVICE)
    project("-c2")
    assert sorted(file.name for file in project.path.glob("out*")) == [
        "out0", "out1", "out2", "out3",
    ]  # fmt: skip
    assert [pid for pid in canaries(str(project.path)) if "sleep" in command(pid)] == []


def test_a_pipe_that_a_killed_run_left_is_no_file(project):
    project.write("Snakefile", PIPE)
    os.mkfifo(project.path / "numbers")
    project("-c2")
    assert (project.path / "sum").read_text() == "1+2+3\n"
    assert not any(stat.S_ISFIFO(file.lstat().st_mode) for file in project.path.iterdir())


def wait_for(path):
    end = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.05)


def family(pid):
    """A process and all below it."""
    found = [pid]
    for one in found:
        try:
            with open(f"/proc/{one}/task/{one}/children") as file:
                found += map(int, file.read().split())
        except OSError:
            pass
    return found


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def canaries(mark):
    """The processes that inherited the mark."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if f"CANARY={mark}".encode() in file.read():
                        found.append(int(name))
            except OSError:
                pass
    return found
