"""How long jobs took in earlier runs, by rule."""

from __future__ import annotations

import os
import sqlite3

from rulekit.provenance.store import FILE

_LATEST = 20_000  # attempts looked at
_EACH = 50  # of them for one rule


def mean_seconds(state_dir: str) -> dict[str, float]:
    """Rule → mean seconds of its latest successful jobs. Empty if nothing is known, or can be read
    without waiting."""
    path = os.path.join(state_dir, FILE)
    if not os.path.exists(path):
        return {}
    try:
        db = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=0.2)
    except sqlite3.Error:
        return {}
    try:
        rows = db.execute(
            "SELECT rule, seconds FROM attempt WHERE exit=0 AND problem IS NULL"
            " ORDER BY id DESC LIMIT ?",
            (_LATEST,),
        )
        sums: dict[str, tuple[int, float]] = {}
        for rule, seconds in rows:
            count, total = sums.get(rule, (0, 0.0))
            if count < _EACH:
                sums[rule] = (count + 1, total + seconds)
    except sqlite3.Error:
        return {}
    finally:
        db.close()
    return {rule: total / count for rule, (count, total) in sums.items()}


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
