"""What was true when a job last succeeded, and why a job must run."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_KEY_LIMIT = 200


def input_key(paths: Iterable[str]) -> str:
    """A text that is equal for equal sets of files, whatever their order.

    The sorted names joined by NUL, or, where that is long, its digest.
    """
    names = sorted(set(paths))
    text = "\0".join(names)
    if len(text) <= _KEY_LIMIT:
        return text
    import hashlib

    data = text.encode("utf-8", "surrogateescape")
    return f"#{len(names)}:{hashlib.sha256(data).hexdigest()}"


@frozen
class FileFact:
    """One file of a record: its stamp, and its digest if one was taken."""

    path: str
    mtime_ns: int
    size: int
    digest: str | None = None


@frozen
class Record:
    """The last success of the job that made a file. Digests are ``<algorithm>:<hex>``.

    Parts are kept apart so that a reason can say what changed. `code`, `params`, `environment`
    are the texts compared (provenance stores each text once). An `attempt` of None means the
    output was only touched or marked.
    """

    rule: str
    wildcards: Mapping[str, str]
    outputs: tuple[FileFact, ...]
    inputs: tuple[FileFact, ...]
    code: str
    command: str | None
    params: tuple[str, ...]
    environment: str
    started: float  # seconds since the epoch
    ended: float
    usage: Mapping[str, float]
    logs: tuple[str, ...] = ()
    param_names: tuple[str, ...] = ()  # in the order of `params`; empty in records of old versions


@frozen
class Reason:
    """One reason why a job must run. `kind` is one of `KINDS`; `subjects` are files or names."""

    kind: str
    subjects: tuple[str, ...] = ()
    detail: str = ""


# In the order in which they are looked for and shown.
KINDS = (
    "forced",
    "no-io",
    "missing-output",
    "incomplete",
    "output-changed",
    "input-newer",
    "code",
    "input-set",
    "params",
    "software-env",
    "upstream",
)
