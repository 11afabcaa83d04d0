"""What runs the containers of emulated tasks: docker, podman, bubblewrap, or nothing.

`choose` gives the first that works. Docker and podman run the image as Azure Batch does, with two
differences: the network of the machine is used (a task must reach servers on loopback), and
options that need a real node may be refused by them. Bubblewrap runs over an unpacked root that
`RULEKIT_EMULATOR_IMAGES` names (a folder with one folder for each image, `/` and `:` in its name
written as `_`); options are ignored. With "declared" the command runs on this machine and the
image is only noted.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import threading
import uuid

from rulekit.errors.tree import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = ("docker", "podman", "bubblewrap", "declared")
"""The runtimes, the better ones first."""

# What the client programs need of the emulator's own environment; a task has a fresh one.
_CLIENT = re.compile(
    r"DOCKER_\w+|CONTAINERS_\w+|CONTAINER_(HOST|CONNECTION|SSHKEY)|XDG_RUNTIME_DIR|HOME|TMPDIR"
)
# What must not go from the task's environment into the container: it is of the host.
_OF_HOST = frozenset({"PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "HOSTNAME"})
_PROBE_S = 20
_PULL_S = 900


class PullError(Exception):
    """An image cannot be had; the text is what the runtime said."""


class Runtime:
    """One way to run containers. `pull` first, then `command` as often as wanted."""

    name = ""

    def pull(self, image: str) -> None:
        """Make the image ready. Raises PullError."""
        raise NotImplementedError

    def command(
        self,
        image: str,
        options: Sequence[str],
        binds: Sequence[tuple[str, str]],
        environment: Mapping[str, str],
        workdir: str | None,
        argv: Sequence[str],
    ) -> list[str]:
        """The command line that runs `argv` in a fresh container of `image`.

        It must be started with `environment`: values do not stand on the command line. `binds` are
        (path of the host, path in the container), `options` are those of `docker create`,
        `workdir` is a path in the container, None for the image's own. The exit code is the
        command's.
        """
        raise NotImplementedError

    def kill(self, command: Sequence[str]) -> None:
        """End the container that a command line of `command` started, if it still runs.

        For use after the command's own processes were killed: a container is no child of them.
        """


class Engine(Runtime):
    """Docker, or what takes the same command line."""

    def __init__(self, name: str, program: str) -> None:
        self.name = name
        self._program = program

    def works(self) -> bool:
        """Whether the program answers and has what it needs; a fraction of a second."""
        words = ["version", "--format", "{{.Server.Version}}"]
        if self.name == "podman":
            words = ["info", "--format", "{{.Version.Version}}"]
        try:
            return self._run(words, _PROBE_S).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def _run(self, words: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def pull(self, image: str) -> None:
        """Use the image that is there, else fetch it. Raises PullError."""
        if not image or image.startswith("-"):
            raise PullError(f"invalid reference format: {image!r}")
        try:
            if self._run(["image", "inspect", image], _PROBE_S).returncode == 0:
                return
            ended = self._run(["pull", "-q", image], _PULL_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PullError(f"{self.name} pull {image}: {error}") from None
        if ended.returncode != 0:
            raise PullError(ended.stderr.strip()[-1000:] or f"exit code {ended.returncode}")

    def command(
        self,
        image: str,
        options: Sequence[str],
        binds: Sequence[tuple[str, str]],
        environment: Mapping[str, str],
        workdir: str | None,
        argv: Sequence[str],
    ) -> list[str]:
        """`env NAME=... docker run ...`; see Runtime.command."""
        own = {name: value for name, value in os.environ.items() if _CLIENT.fullmatch(name)}
        words = ["/usr/bin/env", *[f"{name}={value}" for name, value in sorted(own.items())]]
        words += [self._program, "run", "--rm"]
        if _name(options) is None:
            words += ["--name", f"rulekit-{uuid.uuid4().hex[:20]}"]
        if not any(re.match(r"--net(work)?\b", option) for option in options):
            words.append("--network=host")
        if self.name == "podman":
            # Podman would pass on the proxies of this machine.
            words.append("--http-proxy=false")
        words += [word for host, inside in binds for word in ("-v", f"{host}:{inside}")]
        if workdir is not None:
            words += ["-w", workdir]
        passed = [name for name in environment if name not in _OF_HOST and name not in own]
        words += [word for name in sorted(passed) for word in ("-e", name)]
        return [*words, *options, image, *argv]

    def kill(self, command: Sequence[str]) -> None:
        """`docker rm -f`; see Runtime.kill."""
        # Podman would first ask the command to end, and wait.
        at_once = ["-t", "0"] if self.name == "podman" else []
        name = _name(command)
        if name:
            try:
                self._run(["rm", "-f", *at_once, name], 60)
            except (OSError, subprocess.TimeoutExpired):
                pass


def _name(words: Sequence[str]) -> str | None:
    """The first name of a container in options; what the command itself is told comes later."""
    for word, following in itertools.pairwise([*words, ""]):
        if word == "--name":
            return following
        if word.startswith("--name="):
            return word.removeprefix("--name=")
    return None


class Bubblewrap(Runtime):
    """An unpacked root without a daemon: own files and processes, no limits, no writes to it."""

    name = "bubblewrap"

    def __init__(self, program: str, images: str) -> None:
        self._program = program
        self._images = images

    def _root(self, image: str) -> str:
        return os.path.join(self._images, re.sub(r"[/:@]", "_", image))

    def pull(self, image: str) -> None:
        """Look whether the image was unpacked. Raises PullError."""
        if not image.strip(".") or not os.path.isdir(self._root(image)):
            raise PullError(f"there is no folder {self._root(image)} for the image {image}")

    def command(
        self,
        image: str,
        options: Sequence[str],
        binds: Sequence[tuple[str, str]],
        environment: Mapping[str, str],
        workdir: str | None,
        argv: Sequence[str],
    ) -> list[str]:
        """`bwrap ...`; see Runtime.command."""
        root = self._root(image)
        words = [self._program, "--die-with-parent", "--unshare-pid", "--tmpfs", "/"]
        special = {"dev", "proc", "tmp"}
        for name in sorted(set(os.listdir(root)) - special):
            path = os.path.join(root, name)
            if os.path.islink(path):
                words += ["--symlink", os.readlink(path), f"/{name}"]
            else:
                words += ["--ro-bind", path, f"/{name}"]
        words += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
        words += [word for host, inside in binds for word in ("--bind", host, inside)]
        words += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", "/root"]
        return [*words, "--chdir", workdir or "/", "--", *argv]


class Declared(Runtime):
    """No container at all: commands run on this machine. `images` are those asked for."""

    name = "declared"

    def __init__(self) -> None:
        self.images: set[str] = set()

    def pull(self, image: str) -> None:
        """Note the image."""
        self.images.add(image)

    def command(
        self,
        image: str,
        options: Sequence[str],
        binds: Sequence[tuple[str, str]],
        environment: Mapping[str, str],
        workdir: str | None,
        argv: Sequence[str],
    ) -> list[str]:
        """The command itself."""
        self.images.add(image)
        return list(argv)


_lock = threading.Lock()
_chosen: dict[tuple[str | None, ...], Runtime] = {}


def choose(preference: str | None = None) -> Runtime:
    """The runtime to use, looked for once: `preference`, else `RULEKIT_EMULATOR_RUNTIME`, else the
    first that works. Raises InfrastructureError (RK0670) if the one asked for is not there.
    """
    wanted = preference or os.environ.get("RULEKIT_EMULATOR_RUNTIME") or None
    seen = ("DOCKER_HOST", "CONTAINERS_CONF", "RULEKIT_EMULATOR_IMAGES", "PATH")
    key = (wanted, *[os.environ.get(name) for name in seen])
    with _lock:
        if key not in _chosen:
            _chosen[key] = _find(wanted)
        return _chosen[key]


def _find(wanted: str | None) -> Runtime:
    for name in NAMES if wanted is None else (wanted,):
        found = _try(name)
        if found is not None:
            return found
    raise InfrastructureError(
        f"the container runtime `{wanted}` of the emulator does not work here",
        code="RK0670",
        help=f"choose one of {', '.join(NAMES)}, or none: then the first that works is used",
    )


def _try(name: str) -> Runtime | None:
    if name == "declared":
        return Declared()
    if name == "bubblewrap":
        program = shutil.which("bwrap")
        images = os.environ.get("RULEKIT_EMULATOR_IMAGES")
        return Bubblewrap(program, images) if program and images else None
    program = shutil.which(name) if name in ("docker", "podman") else None
    if program is None:
        return None
    engine = Engine(name, program)
    return engine if engine.works() else None
