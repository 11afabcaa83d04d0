"""`rulekit graph` and `--graph`: forms by name, states, and no need of graphviz."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
from support.program import rulekit

from rulekit.cli.main import main

FILE = """
rule all:
    input: "a.txt", "b.txt", "c.txt"
rule good:
    output: "a.txt"
    shell: "touch {output}"
rule bad:
    output: "b.txt"
    shell: "exit 3"
rule late:
    input: "b.txt"
    output: "c.txt"
    shell: "touch {output}"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "Rulefile").write_text(FILE)
    return tmp_path


def _states(path):
    root = ElementTree.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    found = {}
    for group in root.iter(f"{space}g"):
        kinds = group.get("class", "").split()
        if kinds[:1] == ["box"]:
            text = group.find(f"{space}text")
            found[text.text.split()[-1]] = kinds[1]
    return found


def test_states_are_seen(folder, monkeypatch):
    assert main(["--graph", "g.svg"]) == 0
    assert _states(folder / "g.svg") == dict.fromkeys(("all", "good", "bad", "late"), "run")
    rulekit(folder, "-c", "1", "-k", "--quiet", check=False)
    monkeypatch.setenv("PATH", "/nowhere")  # no graphviz
    assert main(["graph", "-o", "g.svg", "--rules"]) == 0
    assert _states(folder / "g.svg") == {
        "all": "run",
        "good": "done",
        "bad": "failed",
        "late": "run",
    }


def test_why_is_told(folder):
    assert main(["graph", "-o", "g.svg", "--jobs"]) == 0
    assert "missing output files: c.txt" in (folder / "g.svg").read_text().lower()


@pytest.mark.parametrize(
    ("name", "part"),
    [("g.dot", "digraph"), ("g.mmd", "flowchart"), ("g.json", '"jobs"'), ("g.html", "<!DOCTYPE")],
)
def test_the_name_tells_the_form(folder, name, part):
    assert main(["--graph", name]) == 0
    assert part in (folder / name).read_text()


def test_a_name_of_no_known_form_writes_nothing(folder, capsys):
    assert main(["--graph", "g.png"]) == 2
    assert ".svg" in capsys.readouterr().err
    assert not (folder / "g.png").exists()


def test_many_jobs_are_shown_by_rule(folder, monkeypatch):
    (folder / "Rulefile").write_text(
        'rule all:\n    input: expand("{i}.txt", i=range(400))\n'
        'rule a:\n    output: "{i}.txt"\n    shell: "touch {output}"\n'
    )
    assert main(["--graph", "g.svg"]) == 0
    assert _states(folder / "g.svg") == {"all": "run", "a": "run"}
    assert "400 to run" in (folder / "g.svg").read_text()


def test_d3dag_is_what_snakemake_writes(folder, capfd):
    assert main(["--d3dag"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert set(found) == {"nodes", "edges"}
    assert {node["value"]["label"] for node in found["nodes"]} == {"all", "good", "bad", "late"}
    assert all(set(edge) == {"u", "v"} for edge in found["edges"])
