"""Environment of the user's commands, and the sidecar that runs beside them."""

from __future__ import annotations

import os

from rulekit.errors.tree import InfrastructureError
from rulekit.executors.cluster.commands import Sidecar
from rulekit.executors.cluster.forscripts import write_package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.executors.cluster.settings import ClusterSettings

_SIDECAR_NAMES = ("SNAKEMAKE_CLUSTER_SIDECAR_VARS", "RULEKIT_CLUSTER_SIDECAR_VARS")
# What a command starts must not take the run's profile for its own.
_PROFILES = ("SNAKEMAKE_PROFILE", "RULEKIT_PROFILE")


def surroundings(settings: ClusterSettings, folder: str) -> tuple[dict[str, str], Sidecar | None]:
    """The environment for commands, and the sidecar, started. `folder` is the run's.

    Raises InfrastructureError.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _PROFILES}
    try:
        place = write_package(folder)
    except OSError as error:
        raise InfrastructureError(
            f"`{folder}` cannot be made: {error.strerror}", code="RK0691"
        ) from error
    earlier = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{earlier}{os.pathsep}{place}" if earlier else place
    if settings.sidecar is None:
        return environment, None
    try:
        sidecar = Sidecar(settings.sidecar)
    except OSError as error:
        raise InfrastructureError(
            f"the cluster's sidecar cannot be started: {error.strerror}", code="RK0691"
        ) from error
    environment.update(dict.fromkeys(_SIDECAR_NAMES, sidecar.line))
    return environment, sidecar
