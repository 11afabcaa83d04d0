"""What can happen in a run, as frozen values that turn into JSON. Knows not who listens."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1  # version of the JSON form


@frozen
class JobInfo:
    """How a job is shown: the same facts in a dry run, a real run and the JSON log."""

    id: int
    key: str
    rule: str
    kind: str  # "rule" | "checkpoint"
    local: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    logs: tuple[str, ...]
    benchmark: str | None
    wildcards: Mapping[str, str]
    reason: str
    priority: int
    threads: int
    resources: Mapping[str, object]
    message: str | None
    command: str | None


@frozen
class RunStarted:
    run: str
    workdir: str
    rulefile: str
    cores: int
    jobs: Mapping[str, int]  # rule to number of jobs that will run, in order of levels
    log: str | None


@frozen
class JobStarted:
    job: JobInfo
    attempt: int


@frozen
class JobFinished:
    id: int
    key: str
    rule: str
    attempt: int
    seconds: float
    usage: Mapping[str, float]


@frozen
class JobFailed:
    """`log_tail` has the ends of log files and of captured output; `again` is a command line."""

    job: JobInfo
    attempt: int
    exit_code: int
    cause: str
    log_tail: tuple[tuple[str, str], ...]  # (path, last lines)
    removed: tuple[str, ...]
    will_retry: bool
    again: str


@frozen
class Progress:
    done: int
    total: int
    running: int
    failed: int


@frozen
class FileRemoved:
    path: str
    why: str  # "temp" | "incomplete" | ...


@frozen
class Note:
    """Anything else to be said. level: debug | info | warning | error."""

    level: str
    text: str


@frozen
class CloudState:
    """What the machines of a cloud do for this run, told now and then.

    `wanted` are the nodes asked for. `cost` is an estimate in `currency`, None if prices are not
    known.
    """

    place: str  # "pool NAME"
    nodes: int
    wanted: int
    queued: int
    running: int
    cost: float | None = None
    currency: str = "USD"


@frozen
class RunFinished:
    ok: bool
    done: int
    failed: tuple[str, ...]  # keys
    skipped: int
    seconds: float
    interrupted: bool


Event = (
    RunStarted
    | JobStarted
    | JobFinished
    | JobFailed
    | Progress
    | FileRemoved
    | CloudState
    | Note
    | RunFinished
)


def to_json(event: object, time: float) -> dict[str, object]:
    """The event as a JSON object; `time` is seconds since the epoch."""
    body = _plain(event)
    assert isinstance(body, dict)
    return {"event": type(event).__name__, "schema": SCHEMA, "time": time, **body}


def _plain(value: object) -> object:
    slots = getattr(type(value), "__match_args__", None)
    if slots is not None:
        return {name: _plain(getattr(value, name)) for name in slots}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
