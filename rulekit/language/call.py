"""Calling user functions: which arguments does one take?

The first argument is always the wildcards, whatever its name; others are given by name if the
function has them. What a function takes is read once from its code object; `inspect` is only
imported for callables that have none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType
    from typing import Any

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_OVERRIDE = "_rulekit_parameters"
_Function = type(lambda: None)
# By code object and number of leading arguments that are bound already.
_known: dict[tuple[CodeType, int], frozenset[str] | None] = {}


def accepted(function: Callable[..., Any]) -> frozenset[str] | None:
    """Names of the arguments after the wildcards; None if the function takes any name."""
    if type(function) is _Function and not function.__dict__:
        return _of_code(function.__code__, 0)
    return _accepted(function, 0)


def _of_code(code: CodeType, bound: int) -> frozenset[str] | None:
    key = (code, bound)
    try:
        return _known[key]
    except KeyError:
        pass
    found: frozenset[str] | None = None
    if not code.co_flags & _VARKEYWORDS:
        positional = code.co_argcount
        names = code.co_varnames[max(bound + 1, code.co_posonlyargcount) : positional]
        found = frozenset(
            names + code.co_varnames[positional : positional + code.co_kwonlyargcount]
        )
    _known[key] = found
    return found


def _accepted(function: Any, bound: int) -> frozenset[str] | None:
    for _ in range(32):  # wrappers of wrappers; a loop of them ends as well
        own = getattr(function, "__dict__", None)
        if own and _OVERRIDE in own:
            override: frozenset[str] | None = own[_OVERRIDE]
            return override
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            function = wrapped
            continue
        code = getattr(function, "__code__", None)
        if code is not None:
            return _of_code(code, bound + (getattr(function, "__self__", None) is not None))
        inner = getattr(function, "func", None)  # functools.partial
        if inner is not None and hasattr(function, "keywords"):
            bound += len(function.args)
            function = inner
            continue
        inner = getattr(function, "function", None)  # FlaggedFunction
        if callable(inner):
            function = inner
            continue
        if isinstance(function, type):
            return _by_signature(function, bound)
        method = getattr(type(function), "__call__", None)  # noqa: B004  its code is wanted
        code = getattr(method, "__code__", None)
        if code is not None:
            return _of_code(code, bound + 1)
        return _by_signature(function, bound)
    return frozenset()


def _by_signature(function: Any, bound: int) -> frozenset[str] | None:
    import inspect

    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return frozenset()
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(
        parameter.name
        for parameter in parameters[bound + 1 :]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    )


def takes(function: Callable[..., Any], names: frozenset[str] | None) -> Callable[..., Any]:
    """`function`, from now on said to take `names` (None: any). For wrappers made here."""
    function.__dict__[_OVERRIDE] = names
    return function


def call(function: Callable[..., Any], wildcards: object, available: Mapping[str, Any]) -> Any:
    """Call `function` with the wildcards and with what it takes of `available`.

    A value of `available` that is a `Later` is computed only if it is wanted.
    """
    names = accepted(function)
    if names is not None and not names:
        return function(wildcards)
    wanted = available if names is None else names & available.keys()
    arguments = {}
    for name in wanted:
        value = available[name]
        arguments[name] = value() if type(value) is Later else value
    return function(wildcards, **arguments)


class Later:
    """A value that is computed when it is asked for the first time."""

    __slots__ = ("_done", "_make", "_value")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._done = False
        self._value: Any = None

    def __call__(self) -> Any:
        if not self._done:
            self._value = self._make()
            self._done = True
        return self._value
