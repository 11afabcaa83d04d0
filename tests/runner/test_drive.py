from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from rulekit.runner import benchmark, drive, wire
from rulekit.runner.command import Environments


def run(spec):
    return drive.run(spec, Environments())


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# --- benchmark ------------------------------------------------------------------------------


def table(path):
    lines = path.read_text().splitlines()
    return [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]


def test_benchmark_table(here, order):
    # So long that it is looked at more than once, however busy the machine is.
    spec = order("sleep 1; touch out", ["out"], benchmark="b/x.tsv")
    assert run(spec).ok
    (row,) = table(here / "b/x.tsv")
    assert tuple(row) == benchmark.COLUMNS
    assert 1 <= float(row["s"]) < 300
    # The seconds are rounded there, and cut off here.
    assert row["h:m:s"] in {benchmark.clock(float(row["s"]) - less) for less in (0, 0.01)}
    assert 0 < float(row["max_rss"]) <= float(row["max_vms"])
    assert 0 < float(row["max_uss"]) <= float(row["max_rss"])
    assert float(row["cpu_time"]) >= 0


def test_benchmark_repeats_do_not_delete_outputs(here, order):
    spec = order("echo x >> out", ["out"], benchmark="x.tsv", benchmark_repeats=3)
    assert run(spec).ok
    assert len(table(here / "x.tsv")) == 3
    assert (here / "out").read_text() == "x\nx\nx\n"


def test_commands_of_each_turn(here, order):
    body = {"kind": "shell", "command": "", "repeats": ["echo 0 >> out", "echo 1 >> out"]}
    assert run(order(body=body, outputs=["out"], benchmark="b", benchmark_repeats=2)).ok
    assert (here / "out").read_text() == "0\n1\n"


def test_benchmark_json_lines(here, order):
    context = {
        "wildcards": {"items": ["1"], "names": {"x": 0}},
        "params": {"items": [5], "names": {"p": 0}},
        "resources": {"items": [7], "names": {"mem_mb": 0}},
    }
    spec = order("true", benchmark="x.jsonl", benchmark_extended=True, context=context)
    assert run(spec).ok
    (line,) = map(json.loads, (here / "x.jsonl").read_text().splitlines())
    assert set(line) == {*benchmark.COLUMNS, *benchmark.EXTENDED}
    assert (line["wildcards"], line["params"], line["resources"]) == (
        {"x": "1"},
        {"p": 5},
        {"mem_mb": 7},
    )


def test_no_benchmark_of_a_failed_job(here, order):
    assert not run(order("false", benchmark="x.tsv")).ok
    assert not (here / "x.tsv").exists()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0:00:00"), (3661, "1:01:01"), (90_000, "1 day, 1:00:00"), (180_000, "2 days, 2:00:00")],
)
def test_clock(seconds, text):
    assert benchmark.clock(seconds) == text


# --- shadow ---------------------------------------------------------------------------------

KINDS = pytest.mark.parametrize("kind", ["minimal", "copy-minimal", "shallow", "full"])


@KINDS
def test_shadow_brings_outputs_and_logs_back(here, order, kind):
    write(here / "data/in.txt", "in")
    write(here / "other.txt", "other")
    spec = order(
        "cat data/in.txt > res/out.txt; echo log > logs/l.txt; touch rubbish; pwd > res/where",
        ["res/out.txt", "res/where"],
        ["data/in.txt"],
        logs=("logs/l.txt",),
        shadow=kind,
    )
    result = run(spec)
    assert result.ok, result
    assert (here / "res/out.txt").read_text() == "in"
    assert (here / "logs/l.txt").read_text() == "log\n"
    assert "/.rulekit/shadow/" in (here / "res/where").read_text()
    assert not (here / "rubbish").exists()
    assert os.listdir(".rulekit/shadow") == []


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("minimal", False), ("copy-minimal", False), ("shallow", True), ("full", True)],
)
def test_what_is_seen_in_a_shadow(here, order, kind, seen):
    write(here / "other/file", "x")
    test = "test -e other/file" if seen else "test ! -e other/file"
    assert run(order(test, shadow=kind)).ok


@pytest.mark.parametrize(("kind", "changed"), [("minimal", True), ("copy-minimal", False)])
def test_inputs_are_links_or_copies(here, order, kind, changed):
    write(here / "in.txt", "old\n")
    assert run(order("echo new > in.txt", inputs=["in.txt"], shadow=kind)).ok
    assert ((here / "in.txt").read_text() == "new\n") is changed


@KINDS
def test_failed_job_in_a_shadow_gives_back_logs_only(here, order, kind):
    spec = order("touch out; echo why > log; false", ["out"], logs=("log",), shadow=kind)
    result = run(spec)
    assert not result.ok and result.exit_code == 1
    assert (here / "log").read_text() == "why\n" and not (here / "out").exists()
    assert os.listdir(".rulekit/shadow") == []


def test_shadow_and_directory_output(here, order):
    spec = order("mkdir d; touch d/x", [("d", {"directory": True})], shadow="minimal")
    assert run(spec).ok and (here / "d/x").exists()


def test_shadow_prefix(here, order):
    spec = order("pwd > out", ["out"], shadow="minimal", shadow_prefix=str(here / "else"))
    assert run(spec).ok
    assert (here / "out").read_text().startswith(str(here / "else"))


def test_shadow_outside_of_the_working_directory_is_refused(order):
    result = run(order("touch ../out", ["../out"], shadow="minimal"))
    assert result.problem == "access" and "`../out`" in result.detail


def test_absolute_outputs_are_not_moved(here, order):
    assert run(order(f"touch {here}/abs", [f"{here}/abs"], shadow="minimal")).ok


def test_links_within_a_shadow_stay_links(here, order):
    spec = order("touch a; ln -s $PWD/a b; ln -s a c", ["a", "b", "c"], shadow="minimal")
    assert run(spec).ok
    assert os.readlink("b") == os.readlink("c") == "a"


def test_unknown_kind_of_shadow(order):
    assert run(order(shadow="deep")).problem == "spawn"


def test_touch_flag_with_shadow(here, order):
    assert run(order("true", [("done", {"touch": True})], shadow="minimal")).ok
    assert (here / "done").exists()


# --- the rest -------------------------------------------------------------------------------


def test_working_directory_that_is_not_there(order):
    result = run(order(workdir="/no/such/dir"))
    assert result.problem == "access" and "/no/such/dir" in result.detail


def test_wire_round_trip(order):
    spec = order("x", [("o", {"ensure": {"non_empty": True}})], ["i"], context={"a": [1]})
    assert wire.spec_from_tuple(wire.spec_to_tuple(spec)) == spec
    document = json.loads(json.dumps(wire.spec_to_json(spec)))
    back = wire.spec_from_json(document)
    assert wire.spec_to_json(back) == wire.spec_to_json(spec)
    result = run(order("touch out", ["out"]))
    assert wire.result_from_tuple(wire.result_to_tuple(result)) == result
    assert wire.result_from_json(json.loads(json.dumps(wire.result_to_json(result)))) == result


@pytest.mark.parametrize(
    "document", [None, [], {}, {"format": 99}, {"format": 1}, {"format": 1, "spec": {}}]
)
def test_what_is_no_order_is_refused(document):
    with pytest.raises(ValueError, match="job order"):
        wire.spec_from_json(document)
    with pytest.raises(ValueError, match="job answer"):
        wire.result_from_json(document)


def test_runner_travels_as_an_archive(here, order, tmp_path_factory):
    """With nothing but the rooms it may import, and with its own copy of the script object."""
    archive = tmp_path_factory.mktemp("node") / "runner.pyz"
    package = pathlib.Path(wire.__file__).parents[1]
    with zipfile.ZipFile(archive, "w") as bundle:
        for path in [package / "__init__.py", package / "frozen.py"]:
            bundle.write(path, f"rulekit/{path.name}")
        for room in ("patterns", "model", "runner"):
            for path in (package / room).glob("*.py"):
                bundle.write(path, f"rulekit/{room}/{path.name}")
        bundle.writestr(
            "__main__.py",
            "import sys; from rulekit.runner.__main__ import main\nsys.exit(main(sys.argv[1:]))\n",
        )
    body = {
        "kind": "script",
        "language": "python",
        "path": "/elsewhere/s.py",
        "source": "open(snakemake.output[0], 'w').write(__file__)",
        "interpreter": [sys.executable],
    }
    context = {"output": {"items": ["out"], "names": {}}}
    spec = order(outputs=["out"], body=body, context=context)
    (here / "spec.json").write_text(json.dumps(wire.spec_to_json(spec)))
    words = [sys.executable, "-I", str(archive), "spec.json", "result.json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert wire.result_from_json(json.loads((here / "result.json").read_text())).ok
    assert (here / "out").read_text() == "/elsewhere/s.py"
