"""Events as JSON, one line each: `--log-json FILE`.

Every line is an object with `event` (the name of the type in `rulekit.events`), `schema` (its
version), `time` (seconds since the epoch) and the fields of the event. Names do not change within
a schema; new ones may come.
"""

from __future__ import annotations

import json
import time

from rulekit.events import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from rulekit.events import Event


class JsonLines:
    """Writes each event as one line. `close` closes the stream only if it is a file of our own."""

    def __init__(
        self, stream: IO[str], *, owned: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream
        self._owned = owned
        self._clock = clock

    def __call__(self, event: Event) -> None:
        line = json.dumps(to_json(event, self._clock()), ensure_ascii=True, separators=(",", ":"))
        self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()
        if self._owned:
            self._stream.close()
