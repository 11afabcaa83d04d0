from __future__ import annotations

import hashlib
import os
import time
import traceback

import pytest

from rulekit.frozen import replace
from rulekit.runner import attempt as steps
from rulekit.runner import files
from rulekit.runner.files import Refused

from .conftest import attempt


def as_nobody(check):
    """Run a check in the current directory without root's rights; its assertions count."""
    if os.geteuid() != 0:
        check()
        return
    os.chmod(".", 0o777)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def write(path, text, mtime=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if mtime is not None:
        os.utime(path, (mtime, mtime))


def test_success_gives_stamps_and_digests(here, order):
    write(here / "in.txt", "abc", mtime=1000)
    result = attempt(order("cat in.txt > out.txt", ["out.txt"], ["in.txt"]))
    assert result.ok and result.exit_code == 0 and result.problem is None
    digest = "sha256:" + hashlib.sha256(b"abc").hexdigest()
    (source,) = result.inputs
    assert (source.path, source.mtime_ns, source.size, source.digest) == (
        "in.txt",
        1000 * 10**9,
        3,
        digest,
    )
    (output,) = result.outputs
    assert output.digest == digest
    assert output.mtime_ns == os.stat("out.txt").st_mtime_ns
    assert result.usage["user_s"] >= 0
    assert result.started <= result.ended


def test_no_digest_above_the_limit(here, order):
    write(here / "in.txt", "abcd")
    spec = order("echo 12345 > out.txt", ["out.txt"], ["in.txt"], digest_limit=3)
    result = attempt(spec)
    assert [f.digest for f in (*result.inputs, *result.outputs)] == [None, None]


def test_old_time_of_an_output_is_replaced_by_now(order):
    before = time.time() - 2
    result = attempt(order("touch -d 2001-01-01 out.txt", ["out.txt"]))
    assert result.outputs[0].mtime_ns > before * 1e9
    assert os.stat("out.txt").st_mtime > before


def test_output_is_never_older_than_an_input_from_the_future(here, order):
    future = time.time() + 5000
    write(here / "in.txt", "", mtime=future)
    result = attempt(order("touch out.txt", ["out.txt"], ["in.txt"]))
    assert result.ok
    assert result.outputs[0].mtime_ns >= os.stat("in.txt").st_mtime_ns


def test_old_outputs_are_gone_when_the_action_starts(here, order):
    write(here / "out.txt", "old")
    write(here / "d/x", "old")
    spec = order(
        "test ! -e out.txt; test ! -e d; touch out.txt; mkdir d",
        ["out.txt", ("d", {"directory": True})],
    )
    assert attempt(spec).ok
    assert os.listdir("d") == [files.MARKER]


def test_a_link_as_output_is_removed_but_not_its_target(here, order):
    write(here / "precious", "x")
    os.symlink("precious", "out.txt")
    assert attempt(order("echo new > out.txt", ["out.txt"])).ok
    assert not os.path.islink("out.txt")
    assert (here / "precious").read_text() == "x"


def test_directories_of_outputs_and_logs_are_made(here, order):
    spec = order(
        "touch a/b/out.txt; echo hi > logs/x/y.log", ["a/b/out.txt"], logs=("logs/x/y.log",)
    )
    assert attempt(spec).ok
    assert (here / "logs/x/y.log").read_text() == "hi\n"


def test_protected_output_stops_before_anything_is_deleted(here, order):
    def check():
        for name in "ab":
            with open(name, "w") as file:
                file.write(name)
        os.chmod("b", 0o444)
        os.symlink("b", "link")
        with pytest.raises(Refused) as caught:
            steps.prepare(order("true", ["a", "link", "b"]))
        assert caught.value.problem == "protected" and "`b`" in caught.value.detail
        assert sorted(os.listdir()) == ["a", "b", "link"]
        # A link is never protected, whatever it leads to.
        steps.prepare(order("true", ["a", "link"]))
        assert os.listdir() == ["b"]

    as_nobody(check)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write everywhere")
def test_nothing_is_protected_from_root(here, order):
    write(here / "a", "a")
    os.chmod("a", 0o444)
    assert attempt(order("touch a", ["a"])).ok


def test_protected_means_not_writable_for_this_process(here, order, monkeypatch):
    write(here / "a.txt", "a")
    write(here / "b.txt", "b")
    monkeypatch.setattr(os, "access", lambda path, mode: path != "b.txt")
    with pytest.raises(Refused) as caught:
        steps.prepare(order("true", ["a.txt", "b.txt"]))
    assert caught.value.problem == "protected"
    assert (here / "a.txt").exists()


def test_flag_protected_takes_write_permission_away(here, order):
    spec = order(
        "touch f; mkdir d; touch d/x",
        [("f", {"protected": True}), ("d", {"directory": True, "protected": True})],
    )
    assert attempt(spec).ok
    modes = [os.stat(path).st_mode & 0o222 for path in ("f", "d", "d/x")]
    assert modes == [0, 0, 0]


def test_directory_not_flagged_is_refused_and_kept(here, order):
    write(here / "d/x", "precious")
    result = attempt(order("true", ["d"]))
    assert result.problem == "is-a-directory"
    assert (here / "d/x").read_text() == "precious"


@pytest.mark.parametrize(
    ("command", "flags", "problem"),
    [
        ("mkdir out", {}, "is-a-directory"),
        ("touch out", {"directory": True}, "not-a-directory"),
        ("true", {}, "missing-output"),
        ("touch out", {"ensure": {"non_empty": True}}, "ensure"),
        ("echo x > out", {"ensure": {"sha256": "00"}}, "ensure"),
        ("echo x > out", {"ensure": {"md5": "00"}}, "ensure"),
        ("ln -s nowhere out", {}, "missing-output"),
    ],
)
def test_wrong_outputs(order, command, flags, problem):
    result = attempt(order(command, [("out", flags)]))
    assert not result.ok and result.problem == problem and "`out`" in result.detail
    assert not os.path.lexists("out")


def test_kept_promises(order):
    sums = {a: hashlib.new(a, b"x\n").hexdigest() for a in ("sha256", "md5", "sha1")}
    spec = order("echo x > out", [("out", {"ensure": {"non_empty": True, **sums}})])
    assert attempt(spec).ok


def test_flag_touch(here, order):
    assert attempt(order("true", [("done", {"touch": True})])).ok
    assert (here / "done").read_text() == ""
    result = attempt(order("echo text > done2", [("done2", {"touch": True})]))
    assert result.outputs[0].size == 5


def test_outputs_of_a_failed_job_are_removed_and_named(here, order):
    spec = order("touch a b; mkdir d; false", ["a", "b", "c", ("d", {"directory": True})])
    result = attempt(spec)
    assert (result.ok, result.exit_code, result.problem) == (False, 1, None)
    assert result.removed == ("a", "b", "d")
    assert not any(map(os.path.lexists, "abd"))


def test_keep_incomplete(here, order):
    result = attempt(order("touch a; false", ["a"], keep_incomplete=True))
    assert result.removed == () and (here / "a").exists()


def test_logs_of_a_failed_job_are_kept(here, order):
    attempt(order("echo why > log; false", ["a"], logs=("log",)))
    assert (here / "log").read_text() == "why\n"


def test_exit_by_signal(order):
    result = attempt(order("kill -9 $$", ["a"]))
    assert result.exit_code == -9 and not result.ok


def test_update_restores_on_failure(here, order):
    write(here / "db", "old", mtime=5000)
    result = attempt(order("cat db; echo more >> db; false", [("db", {"update": True})]))
    assert not result.ok and result.removed == ()
    assert (here / "db").read_text() == "old"
    assert os.stat("db").st_mtime == 5000
    assert os.listdir(".rulekit/tmp") == []


def test_update_keeps_the_old_content_for_the_action(here, order):
    write(here / "db", "old\n")
    assert attempt(order("echo more >> db", [("db", {"update": True})])).ok
    assert (here / "db").read_text() == "old\nmore\n"
    assert os.listdir(".rulekit/tmp") == []


def test_missing_input(order):
    result = attempt(order("true", inputs=["no/such"]))
    assert result.problem == "missing-input" and "`no/such`" in result.detail


def test_stamp_of_a_directory_and_of_a_link(here, order):
    write(here / "d/x", "")
    write(here / "d" / files.MARKER, "", mtime=3000)
    write(here / "target", "abc", mtime=1000)
    os.symlink("target", "link")
    os.utime("link", (2000, 2000), follow_symlinks=False)
    result = attempt(order("true", inputs=["d", "link"]))
    folder, link = result.inputs
    assert (folder.mtime_ns, folder.size, folder.digest) == (3000 * 10**9, -1, None)
    assert (link.mtime_ns, link.size) == (2000 * 10**9, 3)
    assert link.digest == "sha256:" + hashlib.sha256(b"abc").hexdigest()


def test_digest_is_of_what_the_job_found(here, order):
    write(here / "in", "one", mtime=1000)
    result = attempt(order("echo changed > in; touch out", ["out"], ["in"]))
    (source,) = result.inputs
    assert source.mtime_ns == 1000 * 10**9 and source.size == 3 and source.digest is None


def test_environment_and_token(here, order):
    spec = order(
        'echo "$RULEKIT_ATTEMPT $OMP_NUM_THREADS" > out',
        ["out"],
        environment={"OMP_NUM_THREADS": "3"},
    )
    attempt(spec)
    assert (here / "out").read_text() == f"{spec.token} 3\n"


def test_tmpdir_is_made(here, order):
    spec = order("touch $TMPDIR/x out", ["out"], environment={"TMPDIR": str(here / "t/m")})
    assert attempt(spec).ok


def test_capture(here, order):
    spec = order("echo a; echo b >&2; false", capture="cap/x.txt")
    attempt(spec)
    assert (here / "cap/x.txt").read_text() == "a\nb\n"


def test_a_very_long_command_goes_through_a_file(here, order):
    text = "x" * 300_000
    result = attempt(order(f"echo {text} > out", ["out"]))
    assert result.ok and os.path.getsize("out") == 300_001
    assert os.listdir(".rulekit/tmp") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "command", "argv": ["no-such-program-at-all"]}, "no-such-program-at-all"),
        ({"kind": "command", "argv": ["/etc/passwd"]}, "/etc/passwd"),
        ({"kind": "shell", "command": "a\0b"}, "null"),
        ({"kind": "cwl"}, "cwl"),
    ],
)
def test_what_cannot_be_started(order, body, words):
    result = attempt(order(outputs=["a"], body=body))
    assert result.problem == "spawn" and words in result.detail


def test_no_action_but_checks(here, order):
    write(here / "in", "")
    assert attempt(order(body={"kind": "none"}, inputs=["in"])).ok
    assert attempt(order(body={"kind": "none"}, outputs=["x"])).problem == "missing-output"


def test_argv_command(here, order):
    spec = order(outputs=["out file"], body={"kind": "command", "argv": ["touch", "out file"]})
    assert attempt(spec).ok


def test_sigpipe_is_the_default_in_jobs(order):
    # Python ignores it; `yes` would then complain about its broken pipe instead of dying of it.
    result = attempt(order("yes | head -n 1"))
    assert result.exit_code == 141


def test_action_has_a_process_group_of_its_own(here, order):
    attempt(order("ps -o pgid= -p $$ > out; echo $$ >> out", ["out"]))
    group, pid = (here / "out").read_text().split()
    assert group == pid


def test_pipes_are_left_alone(here, order):
    os.mkfifo("p")
    result = attempt(order("test -p p", [("p", {"pipe": True})]))
    assert result.ok and result.outputs == ()
    assert attempt(order("false", [("p", {"pipe": True})])).removed == ()
    assert os.path.exists("p")


def test_a_pipe_as_input_is_named_but_not_read(order):
    os.mkfifo("p")
    found = attempt(order("true", inputs=["p"])).inputs
    assert [(file.path, file.size, file.digest) for file in found] == [("p", -1, None)]


@pytest.mark.parametrize("name", ["with blank", "new\nline", "$(touch pwned)", "a'b", "-n", "ü"])
def test_odd_names(here, order, name):
    write(here / name, "x")
    body = {"kind": "command", "argv": ["cp", "--", name, f"{name}.out"]}
    result = attempt(order(outputs=[f"{name}.out"], inputs=[name], body=body))
    assert result.ok and result.outputs[0].path == f"{name}.out"
    assert not (here / "pwned").exists()


def test_names_that_are_no_utf8(order):
    name = os.fsdecode(b"a\xff")
    body = {"kind": "command", "argv": ["touch", name]}
    assert attempt(order(outputs=[name], body=body)).ok


def test_folder_that_cannot_be_written(here, order):
    def check():
        os.mkdir("ro")
        os.chmod("ro", 0o555)
        with pytest.raises(Refused) as caught:
            steps.prepare(order("touch ro/x/y", ["ro/x/y"]))
        assert caught.value.problem == "access" and "`ro/x`" in caught.value.detail

    as_nobody(check)


def test_output_below_a_file(here, order):
    write(here / "f", "")
    result = attempt(order("true", ["f/x"]))
    assert result.problem == "access" and "not a directory" in result.detail


def test_full_disk_is_told(order, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", full)
    result = attempt(order("touch a", ["a"]))
    assert result.problem == "disk" and "no space left" in result.detail
    assert not os.path.exists("a")


def test_readonly_folder_tree_of_an_old_output_can_be_replaced(here, order):
    write(here / "d/inner/x", "")
    os.chmod("d/inner", 0o555)
    spec = order("mkdir d", [("d", {"directory": True})])
    assert attempt(spec).ok
    assert not (here / "d/inner").exists()


def test_spec_is_not_changed(order):
    spec = order("touch a", ["a"], environment={"X": "1"})
    copy = replace(spec)
    attempt(spec)
    assert spec == copy and spec.environment == {"X": "1"}
