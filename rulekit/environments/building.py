"""In the worker: one environment, from its lock to its mark.

Everything is done in the place where the environment will be, under its lock. What stands there
without a mark is somebody's half-made work and is removed first.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time

from rulekit.environments import layout
from rulekit.environments.activation import activation_text, variables_of
from rulekit.environments.channels import (
    channels_of,
    found_again,
    local_path,
    without_secrets,
)
from rulekit.environments.locks import hold
from rulekit.environments.rattler import Told
from rulekit.environments.steps import install_pip, run_post_deploy
from rulekit.environments.values import (
    CondaSettings,
    EnvironmentSpec,
    Lock,
    Made,
    Package,
    Progress,
)
from rulekit.environments.words import shown
from rulekit.errors import RulekitError, SoftwareError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.environments.rattler import Session

    Say = Callable[[Progress], None]


@frozen
class Task:
    """One environment to be made."""

    folder: str
    identity: str
    platform: str
    lock: Lock
    spec: EnvironmentSpec
    settings: CondaSettings


async def build(task: Task, session: Session, gate: asyncio.Semaphore, say: Say) -> Made:
    """Have one environment. Raises SoftwareError."""
    folder, source = task.folder, task.spec.path
    prefix = layout.prefix_of(folder, task.identity)

    def made(how: str) -> Made:
        return Made(source, task.identity, prefix, layout.activate_of(prefix), how)

    if layout.is_complete(folder, task.identity):
        return made("found")
    try:
        held = await hold(
            layout.side(folder, "locks", task.identity),
            lambda: say(Progress("wait", source, "another process makes it: waiting")),
        )
        try:
            if layout.is_complete(folder, task.identity):
                return made("found")
            async with gate:
                layout.discard(folder, prefix)
                await fill(task, session, prefix, held.file, say)
        finally:
            held.release()
    except OSError as error:
        raise _trouble(prefix, error) from error
    say(Progress("done", source, "ready"))
    return made("made")


async def fill(task: Task, session: Session, prefix: str, keep: int, say: Say) -> None:
    """Put an environment into a folder that is not there yet, mark included. `keep` is a
    descriptor that programs started on the way keep open. Raises SoftwareError, OSError."""
    os.makedirs(os.path.join(prefix, layout.META))
    await install_packages(task, session, prefix, say)
    variables = merged(prefix, task.lock.variables)
    write_state(prefix, task.lock.variables)
    write_text(layout.activate_of(prefix), activation_text(prefix, variables))
    log = layout.side(task.folder, "logs", task.identity, ".log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    pip: list[dict[str, Any]] = []
    if task.lock.pip:
        say(Progress("pip", task.spec.path, f"pip: {len(task.lock.pip)} requirements"))
        pip = await install_pip(task, prefix, log, keep)
    if task.spec.post_deploy:
        name = os.path.basename(task.spec.post_deploy)
        say(Progress("post-deploy", task.spec.path, f"running {name}"))
        await run_post_deploy(task, prefix, log, keep)
    mark = {
        "identity": task.identity,
        "prefix": prefix,
        "platform": task.platform,
        "source": task.spec.path,
        "made": time.time(),
        "packages": len(task.lock.packages_for(task.platform)),
        "pip": pip,
    }
    layout.write_mark(prefix, mark)


async def install_packages(task: Task, session: Session, prefix: str, say: Say) -> None:
    """The conda packages. Raises SoftwareError (RK0526)."""
    packages = conda_packages(task)
    await asyncio.to_thread(check_archives, task, packages)
    source, total = task.spec.path, len(packages)
    say(Progress("install", source, f"installing {total} packages", 0, total))
    told = Told(lambda count: say(Progress("install", source, "installing", count, total)))
    try:
        await session.install(packages, prefix, task.platform, told)
    except RulekitError:
        raise
    except Exception as error:  # rattler has many kinds
        raise _not_installed(task, without_secrets(str(error))) from error
    if told.failed:
        names = ", ".join(f"`{name}`" for name in told.failed)
        raise _not_installed(task, f"the post-link script of {names} failed")
    os.makedirs(os.path.join(prefix, "conda-meta"), exist_ok=True)


def conda_packages(task: Task) -> list[tuple[Package, str]]:
    """The conda packages of a task, each with the URL to get it from."""
    places = channels_of(task.spec, task.settings)
    return [
        (one, found_again(one.url, places))
        for one in task.lock.packages_for(task.platform)
        if one.manager == "conda"
    ]


_checked: dict[tuple[str, str, int, int], str] = {}


def check_archives(task: Task, packages: list[tuple[Package, str]]) -> None:
    """Compare packages from folders with the hashes in the lock: rattler does that only for those
    that it downloads. Raises SoftwareError (RK0526)."""
    for package, url in packages:
        path = local_path(url)
        wanted = package.sha256 or package.md5
        if not wanted or not path:
            continue
        try:
            about = os.stat(path)
        except OSError:
            continue  # it may be in the cache
        kind = "sha256" if package.sha256 else "md5"
        key = (kind, path, about.st_mtime_ns, about.st_size)
        found = _checked.get(key)
        if found is None:
            with open(path, "rb") as file:
                found = _checked[key] = hashlib.file_digest(file, kind).hexdigest()
        if found != wanted:
            raise _not_installed(task, f"`{path}` has another checksum than the lock says")


def merged(prefix: str, own: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The variables of the packages, then those of the environment file, which win."""
    return tuple(sorted({**dict(variables_of(prefix)), **dict(own)}.items()))


def write_state(prefix: str, variables: tuple[tuple[str, str], ...]) -> None:
    """The variables where conda's own tools look for them."""
    if variables:
        import json

        path = os.path.join(prefix, "conda-meta", "state")
        text = {"version": 1, "env_vars": dict(variables)}
        write_text(path, json.dumps(text, indent=1) + "\n")


def write_text(path: str, text: str) -> None:
    """Write a file anew: never into one that may be a hard link to the package cache."""
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.replace(part, path)


def _not_installed(task: Task, text: str) -> SoftwareError:
    lines = [line.removeprefix("Caused by: ").strip() for line in text.splitlines()]
    return SoftwareError(
        f"the environment of `{shown(task.spec.path)}` could not be installed",
        code="RK0526",
        notes=tuple(line for line in lines if line)[:8],
        help="run again: packages that are in the cache already are not fetched again",
    )


def _trouble(path: str, error: OSError) -> SoftwareError:
    return SoftwareError(
        f"the environment in `{path}` cannot be written: {(error.strerror or str(error)).lower()}",
        code="RK0526",
        help="--conda-prefix DIR keeps environments elsewhere",
    )
