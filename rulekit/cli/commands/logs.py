"""`rulekit logs`: the logs of a target, of the failures, or of the last run."""

from __future__ import annotations

import os
import sys
import time

from rulekit.cli import session
from rulekit.errors.tree import PlanError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.cli.parse import Command
    from rulekit.provenance.store import AttemptRow, Store


def execute(command: Command) -> int:
    options = command.options
    if options.targets and not options.failed:
        return _logs_of(command)
    if options.directory is not None:
        session.enter(options.directory)
    store = _store()
    attempts = _attempts(store, options.failed)
    wanted = set(options.targets)
    if wanted:
        attempts = [one for one in attempts if _is_about(one, wanted)]
    if options.json:
        _as_json([_facts(one) for one in attempts])
        return 0
    if options.failed:
        _tell_failed(store, attempts, options.lines)
        return 0
    path = last_log()
    if path is None:
        raise UsageError(
            "there is no log yet: nothing was run here",
            code="RK0115",
            help="rulekit logs TARGET shows the logs of one file's jobs",
        )
    _print([path], options.lines)
    return 0


def _logs_of(command: Command) -> int:
    """The logs of targets: files, rules, jobs; or of what has this value of a wildcard."""
    options = command.options
    try:
        paths = _of_targets(command, fetch=not options.json)
    except (PlanError, UsageError):
        rows = [row for row in _history() if _is_about(row, set(options.targets))]
        if not rows:
            raise
        paths = list(dict.fromkeys(path for row in reversed(rows) for path in row.logs))
    if options.json:
        _as_json([{"log": path} for path in paths])
        return 0
    if not paths:
        sys.stderr.write("the jobs that make this have no log files (`log:` in their rules)\n")
    _print(paths, options.lines)
    return 0


def _tell_failed(store: Store | None, attempts: Sequence[AttemptRow], lines: int | None) -> None:
    run = (store.runs(1) if store is not None else [])[:1]
    if not run:
        sys.stdout.write("Nothing was run here yet.\n")
        return
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run[0]["started"]))
    if not attempts:
        sys.stdout.write(f"No job failed in the last run ({moment}).\n")
        return
    noun = "job" if len(attempts) == 1 else "jobs"
    sys.stdout.write(f"{len(attempts)} {noun} failed in the last run ({moment}):\n\n")
    for one in attempts:
        pairs = ", ".join(f"{name}={value}" for name, value in one.wildcards.items())
        cause = one.detail or one.problem or f"exit code {one.exit_code}"
        sys.stdout.write(f"{one.rule}{' ' + pairs if pairs else ''}: {cause}\n")
        if one.logs:
            _print(one.logs, lines, headed=True)
        else:
            sys.stdout.write("(the rule has no `log:`)\n")


def _is_about(row: AttemptRow, words: set[str]) -> bool:
    """Whether an attempt is one of these rules, or has one of these as value of a wildcard."""
    return row.rule in words or not words.isdisjoint(row.wildcards.values())


def _as_json(answer: object) -> None:
    import json

    sys.stdout.write(json.dumps(answer, indent=1) + "\n")


def _history() -> list[AttemptRow]:
    """The latest attempts, the newest first."""
    store = _store()
    return store.attempts(limit=10_000) if store is not None else []


def last_log() -> str | None:
    """The log file of the latest run."""
    try:
        names = [name for name in os.listdir(session.LOG_DIR) if name.endswith(".rulekit.log")]
    except OSError:
        return None
    return os.path.join(session.LOG_DIR, max(names)) if names else None


def _store() -> Store | None:
    from rulekit.engine.session import open_store

    return open_store(session.STATE_DIR, readonly=True)


def failed_last(store: Store | None) -> list[AttemptRow]:
    """The last attempts of jobs that failed in the last run."""
    return _attempts(store, True)


def _attempts(store: Store | None, failed: bool) -> list[AttemptRow]:
    """Of the last run; of failures the last attempt of each job only, and no later success."""
    if store is None:
        return []
    runs = store.runs(1)
    if not runs:
        return []
    rows = store.attempts(run=runs[0]["name"], limit=1_000_000)
    if not failed:
        return rows
    seen: set[tuple[str, str]] = set()
    last = []
    for row in rows:  # newest first
        key = (row.rule, repr(sorted(row.wildcards.items())))
        if key not in seen:
            seen.add(key)
            if not row.ok:
                last.append(row)
    return last


def _facts(row: AttemptRow) -> dict[str, object]:
    return {
        "rule": row.rule,
        "wildcards": row.wildcards,
        "attempt": row.number,
        "ok": row.ok,
        "exit_code": row.exit_code,
        "problem": row.problem,
        "detail": row.detail,
        "started": row.started,
        "ended": row.ended,
        "logs": list(row.logs),
    }


def _of_targets(command: Command, fetch: bool) -> list[str]:
    """The log files of the jobs that make these files, or of these rules. `fetch`: stored ones are
    copied to this disk."""
    from rulekit.cli.commands.why import find_jobs

    prepared, jobs = find_jobs(command, command.options.targets, ())
    plan = prepared.stage.plan
    paths = [path for job in jobs for path in plan.logs(job)]
    if fetch and prepared.stored is not None:
        for path in paths:
            if not os.path.exists(path):
                prepared.stored.log_tail(path, session.STATE_DIR)
    return paths


def _here(path: str) -> str:
    """The log itself, or the copy of one that is in the storage."""
    if os.path.exists(path):
        return path
    from rulekit.engine.storedlogs import copy_of

    copy = copy_of(path, session.STATE_DIR)
    return copy if os.path.exists(copy) else path


def _print(paths: Sequence[str], lines: int | None, *, headed: bool = False) -> None:
    for path in paths:
        if headed or len(paths) != 1:
            sys.stdout.write(f"==> {path} <==\n")
        try:
            with open(_here(path), encoding="utf-8", errors="replace") as stream:
                if lines:
                    from collections import deque

                    sys.stdout.writelines(deque(stream, lines))
                else:
                    for chunk in iter(lambda: stream.read(65536), ""):
                        sys.stdout.write(chunk)
        except FileNotFoundError:
            sys.stdout.write(f"({path} was not written)\n")
        except OSError as error:
            sys.stdout.write(f"({path}: {error.strerror})\n")
