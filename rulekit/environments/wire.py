"""Messages between the process that asks and the worker: pickles with their length before them.

Both ends are the same code started by the same user, joined by pipes, so a pickle is safe here.
"""

from __future__ import annotations

import pickle
import struct

from rulekit import errors
from rulekit.errors import RulekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

_HEAD = struct.Struct(">I")


def send(stream: IO[bytes], message: tuple[Any, ...]) -> None:
    """Write one message. Raises OSError."""
    data = pickle.dumps(message)
    stream.write(_HEAD.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Any, ...] | None:
    """The next message; None at the end."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size = _HEAD.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        return None
    message: tuple[Any, ...] = pickle.loads(data)  # noqa: S301  of our own child
    return message


def error_message(error: RulekitError) -> tuple[Any, ...]:
    """An error as a message."""
    return ("error", type(error).__name__, error.diagnostics)


def raise_error(message: tuple[Any, ...]) -> None:
    """Raise what `error_message` was given."""
    _, name, diagnostics = message
    kind: type[RulekitError] = getattr(errors, name, RulekitError)
    raise kind(diagnostics[0].message, diagnostics=diagnostics)
