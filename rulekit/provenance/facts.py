"""A job as provenance knows it: before its start, and with its result."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.model.spec import JobResult


@frozen
class JobFacts:
    """What an attempt is going to do: all that a record needs and the result does not tell.

    `code`, `params` and `environment` are the texts that staleness compares; `command` is the
    final command of a shell rule. `token` is that of the attempt's `JobSpec`. `param_names` are
    the names of `params`, for people.
    """

    token: str
    key: str
    rule: str
    wildcards: Mapping[str, str]
    attempt: int
    outputs: tuple[str, ...]
    code: str
    command: str | None
    params: tuple[str, ...]
    environment: str
    logs: tuple[str, ...] = ()
    param_names: tuple[str, ...] = ()


@frozen
class Finished:
    """An attempt that has come to its end, well or not."""

    facts: JobFacts
    result: JobResult
