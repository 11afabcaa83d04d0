"""`snakemake.io`."""

from __future__ import annotations

from rulekit.language.compat import IOFile, not_iterable
from rulekit.language.configs import load_configfile
from rulekit.language.exceptions import WildcardError
from rulekit.language.filenames import expand, glob_wildcards, limit, multiext
from rulekit.language.flags import (
    access,
    ancient,
    before_update,
    directory,
    dynamic,
    ensure,
    flag,
    from_queue,
    get_flag_value,
    is_flagged,
    local,
    nodelocal,
    pipe,
    protected,
    remove_flag,
    repeat,
    report,
    service,
    temp,
    temporary,
    touch,
    unpack,
    update,
)
from rulekit.language.snakemake_modules.iocontainers import (
    InputFiles,
    Log,
    Namedlist,
    OutputFiles,
    Params,
    ResourceList,
    Resources,
    Wildcards,
)
from rulekit.model.flags import FlaggedStr as AnnotatedString
from rulekit.patterns import Pattern, fill_names, strip_constraints, wildcard_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_IOFile = IOFile
AccessPatternFactory = access

__all__ = [
    "AccessPatternFactory",
    "AnnotatedString",
    "IOFile",
    "InputFiles",
    "Log",
    "Namedlist",
    "OutputFiles",
    "Params",
    "ResourceList",
    "Resources",
    "Wildcards",
    "access",
    "ancient",
    "apply_wildcards",
    "before_update",
    "contains_wildcard",
    "directory",
    "dynamic",
    "ensure",
    "expand",
    "flag",
    "from_queue",
    "get_flag_value",
    "get_wildcard_names",
    "glob_wildcards",
    "is_callable",
    "is_flagged",
    "limit",
    "load_configfile",
    "local",
    "multiext",
    "nodelocal",
    "not_iterable",
    "pipe",
    "protected",
    "regex",
    "regex_from_filepattern",
    "remove_flag",
    "repeat",
    "report",
    "service",
    "strip_wildcard_constraints",
    "temp",
    "temporary",
    "touch",
    "unpack",
    "update",
]


def strip_wildcard_constraints(pattern: Any) -> Any:
    """The pattern with ``{x,regex}`` as ``{x}``; a function stays as it is."""
    return pattern if callable(pattern) else strip_constraints(pattern)


def apply_wildcards(pattern: str, wildcards: Mapping[str, Any], **_old: Any) -> str:
    """The pattern with its wildcards filled in. Raises `WildcardError`."""
    try:
        return fill_names(pattern, dict(wildcards.items()))
    except KeyError as error:
        raise WildcardError(str(error)) from None


def get_wildcard_names(pattern: str) -> set[str]:
    """The names of the pattern's wildcards."""
    return set(wildcard_names(pattern))


def contains_wildcard(path: Any) -> bool:
    """True if there is a wildcard in the path."""
    return bool(wildcard_names(str(path)))


def regex_from_filepattern(filepattern: str) -> str:
    """A regular expression with a group of each wildcard's name, for `re.match`."""
    pattern = Pattern(filepattern)
    source = pattern.regex.pattern
    for i, name in enumerate(pattern.names):
        source = source.replace(f"(?P<w{i}_>", f"(?P<{name}>").replace(
            f"(?P=w{i}_)", f"(?P={name})"
        )
    return source + "$"


regex = regex_from_filepattern


def is_callable(value: Any) -> bool:
    """True for a function, flagged or not."""
    return callable(value)
