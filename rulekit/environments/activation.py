"""The script that activates an environment, in any POSIX shell, without conda."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def activation_text(prefix: str, variables: Iterable[tuple[str, str]] = ()) -> str:
    """A script to be sourced (``. activate.sh``): PATH, CONDA_PREFIX, CONDA_DEFAULT_ENV,
    CONDA_SHLVL, the environment's variables, then its ``etc/conda/activate.d/*.sh``.

    `prefix` is absolute. Works under ``set -eu``. The only input for folders of others: their
    variables are read from ``conda-meta/state`` and ``etc/conda/env_vars.d`` by whoever calls
    (`store` does).
    """
    raise NotImplementedError
