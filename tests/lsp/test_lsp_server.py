"""The language server as an editor drives it, over its pipes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lsp_client import Client

MAIN = """\
configfile: "config.yaml"
include: "rules/map.smk"

module other:
    snakefile:
        "other/Snakefile"

use rule clean from other as other_clean

ruleorder: sort > map_reads

wildcard_constraints:
    sample="[a-z]+",

rule all:
    input:
        expand("sorted/{sample}.txt", sample=config["samples"]),

def reads(wildcards):
    return f"reads/{wildcards.sample}.fq"

rule sort:
    "Sorts what was mapped. ü𝄞"
    input:
        bam="mapped/{sample}.bam",
        index=rules.index.output,
        reads=reads,
    output:
        "sorted/{sample}.txt",
    params:
        order=lambda wildcards: wildcards.sample,
    log:
        "logs/{sample}.log",
    shell:
        "sort {input.bam} {wildcards.sample} {params.order} > {output} 2> {log}"
"""
MAP = """\
rule index:
    output:
        "index.txt",
    script:
        "scripts/index.py"

rule map_reads:
    input:
        "reads/{s}.fq",
        rules.index.output,
    output:
        "mapped/{s}.bam",
    shell:
        "map {input} > {output}"
"""
DERIVED = """\
use rule index as second_index with:
    output:
        "index2.txt",

checkpoint split:
    input:
        rules.second_index.output,
        "index2.txt",
    output:
        directory("split/{part}-{side}"),
    params:
        lambda wildcards: wildcards["part"],
    wildcard_constraints:
        part="[0-9]+",
    shell:
        "split {input} {wildcards.part} {wildcards[part]} {output}"
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    files = {
        "Snakefile": MAIN,
        "rules/map.smk": MAP,
        "derived.smk": DERIVED,
        "other/Snakefile": 'rule clean:\n    output: "clean.txt"\n',
        "config.yaml": "samples: [a, b]\nmap:\n  speed: fast\n",
        "rules/scripts/index.py": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = Client(folder)
    assert made.open("Snakefile") == [] or True
    made.open("rules/map.smk")
    made.open("derived.smk")
    yield made
    assert made.close() == (0, "")


DEFINITIONS = [
    ("Snakefile", "rules.ind|ex.output", ["map.smk: index"]),
    ("rules/map.smk", "rules.in|dex", ["map.smk: index"]),
    ("Snakefile", '"rules/ma|p.smk"', ["map.smk: "]),
    ("Snakefile", "config.ya|ml", ["config.yaml: "]),
    ("rules/map.smk", "scripts/ind|ex.py", ["index.py: "]),
    ("Snakefile", 'bam="mapped/{sample}.b|am', ['map.smk: "mapped/{s}.bam"']),
    ("Snakefile", 'expand("sort|ed/{sample}.txt', ['Snakefile: "sorted/{sample}.txt"']),
    ("Snakefile", "sort > map_re|ads", ["map.smk: map_reads"]),
    ("Snakefile", "from oth|er", ["Snakefile: other"]),
    ("Snakefile", "use rule cle|an", ["Snakefile: clean"]),
    ("Snakefile", "reads=re|ads,", ["Snakefile: reads"]),
    ("Snakefile", "{input.b|am}", ['Snakefile: "mapped/{sample}.bam"']),
    ("Snakefile", "{wildcards.sam|ple} {params", ["Snakefile: sample"]),
    ("Snakefile", "con|fig[", []),
    ("rules/map.smk", "reads/{s}.f|q", []),
]


@pytest.mark.parametrize(("name", "mark", "wanted"), DEFINITIONS)
def test_definition(client, name, mark, wanted):
    found = client.ask("textDocument/definition", client.at(name, mark)) or []
    assert [client.marked(one) for one in found] == wanted


HOVERS = [
    ("Snakefile", "sort > map_re|ads", "**rule map_reads**\n\ninput: `reads/{s}.fq`"),
    ("Snakefile", "rule so|rt:", "Sorts what was mapped. ü𝄞"),
    ("Snakefile", "mapped/{sample}.b|am", "made by rule `map_reads` as `mapped/{s}.bam`"),
    ("Snakefile", "mapped/{sam|ple}.bam", "wildcard `sample` of rule `sort`: matches `[a-z]+`"),
    ("rules/map.smk", "mapped/{s}.b|am", "used by rule `sort`\n\nwildcards: `s`"),
    ("rules/map.smk", "reads/{s}.f|q", "no rule makes this"),
    ("rules/map.smk", "reads/{|s}.fq", "any text"),
    ("Snakefile", "par|ams:", "Values for the command"),
    ("Snakefile", "{input.b|am}", "`mapped/{sample}.bam`"),
    ("Snakefile", "rule|order", "Which rule makes a file"),
]


@pytest.mark.parametrize(("name", "mark", "wanted"), HOVERS)
def test_hover(client, name, mark, wanted):
    found = client.ask("textDocument/hover", client.at(name, mark))
    assert wanted in found["contents"]["value"]


def test_nothing_to_hover(client):
    assert client.ask("textDocument/hover", client.at("Snakefile", "ret|urn")) is None


COMPLETIONS = [
    ("    index=rules.|\n", {"index", "map_reads", "sort", "all"}, {"clean"}),
    ("    index=rules.index.|\n", {"output"}, {"input", "get"}),
    ("x = config['|\n", {"samples", "map"}, {"speed"}),
    ("x = config['map']['|\n", {"speed"}, {"samples"}),
    ('x = config.get("|\n', {"samples"}, set()),
    ("rul|\n", {"rule", "ruleorder", "include"}, {"input"}),
    ("rule x:\n    in|\n", {"input", "output", "shell", "run"}, {"include"}),
    ("rule x:\n    input: 'a'\n    |\n", {"output"}, {"input"}),
    ("rule x:\n    output: '{a}.{b}'\n    log: '{|'\n", {"a", "b"}, {"input"}),
    ("rule x:\n    input: q='{a}'\n    shell: '{|'\n", {"input", "wildcards"}, {"output"}),
    ("rule x:\n    input: q='{a}'\n    shell: 'a {input.|'\n", {"q"}, {"a"}),
    ("rule x:\n    output: '{a}'\n    shell: 'a {wildcards.|'\n", {"a"}, {"output"}),
    ("localrules: al|\n", {"all", "sort"}, {"input"}),
    ("use rule a from |\n", {"other"}, {"all"}),
    ("include: '|'\n", {"rules/", "other/"}, {"all"}),
    ("module m:\n    sn|\n", {"snakefile", "prefix"}, {"input"}),
    ("x = 1 + |\n", set(), {"rule"}),
]


@pytest.mark.parametrize(("text", "wanted", "not_wanted"), COMPLETIONS)
def test_completion(client, text, wanted, not_wanted):
    whole = MAIN + "\n" + text
    client.change("Snakefile", whole.replace("|", ""))
    try:
        params = client.at("Snakefile", whole[-60 - len(text) :])
        found = client.ask("textDocument/completion", params)
        labels = {one["label"] for one in found}
        assert wanted <= labels
        assert not labels & not_wanted
    finally:
        client.change("Snakefile", MAIN)


def renamed(client, name, mark, new):
    """The texts of all files after a rename."""
    answer = client.ask("textDocument/rename", client.at(name, mark, newName=new))
    texts = dict(client.texts)
    for uri, edits in (answer or {"changes": {}})["changes"].items():
        path = uri.removeprefix(client.uri() + "/")
        lines = texts[path].split("\n")
        for edit in sorted(edits, key=lambda e: -e["range"]["start"]["character"]):
            start, end = edit["range"]["start"], edit["range"]["end"]
            row = lines[start["line"]]
            lines[start["line"]] = (
                row[: start["character"]] + edit["newText"] + row[end["character"] :]
            )
        texts[path] = "\n".join(lines)
    return texts


def test_rename_of_a_rule(client):
    texts = renamed(client, "Snakefile", "rules.ind|ex", "table")
    assert texts["Snakefile"] == MAIN.replace("rules.index", "rules.table")
    wanted = MAP.replace("rule index", "rule table").replace("rules.index", "rules.table")
    assert texts["rules/map.smk"] == wanted
    texts = renamed(client, "rules/map.smk", "rule map_re|ads", "align")
    assert texts["Snakefile"] == MAIN.replace("map_reads", "align")
    assert texts["rules/map.smk"] == MAP.replace("map_reads", "align")


def test_rename_of_a_wildcard_stays_in_its_rule(client):
    texts = renamed(client, "Snakefile", "mapped/{sam|ple}", "name")
    head, mid, tail = MAIN.partition("rule sort:")
    assert texts["Snakefile"] == head + mid + tail.replace("sample", "name")
    assert texts["rules/map.smk"] == MAP


def test_rename_of_a_rule_that_is_made_of_another(client):
    texts = renamed(client, "derived.smk", "rules.second_ind|ex", "other_index")
    assert texts["derived.smk"] == DERIVED.replace("second_index", "other_index")
    params = client.at("derived.smk", "as second_ind|ex")
    assert client.ask("textDocument/prepareRename", params)["placeholder"] == "second_index"
    assert "made of rule `index`" in client.ask("textDocument/hover", params)["contents"]["value"]
    found = client.ask("textDocument/definition", client.at("derived.smk", "rules.second_ind|ex"))
    assert [client.marked(one) for one in found] == ["derived.smk: second_index"]
    mark = 'output,\n        "index2|.txt"'
    found = client.ask("textDocument/definition", client.at("derived.smk", mark))
    assert [client.marked(one) for one in found] == ['derived.smk: "index2.txt"']
    found = client.ask("textDocument/completion", client.at("derived.smk", "rules.|second"))
    assert "second_index" in {one["label"] for one in found}


def test_rename_of_a_wildcard_in_all_its_forms(client):
    texts = renamed(client, "derived.smk", "split/{pa|rt}", "piece")
    wanted = DERIVED.replace("{part}", "{piece}").replace('"part"', '"piece"')
    wanted = wanted.replace(".part}", ".piece}").replace("[part]", "[piece]")
    assert texts["derived.smk"] == wanted.replace("part=", "piece=")


def test_rename_refuses_names_that_are_taken_or_not_made_here(client):
    for mark, new in (
        ("as second_ind|ex", "split"),
        ("checkpoint spl|it", "map_reads"),
        ("split/{pa|rt}", "side"),
    ):
        assert renamed(client, "derived.smk", mark, new)["derived.smk"] == DERIVED
    assert renamed(client, "Snakefile", "use rule cle|an", "wash")["Snakefile"] == MAIN
    params = client.at("Snakefile", "use rule cle|an")
    assert client.ask("textDocument/prepareRename", params) is None


def test_rename_refuses_what_is_no_name(client):
    for new in ("a b", "1a", "if", ""):
        assert renamed(client, "Snakefile", "rule so|rt", new)["Snakefile"] == MAIN
    prepared = client.ask("textDocument/prepareRename", client.at("Snakefile", "rule so|rt"))
    assert prepared["placeholder"] == "sort"
    assert client.ask("textDocument/prepareRename", client.at("Snakefile", "retu|rn")) is None


def test_references(client):
    params = client.at("Snakefile", "rules.ind|ex", context={"includeDeclaration": True})
    found = client.ask("textDocument/references", params)
    assert [client.marked(one) for one in found] == [
        "Snakefile: index",
        "map.smk: index",
        "map.smk: index",
    ]


def test_symbols(client):
    found = client.ask(
        "textDocument/documentSymbol", {"textDocument": {"uri": client.uri("Snakefile")}}
    )
    assert [(one["name"], one["detail"]) for one in found] == [
        ("rules/map.smk", "include"),
        ("other", "module"),
        ("all", "rule"),
        ("reads", "def"),
        ("sort", "rule"),
    ]


def test_formatting(client):
    client.open("ugly.smk", "rule a:\n  output: 'ü'\n")
    params = {
        "textDocument": {"uri": client.uri("ugly.smk")},
        "options": {"tabSize": 4, "insertSpaces": True},
    }
    (edit,) = client.ask("textDocument/formatting", params)
    assert edit["newText"] == 'rule a:\n    output:\n        "ü",\n'
    client.change("ugly.smk", "rule a:\n  outptu: 'ü'\n")
    assert client.ask("textDocument/formatting", params) is None


def test_diagnostics_while_typing(client):
    text = "rule a:\n    inptu: 'x'\n\nrule b\n    output: 'ü', (\n\nx = 'y\n"
    found = client.open("broken.smk", text)
    assert {one["code"] for one in found} >= {"RK0204", "RK0209"}
    assert len(found) >= 3
    assert "input" in found[0]["message"]
    assert found[0]["range"]["start"] == {"line": 1, "character": 4}
    assert found[0]["range"]["end"] == {"line": 1, "character": 9}
    good = client.change("broken.smk", "rule a:\n    output: 'x'\n    singularity: 'y'\n")
    assert [(one["code"], one["severity"]) for one in good] == [("RL012", 3)]
    assert client.change("broken.smk", "") == []


def test_a_fix_is_offered(client):
    client.open("old.smk", "rule a:\n    output: 'x'\n    singularity: 'y'\n")
    params = {
        "textDocument": {"uri": client.uri("old.smk")},
        "range": {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 0}},
        "context": {"diagnostics": []},
    }
    (action,) = client.ask("textDocument/codeAction", params)
    (edit,) = action["edit"]["changes"][client.uri("old.smk")]
    assert edit["newText"] == "container"


def test_saving_lints_the_workflow(tmp_path):
    text = 'rule a:\n    output: "x"\n    shell: "touch {output}"\n'
    (tmp_path / "Snakefile").write_text(text)
    client = Client(tmp_path)
    assert client.open("Snakefile") == []
    client.tell("textDocument/didSave", {"textDocument": {"uri": client.uri("Snakefile")}})
    assert {one["code"] for one in client.diagnostics("Snakefile")} == {"RL001", "RL002"}
    assert client.close() == (0, "")


def test_no_broken_file_ends_the_server(client):
    """Texts cut and mixed at random, with every request at random places."""
    rng = random.Random(4)
    client.open("wild.smk", "")
    uri = {"textDocument": {"uri": client.uri("wild.smk")}}
    for _ in range(40):
        text = MAIN[rng.randrange(len(MAIN)) :] + MAP[: rng.randrange(len(MAP))]
        for _ in range(rng.randrange(6)):
            at = rng.randrange(len(text) + 1)
            junk = rng.choice(
                ["(", "}", '"', "'''", "\t", "\\", ":", "\n", "é𝄞", "{", "rule ", "#"]
            )
            text = text[:at] + junk + text[at + rng.randrange(4) :]
        client.change("wild.smk", text)
        rows = text.split("\n")
        line = rng.randrange(len(rows) + 2)
        place = {"line": line, "character": rng.randrange(40)}
        for method in ("definition", "hover", "completion", "prepareRename"):
            client.ask(f"textDocument/{method}", {**uri, "position": place})
        client.ask("textDocument/rename", {**uri, "position": place, "newName": "new"})
        client.ask("textDocument/documentSymbol", uri)
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
        client.ask(
            "textDocument/codeAction", {**uri, "range": whole, "context": {"diagnostics": []}}
        )
