"""The placeholder for a value that depends on files which are not there yet."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class TBDString(str):
    """Shown as ``<TBD>``; any arithmetic or look-up with it gives it again."""

    __slots__ = ()

    def __new__(cls, text: str = "<TBD>") -> TBDString:
        return super().__new__(cls, text)

    def __getitem__(self, key: Any) -> TBDString:
        return self

    def __getattr__(self, name: str) -> TBDString:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def _same(self, *args: Any) -> TBDString:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _same
    __mod__ = __rmod__ = __pow__ = __rpow__ = _same  # type: ignore[assignment]
    __neg__ = __pos__ = __abs__ = __round__ = __ceil__ = __floor__ = _same

    def __reduce__(self) -> tuple[Any, ...]:
        return (TBDString, ())


TBD = TBDString()
