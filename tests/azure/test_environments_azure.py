"""Packed environments on Azure Batch: stored once, brought to each machine once, cleared away."""

from __future__ import annotations

import hashlib
import time

import pytest
from azruns import Bench, gather, job
from support.packs import IDENTITY, small

from rulekit.cli.main import main
from rulekit.executors.azure import gc
from rulekit.executors.azure.packs import FOLDER, Packs

NAME = f"{FOLDER}{IDENTITY}.tar.gz"
SOFTWARE = {"conda": f"env:{IDENTITY}"}


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Bench(azurite, container)
    for name, value in {
        "AZ_BATCH_ACCOUNT_URL": made.emulator.url,
        "AZ_BATCH_ACCOUNT_NAME": made.emulator.account,
        "AZ_BATCH_ACCOUNT_KEY": made.emulator.key,
        "AZ_BLOB_ACCOUNT_URL": azurite.url,
        "AZ_BLOB_CREDENTIAL": azurite.key,
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()
    assert made.emulator.errors == []


def packs_of(bench, folder):
    """`Packs` over a pack on this disk, and the list of what was packed."""
    path = folder / "pack.tar.gz"
    path.write_bytes(small())
    asked = []

    def pack(identity):
        asked.append(identity)
        return str(path)

    return Packs(bench.storage, bench.places.default, pack), asked


def run_some(bench, packs, count, run="run-1"):
    executor = bench.executor(run=run, packs=packs, tasks_per_node=2)
    for number in range(count):
        executor.submit(job(number, f"tool > o{number}", [f"o{number}"], software=SOFTWARE))
    results = gather(executor, count)
    executor.close()
    assert all(result.ok for result in results.values()), results
    return [bench.get(f"o{number}").decode() for number in range(count)]


def test_tasks_run_in_a_packed_environment(bench, tmp_path):
    packs, asked = packs_of(bench, tmp_path)
    said = run_some(bench, packs, 4)
    assert asked == [IDENTITY]
    assert len(set(said)) == 1 and "colour green" in said[0], "one folder for all tasks of a node"
    assert bench.names(FOLDER) == [NAME]
    again, asked = packs_of(bench, tmp_path)
    run_some(bench, again, 1, run="run-2")
    assert asked == [], "the stored pack was found"


def test_who_comes_second_takes_what_is_there(bench, tmp_path):
    first, _ = packs_of(bench, tmp_path)
    first.have([job(1, "x", software=SOFTWARE)])
    (tmp_path / "other").write_bytes(b"other bytes of the same environment")

    def late(_identity):
        return str(tmp_path / "other")

    second = Packs(bench.storage, bench.places.default, late)
    answers = iter([None])
    look = second._look
    second._look = lambda at: next(answers, False) or look(at)  # it was not there yet
    second.have([job(1, "x", software=SOFTWARE)])
    spec = job(1, "x", software=SOFTWARE)
    digest = "sha256:" + hashlib.sha256(small()).hexdigest()
    assert (
        first.of([spec])
        == second.of([spec])
        == {IDENTITY: (("main", bench.container, "pre/" + NAME), digest)}
    )
    assert bench.get(NAME) == small()


def test_gc_knows_packs(bench, tmp_path, capsys):
    packs, _ = packs_of(bench, tmp_path)
    packs.have([job(1, "x", software=SOFTWARE)])
    now = time.time()
    root = bench.places.default
    assert gc.environments(bench.storage, root, now, 30) == []
    (old,) = gc.environments(bench.storage, root, now + 31 * 86_400, 30)
    assert old.kind == "environment" and old.name.endswith(NAME) and "not used for 31" in old.why
    prefix = ["--default-remote-prefix", f"{bench.container}/pre"]
    assert main(["azure", "gc", *prefix]) == 0
    assert bench.names(FOLDER) == [NAME]
    assert main(["azure", "gc", "-n", "--environments", "0", *prefix]) == 0
    assert f"would remove environment {bench.container}/pre/{NAME}" in capsys.readouterr().out
    assert main(["azure", "gc", "--environments", "0", *prefix]) == 0
    assert bench.names(FOLDER) == []


def test_a_pack_that_is_used_is_marked(bench, tmp_path, monkeypatch):
    packs, _ = packs_of(bench, tmp_path)
    packs.have([job(1, "x", software=SOFTWARE)])
    at = ("main", bench.container, "pre/" + NAME)

    def etag():
        blob = bench.azurite.client().get_blob_client(*at[1:])
        return blob.get_blob_properties().etag

    before = etag()
    again, asked = packs_of(bench, tmp_path)
    again.have([job(1, "x", software=SOFTWARE)])
    assert etag() == before
    monkeypatch.setattr("rulekit.executors.azure.packs._FRESH_S", -60.0)
    later, asked = packs_of(bench, tmp_path)
    later.have([job(1, "x", software=SOFTWARE)])
    assert etag() != before and asked == [] and bench.get(NAME) == small()
    assert later.of([job(1, "x", software=SOFTWARE)]) == packs.of([job(1, "x", software=SOFTWARE)])
