"""The client against a real server: listing, small blobs, files, removal."""

from __future__ import annotations

import os
import threading

import pytest

from rulekit.errors.tree import InfrastructureError
from rulekit.model.places import Location
from rulekit.storage.azblob import files
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage
from rulekit.storage.azblob.connect import Patience

QUICK = Patience(attempts=2, first_wait_s=0.01, connect_s=5, read_s=30)
ODD = ["a b.txt", "ü/ß.txt", "a#b", "a%20b", "100%", "{x}", "a?b=c&d", "a+b", "'q'", 'd"q"', "a;b,c",
       "<x>", "日本/語", "a:b", "a|b*", "~", "a@b", "=", "[1]", "e\u0301"]  # fmt: skip


@pytest.fixture
def storage(azurite):
    made = AzBlobStorage({"a": account_of(azurite.url, azurite.key, key="a")}, patience=QUICK)
    yield made
    made.close()


@pytest.fixture
def at(container):
    return lambda name: Location("a", container, name)


def test_odd_names_go_up_are_listed_come_down_and_are_removed(storage, at, container, tmp_path):
    for name in ODD:
        storage.put(at("p/" + name), name.encode())
    listed = storage.inventory("a", container, "p/")
    assert set(listed) == {"p/" + name for name in ODD}
    for name in ODD:
        assert storage.get(at("p/" + name)) == name.encode()
        assert listed["p/" + name].size == len(name.encode())
        assert storage.stamp(at("p/" + name)) == listed["p/" + name]
        storage.download_file(at("p/" + name), str(tmp_path / "got"))
        assert (tmp_path / "got").read_bytes() == name.encode()
        assert storage.upload_file(str(tmp_path / "got"), at("p/" + name)).size == len(
            name.encode()
        )
    assert storage.delete([at("p/" + name) for name in ODD] + [at("not there")]) == len(ODD)
    assert storage.inventory("a", container) == {}


def test_sizes_are_exact_and_digests_are_of_the_content(storage, at):
    import base64
    import hashlib

    for size in (0, 1, 900, 1024):
        data = b"x" * size
        stamp = storage.put(at("f"), data)
        assert stamp.size == size
        assert stamp.digest == "md5:" + base64.b64encode(hashlib.md5(data).digest()).decode()
        assert stamp.mtime_ns % 1_000_000_000 == 0
        assert storage.stamp(at("f")) == stamp


def test_a_blob_that_others_wrote_without_md5_has_its_etag(storage, at, azurite, container):
    client = azurite.client().get_blob_client(container, "blocks")
    client.stage_block("MDAw", b"one")
    client.commit_block_list(["MDAw"])
    stamp = storage.stamp(at("blocks"))
    assert stamp.digest.startswith("etag:0x") and '"' not in stamp.digest
    assert storage.inventory("a", container)["blocks"] == stamp


def test_put_without_overwrite(storage, at):
    assert storage.put(at("f"), b"1", overwrite=False) is not None
    assert storage.put(at("f"), b"2", overwrite=False) is None
    assert storage.get(at("f")) == b"1"


def test_results_come_with_their_metadata(storage, at):
    storage.put(at("r/1"), b"1", metadata={"rulekit": "one"})
    storage.put(at("r/2"), b"22")
    found = {name: (data, stamp.size) for name, data, stamp in storage.list_results(at("r/"))}
    assert found == {"r/1": ({"rulekit": "one"}, 1), "r/2": ({}, 2)}


def test_what_is_ours_and_folders_of_namespaces_are_not_listed(storage, at, azurite, container):
    storage.put(at("p/.rulekit/run/x"), b"")
    storage.put(at("p/a/.rulekit/x"), b"")
    azurite.put(container, "p/folder", b"", metadata={"hdi_isfolder": "true"})
    storage.put(at("p/folder/x"), b"")
    assert set(storage.inventory("a", container, "p/")) == {"p/a/.rulekit/x", "p/folder/x"}
    names, folders = storage.folder("a", container, "p/")
    assert (set(names), folders) == (set(), {"p/a", "p/folder", "p/.rulekit"})


def test_large_files_travel_in_blocks(storage, at, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 64 * 1024)
    monkeypatch.setattr(files, "block_size", lambda size: 64 * 1024)
    data = os.urandom(64 * 1024 * 5 + 17)
    (tmp_path / "big").write_bytes(data)
    told = []
    stamp = storage.upload_file(str(tmp_path / "big"), at("big"), told.append)
    assert sum(told) == len(data) == stamp.size and len(told) == 6
    assert storage.stamp(at("big")) == stamp
    assert stamp.digest.startswith("md5:")
    told.clear()
    again = storage.download_file(at("big"), str(tmp_path / "deep/down/file"), told.append)
    assert (tmp_path / "deep/down/file").read_bytes() == data
    assert again == stamp and sum(told) == len(data)
    assert os.stat(tmp_path / "deep/down/file").st_mtime_ns == stamp.mtime_ns
    assert os.listdir(tmp_path / "deep/down") == ["file"]


def test_readers_see_the_old_or_the_new_content(storage, at, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "block_size", lambda size: 32 * 1024)
    contents = [bytes([65 + i]) * 32 * 1024 * 3 for i in range(4)]
    storage.put(at("f"), contents[0])
    seen, stop = [], threading.Event()
    reader = AzBlobStorage(storage.accounts, patience=QUICK)

    def read():
        while not seen or not stop.is_set():
            seen.append(reader.get(at("f")))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for content in contents[1:]:
            (tmp_path / "f").write_bytes(content)
            storage.upload_file(str(tmp_path / "f"), at("f"))
    finally:
        stop.set()
        thread.join()
        reader.close()
    assert seen and set(seen) <= set(contents)


def test_a_file_that_came_wrong_is_not_put_in_place(storage, at, azurite, container, tmp_path):
    from azure.storage.blob import ContentSettings

    storage.put(at("bad"), b"text")
    azurite.client().get_blob_client(container, "bad").set_http_headers(
        ContentSettings(content_md5=bytearray(16))
    )
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(InfrastructureError) as caught:
        storage.download_file(at("bad"), str(tmp_path / "file"))
    assert caught.value.diagnostics[0].code == "RK0651"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_container_is_made_when_it_is_written_to(storage, azurite, tmp_path):
    import uuid

    name = "n" + uuid.uuid4().hex[:12]
    assert storage.inventory("a", name) == {}
    assert storage.stamp(Location("a", name, "x")) is None
    (tmp_path / "f").write_bytes(b"x")
    storage.upload_file(str(tmp_path / "f"), Location("a", name, "x"))
    assert azurite.names(name) == ["x"]


def test_many_blobs_are_listed_page_by_page_and_removed_in_batches(storage, at, container):
    from concurrent.futures import ThreadPoolExecutor

    count = 10_000 if os.environ.get("RULEKIT_LONG") else 260
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: storage.put(at(f"many/{i % 7}/{i}"), b""), range(count)))
    before = storage.web.requests
    assert len(storage.inventory("a", container, "many/")) == count
    asked = storage.web.requests - before
    assert asked <= 10 and asked <= 1 + count // 5000
    assert storage.inventory("a", container, "many/", limit=100) is None
    requests = []
    pipeline = storage.service("a")._pipeline._transport
    send = pipeline.send
    pipeline.send = lambda request, **words: (
        requests.append(request.method),
        send(request, **words),
    )[1]
    # Not more of them: Azurite takes a minute for a batch among ten thousand.
    gone = [at(f"many/{i % 7}/{i}") for i in range(260)]
    assert storage.delete(gone) == 260
    assert len(requests) == 2
    assert len(storage.inventory("a", container, "many/")) == count - 260


def test_questions_need_no_sdk(azurite, container, tmp_path):
    import subprocess
    import sys

    azurite.put(container, "x", b"1")
    code = f"""
import os, sys
from rulekit.model.places import Places, Root
from rulekit.storage.session import StorageSession
made = StorageSession(os.environ, "azure", "az://{container}")
assert made.check() == ()
assert made.files.exists("x") and not made.files.exists("y")
print([name for name in sys.modules if name.partition(".")[0] in ("azure", "requests", "aiohttp")])
"""
    # The key is not among the words: others may look whether one shows there.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AZ")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **azurite.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
