"""The lists that user code sees as `input`, `output`, `params`, `wildcards`, ..."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any


# Names of methods that an item may have all the same.
_SHADOWING = frozenset(("sort", "index", "values", "named", "from_dict"))


class Namedlist(list):  # type: ignore[type-arg]
    """A list some of whose items have names.

    Access by position, attribute, ``x["name"]`` or ``x.get("name")``; iteration and `len` go
    over all items, flat; `str` joins them with blanks. A name can stand for several items: it
    then gives a `Namedlist` of them. `names` maps a name to an index, or to a pair (start, stop).
    """

    _names: dict[str, int | tuple[int, int]]

    def __init__(
        self,
        items: Iterable[Any] = (),
        names: Mapping[str, int | tuple[int, int]] | None = None,
        *,
        toclone: Namedlist | None = None,
        fromdict: Mapping[str, Any] | None = None,
    ) -> None:
        # The last two are how rule files that make such lists themselves know it.
        if fromdict is not None:
            items, names = fromdict.values(), {name: i for i, name in enumerate(fromdict)}
        elif toclone is not None:
            items, names = toclone, getattr(toclone, "_names", None)
        super().__init__(items)
        if names:
            self.__dict__["_names"] = dict(names)
            if not _SHADOWING.isdisjoint(names):
                # Items win over methods of these names.
                for name in _SHADOWING.intersection(names):
                    self.__dict__[name] = self._named(name)
        else:
            self.__dict__["_names"] = {}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Namedlist:
        """A list of the values, each with its key as name (a list stays one item)."""
        return cls(values.values(), {name: i for i, name in enumerate(values)})

    def _named(self, name: str) -> Any:
        where = self._names[name]
        if isinstance(where, tuple):
            return Namedlist(list.__getitem__(self, slice(*where)))
        return list.__getitem__(self, where)

    def __getattr__(self, name: str) -> Any:
        # Only called when normal look-up failed; `_names` may be missing while unpickling.
        if name != "_names" and name in self.__dict__.get("_names", ()):
            return self._named(name)
        raise AttributeError(f"{type(self).__name__} has no item `{name}`", name=name, obj=self)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._names:
                raise KeyError(key)
            return self._named(key)
        return list.__getitem__(self, key)  # a plain list for a slice

    def get(self, name: str, default: Any = None) -> Any:
        return self._named(name) if name in self._names else default

    def keys(self) -> Iterable[str]:
        return self._names.keys()

    def values(self) -> list[Any]:
        return [self._named(name) for name in self._names]

    def items(self) -> Iterator[tuple[str, Any]]:
        return ((name, self._named(name)) for name in self._names)

    def named(self) -> dict[str, int | tuple[int, int]]:
        """Name to index, or to (start, stop) of a named part."""
        return dict(self._names)

    def __str__(self) -> str:
        return " ".join(map(str, self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (list(self), self._names))

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """Refused: positions would change under the names."""
        raise AttributeError(f"{type(self).__name__} cannot be sorted: use sorted(...)")

    def index(self, *args: Any, **kwargs: Any) -> int:
        """Refused, as in the language this follows: items may be called `index`."""
        raise AttributeError(f"{type(self).__name__} has no method `index`: use list(...).index")


class Wildcards(Namedlist):
    """The values of a job's wildcards, all named, all strings. `str` joins the values, as for the
    other lists; the field ``{wildcards}`` shows them `with_names`."""

    def with_names(self) -> str:
        """``a=1,b=2``, sorted by name."""
        return ",".join(f"{name}={self._named(name)}" for name in sorted(self._names))


def names_of(values: Namedlist) -> dict[str, int | tuple[int, int]]:
    """Name to position, or (start, stop), whatever the items are called."""
    return dict(values.__dict__["_names"])


def _size_here(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def measure_with(size: Callable[[str], int]) -> None:
    """From now on sizes of input files are asked of `size` (bytes, 0 for a missing one): for runs
    with files that are not on this disk."""
    InputFiles._measure = staticmethod(size)


class InputFiles(Namedlist):
    """A job's input files; the sizes are asked for when needed, in bytes or powers of 1024."""

    _measure: Callable[[str], int] = staticmethod(_size_here)

    def _sizes(self, only: Any = None) -> list[int]:
        files = self if only is None else only
        return [self._measure(path) for path in files]

    @property
    def size(self) -> int:
        return sum(self._sizes())

    @property
    def size_kb(self) -> float:
        return self.size / 1024

    @property
    def size_mb(self) -> float:
        return self.size / 1024**2

    @property
    def size_gb(self) -> float:
        return self.size / 1024**3

    @property
    def size_files(self) -> list[int]:
        return self._sizes()

    @property
    def size_files_kb(self) -> list[float]:
        return [size / 1024 for size in self._sizes()]

    @property
    def size_files_mb(self) -> list[float]:
        return [size / 1024**2 for size in self._sizes()]

    @property
    def size_files_gb(self) -> list[float]:
        return [size / 1024**3 for size in self._sizes()]


class OutputFiles(Namedlist):
    """A job's output files."""


class Params(Namedlist):
    """A job's parameters."""


class Log(Namedlist):
    """A job's log files."""


class Resources(Namedlist):
    """A job's resources by name."""
