from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from rulekit.frozen import replace
from rulekit.provenance import journal, owner
from rulekit.provenance.facts import Finished
from rulekit.provenance.journal import Journal
from rulekit.provenance.recover import discard_aside, recover
from rulekit.provenance.store import Store
from rulekit.provenance.unfinished import unfinished
from rulekit.runner import orphans, wire

from .conftest import as_is, facts, file, result


class Dead:
    """A journal of a process that is gone."""

    def __init__(self, run="r1"):
        self.journal = Journal.create(".rulekit", run)
        self.path = self.journal.path
        self.rewrite_owner(pid=2**22 + 1)

    def rewrite_owner(self, **changes):
        lines = open(self.path).read().split("\n")
        for number, line in enumerate(lines):
            if '"v"' in line:
                head = json.loads(line)
                head["owner"].update(changes)
                lines[number] = json.dumps(head)
        open(self.path, "w").write("\n".join(lines))

    def line(self, **body):
        with open(self.path, "a") as handle:
            handle.write(json.dumps(body) + "\n")

    def started(self, *jobs):
        self.journal.intent(jobs)
        for job in jobs:
            self.line(s=[job.token, 1.0])

    def ended(self, answer):
        self.line(r=wire.result_to_tuple(answer))


@pytest.fixture
def dead(here):
    return Dead()


def touch(path, text="x"):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "w") as handle:
        handle.write(text)
    return as_is(path)


def test_nothing_to_do_reads_one_folder(here, store):
    assert recover(".rulekit", store).runs == ()


def test_result_is_committed(here, store, dead):
    dead.started(facts("t1", ["a"]))
    dead.ended(result("t1", outputs=[touch("a")]))
    done = recover(".rulekit", store)
    assert (done.runs, done.committed, done.incomplete) == (("r1",), ("a:t1",), ())
    assert store.record("a").code == "touch {output}" and os.path.exists("a")
    assert journal.left_behind(".rulekit") == []


def test_started_without_result_is_set_aside(here, store, dead):
    dead.started(facts("t1", ["d/a", "b"]))
    touch("d/a", "half")
    done = recover(".rulekit", store)
    assert done.incomplete == ("d/a", "b")
    ((path, where),) = done.aside
    assert path == "d/a" and open(where).read() == "half" and "/aside/r1/" in where
    assert not os.path.exists("d/a") and store.incomplete() == {"d/a", "b"}


def test_directories_links_and_paths_elsewhere_are_set_aside(here, store, dead, tmp_path_factory):
    elsewhere = str(tmp_path_factory.mktemp("elsewhere") / "x")
    dead.started(facts("t1", ["dir", "link", elsewhere, "../up"]))
    touch("dir/inner")
    touch("target")
    os.symlink("target", "link")
    touch(elsewhere)
    done = recover(".rulekit", store)
    assert {path for path, _ in done.aside} == {"dir", "link", elsewhere}
    assert not any(map(os.path.lexists, ("dir", "link", elsewhere))) and os.path.exists("target")
    root = os.path.abspath(".rulekit/aside/r1") + "/"
    assert all(os.path.abspath(where).startswith(root) for _, where in done.aside)


def test_intent_without_start_is_harmless(here, store, dead):
    dead.journal.intent([facts("t1", ["a"])])
    touch("a")
    done = recover(".rulekit", store)
    assert done.incomplete == () and os.path.exists("a")


@pytest.mark.parametrize("how", ["reboot", "damage"])
def test_intent_counts_as_start_where_start_lines_may_be_lost(here, store, dead, how):
    dead.journal.intent([facts("t1", ["a"])])
    touch("a")
    if how == "reboot":
        dead.rewrite_owner(boot="another boot")
    else:
        dead.journal._append('{"s": ["t')
    assert recover(".rulekit", store).incomplete == ("a",)
    assert not os.path.exists("a")


def test_after_a_reboot_what_is_on_record_stays(here, store, dead):
    old = Dead("r0")
    old.started(facts("t0", ["a"]))
    old.ended(result("t0", outputs=[touch("a")]))
    dead.journal.intent([facts("t1", ["a"])])
    dead.rewrite_owner(boot="another boot")
    done = recover(".rulekit", store)
    assert done.committed == ("a:t0",) and done.incomplete == () and os.path.exists("a")


def test_after_a_reboot_content_decides(here, store, dead):
    dead.started(facts("t1", ["a"]), facts("t2", ["b"]))
    good = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    dead.ended(result("t1", outputs=[replace(touch("a"), digest=good)]))
    dead.ended(result("t2", outputs=[replace(touch("b"), digest="sha256:" + "0" * 64)]))
    dead.rewrite_owner(boot="another boot")
    done = recover(".rulekit", store)
    assert done.committed == ("a:t1",) and done.incomplete == ("b",)
    assert os.path.exists("a") and not os.path.exists("b")


@pytest.mark.parametrize("change", ["content", "kind"])
def test_result_whose_output_is_another_is_not_committed(here, store, dead, change):
    dead.started(facts("t1", ["a", "b"]))
    dead.ended(result("t1", outputs=[touch("a"), touch("b")]))
    os.unlink("a")
    if change == "content":
        touch("a", "somebody else wrote this")
    else:
        os.mkdir("a")
    assert recover(".rulekit", store).committed == ()
    assert store.record("b") is None and os.path.exists("b") and os.path.exists("a")


def test_result_whose_temporary_output_was_removed_is_committed(here, store, dead):
    """The engine removes it before the record of the job is in the store."""
    dead.started(facts("t1", ["a", "b"]), facts("t2", ["c"]))
    dead.ended(result("t1", outputs=[touch("a"), touch("b")]))
    dead.ended(result("t2", outputs=[touch("c")]))
    os.unlink("a")
    os.unlink("c")
    done = recover(".rulekit", store)
    assert set(done.committed) == {"a:t1", "a:t2"} and done.incomplete == ()
    assert store.record("b") is not None and store.incomplete() == frozenset()


def test_directory_that_was_begun_anew_is_not_the_one_on_record(here, store, dead):
    made = replace(touch("dir/.snakemake_timestamp"), path="dir", size=-1)
    old = Dead("r0")
    old.started(facts("t0", ["dir"]))
    old.ended(result("t0", outputs=[made]))
    assert len(recover(".rulekit", store).committed) == 1
    # The next attempt removes it with all that is in it, and makes it anew.
    shutil.rmtree("dir")
    os.mkdir("dir")
    again = Dead("r2")
    again.started(facts("t1", ["dir"]))
    done = recover(".rulekit", store)
    assert done.incomplete == ("dir",) and not os.path.exists("dir")


def test_started_again_after_a_success_is_doubtful(here, store, dead):
    dead.started(facts("t1", ["a"]))
    dead.ended(result("t1", outputs=[touch("a")]))
    dead.started(facts("t2", ["a"]))
    os.unlink("a")
    touch("a", "half")
    done = recover(".rulekit", store)
    assert done.incomplete == ("a",) and not os.path.exists("a")


def test_retry_that_succeeded_vouches(here, store, dead):
    dead.started(facts("t1", ["a"]))
    dead.started(facts("t2", ["a"], attempt=2))
    dead.ended(result("t2", outputs=[touch("a")]))
    done = recover(".rulekit", store)
    assert done.incomplete == () and done.committed == ("a:t2",) and os.path.exists("a")


def test_failure_is_put_into_the_history(here, store, dead):
    dead.started(facts("t1", ["a"]))
    dead.ended(result("t1", ok=False))
    done = recover(".rulekit", store)
    assert done.committed == () and done.incomplete == ()
    assert [row.token for row in store.attempts(failed=True)] == ["t1"]


def test_output_that_a_failed_job_kept_is_marked_not_moved(here, store, dead):
    dead.started(facts("t1", ["a"]))
    touch("a", "partial")
    dead.ended(result("t1", ok=False))
    done = recover(".rulekit", store)
    assert done.incomplete == ("a",) and os.path.exists("a")


def test_keep_incomplete_leaves_files_but_marks_them(here, store, dead):
    dead.started(facts("t1", ["a"]))
    touch("a")
    done = recover(".rulekit", store, keep_incomplete=True)
    assert done.aside == () and done.incomplete == ("a",) and os.path.exists("a")


def test_journal_of_a_living_run_is_left_alone(here, store):
    living = Journal.create(".rulekit", "living")
    living.intent([facts("t1", ["a"])])
    assert recover(".rulekit", store).runs == ()
    assert journal.left_behind(".rulekit") == [living.path]


def test_journal_of_another_host(here, store, dead):
    dead.started(facts("t1", ["a"]))
    dead.rewrite_owner(host="other")
    touch("a")
    done = recover(".rulekit", store)
    assert done.runs == () and done.foreign == (f"process {2**22 + 1} on host `other`",)
    assert os.path.exists("a")
    done = recover(".rulekit", store, take_over=True)
    assert done.incomplete == ("a",)


def test_twice_changes_nothing(here, store, dead):
    dead.started(facts("t1", ["a"]), facts("t2", ["b"]))
    dead.ended(result("t1", outputs=[touch("a")]))
    touch("b")
    text = open(dead.path).read()
    recover(".rulekit", store)
    before = (store.snapshot().outputs, store.incomplete(), len(store.attempts()))
    open(dead.path, "w").write(text)
    again = recover(".rulekit", store)
    assert again.aside == () and again.incomplete == ("b",)
    assert (store.snapshot().outputs, store.incomplete(), len(store.attempts())) == before


@pytest.mark.parametrize("step", ["commit", "mark_incomplete", "rename", "unlink"])
def test_killed_in_a_recovery(here, store, dead, step, monkeypatch):
    """Stopped at any step, the next recovery comes to the same end."""
    dead.started(facts("t1", ["a"]), facts("t2", ["b"]))
    dead.ended(result("t1", outputs=[touch("a")]))
    touch("b")

    class Killed(BaseException):
        pass

    def stop(*_args, **_more):
        raise Killed

    if step in ("commit", "mark_incomplete"):
        monkeypatch.setattr(Store, step, stop)
    else:
        monkeypatch.setattr(os, step, stop)
    with pytest.raises(Killed):
        recover(".rulekit", store)
    monkeypatch.undo()
    os.chdir(here)
    recover(".rulekit", store)
    assert store.record("a") is not None and store.incomplete() == {"b"}
    assert not os.path.exists("b") and journal.left_behind(".rulekit") == []


def test_orphans_are_stopped(here, store, dead):
    """Jobs whose runner process is gone too: nobody will ever know how they end."""
    token = f"orphan{os.getpid()}"
    dead.started(facts(token, ["a"]))
    code = "import os, time; os.setsid(); open('a', 'w').write('half'); time.sleep(60)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "RULEKIT_ATTEMPT": token}
    )
    while not os.path.exists("a"):
        time.sleep(0.01)
    import threading

    # Here, unlike for a true orphan, somebody has to wait for the child to be gone for good.
    waiter = threading.Thread(target=child.wait)
    waiter.start()
    done = recover(".rulekit", store)
    waiter.join()
    assert done.stopped == 1 and orphans.of({token}) == []
    assert done.incomplete == ("a",) and not os.path.exists("a")


@pytest.mark.parametrize("stop", [False, True])
def test_jobs_of_a_living_runner_process(here, store, stop):
    """The engine is gone, its runner process is not: waited for, or stopped on request."""
    code = """
import os, sys
from rulekit.executors.local import LocalExecutor
from rulekit.provenance.facts import JobFacts
from rulekit.provenance.facts import Finished
from rulekit.provenance.journal import Journal
sys.path.insert(0, %r)
from tests.executors import conftest
order = conftest.order.__wrapped__(__import__("pathlib").Path.cwd())
journal = Journal.create(".rulekit", "r1")
wait = "for i in $(seq 600); do test -e go && break; sleep 0.1; done"
spec = order("echo a > a; touch ready; " + wait + "; echo b >> a", ["a"])
journal.intent([JobFacts(spec.token, spec.key, "a", {}, 1, ("a",), "c", "cmd", (), "", ())])
executor = LocalExecutor(".rulekit", journal.path)
executor.submit(spec)
executor.poll(0)
while not os.path.exists("ready"):
    pass
os.kill(os.getpid(), 9)
"""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen(
        [sys.executable, "-c", code % root],
        env={**os.environ, "PYTHONPATH": root},
    )
    process.wait()
    said = []

    def say(text):
        said.append(text)
        touch("go")  # the job ends only when it is known to be waited for

    done = recover(".rulekit", store, say, stop=stop)
    if stop:
        assert done.stopped >= 1 and done.incomplete == ("a",) and not os.path.exists("a")
    else:
        assert done.adopted == done.committed == ("a:n=1",) and done.incomplete == ()
        assert open("a").read() == "a\nb\n"
        assert "waiting" in said[0] and "`a:n=1`" in said[0]


def test_helper_files_are_swept(here, store, dead):
    dead.started(facts("t1"))
    for name in ("tmp/t1.sh", "scripts/t1.json", "shadow/t1/x", "tmp/t10.sh", "scripts/lib/y"):
        touch(f".rulekit/{name}")
    recover(".rulekit", store)
    left = [os.path.join(b, n) for b, _, names in os.walk(".rulekit") for n in names]
    assert sorted(p for p in left if "/tmp/" in p or "/scripts/" in p or "/shadow/" in p) == [
        ".rulekit/scripts/lib/y",
        ".rulekit/tmp/t10.sh",
    ]


def test_discard_aside(here, store, dead):
    dead.started(facts("t1", ["a"]))
    touch("a")
    recover(".rulekit", store)
    discard_aside(".rulekit")
    discard_aside(".rulekit")
    assert not os.path.exists(".rulekit/aside")


def test_owner_states():
    me = owner.this_process()
    assert me.state() == owner.ALIVE
    assert replace(me, start=me.start + 1).state() == owner.DEAD
    assert replace(me, pid=2**22 + 1).state() == owner.DEAD
    assert replace(me, boot="x").state() == owner.DEAD and replace(me, boot="x").rebooted()
    assert replace(me, host="x").state() == owner.FOREIGN
    assert replace(me, host="x", boot="y").rebooted() is False
    assert replace(me, space="other").state() == owner.FOREIGN
    assert owner.owner_from_json(me.to_json()) == me


def test_ended_process_that_nobody_waited_for_is_dead():
    child = subprocess.Popen(["true"])
    start = owner.start_ticks(child.pid)
    deadline = time.monotonic() + 60
    while owner.is_running(child.pid, start) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not owner.is_running(child.pid, start)
    child.wait()


@pytest.mark.parametrize("saved", ["whole", "partly", "not"])
def test_file_that_was_being_updated_gets_its_old_state_back(here, store, dead, saved):
    dead.started(facts("r1.1.1", ["other", "db"]))
    touch("db", "half new" if saved == "whole" else "old")
    if saved != "not":
        suffix = ".part" if saved == "partly" else ""
        touch(f".rulekit/tmp/r1.1.1.update.1{suffix}", "old" if saved == "whole" else "o")
    done = recover(".rulekit", store)
    if saved == "not":
        assert [path for path, _ in done.aside] == ["db"] and not os.path.exists("db")
    else:
        assert open("db").read() == "old"
        assert os.listdir(".rulekit/tmp") == []


@pytest.mark.parametrize("step", ["mark_incomplete", "unlink"])
def test_restored_file_stays_when_the_recovery_is_killed_too(here, store, dead, step, monkeypatch):
    dead.started(facts("r1.1.1", ["db"]))
    touch("db", "half new")
    touch(".rulekit/tmp/r1.1.1.update.0", "old")

    class Killed(BaseException):
        pass

    def stop(path, *_args):
        if step == "mark_incomplete" or str(path).endswith(".jsonl"):
            raise Killed
        return real(path)

    real = os.unlink
    with monkeypatch.context() as patch:
        if step == "mark_incomplete":
            patch.setattr(Store, step, stop)
        else:
            patch.setattr(os, step, stop)
            patch.setattr("rulekit.runner.leftovers.sweep", lambda *_args: None)
        with pytest.raises(Killed):
            recover(".rulekit", store)
    assert open("db").read() == "old"
    os.chdir(here)
    recover(".rulekit", store)
    assert open("db").read() == "old" and os.listdir(".rulekit/tmp") == []


def test_only_the_last_recovery_keeps_what_it_set_aside(here, store):
    for run in ("r1", "r2"):
        dead = Dead(run)
        dead.started(facts(f"{run}.1.1", ["a"]))
        touch("a", run)
        recover(".rulekit", store)
    assert os.listdir(".rulekit/aside") == ["r2"]


def test_several_journals_at_once(here, store):
    for number in (1, 2, 3):
        dead = Dead(f"r{number}")
        dead.started(
            facts(f"r{number}.1.1", [f"a{number}"]), facts(f"r{number}.2.1", [f"b{number}"])
        )
        dead.ended(result(f"r{number}.1.1", outputs=[touch(f"a{number}")]))
        touch(f"b{number}")
        # After a crash of the machine, what an earlier journal committed is still not in doubt.
        dead.journal.promise([f"a{n}" for n in range(1, number + 1)])
        dead.rewrite_owner(boot="another boot")
    done = recover(".rulekit", store)
    assert len(done.committed) == 3 and set(done.incomplete) == {"b1", "b2", "b3"}
    assert all(os.path.exists(f"a{n}") for n in (1, 2, 3))


def test_attempts_that_a_later_run_took_over_are_its_own(here, store):
    """Both runs were killed; the second had committed what it took over, and removed the file."""
    first = Journal.create(".rulekit", "run-1", now=1000.0)
    second = Journal.create(".rulekit", "run-2", now=2000.0)
    adopted, own = facts("t-1", ["out"]), facts("t-2", ["other"])
    for made, jobs in ((first, [adopted, own]), (second, [adopted])):
        made.promise([path for job in jobs for path in job.outputs])
        made.intent(jobs)
        for job in jobs:
            made._append(f'{{"s": ["{job.token}", 1.0]}}')
    ended = result("t-1", outputs=[file("out")])
    second._append(json.dumps({"r": wire.result_to_tuple(ended)}))
    store.commit([Finished(adopted, ended)], "run-2")
    for made in (first, second):
        made.close(remove=False)
        _disown(made.path)
    found = unfinished(".rulekit", store.snapshot().outputs)
    assert "out" not in found and "other" in found
    done = recover(".rulekit", store)
    assert set(done.incomplete) == {"other"}
    assert not os.listdir(".rulekit/journal")


def _disown(path):
    """As if the process that wrote it were gone."""
    with open(path) as file:
        lines = file.read().split("\n")
    head = json.loads(lines[0])
    head["owner"]["pid"], head["owner"]["start"] = 999_999_999, 1
    with open(path, "w") as file:
        file.write("\n".join([json.dumps(head), *lines[1:]]))
