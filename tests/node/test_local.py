"""Orders on the driver's machine: stored files and files of this disk side by side."""

from __future__ import annotations

import os

import pytest

from rulekit.model.places import Location
from rulekit.node.orders import check_order


@pytest.fixture
def project(tmp_path):
    """The driver's working directory."""
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts" / "tool.sh").write_text("cat $1; echo by tool\n")
    (folder / "local.txt").write_text("local\n")
    (folder / ".rulekit").mkdir()
    return folder


@pytest.fixture
def mixed(bench):
    """Only paths below `s/` are stored."""

    def find(path):
        return Location("main", bench.container, "p/" + path) if path.startswith("s/") else None

    return find


def test_what_is_not_stored_is_seen_and_made_on_this_disk(bench, spec, project, mixed):
    bench.put("s/in", b"stored\n")
    job = spec(
        "sh scripts/tool.sh s/in > s/out; cat local.txt s/in > made/here; echo l > made/log",
        ["s/out", "made/here"],
        ["s/in", "local.txt"],
        logs=("made/log",),
        workdir=str(project),
    )
    (result,) = bench.run(job, local_root=str(project), find=mixed)
    assert result.ok, result
    assert bench.get("s/out") == b"stored\nby tool\n"
    assert (project / "made/here").read_text() == "local\nstored\n"
    assert (project / "made/log").read_text() == "l\n"
    assert not (project / "s").exists()
    here = next(file for file in result.outputs if file.path == "made/here")
    assert here.mtime_ns == os.stat(project / "made/here").st_mtime_ns
    assert here.digest.startswith("sha256:")
    assert {f.path: f.digest[:3] for f in result.inputs} == {"s/in": "md5", "local.txt": "sha"}


def test_staged_files_never_get_into_the_working_directory(bench, spec, project):
    """All is stored; the same names are on this disk."""
    bench.put("scripts/in", b"stored")
    (project / "scripts" / "in").write_text("mine")
    (project / "scripts" / "out").write_text("mine")
    job = spec(
        "cat scripts/in > scripts/out; ls scripts | sort | tr '\\n' ' ' >> scripts/out",
        ["scripts/out"],
        ["scripts/in"],
        workdir=str(project),
    )
    (result,) = bench.run(job, local_root=str(project))
    assert result.ok, result
    assert bench.get("scripts/out") == b"storedin out tool.sh "
    assert (project / "scripts" / "in").read_text() == "mine"
    assert (project / "scripts" / "out").read_text() == "mine"


def test_a_failed_job_leaves_files_of_this_disk_as_they_were(bench, spec, project, mixed):
    (project / "keep").write_text("old")
    job = spec(
        "echo new > keep; echo l > log.txt; exit 1",
        ["keep"],
        logs=("log.txt",),
        workdir=str(project),
    )
    (result,) = bench.run(job, local_root=str(project), find=mixed)
    assert not result.ok
    assert (project / "keep").read_text() == "old"
    assert (project / "log.txt").read_text() == "l\n"


def test_protected_and_updated_files_of_this_disk(bench, spec, project, mixed):
    (project / "u").write_text("1")
    (project / "p").write_text("mine")
    (project / "p").chmod(0o444)
    more = {"local_root": str(project), "find": mixed}
    update = spec("printf 2 >> u", [("u", {"update": True})], workdir=str(project))
    (result,) = bench.run(update, **more)
    assert result.ok, result
    assert (project / "u").read_text() == "12"
    if os.getuid() != 0:  # root may write everything
        (result,) = bench.run(spec("echo > p", ["p"], workdir=str(project)), **more)
        assert result.problem == "protected"
        assert (project / "p").read_text() == "mine"


def test_directories_of_this_disk_are_replaced(bench, spec, project, mixed):
    (project / "d").mkdir()
    (project / "d" / "old").write_text("")
    job = spec("mkdir d; echo > d/new", [("d", {"directory": True})], workdir=str(project))
    (result,) = bench.run(job, local_root=str(project), find=mixed)
    assert result.ok, result
    assert sorted(os.listdir(project / "d")) == [".snakemake_timestamp", "new"]


def test_a_node_refuses_what_only_this_disk_has(bench, spec, mixed):
    for job, said in (
        (spec("true", [], ["local.txt"]), "the input `local.txt` of `job1` is not stored"),
        (spec("true", ["out"]), "the output `out` of `job1` has no place in the storage"),
    ):
        order = bench.order(job, find=mixed)
        with pytest.raises(ValueError, match=said):
            check_order(order)
        check_order(order, local=True)


def test_an_update_of_a_stored_file_begins_with_its_old_state(bench, spec):
    job = spec("printf 2 >> u", [("u", {"update": True})])
    (first,) = bench.run(job)
    assert first.ok, first
    (second,) = bench.run(job)
    assert second.ok
    assert bench.get("u") == b"22"
    (failed,) = bench.run(spec("printf 3 >> u; exit 1", [("u", {"update": True})]))
    assert not failed.ok
    assert bench.get("u") == b"22"


def test_a_protected_stored_file_is_not_replaced(bench, spec):
    job = spec("echo 1 > p", [("p", {"protected": True})])
    assert bench.run(job)[0].ok
    (again,) = bench.run(job)
    assert again.problem == "protected"


def test_touch_ensure_and_benchmark_of_stored_files(bench, spec):
    (touched,) = bench.run(spec("true", [("t", {"touch": True})], benchmark="b.tsv"))
    assert touched.ok, touched
    assert bench.names() == ["b.tsv", "t"]
    (empty,) = bench.run(spec(": > e", [("e", {"ensure": {"non_empty": True}})]))
    assert empty.problem == "ensure"
    assert "e" not in bench.names()


def test_files_that_can_be_executed_stay_so(bench, spec):
    (made,) = bench.run(spec("printf '#!/bin/sh\\necho ran\\n' > tool; chmod +x tool", ["tool"]))
    assert made.ok
    (used,) = bench.run(spec("./tool > out", ["out"], ["tool"]))
    assert used.ok, used
    assert bench.get("out") == b"ran\n"


@pytest.mark.parametrize("shadow", ["minimal", "shallow", "full"])
def test_a_shadow_directory_works_on_staged_files(bench, spec, shadow):
    bench.put("in", b"x")
    (result,) = bench.run(spec("cat in > out; touch left", ["out"], ["in"], shadow=shadow))
    assert result.ok, result
    assert bench.names() == ["in", "out"]
