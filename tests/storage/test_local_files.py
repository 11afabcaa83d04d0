"""Files of this machine: on a real disk, with all that can stand there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rulekit.model.files import Stamp
from rulekit.storage import local
from rulekit.storage.local import DIRECTORY_MARKER, LocalFiles


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str, text: str = "", time: int | None = None) -> None:
    """Writes a file, with its folders, and gives it a time in seconds."""
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if time is not None:
        os.utime(path, (time, time))


SECOND = 1_000_000_000


# -- what is there --------------------------------------------------------------------------


def test_files_and_folders_exist_and_others_do_not(here):
    put("a.txt")
    put("d/b.txt")
    files = LocalFiles()
    for path in (
        "a.txt",
        "d/b.txt",
        "d",
        "d/",
        "./a.txt",
        "d/../a.txt",
        "d//b.txt",
        ".",
        "..",
        "d/.",
    ):
        assert files.exists(path), path
    for path in ("b.txt", "d/a.txt", "e/b.txt", "a.txt/b", "", "A.TXT", "a.txt/"):
        assert not files.exists(path), path


def test_absolute_paths(here):
    put("d/b.txt")
    files = LocalFiles()
    assert files.exists(str(here / "d" / "b.txt"))
    assert not files.exists(str(here / "d" / "c.txt"))
    assert files.exists("/")
    assert files.exists("/tmp") == os.path.exists("/tmp")
    assert files.stamp(str(here / "d" / "b.txt")) == files.stamp("d/b.txt")


ODD_NAMES = [
    "with blank",
    "quo'te\"s",
    "line\nend",
    "tab\t",
    "$(x) `y` %s {z}",
    "-rf",
    "é",
    os.fsdecode(b"no-utf8-\xff\xfe"),
    "…" * 60,
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(here, name):
    put(name, "x")
    put("folder " + name[:20] + "/" + name, "x")
    files = LocalFiles()
    for path in (name, "folder " + name[:20] + "/" + name):
        assert files.exists(path)
        assert files.stamp(path).size == 1
        assert files.digest(path) is not None
    assert not files.exists(name + "x")


@pytest.mark.parametrize(
    "path", ["nul\0", "d/nul\0/x", "lone\ud800surrogate", "\ud800/x", "n" * 5000]
)
def test_names_that_no_file_can_have(here, path):
    files = LocalFiles()
    assert not files.exists(path)
    assert files.stamp(path) is None
    assert files.mtime_ns(path) is None
    assert files.link_mtime_ns(path) is None
    assert files.digest(path) is None
    files.forget([path])
    assert not files.exists(path)


def test_a_folder_is_listed_once(here, monkeypatch):
    for i in range(10):
        put(f"d/{i}")
    listed = []
    real = os.scandir
    monkeypatch.setattr(local.os, "scandir", lambda path: listed.append(path) or real(path))
    files = LocalFiles()
    assert sum(files.exists(f"d/{i}") for i in range(20)) == 10
    assert listed == ["d"]


def test_what_does_not_exist_is_not_asked_for_its_time(here, monkeypatch):
    put("d/a")
    asked = []
    real = os.lstat
    monkeypatch.setattr(local.os, "lstat", lambda path: asked.append(path) or real(path))
    files = LocalFiles()
    for path in ("d/a", "d/b", "e/c", "d/a"):
        files.mtime_ns(path)
    assert asked == ["d/a"]


def test_a_folder_that_may_be_entered_but_not_read(here, monkeypatch):
    put("d/a")

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(local.os, "scandir", refuse)
    files = LocalFiles()
    assert files.exists("d/a")
    assert not files.exists("d/b")
    assert files.stamp("d/a") is not None


# -- links ----------------------------------------------------------------------------------


def test_a_link_has_the_newer_time_of_link_and_target_and_one_of_its_own(here):
    put("old", "abc", time=100)
    put("new", "abcd", time=3_000_000_000)
    os.symlink("old", "to-old")
    os.symlink("new", "to-new")
    os.utime("to-old", (200, 200), follow_symlinks=False)
    os.utime("to-new", (200, 200), follow_symlinks=False)
    files = LocalFiles()
    assert files.stamp("to-old") == Stamp(200 * SECOND, 3)
    assert files.stamp("to-new") == Stamp(3_000_000_000 * SECOND, 4)
    for link in ("to-old", "to-new"):
        assert files.link_mtime_ns(link) == 200 * SECOND
        assert files.mtime_ns(link) == files.stamp(link).mtime_ns
    assert files.link_mtime_ns("old") == 100 * SECOND
    assert files.digest("to-old") == files.digest("old")


def test_links_that_lead_nowhere_do_not_exist(here):
    os.symlink("nothing", "broken")
    os.symlink("loop", "loop")
    os.makedirs("d")
    os.symlink("../broken", "d/chain")
    files = LocalFiles()
    for path in ("broken", "loop", "d/chain"):
        assert not files.exists(path)
        assert files.stamp(path) is None
        assert files.link_mtime_ns(path) is None
        assert files.digest(path) is None


def test_files_seen_through_a_linked_folder(here):
    put("real/a", "x")
    os.symlink("real", "link")
    files = LocalFiles()
    assert files.exists("link/a")
    assert files.exists("link")
    assert files.stamp("link/a") == files.stamp("real/a")


# -- folders --------------------------------------------------------------------------------


def test_a_folder_has_the_time_of_its_marker(here):
    put(f"d/{DIRECTORY_MARKER}", time=500)
    put("d/content", "x", time=900)
    os.utime("d", (900, 900))
    files = LocalFiles()
    assert files.stamp("d") == Stamp(500 * SECOND, -1)
    assert files.link_mtime_ns("d") == 500 * SECOND
    assert files.stamp("d/") == Stamp(500 * SECOND, -1)


def test_a_folder_without_a_marker_has_its_own_time(here):
    put("d/content", "x")
    os.utime("d", (700, 700))
    files = LocalFiles()
    assert files.stamp("d") == Stamp(700 * SECOND, -1)
    assert files.digest("d") is None


def test_a_link_to_a_folder_with_a_marker(here):
    put(f"real/{DIRECTORY_MARKER}", time=500)
    os.symlink("real", "link")
    os.utime("link", (100, 100), follow_symlinks=False)
    files = LocalFiles()
    assert files.stamp("link") == Stamp(500 * SECOND, -1)
    assert files.link_mtime_ns("link") == 500 * SECOND


# -- times and contents ---------------------------------------------------------------------


def test_times_are_in_nanoseconds(here):
    put("a", "abc")
    os.utime("a", ns=(1, 1_234_567_890_123_456_789))
    assert LocalFiles().stamp("a") == Stamp(1_234_567_890_123_456_789, 3)


def test_a_file_of_1970_is_a_file(here):
    put("a", time=0)
    files = LocalFiles()
    assert files.stamp("a") == Stamp(0, 0)
    assert files.link_mtime_ns("a") == 0


def test_a_time_before_1970_is_a_time(here):
    put("a")
    os.utime("a", ns=(0, -1))  # the mark for `not asked yet` must not be a time
    files = LocalFiles()
    assert files.mtime_ns("a") == files.mtime_ns("a") == -1
    assert files.link_mtime_ns("a") == -1


def test_digests_are_of_the_content_up_to_the_limit(here):
    put("small", "12345")
    put("large", "123456")
    files = LocalFiles(digest_limit=5)
    assert files.digest("small") == "sha256:" + hashlib.sha256(b"12345").hexdigest()
    assert files.digest("large") is None
    assert files.digest("missing") is None


def test_a_digest_is_taken_once(here, monkeypatch):
    put("ref", "x")
    files = LocalFiles()
    first = files.digest("ref")
    put("ref", "y")
    assert files.digest("ref") == first
    files.forget(["ref"])
    assert files.digest("ref") != first


def test_a_pipe_has_no_digest_and_nobody_waits_for_its_writer(here):
    os.mkfifo("pipe")
    files = LocalFiles()
    assert files.exists("pipe")
    assert files.digest("pipe") is None


# -- asking again ---------------------------------------------------------------------------


def test_answers_stay_until_they_are_forgotten(here):
    put("d/a", "x", time=100)
    files = LocalFiles()
    assert files.exists("d/a") and not files.exists("d/b")
    assert files.mtime_ns("d/a") == 100 * SECOND
    put("d/a", "xy", time=200)
    put("d/b")
    assert files.mtime_ns("d/a") == 100 * SECOND and not files.exists("d/b")
    files.forget(["d/a", "d/b"])
    assert files.stamp("d/a") == Stamp(200 * SECOND, 2) and files.exists("d/b")
    os.remove("d/a")
    files.forget(["d/a"])
    assert not files.exists("d/a") and files.stamp("d/a") is None
    assert files.exists("d/b")


def test_forgetting_everything(here):
    files = LocalFiles()
    assert not files.exists("a") and not files.exists("d/b")
    put("a")
    put("d/b")
    files.forget()
    assert files.exists("a") and files.exists("d/b")


def test_a_new_file_brings_its_folders_into_being(here):
    files = LocalFiles()
    assert not any(map(files.exists, ("d", "d/e", "d/e/f", "d/e/f/a", "d/other")))
    put("d/e/f/a")
    files.forget(["d/e/f/a"])
    assert all(map(files.exists, ("d", "d/e", "d/e/f", "d/e/f/a")))
    assert not files.exists("d/other")


def test_a_folder_that_is_made_anew_has_another_content(here):
    put("d/sub/old", time=100)
    files = LocalFiles()
    assert files.exists("d/sub/old") and files.mtime_ns("d/sub/old") == 100 * SECOND
    os.remove("d/sub/old")
    put("d/sub/new", time=200)
    files.forget(["d"])
    assert not files.exists("d/sub/old")
    assert files.mtime_ns("d/sub/old") is None
    assert files.exists("d/sub/new")


def test_forgetting_one_of_many_does_not_list_the_folder_again(here, monkeypatch):
    for i in range(5):
        put(f"d/{i}")
    files = LocalFiles()
    assert files.exists("d/0")
    monkeypatch.setattr(local.os, "scandir", None)
    put("d/new")
    os.remove("d/1")
    files.forget(["d/new", "d/1"])
    assert files.exists("d/new") and not files.exists("d/1") and files.exists("d/2")


def test_forgetting_absolute_paths(here):
    path = str(here / "x" / "a")
    files = LocalFiles()
    assert not files.exists(path)
    put(path)
    files.forget([path])
    assert files.exists(path)
    assert files.exists(str(here / "x"))
