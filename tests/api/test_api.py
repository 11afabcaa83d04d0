"""rulekit from Python."""

from __future__ import annotations

import networkx
import pytest

from rulekit import api
from rulekit.errors import PlanError, RuleFileError
from rulekit.events import JobFinished

RULES = """
rule all:
    input:
        expand("out/{n}.txt", n=config.get("names", ["a", "b"])),

rule make:
    output:
        "out/{n}.txt",
    shell:
        "echo {wildcards.n} > {output}"

rule count:
    input:
        "out/{n}.txt",
    output:
        "out/{n}.count",
    run:
        open(output[0], "w").write(f"{len(open(input[0]).read())} {config['unit']}")
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "Rulefile").write_text(RULES)
    return tmp_path


def test_plan_tells_jobs_and_reasons_and_writes_nothing(place):
    before = sorted(path.name for path in place.iterdir() if path.name != "cache")
    planned = api.plan(api.load())
    assert planned.pending == 3
    first, second, last = planned.jobs
    assert (first.key, first.rule, first.wildcards) == ("make:n=a", "make", {"n": "a"})
    assert first.output == ("out/a.txt",) and first.status == "pending"
    assert [reason.kind for reason in first.reasons] == ["missing-output"]
    assert last.needs == (first.key, second.key)
    assert sorted(path.name for path in place.iterdir() if path.name != "cache") == before


def test_run_and_plan_again(place):
    workflow = api.load()
    seen = []
    result = api.run(api.plan(workflow), cores=2, listeners=[seen.append])
    assert result.ok and result.done == 3 and result.failed == ()
    assert sum(isinstance(event, JobFinished) for event in seen) == 3
    assert (place / "out/a.txt").read_text() == "a\n"
    planned = api.plan(workflow)
    assert planned.pending == 0 and {job.status for job in planned.jobs} == {"done"}
    assert api.run(planned).done == 0
    assert api.plan(workflow, forceall=True).pending == 3
    assert api.plan(workflow, ["out/a.txt"], force=True).pending == 1


def test_config_reaches_the_processes_of_run_bodies(place):
    workflow = api.load(config={"names": ["x"], "unit": "bytes"})
    assert api.run(api.plan(workflow, ["out/x.count"])).ok
    assert (place / "out/x.count").read_text() == "2 bytes"


def test_a_failed_job_is_a_result(place):
    (place / "Rulefile").write_text('rule a:\n    output: "x"\n    shell: "exit 3"\n')
    result = api.run(api.plan(api.load("Rulefile")))
    assert not result.ok and result.failed == ("a",) and not result.interrupted


def test_the_graph_is_networkx():
    graph = api.graph(api.plan(api.load()))
    assert isinstance(graph, networkx.DiGraph)
    assert set(graph.edges) == {("make:n=a", "all"), ("make:n=b", "all")}
    assert graph.nodes["make:n=a"]["rule"] == "make"
    assert graph.nodes["all"]["input"] == ("out/a.txt", "out/b.txt")
    assert list(networkx.topological_sort(graph))[-1] == "all"


def test_errors_are_exceptions():
    with pytest.raises(PlanError):
        api.plan(api.load(), ["nothing-makes-this"])
    with pytest.raises(RuleFileError):
        api.load("no-such-file")


def test_results_cannot_be_changed():
    planned = api.plan(api.load())
    with pytest.raises(AttributeError):
        planned.jobs[0].rule = "other"
