"""`snakemake.remote`: remote files of version 7."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name == "AUTO":
        from rulekit.language.storageproviders import AutoProvider

        return AutoProvider()
    return __import__(f"snakemake.remote.{name}", fromlist=("*",))
