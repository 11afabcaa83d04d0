"""The containers that tests of nodes stand on do what these assume."""

from __future__ import annotations

import os
import subprocess

from containers import IMAGE


def test_the_image_runs_and_its_exit_code_comes_back(containers):
    ran = containers.podman(
        "run", "--rm", "--network=none", containers.image, "/bin/bash", "-c", "echo said; exit 3"
    )
    assert (ran.returncode, ran.stdout) == (3, b"said\n"), ran.stderr


def test_the_program_docker_sees_the_image(docker_socket):
    ran = subprocess.run(
        ["docker", "run", "--rm", "--network=none", IMAGE, "cat", "/etc/rulekit-image"],
        env={**os.environ, "DOCKER_HOST": docker_socket},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, b"busybox\n"), ran.stderr


def test_the_registry_gives_the_image_back(registry, containers):
    pulled = containers.podman("pull", "-q", f"{registry}/busybox:1")
    assert pulled.returncode == 0, pulled.stderr
    missing = containers.podman("pull", "-q", f"{registry}/nothing:1")
    assert missing.returncode != 0
