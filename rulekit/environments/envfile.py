"""`environment.yaml`, read with places for messages."""

from __future__ import annotations

from rulekit.environments.values import EnvironmentSpec


def read_environment(path: str) -> EnvironmentSpec:
    """Read an environment file. Raises SoftwareError (RK0518 cannot be read, RK0519 wrong)."""
    raise NotImplementedError
