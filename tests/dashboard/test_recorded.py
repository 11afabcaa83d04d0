"""A run that is looked at from outside: from its journal, while it goes on."""

from __future__ import annotations

import json

from support.program import rulekit

from rulekit.dashboard.recorded import RecordedRun
from rulekit.dashboard.state import LiveState
from rulekit.history.runs import RunInfo, Work

LOOK = """
import json
from rulekit.history.runs import live_journals
print(json.dumps(live_journals(".rulekit")[-1].jobs))
"""
# Jobs that look at their own run: what they find is the same each time.
FILE = """
import os, sys
rule all:
    input: "second.json"
rule first:
    output: "first.json"
    params: python=sys.executable
    shell: "{params.python:q} look.py > {output}"
checkpoint split:
    input: "first.json"
    output: directory("parts")
    shell: "mkdir {output}; touch {output}/1 {output}/2"
rule part:
    input: "parts/{n}"
    output: "made/{n}"
    shell: "touch {output}"
def parts(wildcards):
    return [f"made/{n}" for n in sorted(os.listdir(checkpoints.split.get().output[0])) if n in "12"]
rule second:
    input: parts
    output: "second.json"
    params: python=sys.executable
    shell: "{params.python:q} look.py > {output}"
"""


def test_the_number_of_jobs_is_known_from_outside(tmp_path):
    (tmp_path / "Rulefile").write_text(FILE)
    (tmp_path / "look.py").write_text(LOOK)
    rulekit(tmp_path, "-c", "1", "--quiet")
    first = json.loads((tmp_path / "first.json").read_text())
    assert first == {"first": 1, "split": 1, "second": 1, "all": 1}
    second = json.loads((tmp_path / "second.json").read_text())
    assert second == {"first": 1, "split": 1, "part": 2, "second": 1, "all": 1}


def test_totals_stay_when_the_journal_is_gone():
    state, recorded = LiveState("x"), RecordedRun()
    work = Work("t", "a", {}, 1, 2.0, None, "", None, None, ())
    live = RunInfo("r", 1.0, None, None, "host", "", True)

    def look(run, works, jobs):
        for event in recorded.news(run, works, jobs):
            state.take(event)
        return state.view()

    view = look(live, [work], {"a": 2, "b": 1})
    assert view["total"] == 3 and view["at_work"] == 1
    assert {row["name"]: row["total"] for row in view["rules"]} == {"a": 2, "b": 1}
    view = look(live, [work], {"a": 2, "b": 4})  # after a checkpoint
    assert view["total"] == 6 and view["at_work"] == 1
    ended = RunInfo("r", 1.0, 4.0, True, "host", "")
    assert look(ended, [work], {})["total"] == 6


def test_a_number_that_is_no_port_is_refused(tmp_path):
    (tmp_path / "Rulefile").write_text('rule a:\n    output: "a"\n    shell: "touch {output}"\n')
    done = rulekit(tmp_path, "-c", "1", "--watch-port", "65536", check=False)
    assert done.returncode == 2 and "RK0103" in done.stderr
    assert not (tmp_path / "a").exists()
    rulekit(tmp_path, "-c", "1", "--quiet")
    done = rulekit(tmp_path, "dashboard", "--port", "99999", check=False)
    assert done.returncode == 2 and "--port: 99999 is no port" in done.stderr
