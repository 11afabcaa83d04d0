"""Local jobs with stored files: their software is the same as for any other."""

from __future__ import annotations

import boxkit
import pytest
from azcommand import Cloud
from containers import IMAGE
from test_conda_jobs import environment

RULES = f"""
rule all:
    input: "shell.txt", "script.txt", "conda.txt", "both.txt", "run.txt"
rule by_shell:
    input: "in.txt"
    output: "shell.txt"
    container: "docker://{IMAGE}"
    shell: "cat /etc/rulekit-image {{input}} > {{output}}"
rule by_script:
    input: "in.txt"
    output: "script.txt"
    container: "docker://{boxkit.HOSTED}"
    script: "s.py"
rule by_run:
    input: "in.txt"
    output: "run.txt"
    container: "docker://{IMAGE}"
    run:
        shell("cat /etc/rulekit-image {{input}} > {{output}}")
rule by_conda:
    input: "in.txt"
    output: "conda.txt"
    conda: "env.yaml"
    shell: "tool > {{output}}"
rule both:
    input: "in.txt"
    output: "both.txt"
    conda: "env.yaml"
    container: "docker://{IMAGE}"
    shell: "tool > {{output}}; cat /etc/rulekit-image >> {{output}}"
"""
SCRIPT = """
with open(snakemake.output[0], "w") as file:
    file.write(open("/etc/rulekit-image").read() + open(snakemake.input[0]).read())
"""


@pytest.fixture
def cloud(azurite, container, tmp_path, containers, channel):
    made = Cloud(azurite, container, tmp_path)
    boxkit.load(containers, boxkit.hosted_tar(), boxkit.HOSTED)
    made.environment.update(containers.environment)
    made.environment["CONDA_PKGS_DIRS"] = str(tmp_path / "pkgs")
    made.write("Snakefile", RULES)
    made.write("s.py", SCRIPT)
    made.write("env.yaml", environment(channel, "tool =1"))
    made.put("in.txt", "text\n")
    yield made
    made.close()


def test_containers_and_environments_of_jobs_with_stored_files(cloud):
    words = ("--sdm", "conda", "apptainer", "--container-runtime", "podman")
    words += ("--container-args", boxkit.SHOWN)
    done = cloud.run(*words, batch=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.get("shell.txt") == "busybox\ntext\n"
    assert cloud.get("script.txt") == "hosted\ntext\n"
    assert cloud.get("run.txt") == "busybox\ntext\n"
    assert cloud.get("conda.txt") == "tool 1 activated-1\n"
    assert cloud.get("both.txt") == "tool 1 activated-1\nbusybox\n"
    again = cloud.run(*words, batch=False)
    assert "Nothing to be done" in again.stderr
