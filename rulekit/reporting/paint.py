"""Whether and how to colour text on a stream."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    Paint = Callable[[str, str], str]

    class Stream(Protocol):
        """What is asked of stdout and stderr."""

        def write(self, text: str, /) -> object: ...
        def flush(self) -> object: ...
        def isatty(self) -> bool: ...


_CODES = {
    "error": "1;31",
    "warning": "33",
    "place": "1;34",
    "help": "1;36",
    "good": "32",
    "dim": "2",
    "job": "32",
    "command": "33",
    "bold": "1",
}


def is_terminal(stream: object) -> bool:
    """Whether a stream is a terminal that can show more than plain lines."""
    isatty = getattr(stream, "isatty", None)
    try:
        on_terminal = bool(isatty and isatty())
    except (ValueError, OSError):
        return False
    return on_terminal and os.environ.get("TERM", "") not in ("dumb", "")


def wants_colour(stream: object, nocolor: bool = False) -> bool:
    """NO_COLOR, FORCE_COLOR, TERM=dumb, pipes and `--nocolor` are obeyed."""
    if nocolor or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_terminal(stream)


def ansi(style: str, text: str) -> str:
    """`text` in a style; each line by itself, so that pagers and logs stay whole."""
    code = _CODES.get(style)
    if code is None or not text:
        return text
    return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else line for line in text.split("\n"))


def plain(_style: str, text: str) -> str:
    """`text` as it is."""
    return text


def painter(stream: object, nocolor: bool = False) -> Paint:
    """`ansi` or `plain`, whichever the stream wants."""
    return ansi if wants_colour(stream, nocolor) else plain
