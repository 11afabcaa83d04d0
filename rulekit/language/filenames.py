"""`expand`, `multiext`, `glob_wildcards` and their small relatives."""

from __future__ import annotations

import os
import re
from _string import formatter_parser  # type: ignore[import-not-found]
from itertools import product

from rulekit.language.call import accepted, call, takes
from rulekit.language.deferred import RuleItem
from rulekit.language.exceptions import WildcardError, WorkflowError
from rulekit.language.flags import ORIGIN_FLAGS, flag
from rulekit.language.storagestate import State
from rulekit.model.flags import FlaggedStr, flags_of
from rulekit.patterns import Pattern, PatternError, wildcard_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_STORED = ("az://", "ab://", ".rulekit/storage/")
_FORMAT_NAMES = r"\{\{|\}\}|\{([^{}.\[!:]+)"  # doubled braces do not count


class _Missing(dict):  # type: ignore[type-arg]
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _is_namedtuple(value: object) -> bool:
    return isinstance(value, tuple) and isinstance(getattr(value, "_fields", None), tuple)


def _listed(value: Any) -> list[Any]:
    """The values of one wildcard: a string, a named tuple and whatever is not iterable is one."""
    if type(value) is list:
        return value
    if isinstance(value, str) or not hasattr(type(value), "__iter__") or _is_namedtuple(value):
        return [value]
    return list(value)


def expand(*args: Any, **wildcards: Any) -> Any:
    """File names for all combinations of wildcard values.

    args: the pattern or a list of them, and optionally what combines the values
    (`itertools.product`; `zip` pairs them). ``allow_missing=True`` leaves unknown wildcards in
    place. With a function among the values the result is a function of the wildcards.
    Raises `WildcardError` for a wildcard without values.
    """
    if not 1 <= len(args) <= 2:
        raise WorkflowError(f"`expand` takes a pattern and a combiner, not {len(args)} arguments")
    combiner = args[1] if len(args) == 2 else product
    given = args[0]
    patterns: list[Any] = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    for i, pattern in enumerate(patterns):
        if type(pattern) is str:
            continue
        if isinstance(pattern, os.PathLike):
            patterns[i] = os.fspath(pattern)
        elif not isinstance(pattern, str):
            raise WorkflowError(f"`expand` takes patterns that are text, not {pattern!r}")
        else:
            bad = [name for name in flags_of(pattern) if name not in ORIGIN_FLAGS]
            if bad:
                raise WorkflowError(
                    f"the pattern `{pattern}` given to `expand` is flagged with {', '.join(bad)}: "
                    f'flags go outside, as in `temp(expand("{pattern}", ...))`'
                )
    allow_missing = False
    if "allow_missing" in wildcards:
        named = any("allow_missing" in _field_names(pattern) for pattern in patterns)
        if not named:
            allow_missing = wildcards.pop("allow_missing") is True
    functions = [
        name
        for name, value in wildcards.items()
        if callable(value) or (type(value) is list and any(map(callable, value)))
    ]
    if not functions:
        return _expand(patterns, combiner, wildcards, allow_missing)

    def expand_later(wildcards_: Any, **available: Any) -> list[str]:
        def called(value: Any) -> Any:
            return call(value, wildcards_, available) if callable(value) else value

        values = dict(wildcards)
        for name in functions:
            value = values[name]
            values[name] = called(value) if callable(value) else [called(one) for one in value]
        return _expand(patterns, combiner, values, allow_missing)

    wanted: frozenset[str] | None = frozenset()
    for name in functions:
        value = wildcards[name]
        for one in value if type(value) is list else (value,):
            names = accepted(one) if callable(one) else frozenset()
            wanted = None if names is None or wanted is None else wanted | names
    return takes(expand_later, wanted)


def _field_names(pattern: str) -> set[str]:
    return {match[1] for match in re.finditer(_FORMAT_NAMES, pattern) if match[1] is not None}


def _expand(
    patterns: list[str], combiner: Any, wildcards: dict[str, Any], allow_missing: bool
) -> list[str]:
    values = {name: _listed(value) for name, value in wildcards.items()}
    found: list[str] = []
    for pattern in patterns:
        pieces = _plain_pieces(pattern) if combiner is product or combiner is zip else None
        if pieces is not None:
            made = _expand_plain(pieces, combiner, values, allow_missing)
        else:
            made = _expand_any(pattern, combiner, values, allow_missing)
        flags = flags_of(pattern)
        if "path_modified" in flags:
            # A module's prefix is in the text already and must not be put there again.
            kept = {"path_modified": flags["path_modified"]}
            made = [FlaggedStr(text, kept) for text in made]
        found += made
    return found


def _plain_pieces(pattern: str) -> list[tuple[str, str | None]] | None:
    """Literal text and the name of the field after it, again and again; None if there is more."""
    pieces = []
    try:
        for literal, name, spec, conversion in formatter_parser(pattern):
            if name is not None and (
                spec or conversion or not name.replace("_", "a").isalnum() or name.isdigit()
            ):
                return None
            pieces.append((literal, name))
    except ValueError:
        return None
    return pieces


def _expand_plain(
    pieces: list[tuple[str, str | None]],
    combiner: Any,
    values: dict[str, list[Any]],
    allow_missing: bool,
) -> list[str]:
    """The quick way: the pattern becomes a ``%`` template, the values become text once."""
    fields: list[str] = []
    template = ""
    for literal, name in pieces:
        template += literal.replace("%", "%%")
        if name is None:
            continue
        if name in values:
            fields.append(name)
            template += "%s"
        elif allow_missing:
            template += "{" + name + "}"
        else:
            raise WildcardError(f"no values given for wildcard `{name}`")
    used = [name for name in values if name in fields]
    if not used and combiner is zip:
        return []
    texts = [[one if type(one) is str else format(one) for one in values[name]] for name in used]
    slots = [used.index(name) for name in fields]
    if len(used) == 1 and len(slots) == 1:
        return [template % one for one in texts[0]]
    combinations: Iterable[tuple[str, ...]] = combiner(*texts)
    if slots == list(range(len(used))):
        return [template % combination for combination in combinations]
    return [template % tuple([combination[slot] for slot in slots]) for combination in combinations]


def _expand_any(
    pattern: str, combiner: Any, values: dict[str, list[Any]], allow_missing: bool
) -> list[str]:
    names = _field_names(pattern)
    lists = [[(name, one) for one in listed] for name, listed in values.items() if name in names]
    mapping = _Missing if allow_missing else dict
    text = str(pattern)
    try:
        return [text.format_map(mapping(combination)) for combination in combiner(*lists)]
    except KeyError as error:
        raise WildcardError(f"no values given for wildcard `{error.args[0]}`") from None
    except ValueError as error:
        raise WorkflowError(f"the pattern `{pattern}` cannot be expanded: {error}") from None
    except IndexError:
        raise WildcardError(f"the pattern `{pattern}` has a field without a name") from None


collect = expand


def multiext(prefix: Any, *extensions: str, **named: str) -> list[FlaggedStr]:
    """`prefix` with each extension; with named extensions the files get these names."""
    prefix = prefix if isinstance(prefix, str) else os.fspath(prefix)
    if bool(extensions) == bool(named):
        raise WorkflowError("`multiext` takes extensions that are all named or all not named")
    for extension in (*extensions, *named.values()):
        if not isinstance(extension, str):
            raise WorkflowError(f"`multiext` takes extensions that are text, not {extension!r}")
        if "/" in extension or "\\" in extension:
            raise WorkflowError(f"`multiext` takes no extension with `/` or `\\`: `{extension}`")
    if named:
        return [
            flag(prefix + extension, "multiext", {"prefix": str(prefix), "name": name})
            for name, extension in named.items()
        ]
    return [
        flag(prefix + extension, "multiext", {"prefix": str(prefix), "name": None})
        for extension in extensions
    ]


def glob_wildcards(
    pattern: Any, files: Iterable[str] | None = None, followlinks: bool = False
) -> Any:
    """The wildcard values of all files and directories that match `pattern`.

    A named tuple of lists, in the order in which the names occur; unsorted. `files` are looked
    through instead of the disk if given.
    """
    from collections import namedtuple

    text = os.fspath(pattern)
    if files is None and (State.remote or text.startswith(_STORED)):
        from rulekit.language.storagenames import table

        text, files = table().names_for(text if "://" in text else os.path.normpath(text))
    else:
        text = os.path.normpath(text)
    first = text.find("{")
    folder = os.path.dirname(text[:first] if first >= 0 else text) or "."
    names = wildcard_names(text)
    try:
        compiled = Pattern(text)
        regex = compiled.regex
    except PatternError as error:
        raise WorkflowError(f"`glob_wildcards`: {error}") from None
    found: list[list[str]] = [[] for _ in names]
    appends = [one.append for one in found]
    prefix, suffix = compiled.prefix, compiled.suffix
    for path in _walk(folder, followlinks) if files is None else files:
        if not (path.startswith(prefix) and path.endswith(suffix)):
            continue
        match = regex.fullmatch(path)
        if match is not None:
            for append, value in zip(appends, match.groupdict().values(), strict=False):
                append(value)
    return namedtuple("Wildcards", names)(*found)  # type: ignore[misc]


def _walk(folder: str, followlinks: bool) -> Iterable[str]:
    """All files, then all directories, of each folder from the top down; clean paths."""
    for here, directories, names in os.walk(folder, followlinks=followlinks):
        if here == ".":
            before = ""
        else:
            clean = here[2:] if here.startswith("./") else here
            before = clean if clean.endswith("/") else clean + "/"
        for name in names:
            yield before + name
        for name in directories:
            yield before + name


def _later(source: Any, work: Callable[[Any], Any]) -> Any:
    """`work(value)` now for a value; for a function or an item of the rule, a function."""
    if isinstance(source, RuleItem):
        name = source.name

        def whole_item(wildcards: Any, **available: Any) -> Any:
            return work(available[name])

        return takes(whole_item, frozenset((name,)))
    if callable(source):

        def later(wildcards: Any, **available: Any) -> Any:
            return work(source(wildcards, **available))

        return takes(later, accepted(source))
    return work(source)


def subpath(
    path_or_func: Any,
    strip_suffix: str | None = None,
    with_suffix: str | None = None,
    basename: bool = False,
    parent: bool = False,
    ancestor: int | None = None,
) -> Any:
    """A path without its suffix, with another one, its last part or one of its parents.

    `path_or_func` is a path or a function that gives one; for a function, so is the result.
    """
    if sum((bool(basename), bool(parent), ancestor is not None)) > 1:
        raise WorkflowError("`subpath` takes one of `basename`, `parent` and `ancestor`")
    if ancestor is not None and ancestor < 1:
        raise WorkflowError("`subpath`: `ancestor` must be at least 1")

    def work(value: Any) -> str:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, (str, os.PathLike)):
            raise WorkflowError(f"`subpath` takes one path, not {value!r}")
        path: str = os.fspath(value)
        if strip_suffix is not None:
            if not path.endswith(strip_suffix):
                raise WorkflowError(f"`subpath`: `{path}` does not end with `{strip_suffix}`")
            path = path[: len(path) - len(strip_suffix)]
        if with_suffix is not None:
            path += with_suffix
        if basename:
            return os.path.basename(path)
        for _ in range(1 if parent else ancestor or 0):
            path = os.path.dirname(path)
            if not path:
                return "."
        return path

    return _later(path_or_func, work)


def flatten(list_of_lists: Iterable[Any]) -> list[str]:
    """Nested lists as one flat list of text."""
    found: list[str] = []
    for item in list_of_lists:
        if isinstance(item, list):
            found += flatten(item)
        else:
            found.append(str(item))
    return found


def prepend_param(prefix: str, paths_or_func: Any, space: bool = True) -> Any:
    """One text with each file name after `prefix`: ``-i a -i b``."""
    start = f"{prefix} " if space else prefix

    def work(value: Any) -> str:
        paths = value if isinstance(value, list) else [value]
        for path in paths:
            if not isinstance(path, (str, os.PathLike)):
                raise WorkflowError(f"`prepend_param` takes paths, not {path!r}")
        return " ".join([f"{start}{os.fspath(path)}" for path in paths])

    return _later(paths_or_func, work)


def as_py_module(path_or_func: Any = None) -> Any:
    """The dotted name under which ``python -m`` finds a ``.py`` file; by default `input.script`."""
    if path_or_func is None:
        path_or_func = RuleItem("input").script

    def work(value: Any) -> str:
        if isinstance(value, list):
            if len(value) != 1:
                raise WorkflowError(f"`as_py_module` takes one file, not {len(value)}")
            value = value[0]
        path = os.fspath(value)
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not path.endswith(".py") or path.startswith("/"):
            raise WorkflowError(f"`as_py_module` takes a relative path to a .py file, not `{path}`")
        parts[-1] = parts[-1][: -len(".py")]
        if not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) for part in parts):
            raise WorkflowError(f"`{path}` is no name of a Python module")
        return ".".join(parts)

    return _later(path_or_func, work)


# Flags of paths that no prefix belongs to, or that have theirs.
_IN_PLACE = frozenset(("path_modified", "local", "sourcecache_entry"))


def exists(path: Any) -> bool:
    """True if the file or directory is there now, on this disk or in storage."""
    text = os.fspath(path)
    if State.remote or text.startswith(_STORED):
        from rulekit.language.storagenames import table

        text, found = table().exists(text)
        if found is not None:
            return found
    if State.prefix and _IN_PLACE.isdisjoint(flags_of(path)):
        plain = os.path.normpath(text)
        text = plain if plain.startswith(("/", "..")) else State.prefix + plain
    return os.path.exists(text)


def _choose(
    paths: Sequence[Any],
    read: bool | None,
    write: bool | None,
    execute: bool | None,
    creatable: bool | None,
    is_dir: bool,
) -> Any:
    from pathlib import Path

    def allowed(path: str, wanted: Sequence[tuple[int, bool | None]]) -> bool:
        return all(os.access(path, mode) for mode, want in wanted if want is not None)

    wanted = ((os.R_OK, read), (os.W_OK, write), (os.X_OK, execute))
    for one in paths:
        path: str = os.path.expanduser(os.fspath(one))
        if allowed(path, wanted) and os.path.isdir(path) == is_dir and os.path.exists(path):
            return Path(path)
        if creatable:
            parent = os.path.dirname(os.path.abspath(path))
            while not os.path.exists(parent):
                parent = os.path.dirname(parent)
            if os.path.isdir(parent) and os.access(parent, os.R_OK | os.W_OK | os.X_OK):
                return Path(path)
    return None


def choose_file(
    file_list: Sequence[Any],
    read: bool | None = True,
    write: bool | None = True,
    execute: bool | None = None,
    creatable: bool | None = None,
) -> Any:
    """The first file of the list that may be used so (or made, if `creatable`), else None."""
    return _choose(file_list, read, write, execute, creatable, False)


def choose_folder(
    folder_list: Sequence[Any],
    read: bool | None = True,
    write: bool | None = True,
    open: bool | None = True,  # noqa: A002  the name that rule files use
    creatable: bool | None = None,
) -> Any:
    """The first folder of the list that may be used so (or made, if `creatable`), else None."""
    return _choose(folder_list, read, write, open, creatable, True)


def choose_tmp(
    tmp_list: Sequence[Any],
    read: bool | None = True,
    write: bool | None = True,
    open: bool | None = True,  # noqa: A002  the name that rule files use
    creatable: bool | None = True,
) -> Any:
    """As `choose_folder`; if there is none, the text that stands for the system's own."""
    found = _choose(tmp_list, read, write, open, creatable, True)
    return "system_tmpdir" if found is None else found


def limit(pattern: str, **wildcards: Iterable[str]) -> str:
    """`pattern` with wildcards that only take the given values."""
    return pattern.format(
        **{name: f"{{{name},{'|'.join(values)}}}" for name, values in wildcards.items()}
    )
