"""Timelines of real runs: a table, a trace, a page, `--stats`; and which run a word means."""

from __future__ import annotations

import json

import pytest
from support.program import rulekit

from rulekit.cli.main import main
from rulekit.history.runs import Work
from rulekit.history.timeline import lanes

FILE = """
rule all:
    input: expand("{i}.txt", i=range(6)), "never.txt"
rule make:
    output: "{i}.txt"
    threads: 1
    priority: 7
    resources: mem_mb=100
    shell: "sleep 0.02; touch {output}"
rule never:
    output: "never.txt"
    shell: "echo 'two\\tparts'; exit 4"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "Rulefile").write_text(FILE)
    rulekit(tmp_path, "-c", "2", "-k", "-T", "1", "--quiet", "--stats", "stats.json", check=False)
    return tmp_path


def test_the_table_has_each_attempt(folder, capsys):
    assert main(["timeline"]) == 0
    head, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head[:2] == ["rule", "wildcards"] and len({len(row) for row in rows}) == 1
    assert len(rows) == 8  # six jobs, and one that was tried twice
    failed = [
        dict(zip(head, row, strict=True)) for row in rows if row[head.index("status")] == "failed"
    ]
    assert [one["attempt"] for one in failed] == ["1", "2"]
    assert all("4" in one["cause"] for one in failed)


def test_the_trace_is_one_that_viewers_open(folder):
    assert main(["timeline", "-o", "trace.json"]) == 0
    trace = json.loads((folder / "trace.json").read_text())
    assert trace["displayTimeUnit"] in ("ms", "ns")
    jobs = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert len(jobs) == 8
    for event in trace["traceEvents"]:
        assert event["ph"] in ("X", "M", "C") and event["pid"] == 1 and event["name"]
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name") and event["args"]["name"]
        else:
            assert type(event["ts"]) is int and event["ts"] >= 0
    by_lane = {}
    for event in sorted(jobs, key=lambda event: event["ts"]):
        assert type(event["dur"]) is int
        assert event["ts"] >= by_lane.get(event["tid"], 0) - 1  # slices of a thread must nest
        by_lane[event["tid"]] = event["ts"] + event["dur"]
    counts = [event["args"]["jobs"] for event in trace["traceEvents"] if event["ph"] == "C"]
    assert counts[-1] == 0 and max(counts) <= 2


def test_the_page(folder):
    assert main(["timeline", "last", "-o", "t.html"]) == 0
    text = (folder / "t.html").read_text()
    assert "Content-Security-Policy" in text and "did not end well" in text


def test_stats_as_snakemake_5_to_7_wrote_them(folder):
    stats = json.loads((folder / "stats.json").read_text())
    assert set(stats) == {"total_runtime", "rules", "files"}
    assert set(stats["rules"]) == {"make"}
    assert set(stats["rules"]["make"]) == {"mean-runtime", "min-runtime", "max-runtime"}
    assert set(stats["files"]) == {f"{i}.txt" for i in range(6)}
    for facts in stats["files"].values():
        assert set(facts) == {"start-time", "stop-time", "duration", "priority", "resources"}
        assert facts["priority"] == 7 and facts["resources"]["mem_mb"] == 100
        assert facts["resources"]["_cores"] == 1
    assert stats["total_runtime"] >= stats["rules"]["make"]["max-runtime"]


def test_stats_that_cannot_be_written_stop_the_run_before_it_begins(tmp_path):
    (tmp_path / "Rulefile").write_text('rule a:\n    output: "a"\n    shell: "touch {output}"\n')
    done = rulekit(tmp_path, "-c", "1", "--stats", "no/such/stats.json", check=False)
    assert done.returncode == 2 and "--stats" in done.stderr
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("word", ["nothing", "-5", "-0"])
def test_a_run_that_is_not_there(folder, word, capsys):
    assert main(["timeline", "--", word]) == 2
    assert "RK0170" in capsys.readouterr().err


def test_runs_by_name(folder, capsys):
    assert main(["timeline", "--", "-1"]) == 0
    assert main(["timeline", "2"]) == 0  # names begin with the year


def test_where_nothing_was_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["timeline"]) == 2
    assert "nothing was run" in capsys.readouterr().err


def test_no_two_in_a_lane_overlap():
    def work(start, end):
        return Work(f"{start}", "r", {}, 1, start, end, "", None, None, ())

    times = [(0, 5), (1, 2), (1.5, 9), (2, 3), (5, 6), (5, None), (7, 8)]
    assert lanes([work(*one) for one in times], 10.0) == [0, 1, 2, 1, 0, 1, 0]
