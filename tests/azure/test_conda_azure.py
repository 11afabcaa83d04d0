"""Jobs with conda environments on Azure Batch: solved and packed here, brought to the machines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from azcommand import Cloud

EXAMPLE = Path(__file__).resolve().parents[2] / "example_workflows" / "conda-versions"
OTHERS = """
rule lonely:
    output: "lonely.txt"
    shell: "echo ${{{{CONDA_PREFIX:-none}}}} > {{output}}"

rule script:
    input: "data/fox.txt"
    output: "script.txt"
    conda: "envs/tally1.yaml"
    script: "words.sh"

rule body:
    input: "data/fox.txt"
    output: "body.txt"
    conda: "envs/tally2.yaml"
    run:
        shell("tally {{input}} > {{output}}; echo $TALLY_VERSION >> {{output}}")
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    if not _rattler():
        from azurite import absent

        absent("py-rattler")
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("channel", "results", ".*"))
    subprocess.run([sys.executable, "make_channel.py"], cwd=folder, check=True)
    made = Cloud(azurite, container, folder)
    for text in (folder / "data").iterdir():
        made.put(f"data/{text.name}", text.read_text())
    yield made
    made.close()
    assert made.emulator.errors == []


def _rattler():
    from importlib.util import find_spec

    return find_spec("rattler") is not None


def test_three_versions_of_a_tool(cloud):
    done = cloud.run("--sdm", "conda")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.get("results/fox.v1.txt") != cloud.get("results/fox.v2.txt")
    assert cloud.get("results/fox.v3.txt").startswith("word,count")
    packs = [name for name in cloud.ours() if "/environments/" in name]
    assert len(packs) == 3 == len(cloud.ours())
    assert cloud.left() == []
    # Nothing was installed here: the machines have them.
    assert not any((cloud.folder / ".rulekit" / "conda").glob("*/bin/tally"))
    requests = cloud.batch_requests()
    again = cloud.run("--sdm", "conda")
    assert "Nothing to be done" in again.stderr, again.stderr
    assert cloud.batch_requests() == requests

    # Another machine finds the packs.
    shutil.rmtree(cloud.folder / ".rulekit")
    os.truncate(cloud.folder / "envs" / "tally3.yaml", 0)
    (cloud.folder / "envs" / "tally3.yaml").write_text(
        (EXAMPLE / "envs" / "tally1.yaml").read_text()
    )
    changed = cloud.run("--sdm", "conda", "-F")
    assert changed.returncode == 0, changed.stderr
    assert "storing the environment" not in changed.stderr
    assert cloud.get("results/fox.v3.txt") == cloud.get("results/fox.v1.txt")


def test_scripts_and_bodies_and_jobs_without(cloud):
    with open(cloud.folder / "Rulefile", "a") as file:
        file.write(OTHERS.replace("{{", "{").replace("}}", "}"))
    cloud.write("words.sh", 'tally "${snakemake_input[0]}" > "${snakemake_output[0]}"\n')
    done = cloud.run("--sdm", "conda", "--", "script.txt", "body.txt", "lonely.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fox" in cloud.get("script.txt")
    assert cloud.get("body.txt").endswith("2.0\n")
    assert cloud.get("lonely.txt") == f"{os.environ.get('CONDA_PREFIX', 'none')}\n"


def test_local_jobs_with_stored_files(cloud):
    done = cloud.run("--sdm", "conda", "--", "results/fox.v1.txt", batch=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fox" in cloud.get("results/fox.v1.txt")
    again = cloud.run("--sdm", "conda", "--", "results/fox.v1.txt", batch=False)
    assert "Nothing to be done" in again.stderr, again.stderr
