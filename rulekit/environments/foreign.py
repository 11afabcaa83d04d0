"""Environments that others keep: named ones (`conda: "name"`) and folders (`conda: "/a/prefix"`)."""

from __future__ import annotations

import os

from rulekit.environments.envfile import digest
from rulekit.environments.values import CondaSettings, Known
from rulekit.errors import SoftwareError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def is_file(source: str) -> bool:
    """Whether what a rule says is an environment file (else a folder or a name)."""
    return source.endswith((".yaml", ".yml"))


def is_folder(source: str) -> bool:
    """Whether it is the folder of an environment (else a name)."""
    return "/" in source or os.path.isdir(os.path.join(source, "conda-meta"))


def find(source: str, settings: CondaSettings) -> str:
    """The folder of an environment that others keep, or ""."""
    if is_folder(source):
        path = os.path.abspath(os.path.expanduser(source))
        return path if _is_environment(path) else ""
    for name, path in _named(settings):
        if name == source:
            return path
    return ""


def known_foreign(source: str, settings: CondaSettings) -> Known:
    """What is known of it; `complete` is False if it is not there."""
    prefix = find(source, settings)
    if not prefix:
        return Known(source, "", "", False)
    return Known(source, _identity(prefix), prefix, True)


def missing(source: str, settings: CondaSettings) -> SoftwareError:
    """The error for an environment that is not there."""
    if is_folder(source):
        return SoftwareError(
            f"there is no conda environment in `{source}`",
            code="RK0529",
            help="the folder of an environment holds a folder `conda-meta`",
        )
    names = [name for name, _ in _named(settings)]
    known = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
    return SoftwareError(
        f"there is no conda environment named `{source}`",
        code="RK0529",
        notes=(f"there are: {known}",) if known else (),
        help=did_you_mean("environment", source, names)
        or "--conda-base-path DIR says where conda is installed; a path ending in .yaml is a file",
    )


def _identity(prefix: str) -> str:
    """The packages in it, by the names of their records: others may change it at any time."""
    try:
        names = sorted(n for n in os.listdir(os.path.join(prefix, "conda-meta")) if "." in n)
    except OSError:
        names = []
    return digest("\n".join(names).encode("utf-8", "surrogateescape"))


def _named(settings: CondaSettings) -> Iterator[tuple[str, str]]:
    """Names and folders, in the order in which conda looks for them."""
    if settings.base_path and _is_environment(settings.base_path):
        yield "base", settings.base_path
    for folder in settings.envs_dirs:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if _is_environment(path):
                yield name, path
    try:
        listing = os.path.expanduser("~/.conda/environments.txt")
        with open(listing, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return
    for path in lines:
        if path and _is_environment(path):
            yield os.path.basename(path.rstrip("/")), path


def _is_environment(path: str) -> bool:
    return os.path.isdir(os.path.join(path, "conda-meta"))
