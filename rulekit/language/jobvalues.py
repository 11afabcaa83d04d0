"""A job's values from its rule and its wildcards: files, params, resources, threads.

Pure but for the user's functions. Called for every job, so each has a way to tell beforehand that
a rule needs no evaluation (`constant_params`, `static_layout`, `constant_resources`).
"""

from __future__ import annotations

import os

from rulekit.errors.tree import PlanError, RulekitError
from rulekit.language.call import accepted, call
from rulekit.language.deferred import RuleItem
from rulekit.language.resources import (
    constant_resources,
    evaluate,
    evaluate_resources,
    evaluate_threads,
    job_resources,
)
from rulekit.model.flags import FlaggedFunction, FlaggedStr, flags_of
from rulekit.model.namedlist import Params, Wildcards
from rulekit.model.rule import CheckpointPending
from rulekit.patterns import fill_names, wildcard_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.model.rule import Entry, FileItem, Rule
    from rulekit.patterns import Pattern

__all__ = [
    "call_function",
    "constant_params",
    "constant_resources",
    "evaluate_params",
    "evaluate_resources",
    "evaluate_threads",
    "expand_entries",
    "expand_inputs",
    "job_resources",
    "make_wildcards",
    "nonderived_names",
    "nonderived_params",
    "static_layout",
]

# A function that gives a function is called again, so often at most.
_MOST_CALLS = 10
# On one machine all jobs are of one group.
_AVAILABLE = {"groupid": "local"}


def make_wildcards(names: Sequence[str], values: Sequence[str]) -> Wildcards:
    """The `wildcards` object for values given in the order of `names`."""
    return Wildcards(values, {name: i for i, name in enumerate(names)})


def call_function(function: Callable[..., Any], wildcards: Wildcards) -> Any:
    """What an input or log function gives, called again while that is a function.

    Generators are read to the end, so that their exceptions come now. Raises what the function
    raises, and `PlanError` for the eleventh function in a row.
    """
    value: Any = function
    for _ in range(_MOST_CALLS):
        value = call(value, wildcards, _AVAILABLE)
        if not callable(value):
            return list(value) if type(value).__name__ == "generator" else value
    raise PlanError(
        "a function gives a function, ten times over: is one returned instead of its result?",
        code="RK0450",
    )


def static_layout(
    entries: tuple[Entry, ...],
) -> tuple[tuple[FileItem, ...], dict[str, int | tuple[int, int]]] | None:
    """The flat items and the names of entries without functions; None if there is a function.

    Then ``[item.pattern.fill(...) for item in items]`` is the job's list.
    """
    items: list[FileItem] = []
    names: dict[str, int | tuple[int, int]] = {}
    for entry in entries:
        start = len(items)
        for item in entry.items:
            if item.function is not None:
                return None
            items.append(item)
        if entry.name is not None:
            names[entry.name] = (start, len(items)) if entry.is_list else start
    return tuple(items), names


def _fill(pattern: Pattern, wildcards: Wildcards) -> str:
    if not pattern.slots:
        return pattern.text
    named = wildcards._names
    values = [list.__getitem__(wildcards, named[name]) for name in pattern.names]  # type: ignore[index]
    return pattern.fill(values)


def expand_entries(
    entries: tuple[Entry, ...],
    wildcards: Wildcards,
    *,
    call: Callable[[Callable[..., Any], Wildcards], Any] = call_function,
    rule: Rule | None = None,
    fill_results: bool = True,
) -> tuple[list[str], dict[str, int | tuple[int, int]]]:
    """The files of one directive for one job: the flat list, and the names for a `Namedlist`.

    Items with flags are `FlaggedStr`. `call(function, wildcards)` calls a user function. Its result
    may be a name, a path, a list of them (nested lists are flattened), or for `unpack` a dict;
    wildcards in it are filled in if `fill_results` (as for inputs, not for logs). Raises
    `PlanError` for any other result, `KeyError` for a wildcard that the job does not have.
    """
    files: list[str] = []
    names: dict[str, int | tuple[int, int]] = {}
    for entry in entries:
        start = len(files)
        as_list = entry.is_list
        for item in entry.items:
            if item.pattern is not None:
                path = _fill(item.pattern, wildcards)
                flags = item.flags
                if item.fixed_rule is not None:
                    flags = {**flags, "fixed_rule": item.fixed_rule}
                files.append(FlaggedStr(path, flags) if flags else path)
                continue
            function = item.function
            assert function is not None
            result = call(function, wildcards)
            flags = item.flags
            if flags and "unpack" in flags:
                flags = {key: value for key, value in flags.items() if key != "unpack"}
                _unpack(result, flags, wildcards, files, names, rule, fill_results, entry.name)
                continue
            if isinstance(result, dict):
                result = list(result)
            if not isinstance(result, (str, os.PathLike)):
                as_list = True
            _add(result, flags, wildcards, files, rule, fill_results)
        if entry.name is not None:
            names[entry.name] = (start, len(files)) if as_list else start
    return files, names


def expand_inputs(
    rule: Rule, values: Sequence[str]
) -> tuple[list[str], dict[str, int | tuple[int, int]]]:
    """The input files of a job, for wildcard values in the order of the rule's names.

    As `expand_entries`, but what a user function raises becomes a `PlanError` that names the place
    in the rule file. `CheckpointPending` is let through.
    """
    wildcards = make_wildcards(rule.wildcard_names, values)

    def call_one(function: Callable[..., Any], wildcards: Wildcards) -> Any:
        try:
            return call_function(function, wildcards)
        except (CheckpointPending, RulekitError):
            raise
        except Exception as error:
            from rulekit.language.usererrors import function_failed

            raise function_failed(rule, "input function", wildcards, error) from error

    return expand_entries(rule.inputs, wildcards, call=call_one, rule=rule)


def _unpack(
    result: Any,
    flags: Mapping[str, Any],
    wildcards: Wildcards,
    files: list[str],
    names: dict[str, int | tuple[int, int]],
    rule: Rule | None,
    fill: bool,
    name: str | None,
) -> None:
    if name is not None:
        raise _wrong(rule, f"`unpack` gives its files names of their own, it cannot be `{name}`")
    if isinstance(result, dict):
        for key, value in result.items():
            start = len(files)
            _add(value, flags, wildcards, files, rule, fill)
            one = isinstance(value, (str, os.PathLike))
            names[str(key)] = start if one else (start, len(files))
    elif isinstance(result, (list, tuple)):
        for value in result:
            _add(value, flags, wildcards, files, rule, fill)
    else:
        raise _wrong(rule, f"the function of `unpack` must give a dict or a list, not {result!r}")


def _add(
    value: Any,
    flags: Mapping[str, Any],
    wildcards: Wildcards,
    files: list[str],
    rule: Rule | None,
    fill: bool,
) -> None:
    if isinstance(value, str):
        own = flags_of(value)
        text = str(value)
    elif isinstance(value, os.PathLike):
        own = {}
        text = os.fspath(value)
    else:
        if value is not None and hasattr(type(value), "__iter__"):
            for one in value:
                _add(one, flags, wildcards, files, rule, fill)
            return
        raise _wrong(
            rule,
            f"an input function must give file names, not {value!r}",
            help="no file at all is an empty list: `[]`" if value is None else None,
        )
    if fill and "{" in text:
        # Only the job's own wildcards: any other brace belongs to the file's name.
        text = fill_names(text, dict(wildcards.items()), keep_missing=True)
    if text[:5] in ("az://", "ab://"):
        from rulekit.language.storagenames import table

        text = table().path(text)
    if text[-1:] == "/":
        text = text.rstrip("/") or "/"  # as for names that are no function's
    all_flags = {**flags, **own} if own else flags
    files.append(FlaggedStr(text, all_flags) if all_flags else text)


def _wrong(rule: Rule | None, message: str, help: str | None = None) -> PlanError:  # noqa: A002
    if rule is None:
        return PlanError(message, code="RK0450", help=help)
    return PlanError(f"rule `{rule.name}`: {message}", code="RK0450", span=rule.span, help=help)


_DERIVING = frozenset(("input", "output", "threads", "resources"))


def _is_plain(value: Any) -> bool:
    """True if the value is the same for all jobs."""
    if callable(value) or isinstance(value, RuleItem):
        return False
    if isinstance(value, str):
        return not wildcard_names(value)
    if type(value) is list:
        return not any(isinstance(one, str) and wildcard_names(one) for one in value)
    return True


def constant_params(rule: Rule) -> tuple[Params, tuple[str, ...]] | None:
    """Params and their compared texts if they are the same for all jobs of the rule, else None."""
    for one in rule.params:
        if not _is_plain(one.value):
            return None
    params = Params(
        [one.value for one in rule.params],
        {one.name: i for i, one in enumerate(rule.params) if one.name is not None},
    )
    return params, nonderived_params(rule, params)


def evaluate_params(
    rule: Rule,
    wildcards: Wildcards,
    input: Any,  # noqa: A002  the names that user functions take
    output: Any,
    threads: Any,
    resources: Any,
) -> Params:
    """The params of a job.

    Text, and text directly in a list, has its wildcards filled in; functions are called with what
    they take. `threads` and `resources` may be `Later` values. A function that does not find one of
    the input files gives ``<TBD>``. Raises `PlanError`.
    """
    values: list[Any] = []
    names: dict[str, int | tuple[int, int]] = {}
    available = {"input": input, "output": output, "threads": threads, "resources": resources}
    known: dict[str, str] | None = None
    for one in rule.params:
        value = one.value
        if isinstance(value, str):
            if "{" in value:
                known = dict(wildcards.items()) if known is None else known
                value = _filled(rule, value, known)
        elif type(value) is list:
            known = dict(wildcards.items()) if known is None else known
            value = [_filled(rule, v, known) if isinstance(v, str) else v for v in value]
        elif isinstance(value, RuleItem):
            value = available.get(value.name)
        elif callable(value):
            if isinstance(value, FlaggedFunction) and "unpack" in value.flags:
                raise PlanError(
                    f"rule `{rule.name}`: `unpack` is for input files, not for params",
                    code="RK0451",
                    span=rule.span,
                    help="return the dict and use `{params.name[key]}`",
                )
            what = f"function of the param `{one.name}`" if one.name else "function of a param"
            value = evaluate(rule, what, value, wildcards, available)
        if one.name is not None:
            names[one.name] = len(values)
        values.append(value)
    return Params(values, names)


def check_params(rule: Rule) -> None:
    """Raises `PlanError` if a text among the params has a wildcard that jobs of the rule do not."""
    known: dict[str, str] | None = None
    for one in rule.params:
        value = one.value
        for text in (value,) if isinstance(value, str) else value if type(value) is list else ():
            if isinstance(text, str) and "{" in text:
                known = dict.fromkeys(rule.wildcard_names, "") if known is None else known
                _filled(rule, text, known)


def _filled(rule: Rule, text: str, known: Mapping[str, str]) -> str:
    try:
        return fill_names(text, known)
    except KeyError as error:
        raise PlanError(
            f"rule `{rule.name}`: the wildcard `{error.args[0]}` in the param `{text}` is not one "
            f"of the rule's",
            code="RK0451",
            span=rule.span,
            help='text with braces that are no wildcards is given by a function: `lambda wc: "{x}"`',
        ) from None


def nonderived_params(rule: Rule, params: Params) -> tuple[str, ...]:
    """What the staleness aspect *params* compares: a sorted text for each param.

    Params that functions derive from input, output, threads or resources do not count, nor does
    the order. `params` are those of `evaluate_params`, one for each `Value` of the rule.
    """
    return tuple([text for text, _ in _named_texts(rule, params)])


def nonderived_names(rule: Rule, params: Params) -> tuple[str, ...]:
    """The names of what `nonderived_params` gives, in its order: ``size``, or ``[0]`` for the first
    param without a name."""
    return tuple([name for _, name in _named_texts(rule, params)])


def _named_texts(rule: Rule, params: Params) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for number, (one, value) in enumerate(zip(rule.params, params, strict=True)):
        given = one.value
        if isinstance(given, RuleItem):
            continue
        if callable(given):
            names = accepted(given)
            if names is None or not names.isdisjoint(_DERIVING):
                continue
        found.append((_compared(value), f"[{number}]" if one.name is None else one.name))
    found.sort()
    return found


def _compared(value: Any) -> str:
    flags = flags_of(value)
    if flags and "sourcecache_entry" in flags:
        return repr(str(flags["sourcecache_entry"]))
    if isinstance(value, str):
        return str.__repr__(value)
    if isinstance(value, (set, frozenset)):
        # The order of a set of text is another one in every process.
        return "{" + ", ".join(sorted(map(repr, value))) + "}"
    text = repr(value)
    if " at 0x" in text:
        # An address says nothing about the value.
        return f"<{type(value).__module__}.{type(value).__qualname__}>"
    return text
