"""A job's command in a container of its own, by docker or podman of this machine.

The image needs a `/bin/sh` and nothing of ours: the folders of the order are seen in it under
their own paths. Values of variables are handed over by name only, so that no command line holds
them.
"""

from __future__ import annotations

import os
import subprocess
import time

from rulekit.node.trouble import Cancelled, Trouble
from rulekit.runner import boxed
from rulekit.runner.command import program_of
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobSpec
    from rulekit.node.site import Site

PROGRAMS = ("docker", "podman")
_LIMITS = ("--cpus=", "--memory=")
_PULLS = 3
_PULL_PAUSE_S = 3.0
_ASK_S = 60.0
_LISTEN_S = 0.5  # between looks whether to stop


class Engine:
    """Docker or podman, as it was found on this machine."""

    def __init__(self, program: str, environment: dict[str, str] | None = None) -> None:
        self.program = program
        self.name = os.path.basename(program)
        self._environment = dict(os.environ) if environment is None else environment
        self.asked: Callable[[], bool] = lambda: False
        # Who may pull from where: server, user, password.
        self.registries: Sequence[Mapping[str, Any]] = ()
        self._keeps_limits: bool | None = None

    @property
    def is_podman(self) -> bool:
        return "podman" in self.name

    def ask(self, *words: str, seconds: float = _ASK_S, patient: bool = False) -> tuple[int, str]:
        """Runs the program: exit code and all it said. 124 if it did not end in time.

        Raises `Cancelled` when somebody asks this process to stop, unless `patient`.
        """
        try:
            process = subprocess.Popen(
                [self.program, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        except OSError as error:
            return 127, f"`{self.program}` cannot be started: {error.strerror}"
        until = time.monotonic() + seconds
        while True:
            try:
                said, _ = process.communicate(timeout=_LISTEN_S)
                return process.returncode, said.decode("utf-8", "replace").strip()
            except subprocess.TimeoutExpired:
                cancelled = self.asked() and not patient
                if cancelled or time.monotonic() > until:
                    process.kill()
                    process.communicate()
                if cancelled:
                    raise Cancelled from None
                if time.monotonic() > until:
                    return 124, f"`{self.name} {words[0]}` does not answer"

    def pull(self, image: str, say: Callable[[str], None] = print) -> None:
        """Makes sure that an image is here. Raises `Trouble` (``container``)."""
        code, _ = self.ask("image", "inspect", "--format", "{{.Id}}", image)
        if code == 0:
            return
        pause = _PULL_PAUSE_S
        for turn in range(_PULLS):
            say(f"pulling the image `{image}`")
            code, said = self._pull_once(image)
            if code == 0:
                return
            hopeless = any(word in said.lower() for word in boxed.HOPELESS_PULLS)
            if hopeless or turn + 1 == _PULLS:
                raise Trouble(
                    "image" if hopeless else "container",
                    f"{self.name} cannot pull the image `{image}`: {_last(said)}",
                    passing=not hopeless,
                )
            until = time.monotonic() + pause
            while time.monotonic() < until and not self.asked():
                time.sleep(min(_LISTEN_S, pause))
            pause *= 2

    def limited(self, options: Sequence[str]) -> list[str]:
        """Options with the `limits` among them as this machine can keep them, if it can."""
        held = [one for one in options if one.startswith(_LIMITS)]
        if not held:
            return list(options)
        if self._keeps_limits is None:
            form = "{{.MemoryLimit}} {{.CPUCfsQuota}}"
            if self.is_podman:
                form = "{{.Host.CgroupControllers}}"
            code, said = self.ask("info", "--format", form)
            has = ("memory" in said and "cpu" in said) if self.is_podman else said == "true true"
            self._keeps_limits = code == 0 and has
        if not self._keeps_limits:
            return [one for one in options if one not in held]
        return [_possible(one) for one in options]

    def _pull_once(self, image: str) -> tuple[int, str]:
        if not self.registries:
            return self.ask("pull", "--quiet", image, seconds=3600)
        import tempfile

        # Both programs read passwords from a file only: for the time of the pull there is one, in
        # memory, which nobody else may open.
        memory = "/dev/shm"  # noqa: S108  a folder of a random name in it
        base = memory if os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="rulekit-", dir=base) as folder:
            path = os.path.join(folder, "config.json")
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as config:
                config.write(auths(self.registries))
            before = self._environment
            self._environment = {**before, "DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": path}
            try:
                return self.ask("pull", "--quiet", image, seconds=3600)
            finally:
                self._environment = before

    def stop(self, name: str) -> None:
        """Kills a container, if it still runs, and takes it away."""
        self.ask("rm", "-f", name, seconds=30, patient=True)


def find_engine(environment: dict[str, str] | None = None) -> Engine:
    """The program for containers: `RULEKIT_CONTAINER_ENGINE`, else docker if its service
    answers, else podman. Raises `Trouble` (``container``)."""
    names = dict(os.environ) if environment is None else environment
    chosen = names.get("RULEKIT_CONTAINER_ENGINE")
    silent = ""
    for name in (chosen,) if chosen else PROGRAMS:
        try:
            program = program_of(name, names.get("PATH", os.defpath))
        except Refused:
            continue
        engine = Engine(program, names)
        if engine.is_podman:
            return engine
        code, said = engine.ask("version", "--format", "{{.Server.Version}}")
        if code == 0:
            return engine
        silent = f"{name} is there, but its service does not answer ({_last(said)})"
    if chosen and not silent:
        silent = f"there is no program `{chosen}`"
    raise Trouble(
        "container",
        "the job asks for a container, but neither docker nor podman can be used here: "
        + (silent or "they are not installed"),
        passing=True,
    )


class Boxes:
    """Puts containers around the attempts of one order."""

    def __init__(
        self,
        engine: Engine,
        site: Site,
        folders: Iterable[str] = (),
        read_only: Iterable[str] = (),
        handed: Iterable[str] = (),
    ) -> None:
        """`folders`, `read_only`: what of this machine is seen inside besides the order's own
        folders. `handed`: names of variables whose values come with the secrets."""
        self.engine = engine
        self._site = site
        self._folders = list(dict.fromkeys(folders))
        self._read_only = list(dict.fromkeys(read_only))
        self._handed = tuple(handed)
        self._images: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._environments: dict[str, tuple[str, bool]] = {}

    def add(self, spec: JobSpec, image: str, options: Sequence[str]) -> None:
        """The attempt `spec` runs in this image."""
        self._images[spec.token] = (image, tuple(options))

    def activate(self, spec: JobSpec, prefix: str, keep: bool) -> None:
        """The attempt runs in this conda environment inside of its container. `keep`: PYTHONPATH
        and the like stay set."""
        self._environments[spec.token] = (prefix, keep)

    def has(self, spec: JobSpec) -> bool:
        return spec.token in self._images

    def name(self, spec: JobSpec) -> str:
        """The name of an attempt's container."""
        return f"rk-{spec.token}"

    def note(self, spec: JobSpec) -> str:
        """The file that says how far a container came."""
        return os.path.join(self._site.state, "tmp", f"{spec.token}.container")

    def wrap(self, spec: JobSpec, argv: tuple[str, ...]) -> tuple[str, ...]:
        """The arguments that run `argv` in the attempt's container, if it has one."""
        found = self._images.get(spec.token)
        if found is None:
            return argv
        image, options = found
        note = self.note(spec)
        os.makedirs(os.path.dirname(note), exist_ok=True)
        os.makedirs(self._site.home, exist_ok=True)
        try:
            os.unlink(note)
        except OSError:
            pass
        words = [self.engine.program, "run", "--rm", "--pull=never", "--name", self.name(spec)]
        shown = dict.fromkeys((self._site.root, *self._folders), "")
        environment = self._environments.get(spec.token)
        if environment is not None:
            shown[environment[0]] = ":ro"
        shown |= dict.fromkeys(self._read_only, ":ro")
        for folder, how in shown.items():
            if ":" in folder:
                raise Refused("container", f"a folder with a colon cannot be shown: `{folder}`")
            words += ["--volume", f"{folder}:{folder}{how}"]
        tmp = spec.environment.get("TMPDIR")
        if tmp and not _inside(tmp, (self._site.root, *self._folders)):
            words += ["--volume", f"{tmp}:{tmp}"]
        if os.path.exists("/sys/fs/selinux/enforce"):
            words += ["--security-opt", "label=disable"]  # else it may not look into the folders
        words += ["--workdir", os.getcwd()]
        words += self._user()
        for name in sorted({*spec.environment, "RULEKIT_ATTEMPT", *self._handed}):
            words += ["--env", name]
        if "HOME" not in spec.environment:
            words += ["--env", f"HOME={self._site.home}"]
        words += [*self.engine.limited(options), "--entrypoint", "/bin/sh", image]
        command = _inside_command(spec, argv)
        if environment is not None:
            command = boxed.activated(command, *environment)
        return (*words, "-c", boxed.FIRST, "sh", note, *command)

    def _user(self) -> list[str]:
        own = os.getuid()
        if self.engine.is_podman and own != 0:
            return ["--userns=keep-id"]
        return ["--user", f"{own}:{os.getgid()}"]

    def explain(self, spec: JobSpec, exit_code: int) -> tuple[int, str, str]:
        """Of an attempt that failed: exit code, problem ("" if it is the job's own), detail."""
        image = self._images[spec.token][0]
        try:
            with open(self.note(spec), encoding="ascii") as file:
                written = file.read().strip()
        except OSError:
            return (
                exit_code,
                "container",
                f"the container of the image `{image}` did not start (`{self.engine.name} run`"
                f" ended with {exit_code}); it said why on the job's output",
            )
        if written == "0":
            return (
                exit_code,
                "container",
                f"the command ended well, but `{self.engine.name} run` with {exit_code}",
            )
        if written.isdigit():
            code = int(written)
            return code, "", "the job was killed: out of memory?" if code == 137 else ""
        return exit_code, "", ""


def auths(registries: Iterable[Mapping[str, Any]]) -> str:
    """The configuration by which docker and podman know the users of registries."""
    import base64
    import json

    known = {
        str(one["server"]): {
            "auth": base64.b64encode(f"{one['user']}:{one['password']}".encode()).decode()
        }
        for one in registries
    }
    return json.dumps({"auths": known})


def _possible(option: str) -> str:
    """A limit of cores as docker takes it: it refuses more than there are."""
    name, _, value = option.partition("=")
    cores = os.cpu_count() or 1
    many = name == "--cpus" and value.isdigit() and int(value) > cores
    return f"--cpus={cores}" if many else option


def limits(threads: int | None, mem_mb: float | None) -> list[str]:
    """Options that hold a container to what its job asked for (cores, MB of 10^6 bytes)."""
    options = []
    if threads:
        options.append(f"--cpus={threads}")
    if mem_mb:
        options.append(f"--memory={int(mem_mb * 1_000_000)}b")
    return options


def _inside_command(spec: JobSpec, argv: tuple[str, ...]) -> tuple[str, ...]:
    body = spec.body
    if body["kind"] != "shell" or os.path.basename(argv[0]) not in ("bash", "sh"):
        return argv
    return boxed.inside(argv, body.get("prefix") == boxed.STRICT_PREFIX)


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it says nothing"
