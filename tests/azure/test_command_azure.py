"""`rulekit --az-batch` as a user has it: command, Azurite, emulated Batch, real processes."""

from __future__ import annotations

import subprocess

import pytest
from azcommand import Cloud

WORKFLOW = """
SAMPLES = ["a", "b", "c"]
envvars: "LAB_TOKEN"

rule all:
    input: "total.txt", "parts", "seen/a.txt"

rule upper:
    input: "raw/{s}.txt"
    output: temp("upper/{s}.txt")
    log: "logs/{s}.log"
    threads: 2
    shell: "tr a-z A-Z < {input} > {output}; echo did {wildcards.s} > {log}; test -n \\"$LAB_TOKEN\\""

rule count:
    input: "upper/{s}.txt"
    output: "count/{s}.txt"
    params: add=1
    script: "scripts/count.py"

rule total:
    input: expand("count/{s}.txt", s=SAMPLES)
    output: "total.txt"
    run:
        import helper
        with open(output[0], "w") as out:
            out.write(f"{helper.NAME} {sum(int(open(p).read()) for p in input)}\\n")

rule parts:
    input: "total.txt"
    output: directory("parts")
    shell: "mkdir {output}; cp {input} {output}/one; echo 2 > '{output}/two words #1'"

rule seen:
    input: "raw/{s}.txt"
    output: "seen/{s}.txt"
    localrule: True
    shell: "cat {input} > {output}"
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()
    assert made.emulator.errors == []


@pytest.fixture
def lab(cloud):
    cloud.write("Snakefile", "import sys\nsys.path.insert(0, 'scripts')\n" + WORKFLOW)
    cloud.write("scripts/helper.py", "NAME = 'total'\n")
    cloud.write(
        "scripts/count.py",
        "import helper\n"
        "size = len(open(snakemake.input[0]).read())\n"
        "open(snakemake.output[0], 'w').write(str(size + snakemake.params.add))\n",
    )
    for sample, text in (("a", "one\n"), ("b", "twenty\n"), ("c", "")):
        cloud.put(f"raw/{sample}.txt", text)
    return cloud


def test_a_workflow_runs_and_then_has_nothing_to_do(lab):
    done = lab.run(LAB_TOKEN="planted-value-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.get("total.txt") == "total 14\n"
    assert lab.get("parts/two words #1") == "2\n"
    assert lab.get("logs/b.log") == "did b\n"
    assert lab.get("seen/a.txt") == "one\n"
    names = lab.names()
    assert not [name for name in names if name.startswith("upper/")]
    assert lab.left() == [] and lab.ours() == []
    here = {path.name for path in lab.folder.iterdir()}
    assert here == {"Snakefile", "scripts", ".rulekit", ".cache"}

    before = lab.batch_requests()
    again = lab.run(LAB_TOKEN="planted-value-1")
    assert again.returncode == 0 and "Nothing to be done" in again.stderr, again.stderr
    assert lab.batch_requests() == before
    assert lab.names() == names


def test_what_changed_is_done_again_and_nothing_else(lab):
    assert lab.run(LAB_TOKEN="planted-value-1").returncode == 0
    lab.put("raw/b.txt", "longer than before\n")
    plan = lab.run("-n", "--quiet", "rules", LAB_TOKEN="planted-value-1")
    assert plan.returncode == 0
    done = lab.run(LAB_TOKEN="planted-value-1")
    assert done.returncode == 0, done.stderr
    assert lab.get("total.txt") == "total 26\n"
    assert "rule upper" in done.stderr and done.stderr.count("rule upper:") == 1
    # The same content put there again is no change.
    lab.put("raw/b.txt", "longer than before\n")
    again = lab.run(LAB_TOKEN="planted-value-1")
    assert "Nothing to be done" in again.stderr, again.stderr


def test_a_failed_job_says_why(cloud):
    cloud.write(
        "Snakefile",
        'rule a:\n    output: "x"\n    shell: "echo the reactor is too hot >&2; exit 7"\n',
    )
    done = cloud.run()
    assert done.returncode == 1
    assert "the reactor is too hot" in done.stderr
    assert "exit" in done.stderr and "7" in done.stderr
    assert cloud.names() == [] and cloud.left() == []


def test_what_would_be_refused_is_refused_by_a_dry_run_too(cloud):
    cloud.write(
        "Snakefile",
        'rule big:\n    output: "x"\n    threads: 5000\n    shell: "touch x"\n'
        'rule here:\n    input: "/etc/hosts"\n    output: "y"\n    shell: "touch y"\n'
        'rule fine:\n    output: "z"\n    shell: "touch z"\n',
    )
    big = cloud.run("-n", "x")
    assert big.returncode == 4 and "RK0614" in big.stderr, big.stderr
    here = cloud.run("-n", "y")
    assert here.returncode == 4 and "RK0624" in here.stderr, here.stderr
    fine = cloud.run("-n", "z", BATCH_POOL_VM_SIZE="Standard_D4sv5", BATCH_POOL_VMSIZE="x")
    assert fine.returncode == 0, fine.stderr
    assert "`Standard_D4s_v5`" in fine.stderr and "BATCH_POOL_VMSIZE is set" in fine.stderr
    assert cloud.batch_requests() == 0


def test_a_dead_image_is_told_and_a_failed_job_is_run_again_with_the_same_words(cloud):
    cloud.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "exit 7"\n')
    done = cloud.run(
        *("--az-batch-account-url", cloud.emulator.url, "--envvars", "FAR", "--", "x"),
        FAR="away-and-gone",
        BATCH_POOL_IMAGE_PUBLISHER="microsoft-azure-batch",
        BATCH_POOL_IMAGE_OFFER="ubuntu-server-container",
        BATCH_POOL_IMAGE_SKU="20-04-lts",
    )
    assert done.returncode == 1
    assert "20-04-lts is out of support" in done.stderr, done.stderr
    again = [line for line in done.stderr.splitlines() if "run it again" in line]
    assert again and all(f"--az-batch-account-url {cloud.emulator.url}" in one for one in again)
    assert all(one.endswith("--envvars FAR -- x") for one in again), again


def test_stored_files_with_jobs_on_this_machine(lab):
    done = lab.run(batch=False, LAB_TOKEN="planted-value-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.get("total.txt") == "total 14\n"
    assert lab.batch_requests() == 0
    again = lab.run(LAB_TOKEN="planted-value-1")
    assert "Nothing to be done" in again.stderr, again.stderr


def test_what_is_missing_is_said_at_once(cloud):
    cloud.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    for name in ("AZ_BATCH_ACCOUNT_URL", "AZ_BATCH_ACCOUNT_KEY", "AZ_BLOB_ACCOUNT_URL"):
        del cloud.environment[name]
    done = cloud.run("--az-batch", batch=None)
    assert done.returncode == 2
    for word in ("AZ_BATCH_ACCOUNT_URL", "AZ_BLOB_ACCOUNT_URL"):
        assert word in done.stderr
    assert not (cloud.folder / ".rulekit").exists()


def test_checkpoints_and_groups(cloud):
    cloud.write(
        "Snakefile",
        """
rule all:
    input: "listed.txt", "named.txt"
checkpoint split:
    output: directory("parts")
    shell: "mkdir {output}; for i in 1 2 3; do echo $i > {output}/$i.txt; done"
checkpoint names:
    output: "names.txt"
    shell: "printf 'x\\ny\\n' > {output}"
rule part:
    input: "parts/{i}.txt"
    output: "done/{i}.txt"
    shell: "cat {input} > {output}"
def parts(wildcards):
    folder = checkpoints.split.get().output[0]
    return expand("done/{i}.txt", i=sorted(glob_wildcards(folder + "/{i}.txt").i))
rule listed:
    input: parts
    output: "listed.txt"
    shell: "cat {input} > {output}"
rule one:
    output: "one/{n}.txt"
    group: "g"
    shell: "echo {wildcards.n} > {output}"
rule two:
    input: "one/{n}.txt"
    output: "two/{n}.txt"
    group: "g"
    shell: "cat {input} {input} > {output}"
def named(wildcards):
    with open(checkpoints.names.get().output[0]) as file:
        return expand("two/{n}.txt", n=file.read().split())
rule named:
    input: named
    output: "named.txt"
    shell: "cat {input} > {output}"
""",
    )
    done = cloud.run()
    assert done.returncode == 0, done.stderr
    assert cloud.get("listed.txt") == "1\n2\n3\n"
    assert cloud.get("named.txt") == "x\nx\ny\ny\n"
    assert (cloud.folder / "names.txt").read_text() == "x\ny\n"
    again = cloud.run()
    assert "Nothing to be done" in again.stderr, again.stderr
    # A file of the user's own is not overwritten.
    (cloud.folder / "names.txt").write_text("mine\n")
    with cloud.azurite.client() as client:
        client.get_blob_client(cloud.container, "lab/run/named.txt").delete_blob()
    refused = cloud.run("named.txt")
    assert refused.returncode == 4, refused.stderr
    assert "is a stored file, and a file of that name is here" in refused.stderr
    assert (cloud.folder / "names.txt").read_text() == "mine\n"


def test_a_directory_that_an_input_function_looks_into_is_brought_here(cloud):
    cloud.write(
        "Snakefile",
        """
import glob
import os
checkpoint split:
    output: directory("parts")
    params: config.get("many", 2)
    shell: "mkdir -p {output}/in; for i in $(seq {params}); do echo $i > {output}/$i.txt; done"
def listed(wildcards):
    folder = checkpoints.split.get().output[0]
    names = sorted(os.listdir(folder))
    assert names == [*sorted(os.path.basename(one) for one in glob.glob(folder + "/*.txt")), "in"]
    return [f"up/{open(os.path.join(folder, name)).read().strip()}" for name in names[:-1]]
rule up:
    input: "parts/{n}.txt"
    output: "up/{n}"
    shell: "cp {input} {output}"
rule all:
    default_target: True
    input: listed
    output: "all.txt"
    shell: "cat {input} > {output}"
""",
    )
    done = cloud.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.get("all.txt") == "1\n2\n"
    again = cloud.run()
    assert "Nothing to be done" in again.stderr, again.stderr
    fewer = cloud.run("--config", "many=1")
    assert fewer.returncode == 0, fewer.stdout + fewer.stderr
    assert cloud.get("all.txt") == "1\n" and not (cloud.folder / "parts/2.txt").exists()
    (cloud.folder / "parts/own").write_text("somebody's")
    theirs = cloud.run("--config", "many=1")
    assert theirs.returncode != 0 and "RK0453" in theirs.stderr, theirs.stderr
    assert (cloud.folder / "parts/own").exists()


def test_touching_and_deleting_what_is_stored(lab):
    assert lab.run(LAB_TOKEN="planted-value-1").returncode == 0
    (lab.folder / "Snakefile").write_text(
        (lab.folder / "Snakefile").read_text().replace("params: add=1", "params: add=2")
    )
    assert "rule count" in lab.run("-n", LAB_TOKEN="planted-value-1").stdout
    touched = lab.run("--touch", batch=None, LAB_TOKEN="planted-value-1")
    assert touched.returncode == 0, touched.stderr
    again = lab.run(LAB_TOKEN="planted-value-1")
    assert "Nothing to be done" in again.stderr, again.stderr

    plan = lab.run("--delete-all-output", "-n", batch=None, LAB_TOKEN="planted-value-1")
    assert "Would delete total.txt" in plan.stdout and "total.txt" in lab.names()
    gone = lab.run("--delete-all-output", batch=None, LAB_TOKEN="planted-value-1")
    assert gone.returncode == 0 and "Deleting parts" in gone.stdout, gone.stdout + gone.stderr
    left = [name for name in lab.names() if not name.startswith("logs/")]
    assert left == ["raw/a.txt", "raw/b.txt", "raw/c.txt"]


def test_what_running_tasks_write_is_shown_and_kept(cloud):
    cloud.write(
        "Snakefile",
        'rule a:\n    output: "x"\n'
        '    shell: "echo warming up >&2; sleep 2; echo too hot >&2; exit 7"\n',
    )
    done = cloud.run()
    assert done.returncode == 1
    assert "a: warming up" in done.stderr, done.stderr
    kept = list((cloud.folder / ".rulekit" / "log" / "azure").iterdir())
    assert [path.read_text() for path in kept] == ["warming up\ntoo hot\n"]


def test_settings_in_a_profile(cloud):
    cloud.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    cloud.write(
        "lab/profile.yaml", "azure:\n  vm-size: Standard_D2s_v3\n  node_count: 1\n  spot: true\n"
    )
    done = cloud.run("--profile", "lab")
    assert done.returncode == 0, done.stderr
    assert "Standard_D2s_v3" in done.stderr, done.stderr
    cloud.write("lab/profile.yaml", "azure:\n  vm-sice: Standard_D2s_v3\n")
    wrong = cloud.run("--profile", "lab", "-F")
    assert wrong.returncode == 2 and "vm_size" in wrong.stderr, wrong.stderr


def test_copies_are_kept_and_used_again(cloud):
    cloud.write(
        "Snakefile",
        "rule all:\n    input: 'a', 'b'\n"
        "rule one:\n    input: 'big.txt'\n    output: '{x}'\n"
        "    shell: 'cat {input} > {output}; echo changed > {input}'\n",
    )
    cloud.put("big.txt", "1234\n" * 1000)
    done = cloud.run("--keep-remote", "--cores", "1", batch=None)
    assert done.returncode == 0, done.stderr
    (copy,) = (cloud.folder / ".rulekit" / "storage" / "cache").iterdir()
    assert copy.read_text() == "1234\n" * 1000
    assert cloud.get("a") == cloud.get("b") == copy.read_text()
    # The copy is what jobs get: it counts as long as the blob is the same.
    copy.write_text("4321\n" * 1000)
    assert cloud.run("--keep-remote", "--cores", "1", "-R", "one", batch=None).returncode == 0
    assert cloud.get("a") == "4321\n" * 1000
    cloud.put("big.txt", "new\n")
    assert cloud.run("--keep-remote", "--cores", "1", batch=None).returncode == 0
    assert cloud.get("b") == "new\n"


def test_a_driver_that_dies_at_the_very_end_leaves_nothing(cloud):
    """Everything was done and recorded, only clearing up was not: the next run does that."""
    cloud.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    cloud.write(
        "die.py",
        "import os, sys\nimport rulekit.executors.azure.executor as it\n"
        "it.AzureBatchExecutor.close = lambda self, wait=True: os.kill(os.getpid(), 9)\n"
        "from rulekit.cli.main import entry\nentry()\n",
    )
    words = cloud.words()
    words = [words[0], "die.py", *words[3:]]
    died = subprocess.run(words, cwd=cloud.folder, env=cloud.environment, capture_output=True)
    assert died.returncode == -9, died.stderr
    assert cloud.left() and cloud.names() == ["x"]
    again = cloud.run()
    assert again.returncode == 0 and "Nothing to be done" in again.stderr, again.stderr
    assert cloud.left() == [] and cloud.ours() == []


def test_keep_local_keeps_copies_of_what_it_is_said_of(cloud):
    cloud.azurite.put(cloud.container, "far/kept.txt", "kept\n")
    cloud.azurite.put(cloud.container, "far/plain.txt", "plain\n")
    cloud.write(
        "Snakefile",
        "rule one:\n"
        f'    input: storage("az://{cloud.container}/far/kept.txt", keep_local=True)\n'
        '    output: "one.txt"\n    shell: "cat {input} > {output}"\n'
        "rule two:\n"
        f'    input: storage("az://{cloud.container}/far/plain.txt")\n'
        '    output: "two.txt"\n    shell: "cat {input} > {output}"\n',
    )
    done = cloud.run("one.txt", "two.txt", batch=False)
    assert done.returncode == 0, done.stderr
    copies = cloud.folder / ".rulekit" / "storage" / "cache"
    assert [path.read_text() for path in copies.iterdir()] == ["kept\n"]
