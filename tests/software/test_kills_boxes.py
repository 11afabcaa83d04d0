"""Campaign: runs with containers and environments are killed at any moment, again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from containers import IMAGE
from test_boxes import children
from test_conda_jobs import environment

RULES = f"""
rule all:
    input: expand("{{n}}.txt", n=range(6)), "conda.txt"
rule box:
    output: "{{n}}.txt"
    wildcard_constraints: n="[0-9]"
    container: "docker://{IMAGE}"
    shell: "echo begun > {{output}}; sleep 0.3; echo done >> {{output}}"
rule conda:
    output: "conda.txt"
    conda: "env.yaml"
    shell: "tool > {{output}}; sleep 0.3; tool >> {{output}}"
"""


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("RULEKIT_LONG"), reason="long: RULEKIT_LONG is not set")
def test_killed_at_any_moment(project, containers, channel, tmp_path):
    project.environment.update(containers.environment)
    project.environment["CONDA_PKGS_DIRS"] = str(tmp_path / "pkgs")
    project.write("Snakefile", RULES)
    project.write("env.yaml", environment(channel, "tool =1"))
    words = ("-c3", "--sdm", "conda", "apptainer", "--container-runtime", "podman")
    seed = int(os.environ.get("RULEKIT_SEED", "0")) or random.randrange(1 << 30)
    chance = random.Random(seed)
    for turn in range(int(os.environ.get("RULEKIT_KILLS", "20"))):
        for name in os.listdir(project.path):
            if name.endswith(".txt"):
                os.unlink(project.path / name)
        process = subprocess.Popen(
            [sys.executable, "-m", "rulekit", *words],
            cwd=project.path,
            env=project.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.1, 3.0))
        everything = chance.random() < 0.5
        victims = [process.pid, *(children(process.pid) if everything else ())]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        project(*words)
        where = (seed, turn)
        for number in range(6):
            assert (project.path / f"{number}.txt").read_text() == "begun\ndone\n", where
        assert (project.path / "conda.txt").read_text() == "tool 1 activated-1\n" * 2, where
        assert containers.podman("ps", "-aq").stdout.strip() == b"", where
        assert "Nothing to be done" in project("-n", *words).stdout, where
