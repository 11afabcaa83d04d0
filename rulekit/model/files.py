"""What a file looked like, and what may be asked about files."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, Protocol

    class Stamp(NamedTuple):
        """A file at a moment: modification time in ns since the epoch, size in bytes.

        For a directory the time of its marker or of itself, the size -1. For a link as an
        input the newer of link and target.
        """

        mtime_ns: int
        size: int

    class FileView(Protocol):
        """All that planning and staleness may ask of the world. In tests a dict answers."""

        def exists(self, path: str) -> bool: ...

        def stamp(self, path: str) -> Stamp | None:
            """Of the file a path leads to; None if there is none."""

        def mtime_ns(self, path: str) -> int | None:
            """The time of `stamp` alone."""

        def link_mtime_ns(self, path: str) -> int | None:
            """Time of the directory entry itself (of the link, not its target)."""

        def digest(self, path: str) -> str | None:
            """``sha256:<hex>`` of the content; None for directories and files over the limit."""

else:
    from operator import itemgetter

    class Stamp(tuple):
        """By hand: `namedtuple` compiles its class when it is made."""

        __slots__ = ()

        def __new__(cls, mtime_ns: int, size: int) -> Stamp:
            return tuple.__new__(cls, (mtime_ns, size))

        def __getnewargs__(self) -> tuple:
            return tuple(self)

        def __repr__(self) -> str:
            return f"Stamp(mtime_ns={self[0]}, size={self[1]})"

        mtime_ns = property(itemgetter(0))
        size = property(itemgetter(1))
