"""Jobs of this machine in containers: a real podman, a real docker, and apptainer's words carried
out by bubblewrap."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from azurite import absent
from containers import image_tar

IMAGE = "docker://localhost/rulekit-busybox:1"
RULES = """
container: "IMAGE"
rule all:
    input: "shell.txt", "run.txt", "outside.txt"
rule by_shell:
    output: "shell.txt"
    shell: "cat /etc/rulekit-image > {output}"
rule by_run:
    output: "run.txt"
    run:
        shell("cat /etc/rulekit-image > {output}")
rule outside:
    output: "outside.txt"
    container: None
    shell: "if [ -e /etc/rulekit-image ]; then exit 1; fi; touch {output}"
"""


def with_image(project, image):
    project.write("Snakefile", RULES.replace("IMAGE", image))
    return project


@pytest.fixture
def podman(project, containers):
    project.environment.update(containers.environment)
    project.image = IMAGE
    project.words = ("--sdm", "apptainer", "--container-runtime", "podman")
    return with_image(project, IMAGE)


@pytest.fixture
def docker(project, docker_socket):
    project.environment["DOCKER_HOST"] = docker_socket
    project.image = IMAGE
    project.words = ("--sdm", "apptainer", "--container-runtime", "docker")
    return with_image(project, IMAGE)


@pytest.fixture
def apptainer(project, tmp_path):
    if shutil.which("bwrap") is None:
        absent("bubblewrap")
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "apptainer"
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standin.py")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{here}" "$@"\n')
    program.chmod(0o755)
    archive = tmp_path / "image.tar"
    archive.write_bytes(image_tar())
    project.environment["PATH"] = f"{folder}:{project.environment['PATH']}"
    project.environment["RULEKIT_STANDIN"] = str(archive)
    project.calls = lambda: [
        json.loads(line) for line in open(f"{archive}.calls").read().splitlines()
    ]
    project.image = "docker://localhost/busybox:1"
    project.words = ("--sdm", "apptainer")
    return with_image(project, project.image)


@pytest.fixture(params=["podman", "docker", "apptainer"])
def lab(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["podman", "apptainer"])
def box(request):
    """Docker is given the same words as podman."""
    return request.getfixturevalue(request.param)


def read(project, name):
    return (project.path / name).read_text()


def rule(lab, command, output="a.txt", **directives):
    more = "".join(f"    {name}: {value}\n" for name, value in directives.items())
    lab.write(
        "Snakefile",
        f'rule a:\n    output: "{output}"\n{more}    container: "{lab.image}"\n'
        f'    shell: """{command} """\n',
    )


def test_shell_commands_and_shell_in_run_bodies(lab):
    lab("-c2", *lab.words)
    assert read(lab, "shell.txt") == "busybox\n"
    assert read(lab, "run.txt") == "busybox\n"
    assert os.stat(lab.path / "shell.txt").st_uid == os.getuid()
    assert "Nothing to be done" in lab("-n", *lab.words).stdout


def test_only_what_the_job_may_touch_is_seen(box, tmp_path):
    secret = tmp_path / "elsewhere" / "secret"
    given = tmp_path / "given" / "in.txt"
    made = tmp_path / "made" / "out.txt"
    for path in (secret, given):
        path.parent.mkdir()
        path.write_text("text\n")
    (box.path / "link.txt").symlink_to(given)
    rule(
        box,
        f"test ! -e {secret}; cat {{input}} > {{output}};"
        f" if touch {given} 2>/dev/null; then exit 3; fi;"
        " if touch .rulekit/x 2>/dev/null; then exit 4; fi;"
        ' touch "$HOME/x" "$TMPDIR/x"',
        output=made,
        input=f'"{given}", "link.txt"',
        resources='tmpdir="own tmp"',
    )
    box("-c1", *box.words)
    assert made.read_text() == "text\ntext\n"
    assert (box.path / "own tmp" / "x").exists()


def test_exit_codes_strictness_and_variables(box):
    box.environment["OF_THE_USER"] = "a value"
    box.environment["R_LIBS"] = "/of/this/machine"
    rule(box, "echo $OF_THE_USER ${{R_LIBS:-none}} $OMP_NUM_THREADS > {output}")
    box("-c1", *box.words)
    assert read(box, "a.txt") == "a value none 1\n"
    rule(box, "trap 'exit 42' EXIT; false | true; trap - EXIT; touch {output}")
    assert "exit code 42" in box("-c1", "-F", *box.words, code=1).stderr


def test_an_image_that_cannot_be_had_starts_nothing(box, registry):
    image = f"docker://{registry}/no-such:1"
    box.write(
        "Snakefile",
        'rule all:\n    input: "a.txt", "b.txt"\n'
        'rule a:\n    output: "a.txt"\n    shell: "touch {output}"\n'
        f'rule b:\n    output: "b.txt"\n    container: "{image}"\n    shell: "touch {{output}}"\n',
    )
    done = box("-c1", *box.words, code=5)
    assert "RK0533" in done.stderr and "rule `b`" in done.stderr
    assert not (box.path / "a.txt").exists()


def test_shadows_logs_benchmarks_and_retries(box):
    rule(
        box,
        "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.6;"
        " echo log > {log}; [ -e once ] || {{ touch once; exit 1; }}; pwd > {output}",
        log='"logs/a.log"',
        benchmark='"b.tsv"',
        retries=1,
    )
    box("-c1", *box.words)
    assert read(box, "logs/a.log") == "log\n"
    names, values = (line.split("\t") for line in read(box, "b.tsv").splitlines())
    measured = dict(zip(names, values, strict=True))
    assert float(measured["cpu_time"]) > 0 and float(measured["max_rss"]) > 0
    rule(box, "pwd > {output}", shadow='"minimal"')
    box("-c1", "-F", *box.words)
    assert "/shadow/" in read(box, "a.txt")


# Another one for each process: tests that run beside this one have sleeping jobs, too.
NAP = f"{1_000_000 + os.getpid()}.5"


def sleeping():
    """The processes of jobs in this test's sleep."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if file.read() == f"sleep\0{NAP}\0".encode():
                    found.append(name)
        except OSError:
            pass
    return found


def start(lab, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "rulekit", "-c1", *lab.words, *words],
        cwd=lab.path,
        env=lab.environment,
        stdout=subprocess.DEVNULL,
        stderr=open(lab.path / "said", "w"),
    )


def until(holds):
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_interrupts_stop_the_container(lab):
    rule(lab, f"touch begun; sleep {NAP}; touch {{output}}")
    process = start(lab)
    until((lab.path / "begun").exists)
    process.send_signal(signal.SIGINT)
    # Two that come before the first is seen are one.
    until(lambda: "interrupt again" in read(lab, "said"))
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    until(lambda: not sleeping())


def test_after_kill_9_the_next_run_removes_what_is_left(lab):
    rule(lab, f"touch begun; if [ -e again ]; then touch {{output}}; else sleep {NAP}; fi")
    process = start(lab)
    until((lab.path / "begun").exists)
    runner = children(process.pid)
    for pid in (process.pid, *runner):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the `touch` of the job has ended meanwhile
    process.wait()
    lab.write("again", "")
    lab("-c1", *lab.words)
    assert (lab.path / "a.txt").exists()
    until(lambda: not sleeping())


def children(pid):
    """All processes below one, but for those of a container's own service."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            found += [int(name), *children(int(name))]
    return found
