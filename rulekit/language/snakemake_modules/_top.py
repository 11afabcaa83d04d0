"""`snakemake` itself."""

from __future__ import annotations

from rulekit import SNAKEMAKE_LEVEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = SNAKEMAKE_LEVEL

_SUBMODULES = frozenset(
    (
        "utils",
        "io",
        "shell",
        "script",
        "exceptions",
        "logging",
        "common",
        "workflow",
        "iocontainers",
        "storage",
    )
)


def __getattr__(name: str) -> Any:
    # `import snakemake` makes the usual submodules reachable.
    if name in _SUBMODULES:
        return __import__(f"snakemake.{name}", fromlist=("*",))
    raise AttributeError(f"module 'snakemake' has no attribute '{name}'")
