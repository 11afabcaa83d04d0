"""`snakemake.iocontainers`."""

from __future__ import annotations

from rulekit.model.namedlist import (
    InputFiles,
    Log,
    Namedlist,
    OutputFiles,
    Params,
    Resources,
    Wildcards,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ResourceList = Resources

__all__ = [
    "InputFiles",
    "Log",
    "Namedlist",
    "OutputFiles",
    "Params",
    "ResourceList",
    "Resources",
    "Wildcards",
]


def __getattr__(name: str) -> Any:
    if name in ("snakemake", "Snakemake"):
        from rulekit.language.snakemake_modules import script

        return getattr(script, name)
    raise AttributeError(f"module 'snakemake.iocontainers' has no attribute '{name}'")
