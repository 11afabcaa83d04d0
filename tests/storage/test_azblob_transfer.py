"""Folders up and down, and what is listed; only what differs travels."""

from __future__ import annotations

import logging
import os

import pytest

from rulekit.errors.tree import InfrastructureError
from rulekit.model.places import Location
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage
from rulekit.storage.azblob.connect import Patience
from rulekit.storage.azblob.transfer import download, listing, upload


@pytest.fixture
def storage(azurite):
    made = AzBlobStorage(
        {"a": account_of(azurite.url, azurite.key, key="a")}, patience=Patience(attempts=2)
    )
    yield made
    made.close()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"data/a.txt": "1", "data/sub/b b.txt": "22", "top": "333"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "data/.rulekit").mkdir()
    (tmp_path / "data/.rulekit/x").write_text("")
    return tmp_path


def test_up_and_down_again(storage, here, container, azurite):
    target = Location("a", container, "p")
    told = []
    done = upload(storage, ["data", "./top"], target, report=told.append)
    assert done.moved == ("data/a.txt", "data/sub/b b.txt", "top") and done.size == 6
    assert azurite.names(container) == ["p/data/a.txt", "p/data/sub/b b.txt", "p/top"]
    last = told[-1]
    assert (last.done, last.total, last.files, last.of_files) == (6, 6, 3, 3)
    again = upload(storage, ["data", "top"], target)
    assert again.moved == () and len(again.same) == 3 and again.size == 0
    (here / "top").write_text("444")
    assert upload(storage, ["data", "top"], target).moved == ("top",)
    assert len(upload(storage, ["data", "top"], target, force=True).moved) == 3

    got = download(storage, target, "copy")
    assert got.moved == ("copy/data/a.txt", "copy/data/sub/b b.txt", "copy/top")
    assert (here / "copy/data/sub/b b.txt").read_text() == "22"
    assert download(storage, target, "copy").moved == ()
    (here / "copy/top").write_text("4445")
    assert download(storage, target, "copy").moved == ("copy/top",)
    assert download(storage, Location("a", container, "p/data/a.txt"), "one").moved == (
        "one/a.txt",
    )
    assert download(storage, target, "some", names=["top"]).moved == ("some/top",)
    assert download(storage, Location("a", container, ""), "all").size == 6


def test_the_library_does_not_talk_of_answers_between_our_lines(storage):
    storage.service("a")
    theirs = logging.getLogger("azure.storage.blob._shared.response_handlers")
    assert not theirs.isEnabledFor(logging.WARNING)


def test_programs_stay_programs(storage, here, container):
    (here / "top").chmod(0o755)
    target = Location("a", container, "p")
    upload(storage, ["top", "data"], target)
    download(storage, target, "copy")
    assert os.access(here / "copy/top", os.X_OK)
    assert not os.access(here / "copy/data/a.txt", os.X_OK)


def test_a_stored_directory_comes_whole_and_its_list_stays_there(storage, here, container, azurite):
    upload(storage, ["data"], Location("a", container, "p"))
    listed = b'[{"name": "a.txt", "size": 1}, {"name": "sub/empty/", "size": 0}]'
    azurite.put(container, "p/data/.rulekit_directory", listed)
    got = download(storage, Location("a", container, "p/data"), "copy")
    assert got.moved == ("copy/a.txt", "copy/sub/b b.txt")
    assert (here / "copy/sub/empty").is_dir()
    assert not (here / "copy/.rulekit_directory").exists()


def test_a_list_that_leads_elsewhere_makes_no_folder(storage, here, container, azurite):
    azurite.put(container, "p/d/.rulekit_directory", b'[{"name": "../../out/"}]')
    with pytest.raises(InfrastructureError):
        download(storage, Location("a", container, "p/d"), "copy")
    assert not (here / "out").exists() and not (here.parent / "out").exists()


def test_a_stored_directory_that_gets_a_file_is_what_lies_in_it(storage, here, container, azurite):
    target = Location("a", container, "p")
    upload(storage, ["data"], target)
    for folder in ("data", "other"):
        azurite.put(container, f"p/{folder}/.rulekit_directory", b'[{"name": "a.txt", "size": 1}]')
    upload(storage, ["data"], target)  # the same
    assert "p/data/.rulekit_directory" in azurite.names(container)
    (here / "data/new").write_text("5")
    (here / "data/.rulekit_directory").write_text("old")
    assert upload(storage, ["data"], target).moved == ("data/new",)
    assert "p/data/.rulekit_directory" not in azurite.names(container)
    assert "p/other/.rulekit_directory" in azurite.names(container)


def test_absolute_paths_lose_their_folders(storage, here, container, azurite):
    upload(storage, [str(here / "data")], Location("a", container, ""))
    assert azurite.names(container) == ["data/a.txt", "data/sub/b b.txt"]
    os.chdir(here / "data")
    upload(storage, ["../top", "."], Location("a", container, "q/"))
    assert azurite.names(container, "q") == ["q/a.txt", "q/sub/b b.txt", "q/top"]


def test_listing(storage, here, container):
    upload(storage, ["data", "top"], Location("a", container, "p"))

    def names(name, **options):
        return [(one, stamp.size if stamp else None) for one, stamp in
                listing(storage, Location("a", container, name), **options)]  # fmt: skip

    assert names("p") == names("p/") == [("data/", None), ("top", 3)]
    assert names("") == [("p/", None)]
    assert names("p/data", recursive=True) == [("a.txt", 1), ("sub/b b.txt", 2)]
    assert names("p/top") == [("top", 3)]
    assert names("nothing") == []


def test_what_is_not_there(storage, here, container):
    for name in ("nothing", ""):
        with pytest.raises(InfrastructureError) as caught:
            download(storage, Location("a", container, name), "x")
        assert caught.value.diagnostics[0].code == "RK0650"
    with pytest.raises(InfrastructureError) as caught:
        upload(storage, ["top", "not here"], Location("a", container, ""))
    assert caught.value.diagnostics[0].code == "RK0657"
    (here / "bad.").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        upload(storage, ["top", "bad."], Location("a", container, ""))
    assert caught.value.diagnostics[0].code == "RK0642"
    assert storage.inventory("a", container) == {}


@pytest.mark.parametrize("name", ["x/../../y", "../y", "a//b"])
def test_a_blob_cannot_lead_out_of_the_folder(storage, here, container, name):
    from rulekit.storage.azblob.transfer import _inside

    with pytest.raises(InfrastructureError):
        _inside("into", name)


def test_a_link_cannot_lead_out_of_the_folder(storage, here, container, azurite):
    azurite.put(container, "p/link/x", b"1")
    (here / "into").mkdir()
    (here / "into/link").symlink_to(here / "data")
    with pytest.raises(InfrastructureError) as caught:
        download(storage, Location("a", container, "p"), "into")
    assert caught.value.diagnostics[0].code == "RK0642"
    assert not (here / "data/x").exists()
