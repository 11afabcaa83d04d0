from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from rulekit.errors import InfrastructureError, StateError
from rulekit.frozen import replace
from rulekit.model.record import FileFact, Record, input_key
from rulekit.provenance.facts import Finished
from rulekit.provenance.store import FILE, VERSION, Store

from .conftest import done, facts, file, result

DIGEST = "sha256:" + hashlib.sha256(b"x").hexdigest()


def tree(folder):
    """Every file below a folder with content and time."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as handle:
                found[path] = (handle.read(), os.stat(path).st_mtime_ns)
        found[base] = os.stat(base).st_mtime_ns
    return found


def reopened(store, **options):
    store.close()
    return Store.open(".rulekit", **options)


def test_a_record_comes_back_whole(here, store):
    one = Finished(
        facts(outputs=("b", "a"), wildcards={"x": "1", "y": "a=b"}, logs=("l1", "l2")),
        result(
            outputs=[file("b", 5, 7, DIGEST), file("a", 6, -1)],
            inputs=[file("in 1", 3, 4, DIGEST), file("in2", 2, 9)],
        ),
    )
    store.commit([one])
    store = reopened(store)
    assert store.record("a") == Record(
        rule="a",
        wildcards={"x": "1", "y": "a=b"},
        outputs=(FileFact("a", 6, -1), FileFact("b", 5, 7, DIGEST)),
        inputs=(FileFact("in 1", 3, 4, DIGEST), FileFact("in2", 2, 9)),
        code="touch {output}",
        command="touch out",
        params=("p=1", "q"),
        environment="",
        started=1000.5,
        ended=1002.0,
        usage={"user_s": 0.25, "max_rss_kb": 1000},
        logs=("l1", "l2"),
    )
    assert store.record("a") == store.record("b")
    assert store.record("c") is None
    store.close()


def test_digests_of_stored_files_come_back(here, store):
    kinds = [DIGEST, "md5:1B2M2Y8AsgTpgAmY7PhCfg==", "etag:0x8DE123456789ABC", None]
    inputs = [file(f"in{i}", i, i, digest) for i, digest in enumerate(kinds)]
    store.commit([Finished(facts(), result(outputs=[file("out", 5, 7, kinds[1])], inputs=inputs))])
    record = reopened(store).record("out")
    assert [fact.digest for fact in record.inputs] == kinds
    assert record.outputs == (FileFact("out", 5, 7, kinds[1]),)


def test_snapshot(here, store):
    store.commit(
        [done("r-1-1", ["o1", "o2"], ["i2", "i1", "i2"]), done("r-2-1", ["o3"], params=())]
    )
    store.mark_incomplete(["bad"])
    index = reopened(store, readonly=True).snapshot()
    assert set(index.outputs) == {"o1", "o2", "o3"}
    record, mtime, size, digest = index.outputs["o1"]
    assert (mtime, size, digest) == (10**18, 1, None)
    assert index.outputs["o2"][0] == record != index.outputs["o3"][0]
    assert index.code(record) == "touch {output}" and index.command(record) == "touch out"
    assert index.params(record) == ("p=1", "q") and index.environment(record) == ""
    assert index.params(index.outputs["o3"][0]) == ()
    assert index.input_set(record) == input_key(["i1", "i2"]) == "i1\0i2"
    assert index.inputs(record) == {p: FileFact(p, 10**18, 1) for p in ("i1", "i2")}
    assert index.incomplete == {"bad"}


def test_long_input_sets_are_told_apart():
    names = [f"some/long/name/{i}" for i in range(100)]
    key = input_key(names)
    assert len(key) < 100 and key == input_key(reversed(names)) == input_key([*names, names[0]])
    assert key != input_key(names[1:])


def test_texts_are_stored_once(store):
    store.commit([done(f"r-{i}-1", [f"o{i}"]) for i in range(50)])
    assert sorted(store.texts().values()) == ["", "p=1\0q", "touch {output}"]
    (known, unknown) = store.text_ids(["touch {output}", "never seen"])
    assert store.text(known) == "touch {output}" and unknown is None
    assert store.text_ids(["touch {output}"] * 600)[599] == known
    assert len(store.texts()) == 3


def test_a_success_replaces_the_former(store):
    store.commit([done("r1-1-1", ["a", "b"], command="old")])
    store.commit([done("r2-1-1", ["a"], command="new")])
    assert store.record("a").command == "new" and store.record("b").command == "old"
    assert [f.path for f in store.record("b").outputs] == ["b"]
    store.commit([done("r3-1-1", ["b"], command="newer")])
    index = store.snapshot()
    assert len(index.records) == 2
    assert len(store.attempts()) == 3


def test_a_failure_is_history_only(store):
    store.commit([done("r1-1-1")])
    store.commit([done("r2-1-1", ok=False)])
    assert store.record("out").command == "touch out"
    newest, oldest = store.attempts()
    assert (newest.token, newest.ok, newest.exit_code) == ("r2-1-1", False, 1)
    assert oldest.ok and [row.token for row in store.attempts(failed=True)] == ["r2-1-1"]


def test_committing_again_changes_nothing(store):
    batch = [done("r-1-1", ["a"], ["i"]), done("r-2-1", ["b"], ok=False)]
    store.commit(batch)
    before = (store.snapshot().outputs, store.snapshot().records, len(store.attempts()))
    store.commit(batch)
    assert (store.snapshot().outputs, store.snapshot().records, len(store.attempts())) == before


def test_success_takes_the_mark_away(store):
    store.mark_incomplete(["a", "b"])
    store.commit([done("r-1-1", ["a"])])
    assert store.incomplete() == {"b"}
    store.commit([done("r-2-1", ["b"], ok=False)])
    assert store.incomplete() == {"b"}


def test_forget(store):
    store.commit([done("r-1-1", ["a", "b"])])
    store.mark_incomplete(["c"])
    assert store.forget(["a", "c", "unknown"]) == 2
    assert set(store.snapshot().outputs) == {"b"} and store.incomplete() == frozenset()
    assert store.forget(["b"]) == 1
    assert store.snapshot().records == {}


def test_runs(store):
    store.begin_run("r1", 5.0, "host", "rulekit --cores 1")
    store.commit([done("r1-1-1")])
    store.end_run("r1", 9.0, True)
    store.begin_run("r2", 10.0, "host", "rulekit")
    store.commit([done("r1-2-1", ["x"])], "r1")
    store.commit([done("r2-1-1", ["y"])])
    assert [run["name"] for run in store.runs()] == ["r2", "r1"]
    assert store.runs()[1] == {
        "name": "r1",
        "started": 5.0,
        "ended": 9.0,
        "ok": 1,
        "host": "host",
        "command": "rulekit --cores 1",
    }
    assert {row.token for row in store.attempts(run="r1")} == {"r1-1-1", "r1-2-1"}
    assert [row.token for row in store.attempts(run="r2", rule="a")] == ["r2-1-1"]


@pytest.mark.parametrize("name", ["\udcff\udcfe", "é\n", "a\udc80b", "'; DROP TABLE output; --"])
def test_odd_names(store, name):
    one = Finished(
        facts("r-1-1", [name], command=name, wildcards={"x": name}, logs=(name,), code=name),
        result("r-1-1", outputs=[file(name)], inputs=[file(name)], detail=name),
    )
    store.commit([one])
    store.mark_incomplete([name + "2"])
    store = reopened(store)
    index = store.snapshot()
    record = index.outputs[name][0]
    assert index.code(record) == index.command(record) == index.input_set(record) == name
    assert store.record(name).wildcards == {"x": name} and store.record(name).logs == (name,)
    assert store.inputs_of(record)[0].path == name
    assert store.incomplete() == {name + "2"}
    assert store.forget([name]) == 1
    store.close()


# --- readonly -------------------------------------------------------------------------------


def test_readonly_without_a_file_makes_nothing(here):
    store = Store.open(".rulekit", readonly=True)
    assert store.snapshot().outputs == {} and store.record("a") is None
    assert store.runs() == [] and store.incomplete() == frozenset()
    assert os.listdir(here) == []


def test_readonly_changes_no_byte(here, store):
    store.commit([done()])
    store.close()
    before = tree(".rulekit")
    with_folder = os.stat(".rulekit").st_mode
    os.chmod(".rulekit", 0o555)
    store = Store.open(".rulekit", readonly=True)
    assert set(store.snapshot().outputs) == {"out"} and store.record("out") is not None
    with pytest.raises(RuntimeError):
        store.commit([done("r-2-1")])
    store.close()
    os.chmod(".rulekit", with_folder)
    assert tree(".rulekit") == before


def half_committed(here):
    """A state directory whose writer was killed in the middle of a commit."""
    store = Store.open(".rulekit")
    store.commit([done(f"r-{i}-1", [f"o{i}"]) for i in range(300)])
    store.close()
    code = f"""
import os, signal, sqlite3
db = sqlite3.connect(".rulekit/{FILE}", isolation_level=None)
db.execute("PRAGMA journal_mode=TRUNCATE")
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN IMMEDIATE")
db.execute("DELETE FROM output")
db.execute("UPDATE record SET command = 'half' || hex(randomblob(500))")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert os.path.getsize(f".rulekit/{FILE}-journal") > 0


def test_killed_in_a_commit(here):
    half_committed(here)
    store = Store.open(".rulekit")
    assert len(store.snapshot().outputs) == 300 and store.notes == ()
    assert store.record("o5").command == "touch out"
    store.close()


def test_readonly_after_a_kill_in_a_commit_changes_no_byte(here):
    half_committed(here)
    before = tree(".rulekit")
    store = Store.open(".rulekit", readonly=True)
    assert len(store.snapshot().outputs) == 300
    assert store.record("o5").command == "touch out"
    copy = store._copy
    store.close()
    assert tree(".rulekit") == before
    assert copy is not None and not os.path.exists(copy)


# --- damage ---------------------------------------------------------------------------------


def make_large(count=300):
    store = Store.open(".rulekit")
    store.commit([done(f"r-{i}-1", [f"o{i}"]) for i in range(count)])
    store.close()
    return os.path.join(".rulekit", FILE)


def damage(kind, path):
    size = os.path.getsize(path)
    if kind == "garbage":
        with open(path, "wb") as handle:
            handle.write(b"this is not a database" * 500)
    elif kind == "half":
        os.truncate(path, size // 2)
    elif kind == "header":
        os.truncate(path, 50)
    else:
        with open(path, "r+b") as handle:
            handle.seek(4096)
            handle.write(b"\xff" * (size - 4096))


@pytest.mark.parametrize("kind", ["garbage", "half", "header", "pages"])
def test_damaged_file_is_moved_aside_and_told(here, kind):
    path = make_large()
    damage(kind, path)
    with open(path, "rb") as handle:
        broken = handle.read()
    store = Store.open(".rulekit")
    assert store.snapshot().outputs == {}
    (note,) = store.notes
    assert "damaged" in note and "forgotten" in note
    (aside,) = [
        name
        for name in os.listdir(".rulekit")
        if ".damaged-" in name and not name.endswith("-journal")
    ]
    with open(os.path.join(".rulekit", aside), "rb") as handle:
        assert handle.read() == broken
    store.commit([done("new-1-1")])
    store = reopened(store)
    assert set(store.snapshot().outputs) == {"out"} and store.notes == ()
    store.close()


@pytest.mark.parametrize("kind", ["garbage", "half", "header", "pages"])
def test_damaged_file_in_a_dry_run_is_told_and_left(here, kind):
    path = make_large()
    damage(kind, path)
    before = tree(".rulekit")
    store = Store.open(".rulekit", readonly=True)
    assert store.snapshot().outputs == {} and store.snapshot().incomplete == frozenset()
    assert "damaged" in store.notes[0]
    store.close()
    assert tree(".rulekit") == before


def test_random_damage_is_never_a_traceback(here):
    path = make_large(60)
    shutil.copytree(".rulekit", "whole")
    chance = random.Random(20)
    told = 0
    for _ in range(60):
        shutil.rmtree(".rulekit")
        shutil.copytree("whole", ".rulekit")
        with open(path, "r+b") as handle:
            for _ in range(chance.choice([1, 20, 400])):
                handle.seek(chance.randrange(os.path.getsize(path)))
                handle.write(bytes([chance.randrange(256)]))
        try:
            store = Store.open(".rulekit")
            store.snapshot()
            store.commit([done("new-1-1", ["new"])])
            assert "new" in store.snapshot().outputs
            told += bool(store.notes)
            store.close()
        except (StateError, InfrastructureError) as error:
            told += 1
            assert error.diagnostics[0].help
    assert told > 10


def test_newer_version_is_refused_and_left(here):
    path = make_large(3)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    db.close()
    before = tree(".rulekit")
    for readonly in (True, False):
        with pytest.raises(StateError, match="newer version") as caught:
            Store.open(".rulekit", readonly=readonly)
        assert caught.value.exit_code == 9 and caught.value.diagnostics[0].help
    assert tree(".rulekit") == before


# --- disk and company -----------------------------------------------------------------------


def test_full_disk_at_a_commit_loses_nothing(here, store):
    store.commit([done("r-1-1", ["a"])])
    store._db.execute(
        f"PRAGMA max_page_count={store._db.execute('PRAGMA page_count').fetchone()[0]}"
    )
    many = [done(f"r-{i}-1", [f"b{i}"], command="x" * 2000) for i in range(2, 60)]
    with pytest.raises(InfrastructureError, match="full") as caught:
        store.commit(many)
    assert caught.value.exit_code == 6 and caught.value.diagnostics[0].help
    assert set(store.snapshot().outputs) == {"a"}
    store._db.execute("PRAGMA max_page_count=100000")
    store.commit(many)
    assert len(store.snapshot().outputs) == 59


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs root for a tmpfs")
def test_really_full_disk(here):
    os.mkdir("small")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "none", "small"], check=False
    ).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        store = Store.open("small/.rulekit")
        committed = 0
        with pytest.raises(InfrastructureError) as caught:
            for i in range(2000):
                store.commit([done(f"r-{i}-1", [f"o{i}"], command="x" * 300)])
                committed += 1
        assert caught.value.exit_code == 6
        assert committed > 5
        store.close()
        store = Store.open("small/.rulekit", readonly=True)
        assert set(store.snapshot().outputs) == {f"o{i}" for i in range(committed)}
        store.close()
    finally:
        subprocess.run(["umount", "small"], check=True)


def test_state_directory_that_cannot_be_made(here):
    (here / ".rulekit").write_text("a file")
    with pytest.raises(InfrastructureError) as caught:
        Store.open(".rulekit")
    assert caught.value.diagnostics[0].help


def test_two_writers_take_turns(here, store):
    other = Store.open(".rulekit")
    for i in range(10):
        store.commit([done(f"a-{i}-1", [f"a{i}"], code=f"code {i}")])
        other.commit([done(f"b-{i}-1", [f"b{i}"], code=f"code {i}")])
    index = store.snapshot()
    assert len(index.outputs) == 20
    assert all(index.code(index.outputs[f"b{i}"][0]) == f"code {i}" for i in range(10))
    other.close()


def test_a_busy_store_is_told(here, store):
    store._db.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(os.path.join(".rulekit", FILE), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InfrastructureError, match="busy"):
        store.commit([done()])
    other.execute("ROLLBACK")
    store.commit([done()])
    other.close()


def test_no_write_ahead_log_and_full_sync(store):
    assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "truncate"
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_small(here):
    batch = [
        done(
            f"r-{i}-1", [f"out/o{i}.txt"], [f"in/{i}.txt"], command=f"cat in/{i}.txt > out/o{i}.txt"
        )
        for i in range(2000)
    ]
    batch = [
        replace(
            one,
            result=replace(
                one.result, outputs=tuple(replace(f, digest=DIGEST) for f in one.result.outputs)
            ),
        )
        for one in batch
    ]
    store = Store.open(".rulekit")
    store.commit(batch)
    store.close()
    assert os.path.getsize(os.path.join(".rulekit", FILE)) / 2000 < 400


def test_old_history_is_let_go_but_not_what_records_need(here, store, monkeypatch):
    monkeypatch.setattr("rulekit.provenance.store.KEPT_ATTEMPTS", 20)
    store.commit([done("keep", ["kept.txt"])], run="one", begun=(1.0, "host", "first"))
    store.commit([], run="one", ended=(2.0, True))
    for number in range(22):
        store.commit([done(f"t{number}", ["same.txt"])], run="two", begun=(3.0, "host", "second"))
    assert len(store.attempts()) == 23
    store.commit([], run="two", ended=(4.0, True))
    assert len(store.attempts()) == 23  # a tenth more than is kept: not yet
    store.commit([done("last", ["same.txt"], ok=False)], run="two", ended=(5.0, True))
    tokens = [row.token for row in store.attempts()]
    assert tokens[0] == "last" and tokens[-1] == "keep" and len(tokens) == 21
    assert [run["name"] for run in store.runs()] == ["two", "one"]
    assert store.record("kept.txt").rule == store.record("same.txt").rule == "a"
    store.commit([done("again", ["kept.txt"])], run="two", ended=(6.0, True))
    for number in range(30):
        store.commit([done(f"u{number}", ["same.txt"])], run="two", ended=(7.0, True))
    assert [run["name"] for run in store.runs()] == ["two"]  # the other has no attempt any more
    assert store.record("kept.txt") is not None
