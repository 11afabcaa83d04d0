"""Container images of a run: by which program they are run, having them, and what is in them.

An image is fetched once: docker and podman keep their own, for apptainer there is a folder with a
file per image, there whole or not at all. What an image is compared by is its digest: that of the
registry where it is known, of the image itself or of its file else. The digests that were seen are
kept in the state directory, for looks at times when no program answers.
"""

from __future__ import annotations

import os

from rulekit.engine.runtimes import Runtime, ask, find_runtime, inspect
from rulekit.errors.tree import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rulekit.engine.settings import RunSettings

    Say = Callable[[str, str], None]

MEMORY = "images.json"  # in the state directory
FOLDER = "singularity"  # apptainer's images, in the state directory
_FILES = (".sif", ".simg", ".img", ".sqsh")
_REMOTE = ("docker", "oras", "library", "shub", "http", "https")


class Images:
    """The images of one run."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings.software
        self._state = os.path.abspath(settings.state_dir)
        self._shared = settings.cluster is not None
        self._runtime: Runtime | None = None
        self._digests: dict[str, str] = {}
        self._named: dict[str, str] = {}  # digests by the registry, of what is fetched now
        self._ids: dict[str, str] = {}
        self._rootless: bool | None = None
        self._memory: dict[str, Any] | None = None

    # -- what is in an image ---------------------------------------------------------------------

    def identity(self, image: str) -> str:
        """What an image is compared by: its name and digest, as far as it is known here without a
        network. Raises nothing."""
        pinned = image.partition("@sha256:")[2]
        if pinned:
            return image
        digest = self._digests.get(image)
        if digest is None:
            digest = self._look(image)
            self._digests[image] = digest
        return f"{image} {digest}" if digest else image

    def _look(self, image: str) -> str:
        try:
            runtime = self.runtime()
            digest = self._digest(runtime, image)
        except SoftwareError:
            digest = None
        if digest is None:
            entry = self._remembered().get(image) or {}
            digest = str(entry.get("digest") or "")
        return digest

    def _digest(self, runtime: Runtime, image: str) -> str | None:
        path = self._file(runtime, image)
        if path is not None:
            return self._file_digest(image, path)
        if runtime.engine == "apptainer":
            return None
        reference = docker_name(image)
        found = inspect(runtime, reference)
        if found is None:
            return None
        own, digests = found
        self._ids[image] = own
        known = self._named.get(image) or (self._remembered().get(image) or {}).get("digest")
        if known in digests:  # a list of images has one digest, that for this processor another
            return str(known)
        return min(digests) if digests else own

    def _file_digest(self, image: str, path: str) -> str | None:
        try:
            state = os.stat(path)
        except OSError:
            return None
        entry = self._remembered().get(image) or {}
        stamp = [state.st_size, state.st_mtime_ns]
        if entry.get("stamp") == stamp:
            return str(entry["digest"])
        named = _note_of(path)
        if named is not None:
            self._remembered()[image] = {"digest": named, "stamp": stamp}
            return named
        import hashlib

        with open(path, "rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        self._remembered()[image] = {"digest": digest, "stamp": stamp}
        return digest

    def _remembered(self) -> dict[str, Any]:
        if self._memory is None:
            import json

            try:
                with open(os.path.join(self._state, MEMORY), encoding="utf-8") as file:
                    known = json.load(file)
            except (OSError, ValueError):
                known = {}
            self._memory = known if isinstance(known, dict) else {}
        return self._memory

    def _remember(self) -> None:
        import json

        memory = self._remembered()
        for image, digest in self._digests.items():
            if digest and (memory.get(image) or {}).get("digest") != digest:
                memory[image] = {"digest": digest}
        path = os.path.join(self._state, MEMORY)
        part = f"{path}.{os.getpid()}.part"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump(memory, file, indent=1, sort_keys=True)
            os.replace(part, path)
        except OSError:
            pass  # it is looked up again

    # -- having it -------------------------------------------------------------------------------

    def runtime(self) -> Runtime:
        """The program of this machine. Raises `SoftwareError` (RK0532) if there is none."""
        if self._runtime is None:
            self._runtime = find_runtime(self._settings.runtime)
        return self._runtime

    def is_missing(self, image: str) -> bool:
        """Whether an image would have to be fetched; False where that is not known."""
        try:
            runtime = self.runtime()
        except SoftwareError:
            return False
        path = self._file(runtime, image)
        if path is not None:
            return _is_remote(image) and not os.path.exists(path)
        if image in self._ids:
            return False
        return inspect(runtime, docker_name(image)) is None

    def make(self, images: Iterable[str], say: Say) -> None:
        """Has all of them. Raises `SoftwareError`: RK0532 no program, RK0533 an image that cannot
        be had, RK0534 one that this program cannot run."""
        wanted = list(dict.fromkeys(images))
        if not wanted:
            return
        runtime = self.runtime()
        pulls: list[tuple[str, list[str], str | None]] = []
        for image in wanted:
            self._check(runtime, image)
            path = self._file(runtime, image)
            if path is not None:
                if os.path.exists(path):
                    continue
                if not _is_remote(image):
                    raise SoftwareError(
                        f"the image `{image}` is not there: there is no file `{path}`",
                        code="RK0533",
                        help=f"an image of a registry is named `docker://{image}`",
                    )
                pulls.append((image, [], path))
            elif inspect(runtime, docker_name(image)) is None:
                pulls.append((image, ["pull", "--quiet", docker_name(image)], None))
        if pulls:
            self._pull(runtime, pulls, say)
        for image in wanted:
            digest = self._digest(runtime, image)
            self._digests[image] = digest or ""
        self._remember()

    def _check(self, runtime: Runtime, image: str) -> None:
        if runtime.engine == "apptainer":
            return
        scheme = image.partition("://")[0] if "://" in image else ""
        if scheme in ("", "docker") and not _is_image_file(image):
            return
        raise SoftwareError(
            f"{runtime.engine} cannot run the image `{image}`",
            code="RK0534",
            help="files and addresses other than docker:// need apptainer; an image of a registry"
            " is named docker://NAME:TAG",
        )

    def _file(self, runtime: Runtime, image: str) -> str | None:
        """Where the file of an image is or will be; None if docker or podman keep it."""
        if runtime.engine != "apptainer":
            return None
        if not _is_remote(image):
            return os.path.abspath(os.path.expanduser(image.removeprefix("file://")))
        return os.path.join(self.folder, file_name(image))

    @property
    def folder(self) -> str:
        """The folder of apptainer's images."""
        return os.path.abspath(self._settings.image_prefix or os.path.join(self._state, FOLDER))

    def _pull(
        self, runtime: Runtime, pulls: list[tuple[str, list[str], str | None]], say: Say
    ) -> None:
        from rulekit.engine.pulls import Pull, pull_all
        from rulekit.engine.registry import digest_of

        made = []
        for image, words, path in pulls:
            say("info", f"Pulling container image {image}.")
            source, digest = image, None
            if image.startswith("docker://"):
                digest = digest_of(docker_name(image))
            if digest is not None:
                self._named[image] = digest
                if path is not None:  # what the name means now, and not in a moment
                    source = f"docker://{without_tag(docker_name(image))}@{digest}"
            made.append(Pull(image, runtime.program, tuple(words), path, source, digest))
        pull_all(made)

    # -- for orders --------------------------------------------------------------------------------

    def order(self, image: str) -> dict[str, Any]:
        """What `JobSpec.software` says of a container in this image, after `make`."""
        import shlex

        runtime = self.runtime()
        given = self._settings.apptainer_args
        if runtime.engine != "apptainer":
            given = self._settings.container_args
        made: dict[str, Any] = {
            "engine": runtime.engine,
            "program": runtime.program,
            "image": image,
            "options": shlex.split(given),
        }
        if runtime.engine == "docker" and self._is_rootless(runtime):
            made["user"] = "0:0"  # inside; outside it is who started the service
        path = self._file(runtime, image)
        if path is not None:
            made["id"] = path
        elif self._shared:
            # The machines of a cluster have images of their own.
            made["id"], made["pull"] = docker_name(image), "missing"
        else:
            made["id"] = self._ids.get(image) or docker_name(image)
        return made

    def _is_rootless(self, runtime: Runtime) -> bool:
        if self._rootless is None:
            code, said = ask(runtime, "info", "--format", "{{.SecurityOptions}}")
            self._rootless = code == 0 and "rootless" in said
        return self._rootless

    def sweep(self, say: Say) -> None:
        """Takes away containers of runs that are gone: their programs were killed."""
        runtime = self.runtime()
        if runtime.engine == "apptainer":
            return
        from rulekit.runner.boxed import LABEL

        code, said = ask(
            runtime, "ps", "-a", "--filter", f"label={LABEL}", "--filter", f"label={_own(self._state)}",
            "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}',
        )  # fmt: skip
        if code != 0:
            return
        alive = _runs(self._state)
        dead = [
            words[0]
            for words in map(str.split, said.splitlines())
            if len(words) == 2 and words[1].split(".")[0] not in alive
        ]
        if dead:
            ask(runtime, "rm", "-f", *dead)
            say("info", f"removed {len(dead)} containers of a run that was killed")


def _own(state: str) -> str:
    from rulekit.runner.boxed import STATE_LABEL

    return f"{STATE_LABEL}={state}"


def _runs(state: str) -> frozenset[str]:
    """The runs whose journals are there: they go on, or will be recovered."""
    try:
        names = os.listdir(os.path.join(state, "journal"))
    except OSError:
        return frozenset()
    return frozenset(name.removesuffix(".jsonl") for name in names)


def docker_name(image: str) -> str:
    """The name docker has for an image: without ``docker://``."""
    return image.removeprefix("docker://").removeprefix("//")


def without_tag(name: str) -> str:
    """``HOST/REPOSITORY`` of a name of docker's."""
    name = name.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _note_of(path: str) -> str | None:
    """The digest that the registry had for an image's file, as noted beside it."""
    import json

    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            note = json.load(file)
        state = os.stat(path)
        if note["stamp"] == [state.st_size, state.st_mtime_ns]:
            return str(note["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def file_name(image: str) -> str:
    """The name of an image's file in apptainer's folder; the one Snakemake gives it."""
    import hashlib

    return hashlib.md5(image.encode(), usedforsecurity=False).hexdigest() + ".simg"


def _is_remote(image: str) -> bool:
    return "://" in image and image.partition("://")[0] in _REMOTE


def _is_image_file(image: str) -> bool:
    return image.startswith("file://") or image.endswith(_FILES)
