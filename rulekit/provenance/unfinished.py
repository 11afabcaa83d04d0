"""Files that are not finished although they are there: a live run, or a killed one, is at them.

Only looks. What it finds counts as incomplete when a run is planned: a job that another run is
working on is never taken for done (then the lock says who holds it), and a dry run after a crash
says what the next run will do.
"""

from __future__ import annotations

import os

from rulekit.provenance import journal
from rulekit.runner import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def unfinished(
    state_dir: str, recorded: Mapping[str, tuple[int, int, int, str | None]]
) -> frozenset[str]:
    """Outputs of attempts that were started and have no result, by the journals there are.

    `recorded` are the outputs on record, as `RecordIndex.outputs` has them: a file that still is
    what its record says has not been touched yet. Raises StateError.
    """
    found: set[str] = set()
    for path in journal.left_behind(state_dir):
        try:
            past = journal.read(path)
        except OSError:  # it has come to its end in this moment, or cannot be read
            continue
        found.update(name for name in past.doubtful() if not _is_as_recorded(name, recorded))
    return frozenset(found)


def _is_as_recorded(path: str, recorded: Mapping[str, tuple[int, int, int, str | None]]) -> bool:
    row = recorded.get(path)
    if row is None:
        return False
    try:
        own = os.lstat(path)
        mtime, size, _ = files.stamp(path, own)
    except OSError:
        return False
    return size == row[2] and row[1] in (mtime, own.st_mtime_ns)
