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
    from typing import Protocol

    from rulekit.model.files import FileView

    class Elsewhere(FileView, Protocol):
        """A view of files of which some are in remote storage."""

        def is_stored(self, path: str) -> bool: ...


def unfinished(
    state_dir: str,
    recorded: Mapping[str, tuple[int, int, int, str | None]],
    elsewhere: Elsewhere | None = None,
) -> frozenset[str]:
    """Outputs of attempts that were started and have no result, by the journals there are.

    `recorded` are the outputs on record, as `RecordIndex.outputs` has them: a file that still is
    what its record says has not been touched yet. `elsewhere` knows the files that are not on this
    disk. Raises StateError.
    """
    found: set[str] = set()
    pasts = []
    for path in journal.left_behind(state_dir):
        try:
            pasts.append(journal.read(path))
        except OSError:  # it has come to its end in this moment, or cannot be read
            continue
    moved = journal.taken_over(pasts) if len(pasts) > 1 else {}
    for past in pasts:
        past.drop(moved.get(past.path, ()))
        found.update(
            name for name in past.doubtful() if not _is_as_recorded(name, recorded, elsewhere)
        )
    return frozenset(found)


def is_same(view: FileView, path: str, mtime_ns: int, size: int, digest: str | None) -> bool:
    """Whether a stored file is what a record says: by its digest where there is one, else its time."""
    stamp = view.stamp(path)
    if stamp is None or stamp.size != size:
        return False
    return view.digest(path) == digest if digest else stamp.mtime_ns == mtime_ns


def _is_as_recorded(
    path: str,
    recorded: Mapping[str, tuple[int, int, int, str | None]],
    elsewhere: Elsewhere | None,
) -> bool:
    row = recorded.get(path)
    if row is None:
        return False
    if elsewhere is not None and elsewhere.is_stored(path):
        return is_same(elsewhere, path, row[1], row[2], row[3])
    try:
        own = os.lstat(path)
        mtime, size, _ = files.stamp(path, own)
    except OSError:
        return False
    return size == row[2] and row[1] in (mtime, own.st_mtime_ns)
