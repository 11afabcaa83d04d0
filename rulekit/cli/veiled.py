"""Streams that change what is written to them: without secrets, with the names that people use."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class VeiledStream:
    """A text stream in front of another one, which gets what `change` makes of a text; all but
    `write` is the other one's."""

    def __init__(self, stream: Any, change: Callable[[str], str]) -> None:
        self._stream = stream
        self._change = change

    def write(self, text: str) -> int:
        """Write what is to be seen of it; returns how much of `text` was written: all of it."""
        self._stream.write(self._change(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some lines in the same way."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def secrets_of(names: Iterable[str]) -> tuple[str, ...]:
    """What environment variables hold that is not to be shown."""
    from rulekit.model.veil import secrets_among

    return secrets_among((os.environ.get(name, "") for name in names), os.path.exists)


def veil_output(secrets: tuple[str, ...]) -> None:
    """From now on this process does not show secrets on stdout and stderr."""
    from rulekit.model.veil import Veil

    change_output(Veil(secrets))


def change_output(change: Callable[[str], str]) -> None:
    """From now on this process shows what `change` makes of a text, on stdout and stderr."""
    sys.stdout = VeiledStream(sys.stdout, change)
    sys.stderr = VeiledStream(sys.stderr, change)
