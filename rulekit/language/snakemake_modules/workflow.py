"""`snakemake.workflow`: names that files import from there."""

from __future__ import annotations

from rulekit.language.sources import srcdir as srcdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Workflow:
    """Only a name, for annotations; the object itself is `workflow`."""


def __getattr__(name: str) -> Any:
    if name in ("workflow", "config", "rules"):
        import sys

        frame: Any = sys._getframe(1)
        while frame is not None:
            if "__rulekit__" in frame.f_globals and name in frame.f_globals:
                return frame.f_globals[name]
            frame = frame.f_back
    from rulekit.language.names import standard_name

    found = standard_name(name)
    if found is None:
        raise AttributeError(f"module 'snakemake.workflow' has no attribute '{name}'")
    return found[0]
