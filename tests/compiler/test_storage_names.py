"""Stored names in rule files: one plain path for each, wherever they stand."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rulekit.compiler import LoadSettings, load
from rulekit.errors import RulekitError
from rulekit.language import storagestate
from rulekit.language.jobvalues import expand_inputs
from rulekit.language.storagenames import table
from rulekit.model.places import STORED, Location, Places, Root
from rulekit.storage.session import StorageSession

ENVIRONMENT = {
    "AZ_BLOB_ACCOUNT_URL": "https://mine.blob.core.windows.net",
    "AZ_BLOB_CREDENTIAL": "",
}
MINE = STORED + "mine/"


@pytest.fixture(autouse=True)
def forgotten():
    """What a load has left would answer functions that later tests call by themselves."""
    yield
    storagestate.begin(None)


def session(*words):
    return StorageSession(ENVIRONMENT, *words)


def texts(entries):
    return [item.text for entry in entries for item in entry.items]


def test_names_in_directives(project):
    workflow = project.load(
        """
rule a:
    input:
        "az://box/raw/{s}.fq",
        x=expand("ab://box/ref/{n}.fa", n=[1, 2]),
        y=multiext("az://box/index", ".a", ".b"),
    output: "az://box/out/{s}.bam", "local/{s}.txt"
    log: "az://box/log/{s}.log"
    benchmark: "az://box/bench/{s}.tsv"
    shell: "echo az://box/not/a/file"
""",
        storage=session(),
    )
    rule = workflow.rules[0]
    assert texts(rule.inputs) == [
        MINE + "box/raw/{s}.fq", MINE + "box/ref/1.fa", MINE + "box/ref/2.fa",
        MINE + "box/index.a", MINE + "box/index.b",
    ]  # fmt: skip
    assert texts(rule.outputs) == [MINE + "box/out/{s}.bam", "local/{s}.txt"]
    assert texts(rule.logs) == [MINE + "box/log/{s}.log"]
    assert rule.benchmark.text == MINE + "box/bench/{s}.tsv"
    assert rule.body.text == "echo az://box/not/a/file"
    # `box/index...` lies at the top of the container, which holds all others.
    assert workflow.stores.roots == (Root(MINE + "box/", "mine", "box", ""),)
    assert workflow.warnings == ()
    places = Places(workflow.stores.roots)
    assert places.find(rule.outputs[0].items[0].pattern.fill(["x"])) == Location(
        "mine", "box", "out/x.bam"
    )


def test_without_an_account_names_have_the_default_ones_place(project):
    rule = project.rule("rule a:\n    input: 'az://box/x'\n    output: 'o'\n    shell: ''\n")
    assert texts(rule.inputs) == [STORED + "default/box/x"]


def test_names_from_functions_config_and_other_rules(project):
    project.write("samples.py", "")
    workflow = project.load(
        """
def reads(wildcards):
    return {"a": f"az://box/{wildcards.s}.fq", "b": [config["ref"], "plain"]}
rule a:
    input: unpack(reads), f=lambda wc: "az://box/" + wc.s
    output: "az://box/out/{s}"
    shell: ""
rule b:
    input: expand(rules.a.output, s=[1, 2])
    output: "all"
    shell: ""
""",
        config={"ref": "az://other/ref.fa"},
        storage=session(),
    )
    a, b = workflow.rules
    files, names = expand_inputs(a, ["1"])
    assert files == [MINE + "box/1.fq", MINE + "other/ref.fa", "plain", MINE + "box/1"]
    assert names["a"] == 0 and names["b"] == (1, 3)
    assert texts(b.inputs) == [MINE + "box/out/1", MINE + "box/out/2"]


def test_the_storage_statement_and_its_tags(project):
    workflow = project.load(
        """
storage: provider="azure"
storage here:
    provider="azure",
    endpoint_url="https://there.blob.core.windows.net",
    sas_token="?sv=1&sp=rl&sig=SECRETSECRET",
    keep_local=True,
rule a:
    input:
        storage("az://box/a"),
        storage.azure("az://mine/box/b", retrieve=False),
        storage.here("az://box/c"),
        storage.here(["az://there/box/d", "az://mine/box/e"]),
    output: "o"
    shell: ""
""",
        storage=session(),
    )
    rule = workflow.rules[0]
    there = STORED + "there/box/"
    assert texts(rule.inputs) == [
        MINE + "box/a", MINE + "box/b", there + "c", there + "d", MINE + "box/e"
    ]  # fmt: skip
    flags = [item.flags["storage_object"] for entry in rule.inputs for item in entry.items]
    assert flags[1] == {"query": "az://mine/box/b", "keep_local": False, "retrieve": False}
    (settings,) = workflow.stores.settings
    assert settings.url == "https://there.blob.core.windows.net"
    assert settings.credential.endswith("SECRETSECRET")
    assert "SECRET" not in repr(workflow.stores)


def test_snakemake_7_providers(project):
    workflow = project.load(
        """
from snakemake.remote.AzBlob import RemoteProvider as AzureRemoteProvider
import os
MINE = AzureRemoteProvider()
YOURS = AzureRemoteProvider(
    account_url="https://yours.blob.core.windows.net", credential="S3VyemVyU2NobMO8c3NlbA==")
from snakemake.remote import AUTO
rule a:
    input:
        MINE.remote("box/{s}.fq", keep_local=True),
        YOURS.remote(expand("box/{n}", n=[1, 2])),
        AUTO.remote("ab://box/x"),
        MINE.remote("https://else.blob.core.windows.net/box/y?sig=ABCDEFGH"),
    output: temp(MINE.remote("box/out/{s}"))
    shell: ""
""",
        storage=session(),
    )
    rule = workflow.rules[0]
    yours = STORED + "yours/box/"
    assert texts(rule.inputs) == [
        MINE + "box/{s}.fq", yours + "1", yours + "2", MINE + "box/x", STORED + "else/box/y"
    ]  # fmt: skip
    assert rule.outputs[0].items[0].flags["temp"] is True
    assert rule.inputs[0].items[0].flags["remote_object"]["keep_local"] is True
    assert {one.key for one in workflow.stores.settings} == {"yours", "else"}
    assert "ABCDEFGH" not in repr(rule.inputs) and "S3Vyem" not in repr(workflow)


def test_below_the_default_root_every_name_is_the_plain_path(project):
    workflow = project.load(
        """
rule a:
    input: "az://box/run/x", "az://mine/box/run/y", "az://box/other", "z"
    output: local("here/{s}"), "o/{s}"
    shell: ""
""",
        storage=(made := session("azure", "az://box/run")),
    )
    rule = workflow.rules[0]
    assert texts(rule.inputs) == ["x", "y", MINE + "box/other", "z"]
    places = made.take(workflow)
    assert places.find("z") == Location("mine", "box", "run/z")
    assert places.find("here/1") is None and places.find("o/1").name == "run/o/1"
    assert places.find(MINE + "box/other") == Location("mine", "box", "other")


def test_two_accounts_of_one_name_are_told_apart(project):
    workflow = project.load(
        """
storage one: provider="azure", endpoint_url="http://127.0.0.1:10000/acc"
storage two: provider="azure", endpoint_url="http://127.0.0.1:10001/acc"
rule a:
    input: storage.one("az://box/x"), storage.two("az://box/x")
    output: "o"
    shell: ""
""",
    )
    first, second = texts(workflow.rules[0].inputs)
    assert first == STORED + "acc/box/x"
    assert second.startswith(STORED + "acc-") and second.endswith("/box/x")


def test_what_a_workflow_says_is_forgotten_by_the_next(project):
    project.load("rule a:\n    input: 'az://box/x'\n    output: 'o'\n    shell: ''\n")
    workflow = project.load("rule a:\n    output: 'o'\n    shell: ''\n")
    assert workflow.stores.roots == () and workflow.stores.settings == ()


def test_a_local_load_imports_nothing_of_storage(tmp_path):
    import subprocess
    import sys

    (tmp_path / "Rulefile").write_text("rule a:\n    output: 'o'\n    shell: 'touch o'\n")
    code = """
import sys
from rulekit.compiler import LoadSettings, load
from rulekit.storage.session import StorageSession
made = StorageSession({})
workflow = load("Rulefile", LoadSettings(storage=made))
made.take(workflow)
print([m for m in sys.modules if m.startswith(("azure", "rulekit.storage.azblob", "requests",
       "rulekit.language.storagenames", "rulekit.language.storageproviders"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


RULES = """
samples = glob_wildcards("{pattern}").s
print(sorted(samples), exists("{known}"), exists("{unknown}"))
rule a:
    output: "o"
    shell: ""
"""


@pytest.mark.parametrize("prefix", [None, "p"])
def test_glob_wildcards_reads_the_inventory(
    azurite, container, tmp_path, monkeypatch, capsys, prefix
):
    monkeypatch.chdir(tmp_path)
    for name in ("p/in/a.txt", "p/in/b b.txt", "p/in/c/d.txt", "p/in/e.csv", "q/in/f.txt"):
        azurite.put(container, name)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/local.txt").write_text("")
    made = StorageSession(
        azurite.environment(), *(["azure", f"az://{container}/{prefix}"] if prefix else [])
    )
    for pattern in (f"az://{container}/p/in/{{s}}.txt", *(["in/{s}.txt"] if prefix else [])):
        known = pattern.replace("{s}", "a")
        text = RULES.replace("{pattern}", pattern).replace("{known}", known)
        (tmp_path / "Rulefile").write_text(text.replace("{unknown}", known[:-1]))
        load("Rulefile", LoadSettings(storage=made))
        assert capsys.readouterr().out == "['a', 'b b', 'c/d'] True False\n"
    (tmp_path / "Rulefile").write_text(
        f"""
from snakemake.remote.AzBlob import RemoteProvider
AS = RemoteProvider(account_url="{azurite.url}", account_key="{azurite.key}")
print(AS.glob_wildcards("{container}/q/{{d}}/{{f}}.txt"))
"""
    )
    load("Rulefile", LoadSettings(storage=StorageSession({})))
    assert capsys.readouterr().out == "Wildcards(d=['in'], f=['f'])\n"
    made.close()


def test_stored_names_without_an_account_cannot_be_looked_for(project):
    with pytest.raises(RulekitError) as caught:
        project.load("glob_wildcards('az://box/{x}')\n", storage=StorageSession({}))
    assert caught.value.diagnostics[0].code == "RK0640"
    assert "AZ_BLOB_ACCOUNT_URL" in caught.value.diagnostics[0].help


def test_a_second_reading_sees_what_the_first_one_saw(azurite, container, tmp_path, monkeypatch):
    import pickle

    from rulekit.language.filenames import exists, glob_wildcards

    monkeypatch.chdir(tmp_path)
    for name in ("p/in/a.txt", "p/in/b.txt"):
        azurite.put(container, name)
    (tmp_path / "Rulefile").write_text(
        f"""
SAMPLES = glob_wildcards("in/{{s}}.txt").s
OTHERS = glob_wildcards("az://{container}/p/{{d}}/a.txt").d
KNOWN = exists("in/a.txt"), exists("in/c.txt")
rule all:
    input: expand("out/{{s}}", s=sorted(SAMPLES)), "az://elsewhere/x"
"""
    )
    made = StorageSession(azurite.environment(), "azure", f"{container}/p")
    first = load("Rulefile", LoadSettings(storage=made))
    record = storagestate.recorded()
    made.close()
    for text in (azurite.key, "sig="):
        assert text not in repr(record)
    azurite.put(container, "p/in/c.txt")
    again = load("Rulefile", LoadSettings(storage=pickle.loads(pickle.dumps(record))))
    for name in ("SAMPLES", "OTHERS", "KNOWN"):
        assert sorted(again.namespace[name]) == sorted(first.namespace[name])
    assert texts(again.rules[0].inputs) == texts(first.rules[0].inputs) == [
        "out/a", "out/b", STORED + "devstoreaccount1/elsewhere/x"
    ]  # fmt: skip
    # While a job runs, its files are here.
    storagestate.offline()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/z.txt").write_text("")
    assert glob_wildcards("in/{s}.txt").s == ["z"]
    assert exists("in/z.txt") and not exists("in/a.txt") and not exists("az://elsewhere/x")
    staged = tmp_path / STORED / "devstoreaccount1/elsewhere/x"
    staged.parent.mkdir(parents=True)
    staged.write_text("")
    assert exists("az://elsewhere/x") and glob_wildcards("az://elsewhere/{n}").n == ["x"]


def test_a_load_without_stored_names_records_nothing(project):

    project.load("rule a:\n    output: 'o'\n    shell: ''\n", storage=session())
    assert storagestate.recorded() is None


def test_prefixes_of_modules_do_not_apply_to_stored_names(project):
    project.write(
        "m.smk",
        """
rule a:
    input: "plain", "az://box/x", storage.azure("az://box/y"), lambda wc: ["az://box/z", "other"]
    output: "out", "az://box/run/inside"
    shell: ""
rule b:
    input: rules.a.output
    output: "b"
    shell: ""
""",
    )
    text = "module m:\n    snakefile: 'm.smk'\n    prefix: 'pre'\nuse rule * from m\n"
    for words in ((), ("azure", "az://box/run")):
        a, b = project.load(text, storage=session(*words)).rules
        inside = "inside" if words else MINE + "box/run/inside"
        files, _ = expand_inputs(a, [])
        assert files == ["pre/plain", MINE + "box/x", MINE + "box/y", MINE + "box/z", "pre/other"]
        assert texts(a.outputs) == ["pre/out", inside]
        assert texts(b.inputs) == ["pre/out", inside]


@settings(max_examples=300)
@given(st.text(st.sampled_from("ab/.{}:?%# x\0üA-"), max_size=24))
@example("../:")
@example("./x")
def test_any_stored_name_leads_to_a_place_or_is_refused(text):
    storagestate.begin(session())
    for start in ("az://", "az://mine/", "az://box/", "https://acc.blob.core.windows.net/"):
        try:
            path = table().path(start + text)
        except RulekitError as error:
            assert error.diagnostics[0].code == "RK0653"
            continue
        found = Places(tuple(table().roots)).find(path)
        assert found is not None and found.account in ("mine", "acc")
        assert Places().path_of(found) == path
        assert ".." not in path.split("/")
