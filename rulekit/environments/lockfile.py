"""Lock files: ``ENV.conda-lock.yml`` (conda-lock's format) and ``ENV.<platform>.pin.txt``."""

from __future__ import annotations

from rulekit.environments.values import EnvironmentSpec, Lock


def find_lock(spec: EnvironmentSpec, platform: str) -> Lock | None:
    """The lock file beside an environment file, if it has this platform: first
    ``ENV.conda-lock.yml``, then ``ENV.<platform>.pin.txt``.

    Raises SoftwareError if it cannot be read (RK0521) or does not fit the environment file any
    more (RK0522).
    """
    raise NotImplementedError


def write_lock(spec: EnvironmentSpec, lock: Lock, path: str | None = None) -> str:
    """Write ``ENV.conda-lock.yml`` beside the environment file (or at `path`); its path. The same
    lock gives the same bytes."""
    raise NotImplementedError


def write_pin(spec: EnvironmentSpec, lock: Lock, platform: str, path: str | None = None) -> str:
    """Write an explicit pin file for one platform; its path."""
    raise NotImplementedError
