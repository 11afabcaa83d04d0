"""Imports of rulekit's own modules without the search that a general import makes.

A start of the command imports a hundred small modules; Python's general machinery spends as long
on finding each as on running it. Here the place of a module follows from its name. Whatever is
not as expected (no compiled file, an outdated one, a zip archive) is left to that machinery.
"""

from __future__ import annotations

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

# What a compiled file begins with that is checked by time and size of its source (PEP 552).
_HEAD = MAGIC_NUMBER + bytes(4)


class QuickLoader(SourceFileLoader):
    """Python's own loader, with the code at hand when the module was found."""

    code: CodeType | None = None

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the module; asked again, it is read again."""
        code, self.code = self.code, None
        return code if code is not None else super().get_code(fullname)


class QuickFinder:
    """Finds modules of one package, whose folder is `root`, by their names."""

    def __init__(self, package: str, root: str) -> None:
        self._start = package + "."
        self._root = root
        self._suffix = f".{sys.implementation.cache_tag}.pyc"

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """The spec of a module, None if others are to look for it."""
        if not name.startswith(self._start):
            return None
        *above, last = name[len(self._start) :].split(".")
        folder = "/".join((self._root, *above))
        return self._look(name, folder, last) or self._look(
            name, f"{folder}/{last}", "__init__", [f"{folder}/{last}"]
        )

    def _look(self, name: str, folder: str, last: str, package: list[str] | None = None) -> Any:
        source = f"{folder}/{last}.py"
        cached = f"{folder}/__pycache__/{last}{self._suffix}"
        try:
            with open(cached, "rb", buffering=0) as file:
                data = file.readall()
            status = os.stat(source)
        except OSError:
            return None
        stamp = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
        if data[:16] != _HEAD + b"".join(number.to_bytes(4, "little") for number in stamp):
            return None
        loader = QuickLoader(name, source)
        try:
            # As trusted as the source beside it, which Python itself would load.
            loader.code = marshal.loads(memoryview(data)[16:])  # noqa: S302
        except (ValueError, EOFError, TypeError):
            return None
        spec = ModuleSpec(name, loader, origin=source, is_package=package is not None)
        spec.has_location = True
        spec.cached = cached
        if package is not None:
            spec.submodule_search_locations = package
        return spec


def install() -> None:
    """From now on this process finds rulekit's modules so."""
    import rulekit

    if sys.pycache_prefix is None and not sys.flags.optimize:
        sys.meta_path.insert(0, QuickFinder("rulekit", rulekit.__path__[0]))  # type: ignore[arg-type]
