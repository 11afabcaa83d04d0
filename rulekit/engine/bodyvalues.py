"""`params` and `resources` on their way to the process of a `run:` body.

Both ends have read the rule file. So what the file defines at its top (functions, classes) travels
as its name, other functions of the file (as lambdas) as their code, and rows of tables (namedtuples
whose class nobody can import) as their values. Pickle does the rest.
"""

from __future__ import annotations

import base64
import io
import marshal
import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FUNCTION = type(lambda: 0)
_THE_SCOPE = ""


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, scope: Mapping[str, Any]) -> None:
        super().__init__(file, protocol=5)
        self._scope = scope

    def persistent_id(self, value: Any) -> str | None:
        """The name of what the rule file defines."""
        if value is self._scope:
            return _THE_SCOPE
        if isinstance(value, (type, _FUNCTION)):
            name = value.__name__
            if self._scope.get(name) is value and value.__module__ != "builtins":
                return name
        return None

    def reducer_override(self, value: Any) -> Any:
        """Functions and rows; the rest is left to pickle."""
        kind = type(value)
        if kind is _FUNCTION and value.__globals__ is self._scope:
            cells = tuple(cell.cell_contents for cell in value.__closure__ or ())
            code = marshal.dumps(value.__code__)
            given = (value.__name__, value.__defaults__, value.__kwdefaults__, cells)
            return _function, (code, self._scope, *given)
        if issubclass(kind, tuple) and hasattr(kind, "_fields") and not _importable(kind):
            return _row, (kind.__name__, kind._fields, tuple(value))
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, scope: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._scope = scope

    def persistent_load(self, name: Any) -> Any:
        """What the rule file defines under this name."""
        return self._scope if name == _THE_SCOPE else self._scope[name]


def _importable(kind: type) -> bool:
    import sys

    module = sys.modules.get(kind.__module__)
    return getattr(module, kind.__qualname__, None) is kind


def _function(
    code: bytes,
    scope: dict[str, Any],
    name: str,
    defaults: tuple[Any, ...] | None,
    named: dict[str, Any] | None,
    cells: tuple[Any, ...],
) -> Any:
    import types

    closure = tuple(types.CellType(value) for value in cells)
    # Written by this run, for this version of Python.
    made = types.FunctionType(marshal.loads(code), scope, name, defaults, closure)  # noqa: S302
    made.__kwdefaults__ = named
    return made


def _row(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    from collections import namedtuple

    return namedtuple(name, fields, rename=True)(*values)  # type: ignore[misc]


def dump(values: object, scope: Mapping[str, Any]) -> str:
    """`values` as text, for `load` with the same names of a rule file.

    Raises TypeError for what cannot travel, as an open file.
    """
    file = io.BytesIO()
    try:
        _Writer(file, scope).dump(values)
    except (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"it cannot be handed to another process: {error}") from None
    return base64.b64encode(file.getvalue()).decode("ascii")


def load(text: str, scope: Mapping[str, Any]) -> Any:
    """The reverse of `dump`. Only for what the run itself has written."""
    return _Reader(io.BytesIO(base64.b64decode(text)), scope).load()
