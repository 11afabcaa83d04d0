"""`StoredFiles`: what plans ask about remote files, answered from bulk listings."""

from __future__ import annotations

import os

import pytest

from rulekit.model.places import STORED, Location, Places, Root
from rulekit.patterns import Pattern
from rulekit.storage import stored
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage
from rulekit.storage.azblob.connect import Patience
from rulekit.storage.stored import StoredFiles


class Counted:
    """The real client, with its listings counted."""

    def __init__(self, storage):
        self.storage = storage
        self.asked = []

    def inventory(self, account, container, prefix="", *, limit=None):
        self.asked.append(prefix)
        return self.storage.inventory(account, container, prefix, limit=limit)

    def folder(self, account, container, prefix):
        self.asked.append(prefix + "*")
        return self.storage.folder(account, container, prefix)

    def stamp(self, location):
        raise AssertionError("a request for a single file")


@pytest.fixture
def lister(azurite):
    storage = AzBlobStorage(
        {"a": account_of(azurite.url, azurite.key, key="a")}, patience=Patience(attempts=2)
    )
    yield Counted(storage)
    storage.close()


@pytest.fixture
def put(lister, container):
    return lambda name, data=b"": lister.storage.put(Location("a", container, name), data)


@pytest.fixture
def view(lister, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return StoredFiles(Places((), Root("", "a", container, "p/"), (Pattern("here/{x}"),)), lister)


def test_a_name_that_begins_like_another_one_is_not_there(view, put):
    put("p/a/bc", b"12345")
    assert not view.exists("a/b")
    assert view.stamp("a/b") is None and view.digest("a/b") is None
    assert view.exists("a/bc") and view.exists("a")
    assert view.stamp("a/bc").size == 5
    assert view.digest("a/bc").startswith("md5:")
    assert not view.exists("bc") and not view.exists("p/a/bc")


def test_one_listing_answers_all_questions(view, put, lister):
    stamps = {f"d{i % 3}/f{i}": put(f"p/d{i % 3}/f{i}", b"x" * i) for i in range(12)}
    for path, stamp in stamps.items():
        assert view.exists(path)
        assert view.stamp(path) == stamp[:2]
        assert view.mtime_ns(path) == view.link_mtime_ns(path) == stamp.mtime_ns
        assert view.digest(path) == stamp.digest
        assert not view.exists(path + ".not")
    assert lister.asked == ["p/"]


def test_files_of_this_disk_are_asked_of_this_disk(view, tmp_path, put):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/x").write_text("local")
    (tmp_path / "there").write_text("also local, but its place is remote")
    assert view.exists("here/x") and view.digest("here/x").startswith("sha256:")
    assert view.exists(str(tmp_path / "there"))
    assert not view.exists("there")
    assert view.exists(os.path.join("..", tmp_path.name, "there"))
    view.learned("here/y", 1, 1, None)
    assert not view.exists("here/y")  # the disk knows better


def test_changes_are_told_and_not_asked(view, put, lister):
    put("p/old")
    assert view.exists("old") and not view.exists("new/deep/x")
    view.learned("new/deep/x", 5_000_000_000, 7, "md5:q")
    assert view.exists("new/deep/x") and view.exists("new") and view.exists("new/deep")
    assert tuple(view.stamp("new/deep/x")) == (5_000_000_000, 7)
    assert view.digest("new/deep/x") == "md5:q"
    view.removed(["old"])
    assert not view.exists("old")
    view.removed(["new"])
    assert not view.exists("new/deep/x") and not view.exists("new") and not view.exists("new/deep")
    view.forget(["old"])
    view.forget()
    assert not view.exists("old")
    assert lister.asked == ["p/"]
    view.relist()
    assert view.exists("old")


def test_hidden_files_come_back_when_all_is_forgotten(view, put):
    put("p/x")
    view.hide(["x", "y"])
    assert not view.exists("x")
    view.forget()
    assert view.exists("x")


def test_directories_have_their_manifests_time_and_digest(view, put, lister):
    put("p/plain/a")
    newest = put("p/plain/b/c")
    assert tuple(view.stamp("plain")) == (newest.mtime_ns, -1)
    assert view.digest("plain") is None
    put("p/made/a")
    manifest = put("p/made/.rulekit_directory", b"[]")
    view.relist()
    assert tuple(view.stamp("made")) == (manifest.mtime_ns, -1)
    assert view.digest("made") == manifest.digest
    # A job makes it anew: what is in it is listed when somebody asks.
    lister.asked.clear()
    put("p/made/new")
    view.learned("made", 9_000_000_000, -1, "md5:m")
    assert view.digest("made") == "md5:m" and view.exists("made")
    assert lister.asked == []
    assert view.exists("made/new") and view.exists("made/a")
    assert lister.asked == ["p/made/"]
    assert set(view.below("made")) == {"made/a", "made/new"}


def test_a_directory_is_removed_with_the_list_of_its_content(view, put, lister, container):
    for name in ("p/made/a", "p/made/sub/b", "p/made/.rulekit_directory", "p/made2", "p/file"):
        put(name)
    found = {one.name for one in view.blobs_of("made")}
    assert found == {"p/made/a", "p/made/sub/b", "p/made/.rulekit_directory"}
    assert [one.name for one in view.blobs_of("file")] == ["p/file"]
    assert view.blobs_of("nothing") == view.blobs_of("here/x") == []
    view.learned("new", 2_000_000_000, -1, "md5:x")  # a job has just made it
    put("p/new/c")
    assert {one.name for one in view.blobs_of("new")} == {"p/new/c"}
    lister.storage.delete(view.blobs_of("made"))
    view.removed(["made"])
    assert not view.exists("made")
    view.relist()
    assert not view.exists("made") and view.exists("made2")


def test_names_below_a_folder(view, put):
    for name in ("p/x/1.txt", "p/x/y/2.txt", "p/z", "p/.rulekit/runs/1", "other"):
        put(name)
    assert set(view.below("x")) == {"x/1.txt", "x/y/2.txt", "x/y"}
    assert set(view.below("")) == {"x", "x/1.txt", "x/y", "x/y/2.txt", "z"}
    assert list(view.below("nothing")) == []
    assert list(view.below("here/x")) == []


def test_explicit_names_are_listed_by_their_roots(lister, container, put):
    for name in ("in/a", "in/sub/b", "else/c"):
        put(name)
    base = f"{STORED}a/{container}/"
    view = StoredFiles(Places((Root(base + "in/", "a", container, "in/"),)), lister)
    assert view.exists(base + "in/a") and view.exists(base + "in/sub/b")
    assert view.exists(base + "in/sub")
    assert lister.asked == ["in/"]
    assert view.exists(base + "else/c") and not view.exists(base + "else/d")
    assert lister.asked == ["in/", "else/"]
    assert set(view.below(base[:-1])) == {
        base + name for name in ("in", "in/a", "in/sub", "in/sub/b", "else", "else/c")
    }
    assert set(view.below(base + "in")) == {base + "in/a", base + "in/sub", base + "in/sub/b"}


def test_very_many_blobs_are_listed_folder_by_folder(view, put, lister, monkeypatch):
    monkeypatch.setattr(stored, "MOST_BLOBS", 4)
    for i in range(8):
        put(f"p/d{i % 2}/f{i}")
    assert view.exists("d0/f0") and not view.exists("d0/f1") and view.exists("d1")
    assert view.exists("d1/f1") and not view.exists("d1/x")
    assert lister.asked == ["p/", "p/d0/*", "p/*", "p/d1/*"]
    view.removed(["d1/f1"])
    assert not view.exists("d1/f1") and view.exists("d1/f3")
    view.learned("d2/new", 1_000_000_000, 0, "md5:x")
    assert view.exists("d2") and view.exists("d2/new")
    assert set(view.below("d0")) == {"d0/f0", "d0/f2", "d0/f4", "d0/f6"}


def test_a_container_that_is_not_there_is_empty(lister):
    view = StoredFiles(Places((), Root("", "a", "not-there-yet", "")), lister)
    assert not view.exists("x") and list(view.below("")) == []
