"""The lines that this executor adds to the journal of a run."""

from __future__ import annotations

import json
import os

from rulekit.errors import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Lines:
    """Collects lines; one write for many, so that none is mixed with those of others."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._lines: list[str] = []

    def add(self, line: dict[str, Any]) -> None:
        """A line for the next `write`."""
        self._lines.append(json.dumps(line))

    def write(self) -> None:
        """Append what was added. Raises InfrastructureError."""
        lines, self._lines = self._lines, []
        if self._path is None or not lines:
            return
        data = ("\n" + "\n".join(lines) + "\n").encode()
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                written = os.write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
        else:
            if written == len(data):
                return
            reason = "no space left on device"
        raise InfrastructureError(
            f"the journal `{self._path}` cannot be written: {reason}",
            code="RK0605",
            help="no job is started without it: free some space or make the folder writable",
        )
