"""`temp`, `protected`, `ancient`, ...: marks on file names, on functions and on lists of them.

A flag never changes what it is given: it makes a flagged copy. Flags nest. The keys and values
are those of `rulekit.model.flags.FlaggedStr`.
"""

from __future__ import annotations

import os

from rulekit.language.exceptions import WorkflowError
from rulekit.model.flags import FlaggedFunction, FlaggedStr, flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Flags that say how a name came about, not what to do with the file.
ORIGIN_FLAGS = frozenset(("fixed_rule", "path_modified"))

# What cannot be said of one file at the same time.
_EXCLUDED = {
    "temp": ("protected", "storage_object"),
    "protected": ("temp", "nodelocal", "storage_object"),
    "pipe": ("protected", "storage_object"),
    "service": ("protected", "storage_object"),
    "directory": ("pipe", "storage_object"),
    "local": ("storage_object",),
}
_SHOWN = {"storage_object": "storage"}

OUTPUT_ONLY = frozenset(
    ("protected", "temp", "nodelocal", "directory", "touch", "pipe", "service", "ensure", "update")
)
INPUT_ONLY = frozenset(("ancient", "before_update"))


class FlagError(WorkflowError):
    """Flags that exclude each other."""


def flag(value: Any, flag_type: str, flag_value: Any = True) -> Any:
    """`value` with the flag: a `FlaggedStr`, a `FlaggedFunction`, or a list of them."""
    flags = {flag_type: flag_value}
    if isinstance(value, str):
        return FlaggedStr(value, flags)
    if callable(value):
        return FlaggedFunction(value, flags)
    if isinstance(value, os.PathLike):
        return FlaggedStr(os.fspath(value), flags)
    try:
        items = iter(value)
    except TypeError:
        raise WorkflowError(
            f"`{flag_type}` marks file names, functions and lists of them, not {value!r}"
        ) from None
    return [flag(item, flag_type, flag_value) for item in items]


def is_flagged(value: object, flag_type: str) -> bool:
    """True if the value itself (not the items of a list) has the flag."""
    return bool(flags_of(value).get(flag_type))


def get_flag_value(value: object, flag_type: str) -> Any:
    """The flag's value, None without it."""
    return flags_of(value).get(flag_type)


def remove_flag(value: Any, flag_type: str) -> Any:
    """`value` without the flag."""
    flags = flags_of(value)
    if flag_type not in flags:
        return value
    rest = {key: kept for key, kept in flags.items() if key != flag_type}
    if isinstance(value, str):
        return FlaggedStr(str(value), rest)
    return FlaggedFunction(value.function, rest)


def _checked(value: Any, flag_type: str, flag_value: Any = True) -> Any:
    flags = flags_of(value)
    if flags:
        for other in _EXCLUDED.get(flag_type, ()):
            if other in flags:
                raise FlagError(
                    f"`{flag_type}` and `{_SHOWN.get(other, other)}` cannot be combined"
                )
        if flag_type == "pipe" and "directory" in flags:
            raise FlagError("`pipe` and `directory` cannot be combined")
    return flag(value, flag_type, flag_value)


def temp(value: Any, group_jobs: bool = False) -> Any:
    """A file that is removed when the last job that reads it is done."""
    if group_jobs:
        value = flag(value, "nodelocal")
    return _checked(value, "temp")


def temporary(value: Any) -> Any:
    """The same as `temp`."""
    return temp(value)


def protected(value: Any) -> Any:
    """An output that is made read-only after success."""
    return _checked(value, "protected")


def directory(value: Any) -> Any:
    """An output that is a directory."""
    return _checked(value, "directory")


def touch(value: Any) -> Any:
    """An output that is created or touched when the job is done."""
    return flag(value, "touch")


def ancient(value: Any) -> Any:
    """An input whose time does not count."""
    return flag(value, "ancient")


def ensure(
    value: Any,
    non_empty: bool = False,
    sha256: Any = None,
    md5: Any = None,
    sha1: Any = None,
) -> Any:
    """An output that is checked after the job: not empty, or of a known checksum."""
    given = {
        name: checksum
        for name, checksum in (("sha256", sha256), ("md5", md5), ("sha1", sha1))
        if checksum is not None
    }
    if len(given) > 1:
        raise FlagError("`ensure` takes one checksum, not " + " and ".join(given))
    return flag(value, "ensure", {"non_empty": non_empty, **given})


def pipe(value: Any) -> Any:
    """An output that is a named pipe to its only reader."""
    return _checked(value, "pipe")


def service(value: Any) -> Any:
    """An output of a job that runs as long as its readers do."""
    return _checked(value, "service")


def unpack(value: Any) -> Any:
    """An input function whose dict gives named files, or whose list gives positional ones."""
    return flag(value, "unpack")


def local(value: Any) -> Any:
    """A file that no default storage and no module prefix applies to."""
    return _checked(value, "local")


def update(value: Any) -> Any:
    """An output that the job changes: it is not removed before the job."""
    return flag(value, "update")


def before_update(value: Any) -> Any:
    """An input that is taken as it is now; its producer is not looked for."""
    return flag(value, "before_update")


def nodelocal(value: Any) -> Any:
    """A file that lives only on the node that runs a group of jobs."""
    return flag(value, "nodelocal")


def repeat(value: Any, n_repeat: int) -> Any:
    """A benchmark that is taken `n_repeat` times."""
    if not isinstance(n_repeat, int) or n_repeat < 1:
        raise WorkflowError(f"`repeat` takes a number of repeats of at least 1, not {n_repeat!r}")
    return flag(value, "repeat", n_repeat)


def report(
    value: Any,
    caption: Any = None,
    category: Any = None,
    subcategory: Any = None,
    labels: Mapping[str, Any] | None = None,
    patterns: Sequence[str] = (),
    htmlindex: str | None = None,
) -> Any:
    """An output that is shown in reports. It has no effect on execution."""
    return flag(
        value,
        "report",
        {
            "caption": caption,
            "category": category,
            "subcategory": subcategory,
            "labels": labels,
            "patterns": list(patterns),
            "htmlindex": htmlindex,
        },
    )


def from_queue(queue: Any, finish_sentinel: Any = None) -> Any:
    """An input that is read from a queue while the workflow runs."""
    if finish_sentinel is None:
        raise WorkflowError("`from_queue` needs a `finish_sentinel`")
    from rulekit.language.queues import QueueInput

    return flag(QueueInput(queue, finish_sentinel), "from_queue", True)


class access:  # noqa: N801  the name that rule files use
    """How an input is read: ``access.sequential("x")``. A hint for storage."""

    @staticmethod
    def sequential(value: Any) -> Any:
        return flag(value, "access_pattern", "sequential")

    @staticmethod
    def random(value: Any) -> Any:
        return flag(value, "access_pattern", "random")

    @staticmethod
    def multi(value: Any) -> Any:
        return flag(value, "access_pattern", "multi")


def dynamic(value: Any) -> Any:
    """Files whose number is known only when they are there, as in files of version 5 to 7.

    The compiler makes a checkpoint of the rule that makes them.
    """
    import sys

    frame: Any = sys._getframe(1)
    scope = frame.f_globals.get("__rulekit__")
    if scope is None:
        raise WorkflowError("`dynamic` has a meaning in rule files only")
    scope.loader.dynamics = True
    scope.loader.note("`dynamic` is gone since version 8; a `checkpoint` is its successor")
    return flag(value, "dynamic")
