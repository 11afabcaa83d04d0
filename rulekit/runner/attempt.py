"""The three steps of an attempt: prepare, start, finish. None of them waits.

Paths are relative to the current directory, which the caller has set to the job's (its working
directory, or its shadow directory for the action itself).
"""

from __future__ import annotations

import os
import time
from resource import RUSAGE_SELF, getrusage
from stat import S_ISDIR, S_ISLNK, S_ISREG

from rulekit.model.spec import JobResult
from rulekit.runner import digests, files, wire
from rulekit.runner.command import Environments, argv_of, program_of
from rulekit.runner.files import Refused, refusal
from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.model.spec import JobSpec

_lstat = os.lstat

# Python ignores these, and ignoring is inherited; programs expect the default. Handlers need no
# mention: executing a program resets them.
_RESET = tuple(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name))
_STOPPED = ("cancelled", "timeout", "partner", "lost")  # problems of what did not end by itself
_ASKING = ("docker", "podman")  # whose containers are not children of who starts them


class Attempt:
    """What is known of an attempt on its way."""

    __slots__ = (
        "backups",
        "began",
        "helpers",
        "newest_ns",
        "pid",
        "sources",
        "spec",
        "usage",
    )

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.pid = 0
        self.began = 0.0
        # Of each input as the job found it: path, time, size, and the state of its content.
        self.sources: list[tuple[str, int, int, os.stat_result]] = []
        self.newest_ns = 0
        self.backups: dict[str, str] = {}
        self.helpers: tuple[str, ...] = ()
        self.usage: dict[str, float] = {}


def missing_inputs(spec: JobSpec) -> list[str]:
    """The inputs that are not there (a link that leads nowhere counts as missing)."""
    return [path for path in spec.inputs if not os.path.exists(path)]


def prepare(spec: JobSpec) -> Attempt:
    """Look at the inputs, make room for the outputs. Raises Refused.

    Nothing is deleted before it is clear that every output may be replaced. An existing output
    that this process may not write is protected; a link never is.
    """
    attempt = Attempt(spec)
    newest = 0
    sources = attempt.sources
    for path in spec.inputs:
        try:
            own = _lstat(path)
            if S_ISREG(own.st_mode):
                mtime = own.st_mtime_ns
                sources.append((path, mtime, own.st_size, own))
            else:
                mtime, size, content = files.stamp(path, own)
                if files.is_special(content.st_mode):
                    sources.append((path, mtime, -1, content))  # never read for a digest
                    continue
                sources.append((path, mtime, size, content))
        except FileNotFoundError:
            raise Refused("missing-input", f"the input `{path}` is not there") from None
        except NotADirectoryError:
            raise Refused("missing-input", f"the input `{path}` is not there") from None
        except OSError as error:
            raise refusal(error, f"cannot look at the input `{path}`") from None
        if mtime > newest:
            newest = mtime
    attempt.newest_ns = newest
    present = _existing_outputs(spec)
    for path in spec.logs:
        files.make_parent(path)
    if spec.benchmark:
        files.make_parent(spec.benchmark)
    tmpdir = spec.environment.get("TMPDIR")
    if tmpdir:
        files.make_directory(tmpdir)
    if present:
        _make_room(attempt, present)
    if spec.logs:
        _remove_logs(spec.logs)
    return attempt


def _existing_outputs(spec: JobSpec) -> list[tuple[str, Any]]:
    """Outputs that exist, with their flags, all of them fit to be replaced; makes directories."""
    present: list[tuple[str, Any]] = []
    for output in spec.outputs:
        path = output.path
        flags = output.flags
        if flags and not files.is_managed(flags):
            continue
        try:
            own = _lstat(path)
        except FileNotFoundError:
            files.make_parent(path)
            continue
        except OSError as error:
            raise refusal(error, f"cannot look at the output `{path}`") from None
        mode = own.st_mode
        if not S_ISLNK(mode) and not os.access(path, os.W_OK):
            raise Refused("protected", f"the output `{path}` exists and is write-protected")
        if S_ISDIR(mode) and "directory" not in flags and _is_full(path):
            raise Refused(
                "is-a-directory",
                f"the output `{path}` exists and is a directory that is not empty, but the rule"
                " does not flag it with `directory`",
            )
        present.append((path, flags))
    return present


def _is_full(path: str) -> bool:
    try:
        return bool(os.listdir(path))
    except OSError as error:
        raise refusal(error, f"cannot look at the output `{path}`") from None


def _make_room(attempt: Attempt, present: list[tuple[str, Any]]) -> None:
    for path, flags in present:
        try:
            if "update" in flags:
                attempt.backups[path] = _back_up(attempt.spec, path)
            else:
                files.remove(path)
        except OSError as error:
            clean_up(attempt)
            raise refusal(error, f"cannot make room for the output `{path}`") from None


def backup_of(spec: JobSpec, path: str) -> str:
    """Where the old state of an output that is to be updated is kept."""
    number = [output.path for output in spec.outputs].index(path)
    return os.path.join(spec.workdir, spec.state_dir, "tmp", f"{spec.token}.update.{number}")


def _back_up(spec: JobSpec, path: str) -> str:
    """Copy an output. Only a complete copy has the name of the backup."""
    import shutil

    backup = backup_of(spec, path)
    part = f"{backup}.part"
    files.make_directory(os.path.dirname(backup))
    files.remove(part)
    files.remove(backup)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.copytree(path, part, symlinks=True)
    else:
        shutil.copy2(path, part, follow_symlinks=False)
    os.rename(part, backup)
    return backup


def start(attempt: Attempt, environments: Environments, turn: int = 0) -> bool:
    """Start the action in a process group of its own. Sets `pid` and `began`.

    `turn` counts the repeats of a benchmark. False if the body has no action: then there is no
    process, and the attempt can be finished with status 0 at once. Raises Refused. Waits only if
    the order has software that was not activated yet.
    """
    spec = attempt.spec
    if not attempt.began:
        attempt.began = time.time()
    if spec.software is not None:
        from rulekit.runner.activation import adapted

        spec = adapted(spec, environments)
    if environments.bodies is not None and spec.body.get("function"):
        try:
            from rulekit.runner.inprocess import fork_body

            attempt.pid = fork_body(spec, environments, turn)
        except OSError as error:
            raise refusal(error, f"cannot start the body of `{spec.rule}`") from None
        return True
    argv, attempt.helpers = argv_of(spec, turn)
    if not argv:
        return False
    if environments.wrap is not None:
        argv = environments.wrap(spec, argv)
    environment = environments.of(spec)
    if spec.software is not None and spec.software.get("container"):
        from rulekit.runner import boxed

        argv = boxed.wrap(spec, argv, environment)
        environment = boxed.outside(spec.software["container"], environment)
    program = program_of(argv[0], environment.get("PATH", os.defpath))
    actions: list[tuple[Any, ...]] = []
    if spec.capture:
        files.make_parent(spec.capture)
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions.append((os.POSIX_SPAWN_OPEN, 1, spec.capture, mode, 0o666))
        actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
    try:
        attempt.pid = os.posix_spawn(
            program,
            argv,
            environment,
            file_actions=actions,
            setpgroup=0,
            setsigdef=_RESET,
        )
    except (ValueError, UnicodeEncodeError) as error:
        raise Refused("spawn", f"the command cannot be given to `{program}`: {error}") from None
    except OSError as error:
        failure = refusal(error, f"cannot start `{program}`")
        if failure.problem == "access":
            failure.problem = "spawn"
        raise failure from None
    return True


def _remove_logs(paths: tuple[str, ...]) -> None:
    """A log tells of one attempt. Only files go: a log may be called /dev/stderr, or lead there."""
    for path in paths:
        try:
            if S_ISREG(_lstat(path).st_mode):
                os.unlink(path)
        except OSError:
            pass  # in a folder that is read-only it can still be written


def _make_logs(paths: tuple[str, ...]) -> None:
    """A log that the action did not write is there all the same, empty: others may ask for it."""
    for path in paths:
        try:
            _lstat(path)
        except OSError:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
            except OSError:
                pass  # the job did its work; what cannot be had is an empty file


def missing_outputs(spec: JobSpec) -> list[str]:
    """Outputs that are not there yet and that the action had to make."""
    return [
        output.path
        for output in spec.outputs
        if not os.path.exists(output.path)
        and "touch" not in output.flags
        and files.is_managed(output.flags)
    ]


def finish(attempt: Attempt, status: int) -> JobResult:
    """Check and stamp what the action made; on failure take it away. Raises nothing.

    `status` is what `wait4` gave. An output that is missing now is a failure: whoever calls may
    have waited for it (`missing_outputs`).
    """
    values = finish_values(attempt, status, may_wait=False)
    assert values is not None
    return wire.result_from_tuple(values)


def finish_values(attempt: Attempt, status: int, may_wait: bool) -> tuple[Any, ...] | None:
    """As `finish`, but the answer as `wire.result_to_tuple` has it.

    None if an output is missing that may still come (`may_wait`): nothing has changed then.
    """
    ended = time.time()
    exit_code = os.waitstatus_to_exitcode(status)
    spec = attempt.spec
    if exit_code != 0:
        _make_logs(spec.logs)  # messages point to them
        problem, detail = None, ""
        if spec.software is not None and spec.software.get("container"):
            from rulekit.runner import boxed

            exit_code, problem, detail = boxed.explained(spec, exit_code)
        return wire.result_to_tuple(failed(attempt, exit_code, problem, detail, ended))
    try:
        outputs = _check_and_stamp(attempt)
    except Refused as refused:
        if may_wait and refused.problem == "missing-output":
            return None
        result = failed(attempt, 0, refused.problem, refused.detail, ended)
        return wire.result_to_tuple(result)
    if spec.logs:
        _make_logs(spec.logs)
    limit = spec.digest_limit
    digest = digests.sha256
    inputs = tuple(
        [
            (path, mtime, size, digest(path, content) if 0 <= size <= limit else None)
            for path, mtime, size, content in attempt.sources
        ]
    )
    if attempt.helpers or attempt.backups or spec.software is not None:
        clean_up(attempt)
    return (
        spec.id,
        spec.token,
        True,
        0,
        None,
        "",
        outputs,
        inputs,
        attempt.began,
        ended,
        attempt.usage,
        (),
    )


def _check_and_stamp(attempt: Attempt) -> tuple[tuple[str, int, int, str | None], ...]:
    outputs = attempt.spec.outputs
    if len(outputs) == 1 and not outputs[0].flags:
        # Most jobs: one plain file. Stamping it at once shows whether it is there.
        path = outputs[0].path
        try:
            mtime, size, content = files.stamp_now(path, False, attempt.newest_ns)
        except OSError:
            pass  # below it is looked at closely
        else:
            if not S_ISDIR(content.st_mode):
                limit = attempt.spec.digest_limit
                digest = digests.sha256(path, content) if size <= limit else None
                return ((path, mtime, size, digest),)
    return _check_and_stamp_each(attempt)


def _check_and_stamp_each(attempt: Attempt) -> tuple[tuple[str, int, int, str | None], ...]:
    spec = attempt.spec
    for output in spec.outputs:
        path, flags = output.path, output.flags
        if "touch" in flags:
            try:
                if "directory" in flags:
                    os.makedirs(path, exist_ok=True)
                else:
                    files.touch(path)
            except OSError as error:
                raise refusal(error, f"cannot touch the output `{path}`") from None
    # Everything is checked before anything is stamped.
    checked: list[tuple[str, Any, bool]] = []
    missing: list[str] = []
    for output in spec.outputs:
        path, flags = output.path, output.flags
        if flags and not files.is_managed(flags):
            continue
        try:
            content = os.stat(path)
        except OSError:
            missing.append(path)
            continue
        directory = S_ISDIR(content.st_mode)
        _check(path, flags, directory, content)
        checked.append((path, flags, directory))
    if missing:
        names = ", ".join(f"`{path}`" for path in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise Refused("missing-output", f"the job did not make {names}{more}")
    results = []
    newest = attempt.newest_ns
    limit = spec.digest_limit
    for path, flags, directory in checked:
        try:
            mtime, size, content = files.stamp_now(path, directory, newest)
            digest = digests.sha256(path, content) if 0 <= size <= limit else None
            if "protected" in flags:
                files.protect(path)
        except OSError as error:
            raise refusal(error, f"cannot stamp the output `{path}`") from None
        results.append((path, mtime, size, digest))
    return tuple(results)


def _check(path: str, flags: Any, directory: bool, content: os.stat_result) -> None:
    """Whether an output is of the right kind and holds what was promised. Raises Refused."""
    if directory and "directory" not in flags:
        raise Refused(
            "is-a-directory",
            f"the output `{path}` is a directory, but the rule does not flag it with `directory`",
        )
    if not directory and "directory" in flags:
        raise Refused(
            "not-a-directory",
            f"the output `{path}` is flagged with `directory`, but is a file",
        )
    promise = flags.get("ensure")
    if promise:
        try:
            broken = digests.broken_promise(path, content, promise)
        except OSError as error:
            raise refusal(error, f"cannot read the output `{path}`") from None
        if broken:
            raise Refused("ensure", broken)


def failed(
    attempt: Attempt,
    exit_code: int,
    problem: str | None,
    detail: str,
    ended: float | None = None,
) -> JobResult:
    """The answer of an attempt that did not succeed; its outputs are taken away or restored."""
    spec = attempt.spec
    removed: list[str] = []
    for output in spec.outputs:
        path = output.path
        try:
            if "update" in output.flags:
                # Another process, now gone, may have made it.
                backup = backup_of(spec, path)
                if os.path.lexists(backup):
                    files.remove(path)
                    os.rename(backup, path)
                    continue
                if path in attempt.backups or os.path.lexists(f"{backup}.part"):
                    continue  # it was never touched
            if spec.keep_incomplete or not files.is_managed(output.flags):
                continue
            if files.remove(path):
                removed.append(path)
        except OSError as error:
            text = (error.strerror or str(error)).lower()
            more = f"the output `{path}` could not be taken away: {text}"
            detail = f"{detail}; {more}" if detail else more
    clean_up(attempt, stopped=problem in _STOPPED)
    now = time.time()
    return JobResult(
        spec.id,
        spec.token,
        False,
        exit_code,
        problem,
        detail,
        (),
        (),
        attempt.began or now,
        now if ended is None else ended,
        attempt.usage,
        tuple(removed),
    )


def refused(spec: JobSpec, refusal: Refused) -> JobResult:
    """The answer of an attempt that was never started and has changed nothing that counts."""
    now = time.time()
    return JobResult(
        spec.id, spec.token, False, 1, refusal.problem, refusal.detail, (), (), now, now, {}, ()
    )


def clean_up(attempt: Attempt, stopped: bool = False) -> None:
    """Take away helper files of ours, and the container of an attempt that was `stopped`. Failing
    to is no failure of the job."""
    helpers = () if attempt.spec.keep_scripts else attempt.helpers
    software = attempt.spec.software
    if software is not None and software.get("container"):
        from rulekit.runner import boxed

        boxed.end(attempt.spec, stopped)
    for path in (*helpers, *attempt.backups.values()):
        try:
            files.remove(path)
        except OSError:
            pass
    attempt.helpers = ()


def asks(spec: JobSpec) -> bool:
    """Whether the attempt's process only asks for a container that is no child of it."""
    software = spec.software
    return software is not None and (software.get("container") or {}).get("engine") in _ASKING


def used(attempt: Attempt, rusage: Any) -> Any:
    """What `wait4` said of the processes, or what is known of the container that they asked for."""
    if not asks(attempt.spec):
        return rusage
    from rulekit.runner import boxed

    return boxed.usage(attempt.spec)


def add_usage(attempt: Attempt, rusage: Any) -> None:
    """Add what `wait4` said of the processes."""
    rusage = used(attempt, rusage)
    usage = attempt.usage
    usage["user_s"] = round(usage.get("user_s", 0.0) + rusage.ru_utime, 6)
    usage["system_s"] = round(usage.get("system_s", 0.0) + rusage.ru_stime, 6)
    peak = peak_kb(rusage)
    if peak is not None:
        usage["max_rss_kb"] = max(usage.get("max_rss_kb", 0.0), peak)


def peak_kb(rusage: Any) -> float | None:
    """Peak memory of the largest process, in KiB; None if it is not known.

    A process begins as a copy of this one, whose own size is the least that the system tells.
    """
    peak: float = rusage.ru_maxrss
    return peak if peak > getrusage(RUSAGE_SELF).ru_maxrss else None
