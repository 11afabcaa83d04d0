"""File names with flags (`temp`, `protected`, ...), as user code hands them around."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class FlaggedStr(str):
    """A file name with flags. Equal to, and usable as, the plain string.

    `flags` maps a flag's name to its value: ``{"temp": True}``,
    ``{"ensure": {"non_empty": True}}``.
    """

    __slots__ = ("flags",)
    flags: dict[str, Any]

    def __new__(cls, text: str, flags: Mapping[str, Any] | None = None) -> FlaggedStr:
        made = super().__new__(cls, text)
        made.flags = {**flags_of(text), **(flags or {})}
        return made

    def open(self, mode: str = "r", **options: Any) -> Any:
        """The opened file, as ``checkpoints.x.get().output[0].open()`` asks for it."""
        return open(str(self), mode, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        return (FlaggedStr, (str(self), self.flags))


class FlaggedFunction:
    """A function whose results get flags; ``unpack`` is a flag too. Callable like the function."""

    __slots__ = ("flags", "function")
    function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any], flags: Mapping[str, Any]) -> None:
        self.function = function.function if isinstance(function, FlaggedFunction) else function
        self.flags: dict[str, Any] = {**flags_of(function), **flags}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def flags_of(value: object) -> dict[str, Any]:
    """The flags of a value, empty if it has none. The result is not to be changed."""
    found = getattr(value, "flags", None)
    # Arrays and data frames have an attribute of that name as well.
    return found if found.__class__ is dict else {}
