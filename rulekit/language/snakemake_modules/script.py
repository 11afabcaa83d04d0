"""`snakemake.script`: in a script, the job's object; elsewhere, its class."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["get_source"]


def get_source(path: str, *_: Any, **__: Any) -> str:
    """The text of a source file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def __getattr__(name: str) -> Any:
    if name == "snakemake":
        # The runner leaves the job's object in the main module of a script.
        found = getattr(sys.modules.get("__main__"), "snakemake", None)
        if found is None:
            raise ImportError("`snakemake` is only there in a script that a rule runs")
        return found
    if name == "Snakemake":
        found = getattr(sys.modules.get("__main__"), "snakemake", None)
        return object if found is None else type(found)
    raise AttributeError(f"module 'snakemake.script' has no attribute '{name}'")
