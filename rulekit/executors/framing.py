"""Messages over a pipe between two processes of ours: a length, then a list as marshal data.

Both ends run the same Python and neither trusts anything from outside, so marshal is safe here
and several times faster than JSON.
"""

from __future__ import annotations

import marshal
import os

from rulekit.runner.wire import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ = 1 << 20


def pack(messages: list[Any]) -> bytes:
    """One frame that holds some messages."""
    try:
        data = marshal.dumps(messages)
    except ValueError:
        # A name with flags is a kind of str that marshal does not take.
        data = marshal.dumps(plain(messages))
    return len(data).to_bytes(4, "little") + data


class Reader:
    """Takes frames from a file descriptor."""

    __slots__ = ("_file", "_rest", "ended")

    def __init__(self, file: int) -> None:
        self._file = file
        self._rest = bytearray()
        self.ended = False

    def read(self) -> list[Any]:
        """One read from the file; the messages that are complete. Sets `ended` at its end."""
        try:
            data = os.read(self._file, _READ)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return []
        rest = self._rest
        rest += data
        messages: list[Any] = []
        at = 0
        size = len(rest)
        while size - at >= 4:
            end = at + 4 + int.from_bytes(rest[at : at + 4], "little")
            if end > size:
                break
            messages += marshal.loads(rest[at + 4 : end])  # noqa: S302  our own pipe
            at = end
        del rest[:at]
        return messages
