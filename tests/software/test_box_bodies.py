"""Scripts and conda environments in containers, images of registries and image files."""

from __future__ import annotations

import os
import subprocess
import sys

import boxkit
import pytest
from containers import IMAGE, image_tar
from test_boxes import apptainer, podman, read
from test_conda_jobs import environment

from rulekit.engine.registry import parts_of

__all__ = ["apptainer", "podman"]

SCRIPT = """
import os, sys
with open(snakemake.output[0], "w") as file:
    print(open("/etc/rulekit-image").read().strip(), sys.executable, snakemake.params.p, file=file)
"""
RULES = f"""
container: "docker://{boxkit.HOSTED}"
rule all:
    input: "py.txt", "sh.txt", "w.txt"
rule by_python:
    output: "py.txt"
    params: p="param"
    script: "s.py"
rule by_bash:
    output: "sh.txt"
    script: "s.sh"
rule by_wrapper:
    output: "w.txt"
    params: p="param"
    wrapper: "file:w"
"""


@pytest.fixture
def conda(project, tmp_path):
    project.environment["CONDA_PKGS_DIRS"] = str(tmp_path / "pkgs")
    project.environment["HOME"] = str(tmp_path / "home")
    return project


def test_scripts_are_run_by_the_programs_of_the_image(podman, containers):
    boxkit.load(containers, boxkit.hosted_tar(), boxkit.HOSTED)
    podman.write("Snakefile", RULES)
    podman.write("s.py", SCRIPT)
    podman.write("s.sh", 'cat /etc/rulekit-image > "${snakemake_output[0]}"\n')
    podman.write("w/wrapper.py", SCRIPT)
    podman("-c2", *podman.words, "--container-args", boxkit.SHOWN)
    assert read(podman, "py.txt").split()[::2] == ["hosted", "param"]
    assert read(podman, "py.txt").split()[1].startswith("/usr/bin/python3")
    assert read(podman, "sh.txt") == "hosted\n"
    assert read(podman, "w.txt") == read(podman, "py.txt")


def test_a_conda_environment_is_activated_in_the_image(podman, conda, channel):
    podman.write("env.yaml", environment(channel, "tool =2", more="variables:\n  V: of the file\n"))
    podman.write(
        "Snakefile",
        'rule all:\n    input: "a.txt", "b.txt"\n'
        f'rule a:\n    output: "a.txt"\n    conda: "env.yaml"\n    container: "docker://{IMAGE}"\n'
        '    shell: "cat /etc/rulekit-image > {output}; tool >> {output}; echo $V >> {output}"\n'
        f'rule b:\n    output: "b.txt"\n    conda: "env.yaml"\n    container: "docker://{IMAGE}"\n'
        '    run:\n        shell("tool > {output}")\n',
    )
    podman("-c1", "--sdm", "conda", "apptainer", "--container-runtime", "podman")
    assert read(podman, "a.txt") == "busybox\ntool 2 activated-2\nof the file\n"
    assert read(podman, "b.txt") == "tool 2 activated-2\n"


def test_an_image_that_holds_the_environments(podman, conda, containers, channel):
    podman.write("env.yaml", environment(channel, "tool =2"))
    podman.write(
        "Snakefile",
        'containerized: "docker://localhost/rulekit-stocked:1"\n'
        'rule a:\n    output: "a.txt"\n    conda: "env.yaml"\n    shell: "tool > {output}"\n',
    )
    described = podman("--containerize").stdout
    (prefix,) = {word for word in described.split() if word.startswith("/conda-envs/") and
                 word.count("/") == 2}  # fmt: skip
    boxkit.load(containers, boxkit.stocked_tar(prefix), "localhost/rulekit-stocked:1")
    podman("-c1", "--sdm", "conda", "apptainer", "--container-runtime", "podman")
    assert read(podman, "a.txt") == "stocked tool set\n"
    assert not (podman.path / ".rulekit" / "conda").exists()


def test_an_image_is_pulled_once_and_its_digest_is_its_identity(podman, containers, registry):
    name = f"{registry}/busybox:moving"
    containers.podman("push", "-q", IMAGE, name)
    containers.podman("rmi", name)
    podman.write(
        "Snakefile",
        'rule all:\n    input: expand("{n}.txt", n=range(3)), "other.txt"\n'
        f'rule a:\n    output: "{{n}}.txt"\n    container: "docker://{name}"\n'
        '    wildcard_constraints: n="[0-9]"\n    shell: "cat /etc/rulekit-image > {output}"\n'
        'rule other:\n    output: "other.txt"\n    shell: "touch {output}"\n',
    )
    said = podman("-c2", *podman.words).stderr
    assert said.count("Pulling") == 1
    assert "Nothing to be done" in podman("-c2", *podman.words).stderr
    # The name means another image now, and who pulls it gets that.
    boxkit.load(containers, boxkit.stocked_tar("/x"), "localhost/rulekit-moved:1")
    containers.podman("push", "-q", "localhost/rulekit-moved:1", name)
    assert "Nothing to be done" in podman("-n", *podman.words).stdout
    containers.podman("pull", "-q", name)
    told = podman("-n", *podman.words).stdout
    assert told.count("Software environment definition") == 3
    assert "rule other" not in told


def test_a_program_that_does_not_start_a_container_is_told(podman):
    done = podman("-c1", *podman.words, "--container-args=--no-such-option", code=1)
    assert "did not start" in done.stderr


# -- apptainer: down to the words that it is given ----------------------------------------------


def test_the_words_for_apptainer(apptainer, tmp_path):
    apptainer.write(
        "Snakefile",
        f'rule a:\n    input: "{tmp_path}/in/file"\n    output: "a.txt"\n'
        f'    container: "{apptainer.image}"\n    resources: tmpdir="tmp"\n'
        '    shell: "cat {input} > {output}"\n',
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("text")
    apptainer("-c1", *apptainer.words, "--apptainer-args=--nv", "--apptainer-prefix", "images")
    work = str(apptainer.path)
    state = f"{work}/.rulekit"
    pull, run = apptainer.calls()
    assert pull[0] == "pull" and pull[2] == apptainer.image
    assert os.path.dirname(pull[1]) == f"{work}/images"
    (there,) = [name for name in os.listdir(apptainer.path / "images") if name.endswith(".simg")]
    image = f"{work}/images/{there}"
    binds = [
        f"{tmp_path}/in:{tmp_path}/in:ro",
        f"{work}:{work}:rw",
        f"{state}:{state}:ro",
        *(f"{state}/{part}:{state}/{part}:rw" for part in ("home", "scripts", "shadow", "tmp")),
    ]
    at = run.index("--pwd")
    assert run[:5] == ["--quiet", "exec", "--contain", "--home", f"{state}/home"]
    assert sorted(run[5:at]) == sorted(word for bind in binds for word in ("--bind", bind))
    assert run[at : at + 4] == ["--pwd", work, "--nv", image]
    assert run[at + 4 : at + 6] == ["/bin/sh", "-c"]
    assert "cat" in run[-2] and run[-1] == "strict"


def test_an_image_of_a_registry_is_the_same_for_every_program(apptainer, podman, registry):
    name = f"docker://{registry}/busybox:1"
    apptainer.write(
        "Snakefile",
        f'rule a:\n    output: "a.txt"\n    container: "{name}"\n    shell: "touch {{output}}"\n',
    )
    apptainer("-c1", "--sdm", "apptainer")
    (pull, _run) = apptainer.calls()
    assert pull[2].startswith(f"docker://{registry}/busybox@sha256:")
    podman("-c1", *podman.words, "-F")
    assert "Nothing to be done" in podman("-n", *podman.words).stdout
    assert "Nothing to be done" in apptainer("-n", "--sdm", "apptainer").stdout
    # Also if all that is known of the image is what lies beside its file.
    os.unlink(apptainer.path / ".rulekit" / "images.json")
    assert "Nothing to be done" in apptainer("-n", "--sdm", "apptainer").stdout


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("busybox", ("registry-1.docker.io", "library/busybox", "latest")),
        ("docker.io/lab/tool:1", ("registry-1.docker.io", "lab/tool", "1")),
        ("quay.io/bio/bwa:0.7--h1", ("quay.io", "bio/bwa", "0.7--h1")),
        ("localhost:5000/x/y", ("localhost:5000", "x/y", "latest")),
        ("localhost:5000/x:2", ("localhost:5000", "x", "2")),
        ("ghcr.io/a/b:1@sha256:cc", ("ghcr.io", "a/b", "sha256:cc")),
    ],
)
def test_names_of_images(name, parts):
    assert parts_of(name) == parts


def test_apptainers_images_are_pulled_once_for_all_runs(apptainer):
    apptainer("-c2", *apptainer.words)
    apptainer("-c2", "-F", *apptainer.words)
    assert [call[0] for call in apptainer.calls()].count("pull") == 1
    assert "Nothing to be done" in apptainer("-n", *apptainer.words).stdout


def test_an_image_file_is_its_content(apptainer):
    apptainer.write("Snakefile", 'rule a:\n    output: "a.txt"\n    container: "i.sif"\n'
                    '    shell: "cat /etc/rulekit-image > {output}"\n')  # fmt: skip
    done = apptainer("-c1", *apptainer.words, code=5)
    assert "i.sif" in done.stderr and "RK0533" in done.stderr
    (apptainer.path / "i.sif").write_bytes(image_tar())
    apptainer("-c1", *apptainer.words)
    assert read(apptainer, "a.txt") == "busybox\n"
    (apptainer.path / "i.sif").write_bytes(image_tar())  # another time, the same content
    assert "Nothing to be done" in apptainer("-n", *apptainer.words).stdout
    (apptainer.path / "i.sif").write_bytes(boxkit.stocked_tar("/x"))
    assert "Software environment" in apptainer("-n", *apptainer.words).stdout


def test_two_runs_that_need_an_image_pull_it_once(apptainer, tmp_path):
    rule = (
        'rule a:\n    output: "a.txt"\n    container: "' + apptainer.image + '"\n'
        '    shell: "cat /etc/rulekit-image > {output}"\n'
    )
    running = []
    for name in ("one", "two"):
        apptainer.write(f"{name}/Snakefile", rule)
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "rulekit", "-c1", *apptainer.words,
                 "--apptainer-prefix", str(tmp_path / "images")],
                cwd=apptainer.path / name,
                env=apptainer.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
    assert [process.wait(180) for process in running] == [0, 0]
    assert [call[0] for call in apptainer.calls()].count("pull") == 1
    assert not [name for name in os.listdir(tmp_path / "images") if name.endswith(".part")]


def test_images_that_no_rule_uses_are_removed_when_asked(apptainer):
    apptainer("-c2", *apptainer.words)
    folder = apptainer.path / ".rulekit" / "singularity"
    (folder / f"{'0' * 32}.simg").write_text("old")
    apptainer("-n", "--cleanup-containers")
    assert len(list(folder.glob("*.simg"))) == 2
    apptainer("--cleanup-containers")
    (left,) = folder.glob("*.simg")
    assert left.name != f"{'0' * 32}.simg"


def test_pipes_between_containers_and_jobs_of_a_cluster(podman):
    podman.write(
        "Snakefile",
        f"""
container: "docker://{IMAGE}"
rule all:
    input: "a.txt", "end.txt"
rule a:
    output: "a.txt"
    shell: "cat /etc/rulekit-image > {{output}}"
rule p:
    output: pipe("p")
    shell: "cat /etc/rulekit-image > {{output}}"
rule q:
    input: "p"
    output: "end.txt"
    shell: "cat {{input}} /etc/rulekit-image > {{output}}"
""",
    )
    podman("--cluster", "sh", "--jobs", "2", *podman.words)
    assert read(podman, "a.txt") == "busybox\n"
    assert read(podman, "end.txt") == "busybox\nbusybox\n"
