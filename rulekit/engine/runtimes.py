"""Programs that run containers: which there is, and what it says."""

from __future__ import annotations

import os

from rulekit.errors.tree import SoftwareError
from rulekit.frozen import frozen

_ASK_S = 30.0


@frozen
class Runtime:
    """A program that runs containers: `engine` is ``docker``, ``podman`` or ``apptainer``."""

    engine: str
    program: str


def find_runtime(chosen: str = "auto") -> Runtime:
    """The program that runs containers: the chosen one, or the first of apptainer, docker (if its
    service answers) and podman. `RULEKIT_CONTAINER_ENGINE` chooses too. Raises `SoftwareError`."""
    if chosen == "auto":
        chosen = os.path.basename(os.environ.get("RULEKIT_CONTAINER_ENGINE") or "auto")
    names = {"auto": ("apptainer", "singularity", "docker", "podman"),
             "apptainer": ("apptainer", "singularity")}.get(chosen, (chosen,))  # fmt: skip
    silent = ""
    for name in names:
        path = _which(name)
        if path is None:
            continue
        engine = {"singularity": "apptainer"}.get(name, name)
        runtime = Runtime(engine, path)
        if engine != "docker":
            return runtime
        code, said = ask(runtime, "version", "--format", "{{.Server.Version}}")
        if code == 0:
            return runtime
        silent = f"docker is there, but its service does not answer: {_last(said)}"
    looked = ", ".join(names)
    raise SoftwareError(
        f"no program that runs containers can be used here ({looked}): "
        + (silent or "none is in PATH"),
        code="RK0532",
        help="install apptainer, docker or podman; --container-runtime chooses one",
    )


def _which(name: str) -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return os.path.abspath(path)
    return None


def ask(runtime: Runtime, *words: str) -> tuple[int, str]:
    """Exit code and what was said; 124 if there is no answer in time."""
    import subprocess

    try:
        done = subprocess.run(
            [runtime.program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"`{runtime.engine} {words[0]}` does not answer"
    except OSError as error:
        return 127, f"`{runtime.program}` cannot be started: {error.strerror}"
    text = done.stdout if done.returncode == 0 else done.stderr
    return done.returncode, text.decode("utf-8", "replace").strip()


def inspect(runtime: Runtime, reference: str) -> tuple[str, list[str]] | None:
    """Id of an image that is here, and its digests in registries; None if it is not here."""
    form = "{{.Id}} {{json .RepoDigests}}"
    code, said = ask(runtime, "image", "inspect", "--format", form, reference)
    if code != 0 or not said:
        return None
    import json

    own, _, listed = said.splitlines()[0].partition(" ")
    own = own if own.startswith("sha256:") else f"sha256:{own}"
    try:
        pairs = [str(one).rpartition("@")[::2] for one in json.loads(listed) or ()]
    except (ValueError, TypeError):
        pairs = []
    from rulekit.engine.registry import parts_of

    # An image may have come under several names, and be packed differently in each registry.
    place = parts_of(reference)[:2]
    digests = [digest for name, digest in pairs if parts_of(name)[:2] == place]
    return own, digests


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it says nothing"
