"""Imports of `snakemake` and `snakemake.*` by user code lead to rulekit's own functions.

A finder at the head of `sys.meta_path`: it wins over an installed Snakemake, in this process
only. Nothing is imported before user code asks for it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_HERE = "rulekit.language.snakemake_modules"
_ModuleSpec: Any = type(sys.__spec__)
# Public name below `snakemake` -> our module; packages have submodules.
_MODULES = {
    "": "_top",
    "utils": "utils",
    "io": "io",
    "io.flags": "io",
    "iocontainers": "iocontainers",
    "ioutils": "ioutils",
    "shell": "shell",
    "script": "script",
    "exceptions": "exceptions",
    "logging": "logging",
    "common": "common",
    "common.configfile": "configfile",
    "workflow": "workflow",
    "rules": "rules",
    "jobs": "rules",
    "checkpoints": "rules",
    "resources": "resources",
    "settings": "settings",
    "settings.types": "settings",
    "parser": "rules",
    "dag": "dag",
    "sourcecache": "sourcecache",
    "wrapper": "wrapper",
    "remote": "remote",
    "storage": "storage",
    "deployment": "settings",
    "executors": "settings",
    "report": "report",
}
_PACKAGES = frozenset(("", "io", "common", "settings", "remote", "deployment", "executors"))


class _Loader:
    """Fills a module with the names of ours."""

    def __init__(self, module: str, public: str = "") -> None:
        self.module = module
        self.public = public

    def create_module(self, spec: Any) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = f"{_HERE}.{self.module}"
        source = __import__(name, fromlist=("*",))
        for key, value in source.__dict__.items():
            if not (key.startswith("__") and key.endswith("__")) or key in (
                "__getattr__",
                "__version__",
                "__doc__",
                "__all__",
            ):
                module.__dict__[key] = value
        if self.module == "remote_provider":
            # One module of ours stands for all of them.
            module.__dict__["__getattr__"] = lambda name: source.names(self.public, name)


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name != "snakemake" and not name.startswith("snakemake."):
            return None
        inside = name[len("snakemake.") :]
        ours = _MODULES.get(inside)
        if ours is None:
            if inside.startswith("remote."):
                ours = "remote_provider"
            else:
                return None
        return _ModuleSpec(
            name,
            _Loader(ours, inside.rpartition(".")[2]),
            origin="rulekit",
            is_package=inside in _PACKAGES,
        )


def find(name: str) -> Any:
    """The spec of our module for a name below `snakemake`; None if there is none."""
    return _Finder.find_spec(name)


def install() -> None:
    """Answer imports of `snakemake` in this process from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
        found = sys.modules.get("snakemake")
        if found is not None and getattr(found.__spec__, "origin", None) != "rulekit":
            # A real one was imported before, perhaps by a plugin of the embedding program.
            for name in [n for n in sys.modules if n == "snakemake" or n.startswith("snakemake.")]:
                del sys.modules[name]
