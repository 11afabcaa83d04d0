"""Orders from begin to end against the real server."""

from __future__ import annotations

import base64
import hashlib
import json
import os

from rulekit.node.store import SMALL


def md5(data):
    return "md5:" + base64.b64encode(hashlib.md5(data).digest()).decode()


def test_a_job_gets_its_inputs_and_stores_its_outputs(bench, spec):
    bench.put("data/a b#1.txt", b"one\n")
    bench.put("b.txt", b"")
    (result,) = bench.run(
        spec(
            "cat 'data/a b#1.txt' b.txt > out/x.txt; echo two >> out/x.txt; : > empty",
            ["out/x.txt", "empty"],
            ["data/a b#1.txt", "b.txt"],
        )
    )
    assert result.ok, result
    assert bench.get("out/x.txt") == b"one\ntwo\n"
    assert bench.get("empty") == b""
    made = {file.path: file for file in result.outputs}
    assert made["out/x.txt"].digest == md5(b"one\ntwo\n")
    assert made["out/x.txt"].size == 8
    assert made["out/x.txt"].mtime_ns % 1_000_000_000 == 0
    assert [file.digest for file in result.inputs] == [md5(b"one\n"), md5(b"")]
    assert not os.path.exists(bench.root)


def test_a_failed_job_stores_its_log_and_nothing_else(bench, spec):
    bench.put("x", b"old")
    (result,) = bench.run(
        spec("echo said > l.txt; echo new > x; echo y > y; exit 3", ["x", "y"], logs=("l.txt",))
    )
    assert (result.ok, result.exit_code, result.problem) == (False, 3, None)
    assert bench.names() == ["l.txt", "x"]
    assert bench.get("x") == b"old"
    assert bench.get("l.txt") == b"said\n"


def test_missing_inputs_are_all_named(bench, spec):
    bench.put("there")
    (result,) = bench.run(spec("true", [], ["there", "no/a", "no/b"]))
    assert result.problem == "missing-input"
    assert "`no/a`" in result.detail
    assert "`no/b`" in result.detail
    assert "`there`" not in result.detail


def test_big_files_go_in_parts_and_come_back(bench, spec):
    data = os.urandom(SMALL * 20 + 17)
    bench.put("big", data)
    (result,) = bench.run(spec("cat big big > twice", ["twice"], ["big"]))
    assert result.ok, result
    assert bench.get("twice") == data + data
    assert result.outputs[0].digest == md5(data + data)
    assert result.inputs[0].digest == md5(data)


def test_a_group_hands_files_on_inside(bench, spec):
    bench.put("a", b"1")
    results = bench.run(
        spec("cat a a > m", ["m"], ["a"], number=1),
        spec("cat m m > out", ["out"], ["m"], number=2),
        inner=["m"],
    )
    assert all(result.ok for result in results), results
    assert bench.names() == ["a", "out"]
    assert bench.get("out") == b"1111"


def test_who_needs_a_failed_job_of_the_order_is_not_run(bench, spec):
    results = bench.run(
        spec("exit 1", ["m"], number=1),
        spec("cat m > out", ["out"], ["m"], number=2),
        spec("echo other > other", ["other"], number=3),
    )
    assert [result.ok for result in results] == [False, False, True]
    assert results[1].problem == "partner"
    assert bench.names() == ["other"]


def test_directories_come_and_go_with_their_list(bench, spec):
    make = "mkdir -p d/sub d/none; echo 1 > d/one; echo 2 > d/sub/two; ln -s ../one d/sub/link"
    (result,) = bench.run(spec(make, [("d", {"directory": True})]))
    assert result.ok, result
    assert bench.names() == ["d/.rulekit_directory", "d/one", "d/sub/link", "d/sub/two"]
    listed = json.loads(bench.get("d/.rulekit_directory"))
    assert [entry["name"] for entry in listed] == ["none/", "one", "sub/link", "sub/two"]
    assert result.outputs[0].size == -1
    assert result.outputs[0].digest == md5(bench.get("d/.rulekit_directory"))
    bench.put("d/later", b"not in the list")
    (second,) = bench.run(spec("find d | sort > found; cat d/sub/link >> found", ["found"], ["d"]))
    assert second.ok, second
    assert bench.get("found").decode().split() == [
        "d", "d/none", "d/one", "d/sub", "d/sub/link", "d/sub/two", "1",
    ]  # fmt: skip
    assert second.inputs[0].digest == result.outputs[0].digest
    (third,) = bench.run(spec("mkdir d; echo 3 > d/three", [("d", {"directory": True})]))
    assert third.ok, third
    assert bench.names() == ["d/.rulekit_directory", "d/three", "found"]


def test_a_directory_without_a_list_is_what_lies_below(bench, spec):
    bench.put("d/x/1", b"1")
    bench.put("d/2", b"2")
    bench.put("d2", b"another")
    (result,) = bench.run(spec("find d -type f | sort > found", ["found"], ["d"]))
    assert result.ok, result
    assert bench.get("found") == b"d/2\nd/x/1\n"


def test_jobs_joined_by_a_pipe_run_side_by_side(bench, spec):
    bench.put("in", b"text")
    results = bench.run(
        spec("cat in in > p", [("p", {"pipe": True})], ["in"], number=1),
        spec("tr a-z A-Z < p > out", ["out"], ["p"], number=2),
    )
    assert all(result.ok for result in results), results
    assert bench.names() == ["in", "out"]
    assert bench.get("out") == b"TEXTTEXT"


def test_a_service_serves_and_is_stopped(bench, spec):
    results = bench.run(
        spec("touch s; while true; do sleep 0.05; done", [("s", {"service": True})], number=1),
        spec("test -e s; echo used > out", ["out"], ["s"], number=2),
        limits=([{"_cores": 1}, {"_cores": 1}], {"_cores": 2}),
    )
    assert all(result.ok for result in results), results
    assert bench.names() == ["out"]


def test_the_output_of_the_jobs_is_kept_in_order(bench, spec):
    place = ("main", bench.container, "p/said")
    results = bench.run(
        spec("echo one; echo two >&2", number=1), spec("echo three; exit 1", number=2), output=place
    )
    assert [result.ok for result in results] == [True, False]
    assert bench.get("said") == b"one\ntwo\nthree\n"


def test_a_sas_that_cannot_delete_is_enough(bench, spec):
    for number in (1, 2):
        bench.sas = bench.azurite.account_sas("rwlac")
        job = spec(f"mkdir d; echo > d/{number}", [("d", {"directory": True})])
        (result,) = bench.run(job)
        assert result.ok, result
    assert bench.names() == ["d/.rulekit_directory", "d/1", "d/2"]
    (read,) = bench.run(spec("ls d > found", ["found"], ["d"]))
    assert read.ok
    assert bench.get("found") == b"2\n"
