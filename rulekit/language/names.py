"""The names a rule file sees without importing them, each made only when it is used.

A name is the address of something: module and attribute. Importing all of them would cost a
small run many times its own time, so the compiler asks for those that the file's code mentions.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_L = "rulekit.language."
_FILENAMES = (
    "expand collect multiext glob_wildcards subpath flatten prepend_param as_py_module exists "
    "choose_file choose_folder choose_tmp"
)
_FLAGS = (
    "temp temporary protected directory touch ancient ensure pipe service report unpack local "
    "update before_update nodelocal repeat from_queue access dynamic flag"
)

# name -> (module, attribute); attribute None is the module itself
_ADDRESSES: dict[str, tuple[str, str | None]] = {
    **{name: (_L + "filenames", name) for name in _FILENAMES.split()},
    **{name: (_L + "flags", name) for name in _FLAGS.split()},
    **{name: (_L + "values", name) for name in ("lookup", "branch", "evaluate", "parse_input", "extract_checksum")},
    **{name: (_L + "deferred", name) for name in ("input", "output", "params", "resources", "threads")},
    **{name: (_L + "sources", name) for name in ("github", "gitlab", "gitfile", "srcdir")},
    "shell": (_L + "shell", "shell"),
    "logger": (_L + "logger", "logger"),
    "snakemake": ("snakemake", None),
    "WorkflowError": (_L + "exceptions", "WorkflowError"),
    "RuleException": (_L + "exceptions", "RuleException"),
    "UnknownRuleException": (_L + "exceptions", "UnknownRuleException"),
    "CreateRuleException": (_L + "snakemake_modules.exceptions", "CreateRuleException"),
    "NoRulesException": (_L + "snakemake_modules.exceptions", "NoRulesException"),
    "IOFile": (_L + "compat", "IOFile"),
    "update_config": (_L + "configs", "update_config"),
    "is_local_file": (_L + "compat", "is_local_file"),
    "simplify_path": (_L + "compat", "simplify_path"),
    "smart_join": (_L + "compat", "smart_join"),
    "not_iterable": (_L + "compat", "not_iterable"),
    "ON_WINDOWS": (_L + "compat", "ON_WINDOWS"),
    "cluster_config": (_L + "compat", "cluster_config"),
    # Standard library names that files use because the reference lets them leak.
    **{
        name: (name, None)
        for name in (
            "os", "sys", "re", "copy", "subprocess", "tempfile", "threading", "platform",
            "hashlib", "tarfile", "dis", "linecache",
        )
    },
    "Path": ("pathlib", "Path"),
    "OrderedDict": ("collections", "OrderedDict"),
    "namedtuple": ("collections", "namedtuple"),
    "partial": ("functools", "partial"),
    "chain": ("itertools", "chain"),
    "filterfalse": ("itertools", "filterfalse"),
    "datetime": ("datetime", "datetime"),
    "dataclass": ("dataclasses", "dataclass"),
    "field": ("dataclasses", "field"),
    "ThreadPoolExecutor": ("concurrent.futures", "ThreadPoolExecutor"),
    **{
        name: ("collections.abc", name) for name in ("Mapping", "Iterator")
    },
    **{
        name: ("typing", name)
        for name in ("List", "Dict", "Set", "Optional", "Union", "Callable", "Iterable", "Any")
    },
}  # fmt: skip

# Code that mentions one of these may look at names that no reader of the code can see.
_DYNAMIC = frozenset(("globals", "locals", "vars", "eval", "exec"))
_HEAVY = frozenset(
    (
        "subprocess", "tempfile", "threading", "platform", "hashlib", "tarfile", "dis", "linecache",
        "Path", "datetime", "dataclass", "field", "ThreadPoolExecutor", "List", "Dict", "Set",
        "Optional", "Union", "Callable", "Iterable", "Any", "snakemake", "logger",
    )
)  # fmt: skip


def all_names() -> Iterable[str]:
    """Every name that `standard_name` knows."""
    return _ADDRESSES.keys()


def standard_name(name: str) -> tuple[Any] | None:
    """What a standard name stands for, in a tuple; None if it is no standard name."""
    address = _ADDRESSES.get(name)
    if address is None:
        return None
    module_name, attribute = address
    import sys

    module = sys.modules.get(module_name)
    if module is None:
        # `import_module` without importing importlib.
        module = __import__(module_name, fromlist=("*",))
    return (module if attribute is None else getattr(module, attribute),)


def provide(namespace: dict[str, Any], used: Iterable[str]) -> None:
    """Put the standard names among `used` into `namespace`, where it has no such name yet."""
    wanted = set(used)
    if not wanted.isdisjoint(_DYNAMIC):
        wanted |= _ADDRESSES.keys() - _HEAVY
    for name in wanted & _ADDRESSES.keys():
        if name not in namespace:
            found = standard_name(name)
            assert found is not None
            namespace[name] = found[0]
