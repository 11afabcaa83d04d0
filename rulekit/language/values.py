"""`lookup`, `branch`, `evaluate`, `parse_input`: values that depend on the wildcards."""

from __future__ import annotations

import os
import re

from rulekit.language.call import accepted, call, takes
from rulekit.language.exceptions import LookupError, WorkflowError  # noqa: A004
from rulekit.language.format import format_text
from rulekit.patterns import wildcard_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_NOTHING: Any = object()


def _union(functions: list[Any]) -> frozenset[str] | None:
    wanted: frozenset[str] | None = frozenset()
    for function in functions:
        names = accepted(function)
        wanted = None if names is None or wanted is None else wanted | names
    return wanted


def branch(
    condition: Any,
    then: Any = None,
    otherwise: Any = None,
    cases: Mapping[Any, Any] | None = None,
) -> Any:
    """One of several values; a function of the wildcards if any part is one.

    With `cases` the condition's value is the key. None becomes an empty list.
    """
    if cases is not None and then is not None:
        raise WorkflowError("`branch` takes `then` or `cases`, not both")

    def choose(resolve: Callable[[Any], Any]) -> Any:
        key = resolve(condition)
        if cases is None:
            chosen = then if key else otherwise
        elif key in cases:
            chosen = cases[key]
        elif otherwise is not None:
            chosen = otherwise
        else:
            known = ", ".join(f"`{case}`" for case in cases)
            raise WorkflowError(f"`branch` has no case `{key}`; there are {known}")
        found = resolve(chosen)
        return [] if found is None else found

    functions = [one for one in (condition, then, otherwise) if callable(one)]
    if cases is not None:
        functions += [one for one in cases.values() if callable(one)]
    if not functions:
        return choose(lambda value: value)

    def later(wildcards: Any, **available: Any) -> Any:
        return choose(lambda value: call(value, wildcards, available) if callable(value) else value)

    return takes(later, _union(functions))


def evaluate(expr: str) -> Callable[[Any], Any]:
    """A function that computes a Python expression in which ``{x}`` is the wildcard's value."""

    def later(wildcards: Any) -> Any:
        text = expr.format(**{name: repr(value) for name, value in wildcards.items()})
        try:
            return eval(text, {})  # noqa: S307  what it is for
        except Exception as error:
            raise WorkflowError(
                f"`evaluate`: `{text}` cannot be computed: {type(error).__name__}: {error}"
            ) from error

    return later


def parse_input(infile: Any, parser: Callable[..., Any] | None, **kwargs: Any) -> Any:
    """A function for params: what `parser` makes of the open file (None: its stripped text)."""

    def later(wildcards: Any, input: Any) -> Any:  # noqa: A002
        available = {"input": input}
        path = call(infile, wildcards, available) if callable(infile) else infile
        if isinstance(path, list) and len(path) == 1:
            path = path[0]
        with open(path, encoding="utf-8") as file:
            return file.read().strip() if parser is None else parser(file, **kwargs)

    return later


_CHECKSUM_LINE = re.compile(r"(\S+)\s+\*?(.+)").fullmatch


def extract_checksum(infile: Any, **kwargs: Any) -> str:
    """The checksum of `file` in a table of lines ``CHECKSUM  FILE``; for `parse_input`."""
    wanted = os.fspath(kwargs.get("file", "")).removeprefix("./")
    lines = infile if hasattr(infile, "read") else open(infile, encoding="utf-8")
    with lines:
        for line in lines:
            match = _CHECKSUM_LINE(line.strip())
            if match is not None and match[2].removeprefix("./") == wanted:
                return match[1]
    raise WorkflowError(f"`extract_checksum`: there is no line for `{wanted}`")


def lookup(
    query: Any = None,
    dpath: Any = None,
    cols: str | list[str] | None = None,
    is_nrows: int | None = None,
    within: Any = None,
    default: Any = _NOTHING,
    **namespace: Any,
) -> Any:
    """Values from a data frame (`query`) or from a dict (`dpath`, a path such as ``a/b``).

    With wildcards in the text, or functions among the extra named arguments, which fill ``{name}``
    too, the result is a function of the wildcards. Raises `LookupError`.
    """
    if within is None:
        raise LookupError("`within` is missing: a data frame, series or dict", None, query, dpath)
    if query is not None and dpath is not None:
        raise LookupError("only one of `query` and `dpath` can be given", None, query, dpath)
    if (
        query is not None
        and hasattr(within, "items")
        and not hasattr(within, "itertuples")
        and not hasattr(within, "to_frame")
    ):
        query, dpath = None, query
    if query is None and dpath is None:
        raise LookupError("one of `query` and `dpath` is needed")
    if cols is not None and not isinstance(cols, (str, list)):
        raise LookupError("`cols` is a name or a list of names", None, query, dpath)
    if is_nrows is not None and not isinstance(is_nrows, int):
        raise LookupError("`is_nrows` is a number", None, query, dpath)
    if hasattr(within, "to_frame") and query is not None:
        within = within.to_frame()

    def find(text: str, columns: str | list[str] | None) -> Any:
        if query is not None:
            return _in_frame(within, text, columns, is_nrows, default)
        return _in_dict(within, text, default)

    asked = query if query is not None else dpath
    texts = [asked, *([cols] if isinstance(cols, str) else cols or ())]
    open_names = any(
        callable(text) or any(name not in namespace for name in wildcard_names(text))
        for text in texts
    )

    def filled(names: Mapping[str, Any]) -> Any:
        def fill(text: str) -> str:
            return format_text(text, names, {}) if names else text

        columns = [fill(one) for one in cols] if isinstance(cols, list) else cols and fill(cols)
        return find(fill(asked), columns)

    functions = [value for value in (asked, *namespace.values()) if callable(value)]
    if not open_names and not functions:
        return filled(namespace)

    def later(wildcards: Any, **available: Any) -> Any:
        names = dict(wildcards.items())
        for name, value in namespace.items():
            names[name] = call(value, wildcards, available) if callable(value) else value
        if callable(asked):
            text = format_text(call(asked, wildcards, available), names, {})
            return find(text, cols)
        return filled(names)

    return takes(later, _union(functions))


def _in_frame(
    within: Any, text: str, cols: str | list[str] | None, is_nrows: int | None, default: Any
) -> Any:
    try:
        found = within.query(text)
    except Exception as error:
        raise LookupError(None, error, text) from error
    if is_nrows is not None:
        return len(found) == is_nrows
    if len(found) == 0 and default is not _NOTHING:
        return default
    if cols is not None:
        try:
            found = found[cols]
        except KeyError:
            raise LookupError(f"there is no column {cols!r}", None, text) from None
        if isinstance(cols, str):
            return found.to_list()
    rows = list(found.itertuples(index=cols is None))
    return rows[0] if len(rows) == 1 else rows


def _in_dict(within: Any, text: str, default: Any) -> Any:
    """The value at a path of keys; with ``*`` in it, the list of all that match."""
    parts = [part for part in text.split("/") if part]
    found = [within]
    glob = False
    for part in parts:
        following: list[Any] = []
        for value in found:
            if hasattr(value, "items"):
                keyed = [(str(key), one) for key, one in value.items()]
            elif isinstance(value, (list, tuple)):
                keyed = [(str(i), one) for i, one in enumerate(value)]
            else:
                continue
            if any(sign in part for sign in "*?["):
                from fnmatch import fnmatchcase

                glob = True
                following += [one for key, one in keyed if fnmatchcase(key, part)]
            else:
                following += [one for key, one in keyed if key == part]
        found = following
    if glob and len(found) != 1:
        return found
    if not found:
        if default is not _NOTHING:
            return default
        raise LookupError("there is nothing at that path", None, None, text)
    return found[0]
