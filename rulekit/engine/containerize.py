"""A description of one image with all conda environments of a workflow: `--containerize`.

Each environment is made in the image from its file, at a prefix that is named by the content of its
files. With `containerized: "docker://..."` in the rule file and both conda and containers switched
on, jobs find it there. The prefixes are those of Snakemake 9, so that images of either serve both.
"""

from __future__ import annotations

import hashlib
import os

from rulekit.errors.tree import SoftwareError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.model.rule import Rule

FOLDER = "/conda-envs"
BASE = "condaforge/miniforge3:latest"
FORMS = ("dockerfile", "apptainer")
_PLATFORM = "linux-64"


@frozen
class Environment:
    """An environment file with what belongs to it; paths are absolute, "" where there is none."""

    path: str
    prefix: str
    text: str
    pin: str
    post_deploy: str


def read(path: str) -> Environment:
    """Reads an environment file and what lies beside it. Raises OSError."""
    stem = path.rpartition(".")[0]
    with open(path, "rb") as file:
        data = file.read()
    digest = hashlib.md5(usedforsecurity=False)
    found = []
    for beside in (f"{stem}.post-deploy.sh", f"{stem}.{_PLATFORM}.pin.txt"):
        try:
            with open(beside, "rb") as file:
                digest.update(file.read())
            found.append(beside)
        except FileNotFoundError:
            found.append("")
    digest.update(data)
    text = data.decode("utf-8", "replace")
    return Environment(path, f"{FOLDER}/{digest.hexdigest()}", text, found[1], found[0])


def prefix_of(source: str) -> str:
    """The prefix of an environment in such an image; the name of one that has no file."""
    if not source.endswith((".yaml", ".yml")):
        return source
    try:
        return read(source).prefix
    except OSError:
        return source  # the job will say that it is missing


def environments(sources: dict[str, Rule]) -> list[Environment]:
    """The environments of these sources, each content once, by path. Raises `SoftwareError`
    (RK0535) for what is no file, or cannot be read."""
    found: dict[str, Environment] = {}
    for source, rule in sorted(sources.items()):
        if not source.endswith((".yaml", ".yml")):
            raise SoftwareError(
                f"rule `{rule.name}` names the conda environment `{source}`, which has no file",
                code="RK0535",
                span=rule.span,
                help="--containerize makes environments from their files",
            )
        try:
            one = read(source)
        except OSError as error:
            raise SoftwareError(
                f"the environment file `{source}` cannot be read: {error.strerror}",
                code="RK0535",
                span=rule.span,
            ) from error
        found.setdefault(one.prefix, one)
    return list(found.values())


def describe(found: Iterable[Environment], form: str) -> str:
    """A Dockerfile, or a definition file for apptainer. Paths in it are relative to the current
    directory, which is the folder to build in."""
    chosen = list(found)
    digest = hashlib.sha256()
    for one in chosen:
        digest.update(one.text.encode("utf-8", "surrogateescape"))
    make = _dockerfile if form == "dockerfile" else _apptainer
    return make(chosen, digest.hexdigest())


def _labels(digest: str) -> list[tuple[str, str]]:
    return [
        ("io.github.snakemake.containerized", "true"),
        ("io.github.snakemake.conda_env_hash", digest),
    ]


def _comment(one: Environment) -> list[str]:
    lines = [f"# {_near(one.path)}", f"#   at {one.prefix}"]
    return lines + [f"#   {line}".rstrip() for line in one.text.strip().split("\n")]


def _files(one: Environment) -> list[tuple[str, str]]:
    files = [(_near(one.path), f"{one.prefix}/environment.yaml")]
    if one.pin:
        files.append((_near(one.pin), f"{one.prefix}/pin.txt"))
    if one.post_deploy:
        files.append((_near(one.post_deploy), f"{one.prefix}/post-deploy.sh"))
    return files


def _commands(one: Environment) -> list[str]:
    prefix = one.prefix
    if one.pin:
        made = [f"conda create --yes --quiet --prefix {prefix} --file {prefix}/pin.txt"]
    else:
        made = [f"conda env create --prefix {prefix} --file {prefix}/environment.yaml"]
    if one.post_deploy:
        made.append(f"conda run --prefix {prefix} sh {prefix}/post-deploy.sh")
    return made


def _dockerfile(chosen: list[Environment], digest: str) -> str:
    lines = [f"FROM {BASE}"]
    lines += [f'LABEL {name}="{value}"' for name, value in _labels(digest)]
    for one in chosen:
        lines += ["", *_comment(one), f"RUN mkdir -p {one.prefix}"]
        lines += [f"COPY {_word(source)} {target}" for source, target in _files(one)]
    commands = [command for one in chosen for command in _commands(one)]
    if commands:
        lines += ["", "RUN " + " && \\\n    ".join([*commands, "conda clean --all -y"])]
    return "\n".join(lines) + "\n"


def _word(path: str) -> str:
    return path if " " not in path else f'"{path}"'


def _apptainer(chosen: list[Environment], digest: str) -> str:
    lines = ["Bootstrap: docker", f"From: {BASE}"]
    for one in chosen:
        lines += ["", *_comment(one)]
    lines += ["", "%labels", *(f"    {name} {value}" for name, value in _labels(digest))]
    files = [pair for one in chosen for pair in _files(one)]
    if files:
        lines += ["", "%files", *(f"    {_word(source)} {target}" for source, target in files)]
    commands = [command for one in chosen for command in _commands(one)]
    if commands:
        lines += ["", "%post", *(f"    {one}" for one in (*commands, "conda clean --all -y"))]
    return "\n".join(lines) + "\n"


def _near(path: str) -> str:
    return os.path.relpath(path)
