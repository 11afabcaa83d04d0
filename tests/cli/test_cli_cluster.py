"""Runs on a cluster, by the command; the cluster is a shell in the background."""

from __future__ import annotations

import json

import pytest

FILE = """
localrules: all
rule all:
    input: expand("{x}.c", x=[1, 2])
rule a:
    output: "{x}.a"
    resources: mem_mb=7
    threads: 3
    group: "ab"
    shell: "echo {threads} {wildcards.x} > {output}"
rule b:
    input: "{x}.a"
    output: temp("{x}.b")
    group: "ab"
    shell: "cp {input} {output}"
rule c:
    input: "{x}.b"
    output: "{x}.c"
    run:
        shell("cp {input} {output}")
"""
QSUB = """#!/bin/sh
for script; do :; done
grep '^# properties' "$script" | sed 's/^# properties = //' >> submitted
echo "$@" >> calls
(setsid sh "$script" > /dev/null 2>&1 &)
echo $$
"""


@pytest.fixture
def lab(project):
    project.write("Snakefile", FILE)
    project.write("qsub", QSUB).chmod(0o755)
    return project


def submitted(lab):
    return [json.loads(line) for line in (lab.path / "submitted").read_text().splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        ("--cluster", "./qsub -m {resources.mem_mb}"),
        (
            "--executor",
            "cluster-generic",
            "--cluster-generic-submit-cmd",
            "./qsub -m {resources.mem_mb}",
        ),
    ],
)
def test_groups_are_submitted_as_one(lab, words):
    done = lab("-j", "4", *words)
    assert (lab.path / "2.c").read_text() == "3 2\n"
    assert not (lab.path / "1.b").exists()
    found = submitted(lab)
    assert sorted(one["type"] for one in found) == ["group", "group", "single", "single"]
    group = next(one for one in found if one["type"] == "group")
    assert (group["groupid"], group["threads"], group["local"]) == ("ab", 3, False)
    single = next(one for one in found if one["type"] == "single")
    assert single["rule"] == "c"
    assert single["wildcards"]["x"] in "12"
    assert "-m 1000 " in (lab.path / "calls").read_text()
    assert "Submitted ab as cluster job" in done.stderr
    assert "Nothing to be done" in lab("-j", "4", *words).stderr


def test_components_join_groups(lab):
    lab("-j", "4", "--cluster", "./qsub", "--group-components", "ab=2")
    assert sum(one["type"] == "group" for one in submitted(lab)) == 1


def test_groups_of_the_command_line(lab):
    lab("-j", "4", "--cluster", "./qsub", "--groups", "c=ab")
    assert [one["type"] for one in submitted(lab)] == ["group", "group"]


def test_a_command_that_waits(lab):
    lab("-j", "2", "--cluster-sync", "sh")
    assert (lab.path / "1.c").exists()


def test_a_failed_job_is_a_failed_run(lab):
    lab.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "exit 4"\n')
    assert "exit code 4" in lab("-j", "1", "--cluster", "./qsub", code=1).stderr
    # Its script is there for a look, until the next run.
    assert len(list((lab.path / ".rulekit/cluster").glob("*/jobs/*/*.sh"))) == 1
    lab.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    lab("-j", "1", "--cluster", "./qsub")
    assert not list((lab.path / ".rulekit/cluster").glob("*/jobs/*/*.sh"))


def test_the_number_of_jobs_is_needed(lab):
    assert "--jobs N" in lab("--cluster", "./qsub", code=2).stderr


def test_an_executor_without_a_command(lab):
    done = lab("-j", "1", "--executor", "cluster-generic", code=2)
    assert "RK0116" in done.stderr


def test_what_cannot_be_used_says_what_to_use(lab):
    for words in (("--drmaa",), ("--slurm",)):
        assert "--cluster" in lab("-j", "1", *words, code=2).stderr


def test_cluster_config_fills_fields(lab):
    lab.write("cluster.yaml", "__default__:\n  q: long\nc:\n  q: 'short-{wildcards.x}'\n")
    words = ("--cluster-config", "cluster.yaml", "--cluster", "./qsub -q {cluster.q}")
    lab("-j", "2", *words)
    calls = (lab.path / "calls").read_text()
    assert "-q long " in calls
    assert "-q short-1 " in calls


def test_rule_files_know_the_cluster_config(lab):
    lab.write(
        "Snakefile", 'rule a:\n    output: "a"\n    shell: "echo {cluster_config[a][n]} > a"\n'
    )
    lab.write("cluster.yaml", "a: {n: 5}\n")
    lab.write("sub/none", "")
    # The file is found from where the command is given.
    lab("-c", "1", "-d", "sub", "--cluster-config", "cluster.yaml")
    assert (lab.path / "sub" / "a").read_text() == "5\n"


def test_a_precommand_runs_before_the_job(lab):
    lab("-j", "2", "--cluster", "./qsub", "--precommand", "touch before")
    assert (lab.path / "before").exists()


def test_all_jobs_at_once(lab):
    lab.write(
        "keep",
        "#!/bin/sh\n"
        'for script; do :; done\necho "$1" >> before\nn=$(ls kept 2>/dev/null | wc -l)\n'
        'mkdir -p kept\ncp "$script" kept/$n\necho id$n\n',
    ).chmod(0o755)
    words = ("-j", "9", "--cluster", "./keep '{dependencies}'", "--immediate-submit")
    assert "--notemp" in lab(*words, code=2).stderr
    said = lab(*words, "--notemp", "--config", "tag=7").stderr
    assert "6 jobs are submitted" in said
    assert not (lab.path / "1.c").exists()
    before = (lab.path / "before").read_text().splitlines()
    assert before.count("") == 2  # nothing comes before `a`
    assert before[1] == "id0"
    import subprocess

    for number in range(6):
        script = str(lab.path / "kept" / str(number))
        subprocess.run(["sh", script], check=True, env=lab.environment, timeout=60)
    assert (lab.path / "2.c").read_text() == "3 2\n"


def test_cores_limit_threads_on_a_cluster(lab):
    lab("-j", "2", "-c", "2", "--cluster", "./qsub")
    assert (lab.path / "2.c").read_text() == "2 2\n"
