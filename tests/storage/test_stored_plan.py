"""Plans of local and stored files together: what exists, what runs and why."""

from __future__ import annotations

import os

import pytest

from rulekit.compiler import LoadSettings, load
from rulekit.errors.tree import InfrastructureError, PlanError
from rulekit.language import storagestate
from rulekit.planning import PlanOptions, make_plan
from rulekit.staleness import Policy, forecast
from rulekit.storage.session import StorageSession

RULES = """
rule all:
    input: "sum.txt", "az://{box}/far/copy.txt"
rule count:
    input: "in/{s}.txt", local("sizes.cfg")
    output: "counts/{s}.txt"
    shell: ""
rule sum:
    input: expand("counts/{s}.txt", s=["a", "b b"])
    output: "sum.txt"
    shell: ""
rule far:
    input: "az://{box}/far/source.txt", "counts/a.txt"
    output: "az://{box}/far/copy.txt"
    shell: ""
"""


@pytest.fixture(autouse=True)
def forgotten():
    """What a load has left would answer functions that later tests call by themselves."""
    yield
    storagestate.begin(None)


@pytest.fixture
def planned(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Rulefile").write_text(RULES.replace("{box}", container))
    (tmp_path / "sizes.cfg").write_text("1")
    os.utime(tmp_path / "sizes.cfg", (1, 1))  # times of blobs are whole seconds
    made = []

    def plan(memory=None):
        session = StorageSession(azurite.environment(), "azure", f"az://{container}/run")
        made.append(session)
        workflow = load("Rulefile", LoadSettings(storage=session))
        session.take(workflow)
        found = make_plan(workflow, (), session.files, PlanOptions())
        session.check_plan(found)
        return found, forecast(found, session.files, memory, None, Policy()), session

    plan.folder = tmp_path
    plan.made = made
    plan.put = lambda name, data=b"": azurite.put(container, name, data)
    yield plan
    for session in made:
        session.close()


def runs(found, judged):
    return {found.key(job) for job in range(len(found)) if judged.run[job]}


def test_what_is_missing_runs_and_inputs_are_found_where_they_are(planned):
    for name in ("run/in/a.txt", "run/in/b b.txt", "far/source.txt"):
        planned.put(name)
    found, judged, session = planned()
    assert runs(found, judged) == {"count:s=a", "count:s=b b", "sum", "far", "all"}
    # Two roots: one listing each.
    assert session.client.web.requests == 2
    for name in ("run/counts/a.txt", "run/counts/b b.txt", "run/sum.txt", "far/copy.txt"):
        planned.put(name)
    found, judged, _ = planned()
    assert not runs(found, judged) - {"all"}


def test_a_file_on_this_disk_is_not_taken_for_a_stored_one(planned):
    (planned.folder / "in").mkdir()
    (planned.folder / "in/a.txt").write_text("")
    planned.put("run/in/b b.txt")
    planned.put("far/source.txt")
    with pytest.raises(PlanError) as caught:
        planned()
    assert "in/a.txt" in str(caught.value.diagnostics[0].message)
    session = planned.made[-1]
    found = session.explained(caught.value).diagnostics[0]
    assert found.notes[-1].startswith("`in/a.txt` is on this disk, and was looked for below az://")
    assert "rulekit azure upload" in found.help and 'local("in/a.txt")' in found.help
    (planned.folder / "in/a.txt").unlink()
    found = session.explained(caught.value).diagnostics[0]
    assert found.notes[-1].startswith("stored files are looked for below az://")
    assert found.help == caught.value.diagnostics[0].help


def test_stored_names_are_shown_as_people_write_them(azurite, container):
    session = StorageSession(azurite.environment(), "azure", f"az://{container}/run")
    assert session.shown("a/b") == "a/b"
    assert session.shown(".rulekit/storage/azblob/devstoreaccount1/c/x y") == "az://c/x y"
    assert session.shown(".rulekit/storage/azblob/other/c/x") == "az://other/c/x"


def test_a_local_file_that_is_missing_is_missing(planned):
    for name in ("run/in/a.txt", "run/in/b b.txt", "far/source.txt", "run/sizes.cfg"):
        planned.put(name)
    (planned.folder / "sizes.cfg").unlink()
    with pytest.raises(PlanError) as caught:
        planned()
    assert "sizes.cfg" in str(caught.value.diagnostics[0].message)


def test_looking_needs_no_right_to_write(planned, azurite, container):
    reading = azurite.environment(azurite.container_sas(container, "rl", hours=9))
    session = StorageSession(reading, "azure", f"az://{container}/run")
    assert session.check(writing=False) == ()
    with pytest.raises(InfrastructureError) as caught:
        session.check()
    assert caught.value.diagnostics[0].code == "RK0643"
    session.close()
    # Of stored names, those that are only read need no more either.
    session = StorageSession(reading)
    rules = "rule a:\n    input: 'az://{box}/x'\n    output: 'y'\n    shell: ''\n"
    for text, refused in ((rules, False), (rules.replace("'y'", "'az://{box}/y'"), True)):
        (planned.folder / "Rulefile").write_text(text.replace("{box}", container))
        session.take(load("Rulefile", LoadSettings(storage=session)))
        if refused:
            with pytest.raises(InfrastructureError):
                session.check()
        else:
            assert session.check() == ()
    session.close()


def test_names_that_cannot_be_stored_are_refused_with_the_plan(planned):
    (planned.folder / "Rulefile").write_text("rule a:\n    output: 'x/y.'\n    shell: ''\n")
    with pytest.raises(InfrastructureError) as caught:
        planned()
    assert caught.value.diagnostics[0].code == "RK0642"
    (planned.folder / "Rulefile").write_text(
        "rule a:\n    output: 'az://Big_Box/x'\n    shell: ''\n"
    )
    with pytest.raises(InfrastructureError) as caught:
        planned()
    assert caught.value.diagnostics[0].code == "RK0644"
