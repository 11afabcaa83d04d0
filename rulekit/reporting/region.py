"""Some lines at the bottom of a terminal that are drawn over and over, with text going up above.

What rich's Live has no answer for is done here: lines are overwritten and never cleared first, so
that nothing flickers; lines that did not change are not written; after a change of width the
region finds its first line again, on terminals that wrap old lines anew and on those that do not
(what a terminal then moves off its screen is out of reach).

Between two calls the cursor is at the start of the region's last line.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BEGIN = "\x1b[?2026h"  # show nothing until the end mark (terminals that do not know it ignore it)
_END = "\x1b[?2026l"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_TO_LINE_END, _TO_SCREEN_END = "\x1b[K", "\x1b[J"


def wraps_anew(environment: Mapping[str, str]) -> bool:
    """Whether the terminal wraps lines anew when it gets narrower; most do."""
    term = environment.get("TERM", "")
    if environment.get("TMUX"):
        return True
    return not (environment.get("XTERM_VERSION") or term.startswith(("linux", "screen", "vt")))


class Region:
    """`write` takes what goes to the terminal; `size` gives its columns and rows."""

    def __init__(
        self,
        write: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        wraps: bool | None = None,
    ) -> None:
        self._write = write
        self._size = size
        self._wraps = wraps_anew(os.environ) if wraps is None else wraps
        self._lines: list[str] = []
        self._cells: list[int] = []
        self._columns = 0

    @property
    def outdated(self) -> bool:
        """Whether the terminal has another width than when the region was drawn."""
        return bool(self._lines) and self._size()[0] != self._columns

    def draw(
        self, lines: Sequence[str], cells: Sequence[int], columns: int, above: str = ""
    ) -> None:
        """Draw the region anew, for a terminal of `columns`. `lines` are one shorter at least and
        take `cells` of it; `above` are whole lines that stay on the screen before it."""
        out = [_BEGIN]
        if not self._lines:
            out.append(_HIDE)
        old = self._lines
        resized = columns != self._columns
        if above or resized or len(lines) != len(old):
            out.append(self._to_top(columns))
            if resized and old:
                out.append(_TO_SCREEN_END)  # what was wrapped anew is not in the old places
            for text in above.split("\n")[:-1] if above else ():
                out.append(f"{text}\x1b[0m{_TO_LINE_END}\r\n")
            out.append(f"{_TO_LINE_END}\r\n".join(lines) + _TO_LINE_END)
            out.append(_TO_SCREEN_END)
        else:
            changed = [number for number, line in enumerate(lines) if line != old[number]]
            if not changed:
                return
            at = len(lines) - 1
            for number in changed:
                out.append(_move(number - at))
                out.append(f"\r{lines[number]}{_TO_LINE_END}")
                at = number
            out.append(_move(len(lines) - 1 - at))
        out.append("\r" + _END)
        self._lines, self._cells, self._columns = list(lines), list(cells), columns
        self._write("".join(out))

    def _to_top(self, columns: int) -> str:
        """Moves the cursor to the first line of the region."""
        if not self._lines:
            return "\r"
        rows = len(self._lines) - 1
        if self._wraps and columns < self._columns:
            rows = sum(max(1, -(-cells // max(1, columns))) for cells in self._cells[:-1])
        return "\r" + _move(-rows)

    def forget(self) -> None:
        """What is on the screen is somebody else's now: the next `draw` begins below it."""
        self._lines, self._cells = [], []

    def leave(self) -> None:
        """The region goes, the cursor stands where it began."""
        if self._lines:
            columns = self._size()[0]
            self._write(f"{_BEGIN}{self._to_top(columns)}{_TO_SCREEN_END}{_SHOW}{_END}")
        self.forget()

    def pause(self) -> None:
        """The region stays on the screen, the cursor goes below it."""
        if self._lines:
            self._write("\r\n" + _SHOW)
        self.forget()


def _move(rows: int) -> str:
    """Cursor down by `rows`, up if negative."""
    if rows > 0:
        return f"\x1b[{rows}B"
    return f"\x1b[{-rows}A" if rows < 0 else ""
