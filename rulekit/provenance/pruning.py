"""Old history is let go: a store that is used for years must not grow without end.

What a record needs is never taken: the attempt that made a file that is still known.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def prune(db: sqlite3.Connection, kept: int) -> int:
    """Deletes attempts but the newest `kept` and those of records; then runs without attempts.

    Returns how many attempts went. To be called in a transaction. Texts stay: another run of the
    same folder may have their numbers in mind.
    """
    (newest,) = db.execute("SELECT max(id) FROM attempt").fetchone()
    if newest is None:
        return 0
    gone = db.execute(
        "DELETE FROM attempt WHERE id <= ?"
        " AND NOT EXISTS (SELECT 1 FROM record WHERE record.id = attempt.id)",
        (newest - kept,),
    ).rowcount
    if gone:
        # A run that goes on may not have committed its first attempt yet.
        db.execute(
            "DELETE FROM run WHERE id NOT IN (SELECT run FROM attempt WHERE run IS NOT NULL)"
            " AND ended IS NOT NULL AND id < (SELECT max(id) FROM run)"
        )
    return gone
