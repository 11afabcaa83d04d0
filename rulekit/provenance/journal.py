"""The text file in front of the store: what a run is about to do, has started, and has done.

``.rulekit/journal/<run>.jsonl``, one JSON value a line, only ever appended to:

    {"v": 1, "run": name, "time": seconds, "owner": {...}, "workdir": path}      the first line
    {"p": [paths], "n": {rule: count}, "d": {path: count}}    outputs that jobs may make from now on:
                              promises; and, where that is news, how many jobs the run has, and how
                              many jobs from here on read each temporary output before it may go
    {"t": [number, texts], "i": [[token, key, rule, wildcards, attempt, outputs, code, command,
                                  params, environment, logs], ...]}               intents
    {"h": [pid, start]}       the runner process (it writes the lines from here on itself)
    {"s": [token, time]}      an attempt is about to be started
    {"r": [...]}              its result, as `rulekit.runner.wire.result_to_tuple` has it
    {"c": [tokens]}           these are committed
    {"b": {...}}              where attempts run on other machines, as their executor has it

`code`, `params` and `environment` of an intent are numbers of texts, counted over all `t` of the
file (each says at which number it begins). Promises are synced to disk before any of their jobs
may start, many at a time; an intent is written, not synced, before its job is started: it outlives
the death of every process, and after that of the machine the promises tell what to doubt. Every
write begins with a line end, so that one that was cut short (a full disk) spoils
no other; empty lines mean nothing.
"""

from __future__ import annotations

import errno
import os
import time

from rulekit.errors.tree import InfrastructureError, StateError
from rulekit.provenance.facts import JobFacts
from rulekit.provenance.forms import join_params, split_params
from rulekit.provenance.owner import Owner, owner_from_json, this_process
from rulekit.runner import wire
from rulekit.runner.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobResult

VERSION = 1
FOLDER = "journal"


class Journal:
    """The journal of a run that goes on. Make one with `Journal.create`."""

    __slots__ = ("_file", "_texts", "path", "run")

    def __init__(self, path: str, run: str, file: int) -> None:
        self.path = path
        self.run = run
        self._file = file
        self._texts: dict[str, int] = {}

    @classmethod
    def create(cls, state_dir: str, run: str, now: float | None = None) -> Journal:
        """Make the file and sync it. Raises InfrastructureError."""
        folder = os.path.join(state_dir, FOLDER)
        path = os.path.join(folder, f"{run}.jsonl")
        head = {
            "v": VERSION,
            "run": run,
            "time": time.time() if now is None else now,
            "owner": this_process().to_json(),
            "workdir": os.getcwd(),
        }
        try:
            os.makedirs(folder, exist_ok=True)
            part = os.path.join(folder, f".{run}.part")
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            file = os.open(part, flags, 0o600)
        except OSError as error:
            raise _trouble(path, error) from error
        journal = cls(path, run, file)
        try:
            journal._append(dumps(head), first=True)
            os.fsync(file)
            # Nobody ever sees a journal without its head, and so without its owner.
            os.link(part, path)
            os.unlink(part)
            sync_folder(folder)
        except OSError as error:
            os.close(file)
            for name in (part, path):
                try:
                    os.unlink(name)
                except OSError:
                    pass
            raise _trouble(path, error) from error
        return journal

    def _append(self, line: str, first: bool = False) -> None:
        data = f"{line}\n".encode() if first else f"\n{line}\n".encode()
        if os.write(self._file, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def promise(
        self,
        paths: Sequence[str],
        jobs: Mapping[str, int] | None = None,
        temps: Mapping[str, int] | None = None,
    ) -> None:
        """Put on file, durably, that jobs which make these files may start from now on. `jobs`: how
        many of each rule the run has, those that have ended too. `temps`: temporary outputs, and
        how many of the jobs to come read them; it takes the place of what was told before.

        Raises InfrastructureError; then none of them may start.
        """
        if not paths:
            return
        try:
            body: dict[str, Any] = {"p": list(paths)}
            if jobs:
                body["n"] = dict(jobs)
            if temps is not None:
                body["d"] = dict(temps)
            self._append(dumps(body))
            os.fdatasync(self._file)
        except OSError as error:
            raise _trouble(self.path, error) from error

    def intent(self, jobs: Sequence[JobFacts]) -> None:
        """Put on file that these attempts start now. Their outputs have been promised.

        Raises InfrastructureError; then none of them may start.
        """
        if not jobs:
            return
        texts = self._texts
        known = len(texts)
        new: list[str] = []

        def number(text: str) -> int:
            found = texts.get(text)
            if found is None:
                found = texts[text] = len(texts)
                new.append(text)
            return found

        rows = [
            (
                job.token,
                job.key,
                job.rule,
                dict(job.wildcards),
                job.attempt,
                job.outputs,
                number(job.code),
                job.command,
                number(join_params(job.params, job.param_names)),
                number(job.environment),
                job.logs,
            )
            for job in jobs
        ]
        body: dict[str, Any] = {"t": [known, new], "i": rows} if new else {"i": rows}
        try:
            self._append(dumps(body))
        except OSError as error:
            for text in new:
                del texts[text]
            raise _trouble(self.path, error) from error

    def places(self, places: Iterable[Mapping[str, Any]]) -> None:
        """Put on file where attempts are that an earlier run has started on other machines.

        Raises InfrastructureError.
        """
        try:
            for place in places:
                self._append(dumps({"b": dict(place)}))
        except OSError as error:
            raise _trouble(self.path, error) from error

    def committed(self, tokens: Iterable[str]) -> None:
        """Note that these attempts are in the store. Not synced: only saves work later."""
        try:
            self._append(dumps({"c": list(tokens)}))
        except OSError:
            pass

    def close(self, remove: bool) -> None:
        """Close the file; `remove` when all its results are committed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if remove:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass


class Past:
    """A journal as read back.

    `damaged`: some line could not be read; then nothing may be concluded from the absence of a
    start line.
    """

    __slots__ = (
        "committed",
        "damaged",
        "host",
        "intents",
        "jobs",
        "owner",
        "path",
        "places",
        "promised",
        "results",
        "run",
        "started",
        "temps",
        "time",
        "told",
        "workdir",
    )

    def __init__(self, path: str) -> None:
        self.path = path
        self.run = os.path.basename(path).removesuffix(".jsonl")
        self.time = 0.0
        self.owner: Owner | None = None
        self.workdir = ""
        self.host: tuple[int, int] | None = None  # the runner process, its start in ticks
        self.promised: list[str] = []
        self.jobs: dict[str, int] = {}  # of each rule, as far as is known
        self.temps: dict[str, int] = {}  # temporary outputs, and how many jobs were to read them
        self.told: frozenset[str] = frozenset()  # what had a result when that was noted
        self.places: list[dict[str, Any]] = []  # of attempts on other machines
        self.intents: dict[str, JobFacts] = {}
        self.started: dict[str, float] = {}
        self.results: dict[str, JobResult] = {}
        self.committed: set[str] = set()
        self.damaged = False

    def drop(self, tokens: Iterable[str]) -> None:
        """Forget attempts that a later run has taken over: they are in its journal."""
        for token in tokens:
            for known in (self.intents, self.started, self.results):
                known.pop(token, None)

    def doubtful(self) -> list[str]:
        """Outputs of attempts that may have changed files and have no result.

        After a crash of the whole machine, start lines and intents may be lost, promises not.
        """
        paths = [path for token in self.maybe_started() for path in self.intents[token].outputs]
        unknown = any(token not in self.intents for token in self.started)
        if self.damaged or unknown or self.owner is None or self.owner.rebooted():
            paths += self.promised
        return paths

    def maybe_started(self) -> list[str]:
        """Tokens of attempts that may have changed files and have no result.

        After a crash of the whole machine start lines may be lost, intents not.
        """
        if self.damaged or self.owner is None or self.owner.rebooted():
            tokens: Iterable[str] = self.intents
        else:
            tokens = (token for token in self.intents if token in self.started)
        return [token for token in tokens if token not in self.results]


def read(path: str) -> Past:
    """Read a journal, whatever its state.

    What cannot be read is passed over and makes it `damaged`. Raises StateError for a journal of
    a newer version, FileNotFoundError if it has just been removed.
    """
    past = Past(path)
    with open(path, "rb") as file:
        data = file.read()
    lines = data.split(b"\n")
    if lines.pop():
        past.damaged = True
    import json

    texts: list[str | None] = []
    for line in lines:
        if not line:
            continue
        try:
            body = json.loads(line)
            if "v" in body and body["v"] != VERSION:
                _refuse_version(path, body)
            _take(past, texts, body)
        except (ValueError, KeyError, TypeError, IndexError):
            past.damaged = True
    return past


def taken_over(pasts: Iterable[Past]) -> dict[str, dict[str, Past]]:
    """For each journal (by path) the attempts that are in a later one, too, and that one: a run takes
    attempts of a killed one over by noting them as its own."""
    newest: dict[str, Past] = {}
    everyone = list(pasts)
    for past in everyone:
        for token in past.intents:
            known = newest.get(token)
            if known is None or (past.time, past.run) > (known.time, known.run):
                newest[token] = past
    return {
        past.path: {token: newest[token] for token in past.intents if newest[token] is not past}
        for past in everyone
    }


def _refuse_version(path: str, body: Any) -> None:
    version = body.get("v")
    if isinstance(version, int) and version > VERSION:
        raise StateError(
            f"the journal `{path}` was written by a newer version of rulekit"
            f" (format {version}, this one knows {VERSION})",
            code="RK0903",
            help="run that version once: it brings the unfinished run to an end",
        )


def _take(past: Past, texts: list[str | None], body: Any) -> None:
    if "v" in body:
        past.owner = owner_from_json(body["owner"])
        past.time = float(body["time"])
        past.workdir = body["workdir"]
    elif "i" in body:
        if "t" in body:
            first, new = body["t"]
            texts += [None] * (first - len(texts))  # a line between was lost
            texts[first:] = new

        def text(number: int) -> str:
            found = texts[number]
            if found is None:
                raise ValueError("a text is lost")
            return found

        for row in body["i"]:
            token, key, rule, wildcards, attempt, outputs, code, command, params, env, logs = row
            texts_of_params, names = split_params(text(params))
            past.intents[token] = JobFacts(
                token,
                key,
                rule,
                wildcards,
                attempt,
                tuple(outputs),
                text(code),
                command,
                texts_of_params,
                text(env),
                tuple(logs),
                names,
            )
    elif "p" in body:
        past.promised += body["p"]
        if "n" in body:
            past.jobs = {str(rule): int(count) for rule, count in dict(body["n"]).items()}
        if "d" in body:
            past.temps = {str(name): int(count) for name, count in dict(body["d"]).items()}
            past.told = frozenset(past.results)
    elif "s" in body:
        token, moment = body["s"]
        past.started[token] = float(moment)
    elif "r" in body:
        result = wire.result_from_tuple(body["r"])
        past.results[result.token] = result
        past.started.setdefault(result.token, result.started)
    elif "h" in body:
        pid, start = body["h"]
        past.host = (int(pid), int(start))
    elif "b" in body:
        past.places.append(dict(body["b"]))
    elif "c" in body:
        past.committed.update(body["c"])
    else:
        raise ValueError("not a line of a journal")


def left_behind(state_dir: str) -> list[str]:
    """Paths of the journals in a state directory, the oldest first."""
    folder = os.path.join(state_dir, FOLDER)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names) if name.endswith(".jsonl")]


def sweep(state_dir: str, older_s: float = 3600.0) -> None:
    """Take away journals whose makers were killed before they had a head, an hour ago or more."""
    folder = os.path.join(state_dir, FOLDER)
    limit = time.time() - older_s
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(".part"):
            path = os.path.join(folder, name)
            try:
                if os.stat(path).st_mtime < limit:
                    os.unlink(path)
            except OSError:
                pass


def sync_folder(path: str) -> None:
    """Make the names in a folder durable. Raises OSError."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _trouble(path: str, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"the journal `{path}` cannot be written: {(error.strerror or str(error)).lower()}",
        code="RK0605",
        help="no job is started without it: free some space or make the folder writable",
    )
