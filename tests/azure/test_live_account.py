"""A real Azure account, if its owner says so. It costs a few cents and leaves nothing behind.

    export RULEKIT_LIVE_AZURE=CONTAINER          # an empty container of the storage account
    export AZ_BATCH_ACCOUNT_URL=... AZ_BATCH_ACCOUNT_KEY=...
    export AZ_BLOB_ACCOUNT_URL=... AZ_BLOB_CREDENTIAL=...
    python -m pytest tests/azure/test_live_account.py -s

Without keys the identity of the caller is used (`az login`). `BATCH_POOL_VM_SIZE` and the other
variables of docs/reference/azure.md count. `rulekit azure doctor` tells beforehand what would fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest

CONTAINER = os.environ.get("RULEKIT_LIVE_AZURE")
pytestmark = pytest.mark.skipif(
    not CONTAINER, reason="RULEKIT_LIVE_AZURE does not name a container of a real account"
)

WORKFLOW = """
rule all:
    input: "total.txt", "folder"
rule number:
    output: "numbers/{i}.txt"
    threads: 1
    shell: "echo {wildcards.i} > {output}; uname -a >&2"
rule total:
    input: expand("numbers/{i}.txt", i=range(4))
    output: "total.txt"
    run:
        with open(output[0], "w") as out:
            out.write(str(sum(int(open(path).read()) for path in input)))
rule folder:
    input: "total.txt"
    output: directory("folder")
    shell: "mkdir {output}; cp {input} '{output}/with blank #1'"
rule broken:
    output: "broken.txt"
    shell: "echo too hot >&2; exit 9"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    (folder / "Snakefile").write_text(WORKFLOW)
    prefix = f"{CONTAINER}/rulekit-test-{uuid.uuid4().hex[:12]}"

    def call(*words, timeout=3600):
        return subprocess.run(
            [sys.executable, "-m", "rulekit", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    call.prefix = prefix
    call.batch = ["--az-batch", "--default-remote-prefix", prefix]
    yield call
    call(*call.batch, "--delete-all-output")


def test_doctor_finds_nothing_wrong(run):
    done = run("azure", "doctor", "--default-remote-prefix", run.prefix)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_workflow_runs_and_has_nothing_to_do_then(run):
    done = run(*run.batch)
    print(done.stderr)
    assert done.returncode == 0, done.stderr
    listed = run("azure", "ls", "-r", f"az://{run.prefix}/")
    assert "total.txt" in listed.stdout and "with blank #1" in listed.stdout
    again = run(*run.batch)
    assert again.returncode == 0 and "Nothing to be done" in again.stderr


def test_a_failing_job_tells_why(run):
    done = run(*run.batch, "broken.txt")
    assert done.returncode == 1
    assert "too hot" in done.stderr and "9" in done.stderr, done.stderr


def test_nothing_is_left(run):
    done = run("azure", "gc", "--dry-run")
    assert "rk-" not in done.stdout, done.stdout
