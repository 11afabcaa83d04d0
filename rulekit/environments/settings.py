"""Settings: `.condarc` files, ``CONDA_*`` variables, then what the command line says."""

from __future__ import annotations

from rulekit.environments.values import CondaSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def read_settings(
    environ: Mapping[str, str] | None = None,
    *,
    base_path: str | None = None,
    frozen: bool = False,
) -> CondaSettings:
    """The settings of this user. `base_path` is ``--conda-base-path``; `frozen` is
    ``--conda-frozen``: nothing may be solved. Raises SoftwareError (RK0520) for a wrong file."""
    raise NotImplementedError
