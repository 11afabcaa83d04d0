"""`rulekit env ...`, the flags, and runs of the example, as a user types them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import channel as packages
import pytest

RULES = """\
rule all:
    input: "one.txt", "two.txt"
rule one:
    output: "one.txt"
    conda: "envs/one.yaml"
    shell: "tally --version > {output}"
rule two:
    output: "{name}.txt"
    conda: "envs/{name}.yaml"
    shell: "tally --version > {output}"
"""


@pytest.fixture
def flow(project, envs, channel):
    """A workflow with two environments, one of them named by a wildcard."""
    project.environment.update(
        (name, value) for name, value in os.environ.items() if name.startswith(("CONDA", "PIP"))
    )
    project.environment["HOME"] = os.environ["HOME"]
    project.write("Rulefile", RULES.replace("rule one", "ruleorder: one > two\nrule one"))
    for name, version in (("one", 1), ("two", 2)):
        lines = f"channels:\n  - {channel}\ndependencies:\n  - tally ={version}\n"
        project.write(f"envs/{name}.yaml", lines)
    return project


def test_list_create_and_clean(flow):
    assert "not solved yet" in flow("env", "list").stdout
    flow("--conda-create-envs-only", "-n")
    assert not (flow.path / ".rulekit" / "conda").exists()
    done = flow("--conda-create-envs-only")
    assert done.stdout.count(".rulekit/conda/") == 2 and "one.yaml: solving" in done.stderr
    assert not (flow.path / "one.txt").exists()
    table = json.loads(flow("env", "list", "--json").stdout)
    assert [(Path(one["source"]).name, one["state"], one["rules"]) for one in table] == [
        ("one.yaml", "ready", ["one"]),
        ("two.yaml", "ready", ["two"]),
    ]
    lines = flow("--list-conda-envs").stdout.splitlines()
    assert lines[0] == "environment\tcontainer\tlocation" and len(lines) == 3
    assert "no environment to remove" in flow("env", "clean").stdout
    flow.write("envs/two.yaml", (flow.path / "envs/two.yaml").read_text().replace("=2", "=3"))
    assert "Would remove" in flow("env", "clean").stdout
    assert "Would remove" in flow("--conda-cleanup-envs", "-n").stdout
    assert len(list((flow.path / ".rulekit/conda").glob("[0-9a-f]*"))) == 2
    assert "1 environment" in flow("--conda-cleanup-envs").stdout
    assert len(list((flow.path / ".rulekit/conda").glob("[0-9a-f]*"))) == 1
    assert "freed in" in flow("env", "clean", "--packages", "unused", "--yes").stdout


def test_lock_and_export(flow):
    done = flow("--conda-lock")
    assert done.stdout == (
        "envs/one.conda-lock.yml was written\nenvs/two.conda-lock.yml was written\n"
    )
    assert flow("env", "lock").stdout.count("its lock fits") == 2
    pin = flow("env", "export", "envs/one.yaml", "--pin").stdout
    assert "@EXPLICIT" in pin and "tally-1.0-0.tar.bz2#" in pin
    text = flow("env", "export", "envs/one.yaml").stdout
    assert text == (flow.path / "envs/one.conda-lock.yml").read_text()
    words = ("env", "lock", "envs/one.yaml", "--platform", "linux-64", "--platform", "osx-arm64")
    flow(*words)
    assert "osx-arm64" in (flow.path / "envs/one.conda-lock.yml").read_text()
    assert flow("env", "lock", "envs/one.yaml", "--pin").stdout.count("pin.txt") == 2
    flow("--use-conda", "-c1", "--conda-frozen")
    flow.write("envs/one.yaml", (flow.path / "envs/one.yaml").read_text() + "  - deep\n")
    failed = flow("--use-conda", "-c1", "--conda-frozen", code=5)
    assert "RK0522" in failed.stderr
    told = flow("--use-conda", "-n").stdout
    wrong = (
        "cannot be made: the lock file `one.conda-lock.yml` does not fit `envs/one.yaml` any more"
    )
    assert "one.txt" in told and f"Conda environment envs/one.yaml {wrong}" in told
    flow("env", "lock", "envs/one.yaml")
    flow("--use-conda", "-c1", "--conda-frozen")


def test_what_is_said_about_mistakes(flow):
    flow.write("envs/one.yaml", (flow.path / "envs/one.yaml").read_text() + "  - taly\n")
    failed = flow("--use-conda", "-c1", code=5).stderr
    assert "RK0523" in failed and "is it `tally`?" in failed and "envs/one.yaml:5:5" in failed
    assert "does what?" in flow("env", code=2).stderr
    assert "similar name: `list`" in flow("env", "lst", code=2).stderr
    assert "RK0103" in flow("env", "lock", "Rulefile", code=2).stderr
    assert "RK0518" in flow("env", "create", "envs/none.yaml", code=5).stderr
    assert "rulekit solves" in flow("-n", "--conda-frontend", "mamba").stderr


def test_a_clean_end_each_time(flow):
    """py-rattler 0.28 crashes one interpreter in five that used it: none of ours."""
    for number in range(30 if os.environ.get("RULEKIT_LONG") else 12):
        done = flow("env", "create", "envs/one.yaml", "--conda-prefix", f"store{number}")
        assert done.stdout.startswith("envs/one.yaml: store")


def test_secrets_are_not_shown(flow, tmp_path):
    """A password in a channel's URL is in no message, no lock, no log and no file of the store."""
    flow.environment["WORD"] = "geheimnis"
    text = "channels:\n  - http://user:${WORD}@127.0.0.1:9/chan\ndependencies: [x]\n"
    flow.write("envs/one.yaml", text)
    failed = flow("--use-conda", "-c1", "one.txt", code=5)
    assert "RK0525" in failed.stderr and "geheimnis" not in failed.stderr + failed.stdout
    for path in flow.path.rglob("*"):
        assert not path.is_file() or b"geheimnis" not in path.read_bytes()


# -- the example -----------------------------------------------------------------------------


@pytest.fixture
def example(project):
    shutil.rmtree(project.path)
    leftovers = shutil.ignore_patterns("channel", "results", ".rulekit", "__pycache__")
    shutil.copytree(packages.EXAMPLE, project.path, ignore=leftovers)
    project.environment.update(
        (name, value) for name, value in os.environ.items() if name.startswith("CONDA")
    )
    project.environment["HOME"] = os.environ["HOME"]
    packages.builder().main(str(project.path / "channel"))
    return project


def ran(done):
    return sorted(
        line.partition("Rule: ")[2].rstrip(")")
        for line in done.stderr.splitlines()
        if line.startswith("Finished jobid")
    )


def test_three_rules_with_three_versions(example):
    first = example("--use-conda", "-c2")
    assert ran(first) == [
        "all",
        *["count_with_1"] * 2,
        *["count_with_2"] * 2,
        *["count_with_3"] * 2,
    ]
    assert (example.path / "results/fox.v1.txt").read_text().startswith("The 2\n")
    assert (example.path / "results/fox.v3.txt").read_text().startswith("word,count\n")
    assert "Nothing to be done" in example("--use-conda", "-c2").stderr
    # Another comment changes nothing, another dependency exactly the jobs that have it.
    file = example.path / "envs/tally2.yaml"
    file.write_text("# why\n" + file.read_text())
    assert "Nothing to be done" in example("--use-conda", "-c2").stderr
    file.write_text(file.read_text().replace("tally =2", "tally =2\n  - tally-words"))
    second = example("--use-conda", "-c2")
    assert set(ran(second)) <= {"all", "count_with_2"} and ran(second).count("count_with_2") == 2
    # Locking what is in use changes nothing; the lock elsewhere gives the same packages.
    assert "was written" in example("env", "lock").stdout
    assert "Nothing to be done" in example("--use-conda", "-c2").stderr
    before = sorted(one.name for one in example.path.glob(".rulekit/conda/*/conda-meta/*.json"))
    shutil.rmtree(example.path / ".rulekit")
    example("--use-conda", "-c2", "--conda-frozen", "--forceall")
    after = sorted(one.name for one in example.path.glob(".rulekit/conda/*/conda-meta/*.json"))
    assert after == before
