"""The process that serves a run's live page: `python -m rulekit.dashboard [PORT [TITLE]]`.

Events come as lines of JSON on stdin. The first line on stdout is the address of the page (or
``error: …``). It ends soon after stdin has: it never keeps a run alive, nor outlives it for long.
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> int:
    """Serves until stdin ends."""
    from rulekit.dashboard.server import Dashboard
    from rulekit.dashboard.state import LiveState

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    title = sys.argv[2] if len(sys.argv) > 2 else os.path.basename(os.getcwd())
    state = LiveState(title)
    try:
        dashboard = Dashboard(state, port)
    except OSError as error:
        sys.stdout.write(f"error: {error.strerror or error}\n")
        sys.stdout.flush()
        return 1
    dashboard.start()
    sys.stdout.write(f"{dashboard.url}\n")
    sys.stdout.flush()
    sys.stdout.close()
    try:
        os.nice(10)  # the jobs come first
    except OSError:
        pass
    for lines in _batches():
        with dashboard.lock:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    state.take(event)
        dashboard.changed()
    with dashboard.lock:
        state.lost(time.time())
    dashboard.close(wait_s=2.0)
    return 0


def _batches() -> Iterator[list[bytes]]:
    """Whole lines from stdin, as many at a time as there are."""
    rest = b""
    while True:
        try:
            data = os.read(0, 1 << 16)
        except InterruptedError:
            continue
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            yield lines


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
