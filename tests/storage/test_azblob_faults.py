"""Requests that fail now and then: results are right all the same, and nothing half is left."""

from __future__ import annotations

import os

import pytest
from flaky import KINDS, Flaky

from rulekit.errors.tree import InfrastructureError
from rulekit.model.places import Location
from rulekit.storage.azblob import files
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage
from rulekit.storage.azblob.connect import Patience

PATIENT = Patience(attempts=15, first_wait_s=0.01, longest_wait_s=0.05, connect_s=5, read_s=60)


def through(azurite, flaky, patience=PATIENT):
    url = azurite.url.replace(azurite.host, flaky.host)
    return AzBlobStorage({"a": account_of(url, azurite.key, key="a")}, patience=patience, threads=4)


@pytest.mark.parametrize("seed", range(2 if not os.environ.get("RULEKIT_LONG") else 40))
def test_one_request_in_five_is_spoilt(azurite, container, tmp_path, monkeypatch, seed):
    monkeypatch.setattr(files, "block_size", lambda size: 16 * 1024)
    contents = {f"f {i}": os.urandom(i * 9_000) for i in range(8)}
    with Flaky(azurite.host, rate=0.2, seed=seed) as flaky:
        storage = through(azurite, flaky)
        for name, content in contents.items():
            (tmp_path / "up").write_bytes(content)
            stamp = storage.upload_file(str(tmp_path / "up"), Location("a", container, name))
            assert stamp.size == len(content)
        listed = storage.inventory("a", container)
        assert {name: stamp.size for name, stamp in listed.items()} == {
            name: len(content) for name, content in contents.items()
        }
        for name, content in contents.items():
            storage.download_file(Location("a", container, name), str(tmp_path / "down"))
            assert (tmp_path / "down").read_bytes() == content
            assert azurite.get(container, name) == content
        storage.delete([Location("a", container, name) for name in contents])
        assert azurite.names(container) == []
        assert len(flaky.spoilt) > 5
        storage.close()
    assert sorted(os.listdir(tmp_path)) == ["down", "up"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_survived(azurite, container, kind):
    azurite.put(container, "x", b"content")
    left = [1]

    def first(method, path):
        return kind if left and left.pop() else None

    with Flaky(azurite.host, chosen=first) as flaky:
        storage = through(azurite, flaky)
        assert storage.get(Location("a", container, "x")) == b"content"
        left.append(1)
        storage.put(Location("a", container, "y"), b"new")
        assert azurite.get(container, "y") == b"new"
        left.append(1)
        assert set(storage.inventory("a", container)) == {"x", "y"}
        assert [what for what, _, _ in flaky.spoilt] == [kind] * 3
        storage.close()


def test_a_service_that_always_fails_is_given_up_and_nothing_is_left(azurite, container, tmp_path):
    azurite.put(container, "x", b"content")
    with Flaky(azurite.host, rate=1.0, kinds=("503",)) as flaky:
        storage = through(azurite, flaky, Patience(attempts=3, first_wait_s=0.01))
        (tmp_path / "file").write_bytes(b"old")
        with pytest.raises(InfrastructureError) as caught:
            storage.download_file(Location("a", container, "x"), str(tmp_path / "file"))
        assert caught.value.diagnostics[0].code == "RK0652"
        assert "ServerBusy" in str(caught.value)
        assert flaky.asked == 3
        storage.close()
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"
