"""Names of pools, jobs and tasks. The same work always gets the same name.

Ids of the service have 1 to 64 letters, digits, ``-`` and ``_``, without regard to case.
"""

from __future__ import annotations

import hashlib
import re

_ODD = re.compile(r"[^A-Za-z0-9_-]+")

PREFIX = "rk-"
# Names of metadata items of pools and jobs.
MARK = "rulekit"  # ours; the value is the run
STORAGE = "rulekit-storage"  # container/folder of the run's files
LEASE = "rulekit-lease"  # of a job in a foreign pool: end of the lease in seconds of the epoch


def short(text: str, length: int) -> str:
    """The first hex digits of a digest: as good as unique in a run."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length]


def pool_id(run: str, shape: str) -> str:
    """`rk-<run8>-<shape8>`; also the name of the job in that pool."""
    return f"{PREFIX}{short(run, 8)}-{short(shape, 8)}"


def job_id(run: str, pool: str, shape: str) -> str:
    """The job of a run in a pool: named as the pool, if that is the run's own."""
    own = pool_id(run, shape)
    return own if pool == own else pool_id(run, f"{pool} {shape}")


def task_id(rule: str, token: str, attempt: int, again: int = 0) -> str:
    """`<rule≤30>-<hash20>-a<attempt>`, with `r<again>` for a repetition by us."""
    plain = _ODD.sub("-", rule)[:30].strip("-") or "job"
    name = f"{plain}-{short(token, 20)}-a{attempt}"
    return f"{name}r{again}" if again else name
