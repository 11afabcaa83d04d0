"""The side of the test: writes an order, starts a process that reads the rule file and runs the
rule, and reads its answer. A process of its own, since a rule file may do anything to the one that
reads it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from rulekit.errors.tree import UsageError
from rulekit.syntax.locate import CANDIDATES
from rulekit.testing.run import Job, Run, job_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    Content = str | bytes | os.PathLike[str] | Sequence[str | bytes | os.PathLike[str]]
    Given = str | os.PathLike[str] | Mapping[str, Content]


class IsolationError(UsageError):
    """The rule could not be tried: the test, or the rule file, has a mistake.

    `str()` gives the whole message, with its place.
    """

    default_code = "RK0180"

    def __init__(self, message: str, written: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self._written = written or message

    def __str__(self) -> str:
        return self._written


class RuleFailed(AssertionError):
    """The rule's job failed. `run` has what there is."""

    def __init__(self, text: str, run: Run) -> None:
        super().__init__(text)
        self.run = run


def open_workflow(
    path: str | os.PathLike[str] | None = None,
    *,
    scratch: str | os.PathLike[str],
    config: Mapping[str, object] | None = None,
    configfiles: Iterable[str | os.PathLike[str]] = (),
    directory: str | os.PathLike[str] | None = None,
    start: str | os.PathLike[str] = ".",
    stop: str | os.PathLike[str] | None = None,
    update: bool = False,
) -> TestedWorkflow:
    """A rule file whose rules are to be tried in folders below `scratch`.

    It is read in `directory`, where its config files and sample sheets are found: the folder of the
    rule file, or the one above if that is called `workflow`. `config` and `configfiles` are as
    `--config` and `--configfile`. `start`: the test's folder; from there up to `stop` a relative
    path, or any rule file, is looked for. Raises `IsolationError` if there is none.
    """
    begin = Path(start).absolute()
    found = _found(None if path is None else os.fspath(path), begin, stop)
    project = found.parent.parent if found.parent.name == "workflow" else found.parent
    if directory is not None:
        project = begin / directory
    files = tuple(str(begin / file) for file in configfiles)
    return TestedWorkflow(found, project, Path(scratch), dict(config or {}), files, begin, update)


def _found(path: str | None, start: Path, stop: str | os.PathLike[str] | None) -> Path:
    if path is not None and os.path.isabs(path):
        return Path(path)
    last = None if stop is None else Path(stop).absolute()
    for folder in (start, *start.parents):
        for name in (path,) if path is not None else CANDIDATES:
            if (folder / name).is_file():
                return folder / name
        if folder == last:
            break
    what = f"`{path}`" if path is not None else "rule file"
    raise IsolationError(f"there is no {what} in {start} or in the folders above it", code="RK0180")


class TestedWorkflow:
    """A rule file of which rules are tried, each time in a new folder."""

    __test__ = False  # not a test, whatever pytest makes of its name

    def __init__(
        self,
        path: Path,
        project: Path,
        scratch: Path,
        config: dict[str, object],
        configfiles: tuple[str, ...],
        start: Path,
        update: bool,
    ) -> None:
        self.path = path
        self.project = project
        self._scratch = scratch
        self._config = config
        self._configfiles = configfiles
        self._start = start
        self._update = update
        self._count = 0

    def rule(
        self,
        name: str,
        *,
        wildcards: Mapping[str, object] | None = None,
        inputs: Given | None = None,
        files: Given | None = None,
        config: Mapping[str, object] | None = None,
        cores: int = 1,
        check: bool = True,
        timeout: float | None = None,
    ) -> Run:
        """Run one job of a rule where there is nothing but what is given here.

        inputs: a mapping from an input's name or path to its content (a text, bytes, a path of a file
            or folder to copy, a list of them for a name with several files), or the path of a folder
            that has all inputs at their paths. All inputs must be given, and nothing else.
        files: what else is to be there: files that input functions or scripts read without
            declaring them. As `inputs`, by paths.
        config: values that come over those of the workflow.
        check: raise `RuleFailed` if the job fails; else see `Run.ok`.
        timeout: seconds, after which the job is killed and counts as failed.

        Relative paths of contents begin at the test's folder. Raises `IsolationError` where test and
        rule do not fit.
        """
        __tracebackhide__ = True
        order = {"mode": "run", "rule": name, "wildcards": _texts(wildcards), "cores": cores}
        told, work, said = self._ask(order, inputs, files, config, timeout)
        run = Run(
            job_of(told["job"], work),
            told["ok"],
            told["cause"],
            told["exit_code"],
            told["seconds"],
            *said,
            tuple(told["undeclared"]),
            self._start,
            self._update,
        )
        if check and not run.ok:
            raise RuleFailed(_failure(run), run)
        return run

    def job(
        self,
        name: str,
        *,
        wildcards: Mapping[str, object] | None = None,
        files: Given | None = None,
        config: Mapping[str, object] | None = None,
        cores: int = 1,
    ) -> Job:
        """Work out one job of a rule without running it: its files, params, resources, command."""
        __tracebackhide__ = True
        order = {"mode": "look", "rule": name, "wildcards": _texts(wildcards), "cores": cores}
        told, work, _ = self._ask(order, None, files, config, None)
        return job_of(told["job"], work)

    def _ask(
        self,
        order: dict[str, Any],
        inputs: Given | None,
        files: Given | None,
        config: Mapping[str, object] | None,
        timeout: float | None,
    ) -> tuple[dict[str, Any], Path, tuple[str, str]]:
        """The answer of the other process, where the job ran, and what it printed."""
        __tracebackhide__ = True
        self._count += 1
        base = self._scratch / f"{order['rule']}-{self._count}"
        work = base / "work"
        work.mkdir(parents=True)
        store = _Store(base / "given", self._start)
        order |= {
            "rulefile": str(self.path),
            "project": str(self.project),
            "work": str(work),
            "config": _merged(self._config, config or {}),
            "configfiles": self._configfiles,
            "inputs": store.take(inputs),
            "files": store.take(files),
        }
        (base / "order.json").write_text(json.dumps(order, default=str))
        answer = base / "answer.json"
        command = [sys.executable, "-P", "-m", "rulekit.testing.child", str(base)]
        out, err = _call(command, base, timeout)
        if not answer.exists():
            raise IsolationError(f"the process that runs the rule ended without a word:\n{err}")
        told = json.loads(answer.read_text())
        if told["error"] is not None:
            raise IsolationError(told["message"], told["error"], told["code"])
        return told, work, (out, err)


def _call(command: list[str], base: Path, timeout: float | None) -> tuple[str, str]:
    """What a command prints. It is killed, with all that it started, after `timeout` seconds."""
    with open(base / "stdout", "wb") as out, open(base / "stderr", "wb") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            # An orderly end: running jobs are ended, and their processes with them.
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.wait()
    return tuple((base / name).read_text(errors="replace") for name in ("stdout", "stderr"))  # type: ignore[return-value]


def _texts(values: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items()}


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(one)
    for name, value in other.items():
        old = made.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        made[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return made


class _Store:
    """Contents that a test gives, as files that the other process puts where they belong."""

    def __init__(self, folder: Path, start: Path) -> None:
        self._folder = folder
        self._start = start
        self._count = 0

    def take(self, given: Given | None) -> object:
        """None, a folder's path, or names to lists of paths (with whether it was a list)."""
        if given is None:
            return None
        if isinstance(given, (str, os.PathLike)):
            folder = self._start / given
            if not folder.is_dir():
                raise IsolationError(f"there is no folder `{folder}` to take files from")
            return str(folder)
        made = {}
        for key, content in given.items():
            several = isinstance(content, (list, tuple))
            items: Any = content if several else (content,)
            made[key] = [several, [self._put(item, key) for item in items]]
        return made

    def _put(self, content: object, key: str) -> str:
        self._count += 1
        place = self._folder / str(self._count)
        place.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            place.write_text(content, newline="")
        elif isinstance(content, bytes):
            place.write_bytes(content)
        elif isinstance(content, os.PathLike):
            source = self._start / content
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True)
            elif source.exists():
                shutil.copy2(source, place)
            else:
                raise IsolationError(f"`{key}` should be a copy of `{source}`, which is not there")
        else:
            kind = type(content).__name__
            raise IsolationError(
                f"`{key}` is a {kind}: give a text, bytes, a pathlib.Path, or a list of them"
            )
        return str(place)


def _failure(run: Run) -> str:
    """What pytest shows of a failed job."""
    lines = [f"rule `{run.job.rule}` failed: {run.cause or 'no cause is known'}"]
    if run.command is not None:
        lines += ["command:", *("    " + line for line in run.command.splitlines())]
    parts = [("stdout", run.stdout), ("stderr", run.stderr)]
    parts += [
        (path, run.logs[path].read_text(errors="replace"))
        for path in run.logs.paths
        if run.logs[path].is_file()
    ]
    for title, text in parts:
        if text.strip():
            lines += [f"{title}:", *("    " + line for line in text.rstrip().splitlines()[-30:])]
    lines.append(f"it ran in {run.folder}")
    return "\n".join(lines)
