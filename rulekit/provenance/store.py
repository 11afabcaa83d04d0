"""The memory of earlier runs: one SQLite file, ``.rulekit/provenance.sqlite``.

Safe on network file systems: one writer at a time, a rollback journal (never a write-ahead log,
which needs shared memory), ``synchronous=FULL``, short transactions. Opened readonly it does not
change a byte, not even after a crash.

A damaged file is moved aside (``provenance.sqlite.damaged-<time>``) and a new one begun; `notes`
says so. What is lost is the memory only: no output that was not known to be complete stays in
place, because half-made files are set aside by `recover` from the journal, not from here. Until
their jobs have run again, files are judged by their times alone. A file of a newer version is
never touched: StateError.
"""

from __future__ import annotations

import os
import time

from rulekit.errors.tree import InfrastructureError, StateError
from rulekit.model.record import FileFact, Record, input_key
from rulekit.provenance.forms import (
    checksum,
    decode,
    join_params,
    pack_inputs,
    pack_pairs,
    pack_usage,
    split_params,
    split_texts,
    sql_text,
    unpack_inputs,
    unpack_pairs,
    unpack_usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from rulekit.provenance.facts import Finished
else:
    try:
        # What `sqlite3` adds are adapters for dates, which cost the start 3 ms.
        import _sqlite3 as sqlite3
    except ImportError:
        import sqlite3

FILE = "provenance.sqlite"
VERSION = 1
KEPT_ATTEMPTS = 300_000  # of history; about 60 MB

# `attempt` has a row for each attempt ever made; `record` one for each success that still is the
# last one of some output (`refs` counts them), with the same id.
_SCHEMA = """
CREATE TABLE text (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX text_crc ON text (crc);
CREATE TABLE run (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, started REAL NOT NULL, ended REAL,
    ok INTEGER, host TEXT NOT NULL, command TEXT NOT NULL);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, run INTEGER, token TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,
    wildcards TEXT NOT NULL, number INTEGER NOT NULL, exit INTEGER NOT NULL, problem TEXT,
    detail TEXT, started REAL NOT NULL, seconds REAL NOT NULL, usage TEXT, logs TEXT);
CREATE TABLE record (
    id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, code INTEGER NOT NULL,
    params INTEGER NOT NULL, env INTEGER NOT NULL, input_key TEXT NOT NULL, command TEXT,
    inputs BLOB);
CREATE TABLE output (
    path TEXT PRIMARY KEY, record INTEGER NOT NULL, mtime INTEGER NOT NULL,
    size INTEGER NOT NULL, digest TEXT) WITHOUT ROWID;
CREATE TABLE incomplete (path TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
"""

# The messages of a damaged file may hold bytes of it, which then cannot be decoded.
_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)

# File names need not be UTF-8; those that are not are bound as bytes.
_RECORD_OF = "SELECT record FROM output WHERE path=CAST(? AS TEXT)"
_UNMARK = "DELETE FROM incomplete WHERE path=CAST(? AS TEXT)"
_ADD_TEXT = "INSERT INTO text (crc, body) VALUES (?, CAST(? AS TEXT))"

_HISTORY = (
    "SELECT a.id, r.name, a.token, a.rule, a.wildcards, a.number, a.exit, a.problem,"
    " a.detail, a.started, a.seconds, a.usage, a.logs FROM attempt a"
    " LEFT JOIN run r ON r.id = a.run"
)


class AttemptRow:
    """One attempt from the history: `rulekit logs`, `status`, `timeline` read these."""

    __slots__ = (
        "detail",
        "ended",
        "exit_code",
        "id",
        "logs",
        "number",
        "problem",
        "rule",
        "run",
        "started",
        "token",
        "usage",
        "wildcards",
    )

    def __init__(self, row: Sequence[Any]) -> None:
        self.id: int = row[0]
        self.run: str | None = row[1]
        self.token: str = row[2]
        self.rule: str = row[3]
        self.wildcards = unpack_pairs(row[4])
        self.number: int = row[5]
        self.exit_code: int = row[6]
        self.problem: str | None = row[7]
        self.detail: str = row[8] or ""
        self.started: float = row[9]
        self.ended: float = row[9] + row[10]
        self.usage = unpack_usage(row[11])
        self.logs = split_texts(row[12])

    @property
    def ok(self) -> bool:
        """Whether the attempt succeeded."""
        return self.exit_code == 0 and self.problem is None


class RecordIndex:
    """The whole memory as planning needs it, read in bulk. Answers `staleness.Memory`.

    `outputs` maps a path to (record, mtime in ns, size, digest or None). The parts of a record
    are looked up by the record's number: those that many records share are kept, `command` and
    `inputs` are read from the file when they are asked for.
    """

    __slots__ = ("_params", "_store", "_texts", "incomplete", "outputs", "records")

    def __init__(
        self,
        store: Store | None,
        outputs: dict[str, tuple[int, int, int, str | None]],
        records: dict[int, tuple[Any, ...]],
        incomplete: frozenset[str],
    ) -> None:
        self._store = store
        self._texts: dict[int, str] = {}
        self._params: dict[int, tuple[str, ...]] = {}
        self.outputs = outputs
        # id → a row of `snapshot`: 4 to 7 are the numbers of code, params, environment, the input key
        self.records = records
        self.incomplete = incomplete

    def _text(self, number: int) -> str:
        found = self._texts.get(number)
        if found is None:
            assert self._store is not None
            if not self._texts:
                self._texts = self._store.texts()
                found = self._texts.get(number)
            if found is None:
                found = self._texts[number] = self._store.text(number)
        return found

    def code(self, record: int) -> str:
        """The code text of a record."""
        return self._text(self.records[record][4])

    def params(self, record: int) -> tuple[str, ...]:
        """The parameters of a record."""
        number = self.records[record][5]
        found = self._params.get(number)
        if found is None:
            found = self._params[number] = split_params(self._text(number))[0]
        return found

    def environment(self, record: int) -> str:
        """The environment text of a record."""
        return self._text(self.records[record][6])

    def input_set(self, record: int) -> str:
        """`rulekit.model.record.input_key` of the inputs of a record."""
        key: str = self.records[record][7]
        return key

    def command(self, record: int) -> str | None:
        """The final shell command of a record."""
        return None if self._store is None else self._store.command(record)

    def inputs(self, record: int) -> Mapping[str, FileFact]:
        """The inputs of a record by path."""
        if self._store is None:
            return {}
        return {fact.path: fact for fact in self._store.inputs_of(record)}


class Store:
    """The open file. Make one with `Store.open`."""

    def __init__(self, path: str, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self.notes: tuple[str, ...] = ()
        self._db: sqlite3.Connection | None = None
        self._copy: str | None = None
        self._text_ids: dict[str, int] = {}
        self._run: str | None = None
        self._seen = 0
        self._run_ids: dict[str, int | None] = {}

    # --- opening --------------------------------------------------------------------------

    @classmethod
    def open(cls, state_dir: str, readonly: bool = False) -> Store:
        """Open the store of a state directory, making it if it is not there.

        `readonly`: nothing is made or changed; without a file the store is just empty. Raises
        StateError if it is of a newer version or cannot be read, InfrastructureError if the disk
        does not take it.
        """
        store = cls(os.path.join(state_dir, FILE), readonly)
        if readonly:
            store._open_readonly()
            return store
        try:
            os.makedirs(state_dir, exist_ok=True)
            store._open()
        except _ERRORS as error:
            if not _damage().is_damage(error):
                raise store._trouble(error) from error
            store._begin_anew(error)
        except OSError as error:
            raise InfrastructureError(
                f"the state directory `{state_dir}` cannot be made: {_damage().words_of(error)}",
                code="RK0602",
                help="rulekit keeps its memory there: make the directory writable",
            ) from error
        return store

    def _open(self) -> None:
        db = sqlite3.connect(self.path, timeout=20.0, isolation_level=None, check_same_thread=False)
        self._db = db
        db.execute("PRAGMA journal_mode=TRUNCATE")
        if self._version(db) == 0:
            # A new file has nothing to lose to a power cut (a damaged one is begun anew): its
            # tables need no syncs of their own. The first commit syncs all of it.
            db.execute("PRAGMA synchronous=OFF")
            db.execute("BEGIN IMMEDIATE")
            if self._version(db) == 0:  # another process may have been faster
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        db.execute("PRAGMA synchronous=FULL")

    def _version(self, db: sqlite3.Connection) -> int:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            self.close()
            raise StateError(
                f"the state in `{self.path}` was written by a newer version of rulekit"
                f" (format {version}, this one knows {VERSION})",
                code="RK0901",
                help="use that version, or move the file away to start without memory",
            )
        return version

    def _open_readonly(self) -> None:
        if not os.path.exists(self.path):
            return
        try:
            path = self.path
            if _is_hot(path):
                # A crash left a transaction half done. Undoing it would write, so it is undone
                # in a copy.
                path = self._copy_away()
            db = sqlite3.connect(
                f"file:{_quote(path)}?mode={'rw' if self._copy else 'ro'}",
                uri=True,
                timeout=20.0,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db = db
            if self._version(db) == 0:
                empty = os.path.getsize(self.path) == 0
                self.close()
                if not empty:
                    raise sqlite3.DatabaseError("file is not a database")
        except _ERRORS as error:
            self.close()
            if not _damage().is_damage(error):
                raise self._trouble(error) from error
            self.notes = (_damage().damage_note(self.path, error, None),)
        except OSError as error:
            self.close()
            raise self._trouble(error) from error

    def _copy_away(self) -> str:
        import shutil
        import tempfile

        self._copy = tempfile.mkdtemp(prefix="rulekit-")
        path = os.path.join(self._copy, FILE)
        shutil.copyfile(self.path, path)
        shutil.copyfile(f"{self.path}-journal", f"{path}-journal")
        return path

    def _begin_anew(self, error: Exception) -> None:
        """Move a damaged file aside and start with an empty one."""
        self.close()
        aside = f"{self.path}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
        number = 0
        while os.path.lexists(aside):
            number += 1
            aside = f"{self.path}.damaged-{time.strftime('%Y%m%dT%H%M%S')}.{number}"
        try:
            os.replace(self.path, aside)
            if os.path.lexists(f"{self.path}-journal"):
                os.replace(f"{self.path}-journal", f"{aside}-journal")
            self._text_ids = {}
            self._run_ids = {}
            self._open()
        except (OSError, *_ERRORS) as second:
            raise StateError(
                f"the state in `{self.path}` is damaged ({error}) and cannot be replaced: {second}",
                code="RK0902",
                help=f"move `{self.path}` away by hand: files are then judged by their times",
            ) from second
        self.notes = (*self.notes, _damage().damage_note(self.path, error, aside))

    def close(self) -> None:
        """Close the file. Any number of times."""
        db, self._db = self._db, None
        if db is not None:
            db.close()
        copy, self._copy = self._copy, None
        if copy is not None:
            import shutil

            shutil.rmtree(copy, ignore_errors=True)

    def _trouble(self, error: Exception) -> Exception:
        """What to raise for an error of SQLite that is no damage."""
        text = _damage().words_of(error)
        if isinstance(error, sqlite3.OperationalError) and "locked" in text:
            return InfrastructureError(
                f"the state in `{self.path}` is busy: another run holds it for too long",
                code="RK0603",
                help="wait for the other run; on a network file system see that locks work there",
            )
        return InfrastructureError(
            f"the state in `{self.path}` cannot be read or written: {text}",
            code="RK0604",
            help="nothing is lost: free some space or make the folder writable, and run again",
        )

    def _do(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query; damage is repaired by starting anew, if this may write."""
        db = self._db
        if db is None:
            return []
        try:
            try:
                return db.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                if db.text_factory is not str or "decode" not in str(error):
                    raise
                # There is a file name that is no UTF-8: from now on the slower way.
                db.text_factory = decode
                return db.execute(statement, values).fetchall()
        except _ERRORS as error:
            if not _damage().is_damage(error):
                raise self._trouble(error) from error
            if self.readonly:
                self.close()
                self.notes = (*self.notes, _damage().damage_note(self.path, error, None))
            else:
                self._begin_anew(error)
            return []

    # --- reading --------------------------------------------------------------------------

    def snapshot(self) -> RecordIndex:
        """The memory for planning, read in bulk. Damage gives an empty one and a note."""
        notes = self.notes
        self._seen = self._changes()
        # One query: its rows also serve as those of the records, whatever output they are of.
        rows = self._do(
            "SELECT o.record, o.mtime, o.size, o.digest, r.code, r.params, r.env, r.input_key,"
            " o.path FROM output o JOIN record r ON r.id = o.record"
        )
        outputs = {row[8]: row[:4] for row in rows}
        records = {row[0]: row for row in rows}
        incomplete = frozenset(row[0] for row in self._do("SELECT path FROM incomplete"))
        if self.notes != notes:
            return RecordIndex(None, {}, {}, frozenset())
        return RecordIndex(self, outputs, records, incomplete)

    def is_outdated(self) -> bool:
        """Whether another process has committed something since the last `snapshot`."""
        return self._changes() != self._seen

    def _changes(self) -> int:
        """A number that differs when another process has written (not when this one has)."""
        rows = self._do("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    def command(self, record: int) -> str | None:
        """The final shell command of a record."""
        rows = self._do("SELECT command FROM record WHERE id=?", (record,))
        return rows[0][0] if rows else None

    def inputs_of(self, record: int) -> tuple[FileFact, ...]:
        """The inputs of a record, as the job found them, in its order."""
        rows = self._do("SELECT inputs FROM record WHERE id=?", (record,))
        return unpack_inputs(rows[0][0]) if rows else ()

    def record(self, path: str) -> Record | None:
        """The record of the job that made a file; None if nothing is known of it."""
        rows = self._do(
            "SELECT r.id, a.rule, a.wildcards, c.body, p.body, e.body, r.command, r.inputs,"
            " a.started, a.seconds, a.usage, a.logs FROM output o"
            " JOIN record r ON r.id = o.record JOIN attempt a ON a.id = r.id"
            " JOIN text c ON c.id = r.code JOIN text p ON p.id = r.params"
            " JOIN text e ON e.id = r.env WHERE o.path=CAST(? AS TEXT)",
            (sql_text(path),),
        )
        if not rows:
            return None
        row = rows[0]
        outputs = self._do(
            "SELECT path, mtime, size, digest FROM output WHERE record=? ORDER BY path", (row[0],)
        )
        return Record(
            rule=row[1],
            wildcards=unpack_pairs(row[2]),
            outputs=tuple(FileFact(*output) for output in outputs),
            inputs=unpack_inputs(row[7]),
            code=row[3],
            command=row[6],
            params=split_params(row[4])[0],
            environment=row[5],
            started=row[8],
            ended=row[8] + row[9],
            usage=unpack_usage(row[10]),
            logs=split_texts(row[11]),
            param_names=split_params(row[4])[1],
        )

    def text(self, number: int) -> str:
        """A text by its number, empty if there is none."""
        rows = self._do("SELECT body FROM text WHERE id=?", (number,))
        return rows[0][0] if rows else ""

    def texts(self) -> dict[int, str]:
        """Every text by its number."""
        return dict(self._do("SELECT id, body FROM text"))

    def text_ids(self, texts: Sequence[str]) -> list[int | None]:
        """The number of each text, None for those that are not known. Inserts nothing."""
        if len(texts) > 500:
            known = {body: number for number, body in self._do("SELECT id, body FROM text")}
            return [known.get(text) for text in texts]
        return [self._find_text(text) for text in texts]

    def _find_text(self, text: str) -> int | None:
        found = self._text_ids.get(text)
        if found is None:
            for number, body in self._do(
                "SELECT id, body FROM text WHERE crc=?", (checksum(text),)
            ):
                if body == text:
                    found = self._text_ids[text] = number
        return found

    def incomplete(self) -> frozenset[str]:
        """Files that a killed or failed job may have left half made."""
        return frozenset(row[0] for row in self._do("SELECT path FROM incomplete"))

    def attempts(
        self,
        *,
        run: str | None = None,
        rule: str | None = None,
        failed: bool = False,
        limit: int = 1000,
    ) -> list[AttemptRow]:
        """The history, the newest first; only of one run, of one rule, only failures."""
        conditions: list[str] = []
        values: list[Any] = []
        if run is not None:
            conditions.append("r.name=?")
            values.append(run)
        if rule is not None:
            conditions.append("a.rule=?")
            values.append(rule)
        if failed:
            conditions.append("(a.exit<>0 OR a.problem IS NOT NULL)")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"{_HISTORY}{where} ORDER BY a.id DESC LIMIT ?"
        rows = self._do(query, (*values, limit))
        return [AttemptRow(row) for row in rows]

    def runs(self, limit: int = 100) -> list[dict[str, Any]]:
        """The runs, the newest first: name, started, ended, ok, host, command."""
        names = ("name", "started", "ended", "ok", "host", "command")
        rows = self._do(
            "SELECT name, started, ended, ok, host, command FROM run ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    # --- writing --------------------------------------------------------------------------

    def begin_run(self, name: str, started: float, host: str, command: str) -> None:
        """Note that a run has begun; what is committed from now on belongs to it."""
        with _Transaction(self) as db:
            db.execute(
                "INSERT OR IGNORE INTO run (name, started, host, command) VALUES (?, ?, ?, ?)",
                (name, started, host, command),
            )
        self._run = name
        self._run_ids.pop(name, None)

    def end_run(self, name: str, ended: float, ok: bool) -> None:
        """Note that a run has ended."""
        with _Transaction(self) as db:
            db.execute("UPDATE run SET ended=?, ok=? WHERE name=?", (ended, int(ok), name))

    def _run_id(self, name: str | None) -> int | None:
        name = self._run if name is None else name
        if name is None:
            return None
        found = self._run_ids.get(name)
        if found is None:
            rows = self._do("SELECT id FROM run WHERE name=?", (name,))
            found = self._run_ids[name] = rows[0][0] if rows else None
        return found

    def commit(
        self,
        batch: Iterable[Finished],
        run: str | None = None,
        *,
        begun: tuple[float, str, str] | None = None,
        ended: tuple[float, bool] | None = None,
    ) -> None:
        """Put attempts on record, all in one transaction. Only this makes a job "done".

        A success replaces what was known of its outputs and takes away their marks of being
        incomplete; a failure is history only. `run` defaults to that of `begin_run`. Attempts
        that are on record already (by token) are passed over, so a batch may be given again.
        `begun` (when, host, command line) and `ended` (when, whether well) note the run's begin
        and end in the same transaction: each one of its own costs several syncs.
        Raises InfrastructureError if it cannot be written: then nothing of it was, and the
        journal still has it.
        """
        batch = list(batch)
        if not batch and ended is None:
            return
        with _Transaction(self) as db:
            if begun is not None:
                db.execute(
                    "INSERT OR IGNORE INTO run (name, started, host, command) VALUES (?, ?, ?, ?)",
                    (run, *begun),
                )
                self._run_ids.pop(run or "", None)
            if ended is not None:
                db.execute(
                    "UPDATE run SET ended=?, ok=? WHERE name=?", (ended[0], int(ended[1]), run)
                )
            number = self._run_id(run)
            for finished in batch:
                self._commit_one(db, number, finished)
            if ended is not None:
                self._let_go(db)

    def _let_go(self, db: sqlite3.Connection) -> None:
        """At a run's end: history that is too old and too much."""
        oldest, newest = db.execute(
            "SELECT (SELECT min(id) FROM attempt), (SELECT max(id) FROM attempt)"
        ).fetchone()
        if oldest is not None and newest - oldest > KEPT_ATTEMPTS + KEPT_ATTEMPTS // 10:
            from rulekit.provenance.pruning import prune

            if prune(db, KEPT_ATTEMPTS):
                self._run_ids = {}

    def _commit_one(self, db: sqlite3.Connection, run: int | None, finished: Finished) -> None:
        facts, result = finished.facts, finished.result
        cursor = db.execute(
            "INSERT OR IGNORE INTO attempt (run, token, rule, wildcards, number, exit, problem,"
            " detail, started, seconds, usage, logs) VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?,"
            " CAST(? AS TEXT), ?, ?, ?, CAST(? AS TEXT))",
            (
                run,
                result.token,
                facts.rule,
                sql_text(pack_pairs(facts.wildcards)),
                facts.attempt,
                result.exit_code,
                result.problem,
                sql_text(result.detail) or None,
                round(result.started, 3),
                round(result.ended - result.started, 4),
                pack_usage(result.usage),
                sql_text("\0".join(facts.logs)) or None,
            ),
        )
        if cursor.rowcount != 1 or not result.ok:
            return
        record = cursor.lastrowid
        outputs = result.outputs
        if not outputs:
            return
        for output in outputs:
            old = db.execute(_RECORD_OF, (sql_text(output.path),)).fetchone()
            if old is not None:
                db.execute("UPDATE record SET refs=refs-1 WHERE id=?", old)
                db.execute("DELETE FROM record WHERE id=? AND refs<=0", old)
        db.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)",
            (
                record,
                len(outputs),
                self._text_id(db, facts.code),
                self._text_id(db, join_params(facts.params, facts.param_names)),
                self._text_id(db, facts.environment),
                sql_text(input_key([fact.path for fact in result.inputs])),
                sql_text(facts.command),
                pack_inputs(result.inputs),
            ),
        )
        db.executemany(
            "INSERT OR REPLACE INTO output VALUES (CAST(? AS TEXT), ?, ?, ?, ?)",
            [(sql_text(o.path), record, o.mtime_ns, o.size, o.digest) for o in outputs],
        )
        db.executemany(_UNMARK, [(sql_text(o.path),) for o in outputs])

    def _text_id(self, db: sqlite3.Connection, text: str) -> int:
        found = self._find_text(text)
        if found is None:
            cursor = db.execute(_ADD_TEXT, (checksum(text), sql_text(text)))
            found = cursor.lastrowid
            assert found is not None
            if len(self._text_ids) > 100_000:
                self._text_ids.clear()
            self._text_ids[text] = found
        return found

    def mark_incomplete(self, paths: Iterable[str]) -> None:
        """Note files as perhaps half made: stale until their jobs have succeeded."""
        now = time.time()
        rows = [(sql_text(path), now) for path in paths]
        if rows:
            with _Transaction(self) as db:
                db.executemany(
                    "INSERT OR REPLACE INTO incomplete VALUES (CAST(? AS TEXT), ?)", rows
                )

    def forget(self, paths: Iterable[str]) -> int:
        """Forget all that is known of these files. Returns how many were known."""
        known = 0
        with _Transaction(self) as db:
            for path in paths:
                name = (sql_text(path),)
                old = db.execute(_RECORD_OF, name).fetchone()
                marked = db.execute(_UNMARK, name).rowcount
                known += int(old is not None or marked > 0)
                if old is not None:
                    db.execute("DELETE FROM output WHERE path=CAST(? AS TEXT)", name)
                    db.execute("UPDATE record SET refs=refs-1 WHERE id=?", old)
                    db.execute("DELETE FROM record WHERE id=? AND refs<=0", old)
        return known


class _Transaction:
    """All or nothing. On an error the texts that were numbered inside are forgotten again."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> sqlite3.Connection:
        store = self._store
        if store.readonly or store._db is None:
            raise RuntimeError("the store is not open for writing")
        try:
            store._db.execute("BEGIN IMMEDIATE")
        except _ERRORS as error:
            if not _damage().is_damage(error):
                raise store._trouble(error) from error
            store._begin_anew(error)
            assert store._db is not None
            store._db.execute("BEGIN IMMEDIATE")
        return store._db

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        store = self._store
        db = store._db
        if db is None:
            return
        if error is None:
            try:
                db.execute("COMMIT")
                return
            except _ERRORS as failure:
                error = failure
        try:
            db.execute("ROLLBACK")
        except _ERRORS:
            pass
        store._text_ids = {}
        if isinstance(error, _ERRORS):
            if _damage().is_damage(error):
                raise StateError(
                    f"the state in `{store.path}` is damaged: {error}",
                    code="RK0902",
                    help="run again: the damaged file is then moved aside and a new one begun",
                ) from error
            raise store._trouble(error) from error


def _is_hot(path: str) -> bool:
    """Whether a transaction was left half done: its rollback journal has a header."""
    try:
        with open(f"{path}-journal", "rb") as file:
            return file.read(1) not in (b"", b"\0")
    except OSError:
        return False


def _quote(path: str) -> str:
    return "".join(
        f"%{byte:02x}" if byte in b"%?#" or byte >= 127 else chr(byte) for byte in os.fsencode(path)
    )


def _damage() -> ModuleType:
    from rulekit.provenance import damage  # only when something went wrong

    return damage
