"""A decorator for frozen records that costs a command-line start almost nothing.

`dataclasses` is the right tool and type checkers see exactly that. At run time importing it
costs some 10 ms (it pulls in `inspect`), which is more than planning a small workflow, so this
module builds the same kind of class from its annotations: slots, keyword or positional
construction, equality, a repr, and no assignment after `__init__`.

What it does not do: default factories, inheritance of fields, ordering.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import replace as replace
    from typing import Any, TypeVar, dataclass_transform

    _T = TypeVar("_T")

    @dataclass_transform(frozen_default=True)
    def frozen(cls: type[_T]) -> type[_T]: ...

else:
    _FEW = 24  # instances made before an `__init__` is compiled

    def _refuse(self: Any, name: str, value: object = None) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: `{name}` cannot be set")

    def _equal(self: Any, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def _hash(self: Any) -> int:
        return hash(tuple(getattr(self, name) for name in self.__slots__))

    def _repr(self: Any) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"

    def _getstate(self: Any) -> tuple:
        return tuple(getattr(self, name) for name in self.__slots__)

    def _setstate(self: Any, state: tuple) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            object.__setattr__(self, name, value)

    _COMMON = (
        ("__setattr__", _refuse),
        ("__delattr__", _refuse),
        ("__eq__", _equal),
        ("__hash__", _hash),
        ("__repr__", _repr),
        ("__getstate__", _getstate),
        ("__setstate__", _setstate),
    )

    def frozen(cls: type) -> type:
        """Turn an annotated class body into a frozen class with slots."""
        names = tuple(getattr(cls, "__annotations__", ()))
        space = dict(cls.__dict__)
        defaults = {name: space.pop(name) for name in names if name in space}
        for leftover in ("__dict__", "__weakref__", "__annotate_func__"):
            space.pop(leftover, None)
        space["__slots__"] = names
        space["__match_args__"] = names
        for name, function in _COMMON:
            space.setdefault(name, function)
        made = type(cls)(cls.__name__, cls.__bases__, space)
        made.__init__ = _first_init(made, names, defaults)
        return made

    def _first_init(made: type, names: tuple[str, ...], defaults: dict[str, object]) -> Any:
        """An `__init__` that needs no compiling, for classes of which few instances are made.

        Compiling one takes as long as some fifty calls of this.
        """
        # The slot descriptors set a field without going through the refusing __setattr__.
        setters = [made.__dict__[name].__set__ for name in names]
        left = _FEW

        def __init__(self: Any, /, *args: object, **kwargs: object) -> None:  # noqa: N807
            nonlocal left
            left -= 1
            if left >= 0 and len(args) <= len(names):
                values = dict(zip(names, args))  # noqa: B905
                given = len(values) + len(kwargs)
                values.update(kwargs)
                if len(values) == given:
                    try:
                        for name, setter in zip(names, setters):  # noqa: B905
                            setter(self, values.pop(name) if name in values else defaults[name])
                    except KeyError:
                        pass
                    else:
                        if not values:
                            return
            # Many are made, or the call is wrong: then Python itself says what is.
            made.__init__ = _compile_init(names, setters, defaults)
            made.__init__(self, *args, **kwargs)

        return __init__

    def _compile_init(
        names: tuple[str, ...], setters: list[Any], defaults: dict[str, object]
    ) -> Any:
        arguments = ", ".join(
            f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names
        )
        body = "".join(f" _set_{i}(self, {name})\n" for i, name in enumerate(names)) or " pass\n"
        scope: dict[str, Any] = {f"_set_{i}": setter for i, setter in enumerate(setters)}
        scope["_defaults"] = defaults
        exec(f"def __init__(self, {arguments}):\n{body}", scope)  # noqa: S102
        return scope["__init__"]

    def replace(record: Any, /, **changes: object) -> Any:
        """A copy of a frozen record with some fields changed."""
        values = {name: getattr(record, name) for name in record.__slots__}
        values.update(changes)
        return type(record)(**values)
