"""Why a task ended without a result, in the words of whoever has to mend it."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.errors.tree import RulekitError

INFRASTRUCTURE = 75  # exit code of the node program when the machine, not the job, is at fault
_TAIL_LINES = 20
_TAIL_BYTES = 4_000


@frozen
class Verdict:
    """`again`: another machine may do better. `problem` as in `JobResult`."""

    again: bool
    problem: str
    text: str
    help: str = ""


# Code of the service: whether to try again, the problem, what it means, the next step.
_CODES: dict[str, tuple[bool, str, str, str]] = {
    "blobnotfound": (
        False,
        "missing-input",
        "a file that the task needs was gone from the storage",
        "did somebody clean `.rulekit/` of the prefix while the run went on?",
    ),
    "blobaccessdenied": (
        False,
        "access",
        "the machine was not let into the storage",
        "the SAS may have expired or may not read: `rulekit azure doctor` looks at it",
    ),
    "blobdownloadtimedout": (True, "lost", "fetching the node program took too long", ""),
    "blobdownloadmiscerror": (
        True,
        "lost",
        "the node program could not be fetched",
        "can machines reach the storage account (firewall, private endpoint)?",
    ),
    "resourcedirectorycreatefailed": (True, "disk", "the machine's disk refused a folder", ""),
    "resourcefilecreatefailed": (True, "disk", "the machine's disk refused a file", ""),
    "resourcefilewritefailed": (True, "disk", "the machine's disk is full or broken", ""),
    "diskfull": (
        False,
        "disk",
        "the machine's disk is full",
        "say what the job needs with `disk_mb`: a machine with as much is then chosen",
    ),
    "commandprogramnotfound": (
        False,
        "spawn",
        "the machine has no `bash` or `python3`",
        "use a machine image with Python 3, or install it in the start task",
    ),
    "commandlaunchfailed": (False, "spawn", "the machine could not start the task", ""),
    "taskended": (
        False,
        "timeout",
        "the task was ended by the service: by its time limit, or by a user",
        "more time: `resources: runtime=MINUTES` of the rule",
    ),
    "containerinvalidimage": (
        False,
        "spawn",
        "the container image cannot be pulled",
        "check its name, and BATCH_CONTAINER_REGISTRY_URL, _USER and _PASS if it needs a login",
    ),
    "maxinternalretrycountreached": (
        True,
        "lost",
        "the service tried to start the task too often",
        "",
    ),
    "taskschedulingconstraintfailed": (False, "lost", "the service cannot place the task", ""),
    "internalerror": (True, "lost", "the service had an internal error", ""),
    "unknown": (True, "lost", "the service gives no reason", ""),
}


def judge(facts: Mapping[str, Any], node: str = "") -> Verdict:
    """What the service says of a task that has ended (its wire form)."""
    info = facts.get("executionInfo") or {}
    failure = info.get("failureInfo") or {}
    code = str(failure.get("code") or "")
    exit_code = info.get("exitCode")
    where = f" (machine {node})" if node else ""
    said = _said(failure)
    if exit_code == INFRASTRUCTURE:
        return Verdict(True, "lost", f"the machine or the storage failed{where}")
    if exit_code is None or code.lower() not in ("", "failureexitcode", "unknown"):
        known = _CODES.get(code.lower())
        if known is None:
            server = str(failure.get("category") or "").lower() == "servererror"
            text = f"the task did not run: {code or 'no reason given'}{said}{where}"
            return Verdict(server, "lost", text)
        again, problem, text, help_ = known
        return Verdict(again, problem, f"{text}: {code}{said}{where}", help_)
    if exit_code == 0:
        return Verdict(True, "lost", f"the task ended well but left no result{where}")
    hint = _EXIT_CODES.get(int(exit_code), ("", ""))
    text = f"the node program ended with {exit_code}{hint[0]} and left no result{where}"
    return Verdict(int(exit_code) in _AGAIN_EXIT, "lost", text, hint[1])


_EXIT_CODES = {
    126: (" (not executable)", "does the machine image have `python3`?"),
    127: (
        " (command not found)",
        "the machine image has no `python3`: use another one, or install it in the start task",
    ),
    137: (
        " (killed)",
        "often a lack of memory: say what the job needs with `mem_mb`",
    ),
}
_AGAIN_EXIT = frozenset({137, 143})


def _said(failure: Mapping[str, Any]) -> str:
    """Message and details of a `failureInfo`, in one line."""
    message = str(failure.get("message") or "").strip().partition("\n")[0]
    parts = [f" - {message}"] if message else []
    for one in failure.get("details") or ():
        value = str(one.get("value") or "").strip().partition("\n")[0]
        if value and value not in message:
            parts.append(f"{one.get('name')}: {value[:300]}")
    return "; ".join(parts)


def explain(verdict: Verdict, output: bytes | None) -> str:
    """The whole message: reason, next step, the last lines that the jobs wrote."""
    lines = [verdict.text]
    if verdict.help:
        lines.append(verdict.help)
    ending = tail(output)
    if ending:
        lines += ["the last lines of its output:", *(f"  {line}" for line in ending)]
    return "\n".join(lines)


def of_error(error: RulekitError) -> str:
    """What jobs are told that cannot run because of an error: what it says, and the next step."""
    steps = dict.fromkeys(one.help for one in error.diagnostics if one.help)
    return "\n".join([str(error), *steps])


def tail(output: bytes | None) -> list[str]:
    """The last lines of an output."""
    if not output:
        return []
    return output[-_TAIL_BYTES:].decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]


def times(facts: Mapping[str, Any], now: float) -> tuple[float, float]:
    """When a task began and ended, in seconds of the epoch; `now`, where it never began: a task
    that failed before its command has no start time."""
    info = facts.get("executionInfo") or {}
    over = moment(info.get("endTime"), now)
    return min(moment(info.get("startTime"), over), over), over


def moment(text: Any, default: float) -> float:
    """Seconds of the epoch of a time as the service writes it (up to seven digits of a second)."""
    from datetime import UTC, datetime

    if not isinstance(text, str):
        return default
    try:
        whole = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return default
    digits = text[19:].strip("Z").lstrip(".")
    return whole + (float(f"0.{digits}") if digits.isdigit() else 0.0)
