"""Lock files made and kept up to date: what `rulekit env lock` does."""

from __future__ import annotations

import os

from rulekit.environments.lockfile import (
    check_fit,
    lock_path,
    of_spec,
    pin_text,
    read_lock,
    write_lock,
    write_pin,
)
from rulekit.environments.memory import remembered
from rulekit.environments.store import EnvironmentStore
from rulekit.environments.values import EnvironmentSpec, Lock, Package, Progress, here
from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Say = Callable[[Progress], None]


def lock_file(
    store: EnvironmentStore,
    spec: EnvironmentSpec,
    platforms: Sequence[str] = (),
    *,
    update: bool = False,
    pin: bool = False,
    say: Say | None = None,
) -> list[str]:
    """Have a lock file that fits an environment file; the paths of the files that were written.

    `platforms`: those that are given, else those of the lock that is there, of the environment
    file (`platforms:`), else this machine's. What is locked and fits stays, unless `update`; what
    was solved before, and is in use, is what gets locked. `pin` writes explicit pin files.
    """
    path = lock_path(spec.path)
    present = _present(path)
    wanted = list(platforms) or list(present.platforms if present else ()) or list(spec.platforms)
    wanted = wanted or [here()]
    packages: list[Package] = []
    channels: tuple[str, ...] = ()
    fresh = False
    for platform in wanted:
        kept = None if update else _fitting(present, spec, platform)
        if kept is None:
            fresh = True
            kept = _solved(store, spec, platform, update, say)
        packages += kept.packages_for(platform)
        channels = channels or kept.channels
    lock = of_spec(Lock("lock", tuple(wanted), channels, tuple(packages)), spec)
    if pin:
        return _write_pins(spec, lock)
    if not fresh and present is not None and set(present.platforms) == set(wanted):
        return []
    return [write_lock(spec, lock, path)]


def _present(path: str) -> Lock | None:
    if not os.path.isfile(path):
        return None
    try:
        return read_lock(path)
    except SoftwareError:
        return None  # it is made anew


def _fitting(present: Lock | None, spec: EnvironmentSpec, platform: str) -> Lock | None:
    if present is None or platform not in present.platforms:
        return None
    try:
        check_fit(spec, present, platform)
    except SoftwareError:
        return None
    return present


def _solved(
    store: EnvironmentStore, spec: EnvironmentSpec, platform: str, update: bool, say: Say | None
) -> Lock:
    lock = None if update else remembered(store.memories, spec, platform)
    if lock is None:
        _, lock = store.lock_for(spec, platform, say=say, anew=True)
    if not spec.pip:
        return lock
    if platform != here():
        if say is not None:
            text = f"pip packages can be locked on {platform} only: there pip chooses them"
            say(Progress("note", spec.path, text))
        return lock
    found = store.pip_packages(spec, lock, platform, say=say)
    return Lock("solved", (platform,), lock.channels, (*lock.packages, *found))


def _write_pins(spec: EnvironmentSpec, lock: Lock) -> list[str]:
    from rulekit.environments.lockfile import pin_path

    written = []
    for platform in lock.platforms:
        path = pin_path(spec.path, platform)
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == pin_text(lock, platform):
                    continue
        except OSError:
            pass
        written.append(write_pin(spec, lock, platform, path))
    return written
