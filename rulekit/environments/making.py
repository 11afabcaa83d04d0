"""In the worker: have environments, in parallel, each identity once."""

from __future__ import annotations

import asyncio
import os
import tempfile

from rulekit.environments import layout, memory
from rulekit.environments.activation import activation_text
from rulekit.environments.building import Task, build, install_packages, write_text
from rulekit.environments.envfile import read_file
from rulekit.environments.identities import identity
from rulekit.environments.lockfile import find_lock
from rulekit.environments.places import Places
from rulekit.environments.resolving import sessions_of, solve_one
from rulekit.environments.steps import resolve_pip
from rulekit.environments.values import EnvironmentSpec, Lock, Made, Package, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.environments.rattler import Session

    Say = Callable[[Progress], None]


async def make_all(
    places: Places,
    specs: Sequence[EnvironmentSpec],
    platform: str,
    jobs: int,
    install: bool,
    anew: bool = False,
    *,
    say: Say,
) -> dict[str, tuple[str, Made | None]]:
    """Identity and environment of each file, by its path. Without `install` only locks are had.

    One failure lets the others come to their end, then the first is raised.
    """
    session = sessions_of(places.settings, specs)
    layout.empty_trash(places.folder)
    by_key: dict[str, asyncio.Task[tuple[str, Lock]]] = {}
    builds: dict[str, asyncio.Task[Made]] = {}
    gate = asyncio.Semaphore(max(1, jobs))

    async def one(spec: EnvironmentSpec) -> tuple[str, Made | None]:
        solving = by_key.get(spec.key)
        if solving is None:
            solving = asyncio.ensure_future(_lock(places, session, spec, platform, anew, say))
            by_key[spec.key] = solving
        found, lock = await solving
        _remember(places, spec, found, lock, platform)
        if not install:
            return found, None
        running = builds.get(found)
        if running is None:
            task = Task(places.folder, found, platform, lock, spec, places.settings)
            running = asyncio.ensure_future(build(task, session, gate, say))
            builds[found] = running
        return found, await running

    results = await asyncio.gather(*(one(spec) for spec in specs), return_exceptions=True)
    answer: dict[str, tuple[str, Made | None]] = {}
    for spec, result in zip(specs, results, strict=True):
        if isinstance(result, BaseException):
            raise result
        answer[spec.path] = result
    return answer


async def _lock(
    places: Places,
    session: Session,
    spec: EnvironmentSpec,
    platform: str,
    anew: bool,
    say: Say,
) -> tuple[str, Lock]:
    """The lock file's, the remembered, or a new one."""
    lock = None
    if not anew:
        lock = find_lock(spec, platform) or memory.remembered(places.memories, spec, platform)
    if lock is None:
        packages = await solve_one(session, spec, platform, places.settings, say)
        lock = Lock(
            kind="solved",
            platforms=(platform,),
            channels=spec.channels,
            packages=tuple(packages),
            variables=spec.variables,
            pip=spec.pip,
            post_deploy_digest=spec.post_deploy_digest,
        )
        for folder in reversed(memory.trusted(places.memories, spec)):
            lock = memory.keep_solved(folder, spec.key, platform, lock, anew=anew)
    return identity(lock, platform), lock


def _remember(places: Places, spec: EnvironmentSpec, found: str, lock: Lock, platform: str) -> None:
    """What later runs ask without reading YAML, and the recipe for packing."""
    if lock.kind == "solved":
        memory.keep_solved(places.memories[0], spec.key, platform, lock)
    digest = memory.file_digest(spec.path, platform, read_file(spec.path))
    memory.keep_known(places.memories[0], digest, spec, found)
    path = layout.side(places.folder, "recipes", found, ".json")
    recipe = memory.read_json(path)
    if not isinstance(recipe, dict) or recipe.get("identity") != found or _gone(recipe):
        values = {
            "identity": found,
            "platform": platform,
            "lock": memory.record_to_json(lock),
            "spec": memory.record_to_json(spec),
        }
        memory.write_json(path, values)


def _gone(recipe: dict[str, object]) -> bool:
    spec = recipe.get("spec")
    return not (isinstance(spec, dict) and os.path.exists(str(spec.get("path"))))


async def lock_pip(
    places: Places, spec: EnvironmentSpec, lock: Lock, platform: str, *, say: Say
) -> list[Package]:
    """What pip would install for the `pip:` list on this machine's platform, as locked packages.
    Works in a throw-away environment that has the conda packages."""
    session = sessions_of(places.settings, [spec])
    os.makedirs(places.folder, exist_ok=True)
    top = tempfile.mkdtemp(prefix=".lock-", dir=places.folder)
    try:
        prefix = os.path.join(top, "e")
        os.makedirs(os.path.join(prefix, layout.META))
        task = Task(places.folder, "", platform, lock, spec, places.settings)
        await install_packages(task, session, prefix, say)
        write_text(layout.activate_of(prefix), activation_text(prefix, lock.variables))
        say(Progress("pip", spec.path, f"pip: resolving {len(lock.pip)} requirements"))
        log = os.path.join(top, "pip.log")
        keep = os.open(top, os.O_RDONLY)
        try:
            found = await resolve_pip(task, prefix, log, keep)
        finally:
            os.close(keep)
    finally:
        layout.discard(places.folder, top)
    return [
        Package(
            name=one["name"],
            version=one["version"],
            platform=platform,
            url=one["url"],
            sha256=one["sha256"],
            manager="pip",
        )
        for one in found
    ]
