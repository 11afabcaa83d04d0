"""Small functions that rule files know from elsewhere and use without importing them."""

from __future__ import annotations

import os

from rulekit.model.flags import FlaggedStr, flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ON_WINDOWS = False
# What `--cluster-config` gives, for files of version 7.
cluster_config: dict[str, Any] = {}


def is_local_file(path_or_uri: Any) -> bool:
    """True for a path, False for a URL of any scheme but ``file``."""
    text = os.fspath(path_or_uri)
    scheme, sign, _ = text.partition("://")
    return not sign or scheme == "file" or not scheme.replace("+", "").isalnum()


def simplify_path(path: str) -> str:
    """The path relative to the working directory, unless that leads up more than one level."""
    relative = os.path.relpath(path)
    return path if relative.startswith("../../") else relative


def smart_join(base: str, path: str, abspath: bool = False) -> str:
    """`path` below `base`, which may be a folder or a URL."""
    if is_local_file(base):
        full = os.path.join(base, path)
        return os.path.abspath(full) if abspath else full
    scheme, _, rest = f"{base}/{path}".partition("://")
    host, _, inside = rest.partition("/")
    return f"{scheme}://{host}{os.path.normpath('/' + inside)}"


def not_iterable(value: Any) -> bool:
    """True for text, paths and whatever cannot be iterated over."""
    return isinstance(value, (str, os.PathLike)) or not hasattr(type(value), "__iter__")


def IOFile(file: Any, rule: Any = None) -> FlaggedStr:  # noqa: N802  the name that files use
    """A file name with flags."""
    return FlaggedStr(os.fspath(file), flags_of(file))
