"""Storage of the kind `fs`: files of this disk, by their own names or below one folder."""

from __future__ import annotations

import pytest

from rulekit.language import storagestate
from rulekit.language.jobvalues import expand_inputs


@pytest.fixture(autouse=True)
def forgotten():
    """What a load has left would answer functions that later tests call by themselves."""
    yield
    storagestate.begin(None)


def texts(entries):
    return [item.text for entry in entries for item in entry.items]


def test_names_are_paths(project, tmp_path):
    rule = project.rule(
        f"""
storage:
    provider="fs", keep_local=True
storage here:
    provider="fs", local_prefix="copies", max_requests_per_second=3
rule a:
    input:
        storage.fs("raw/{{s}}.fq"),
        storage.here("./ref//1.fa", retrieve=False),
        x=storage.fs(["a", "b/"]),
        y=storage.fs(expand("c{{n}}", n=[1, 2])),
        z=storage("untagged/x", keep_local=True),
        w=storage.fs("{tmp_path}/x"),
    output: storage.fs("out/{{s}}?.bam")
    shell: ""
"""
    )
    assert texts(rule.inputs) == [
        "raw/{s}.fq", "ref/1.fa", "a", "b", "c1", "c2", "untagged/x", f"{tmp_path}/x"
    ]  # fmt: skip
    assert texts(rule.outputs) == ["out/{s}?.bam"]


def test_nothing_is_stored(project):
    workflow = project.load("rule a:\n    input: storage.fs('x')\n    output: 'o'\n    shell: ''\n")
    assert workflow.stores.roots == () and workflow.stores.settings == ()


def test_an_untagged_name_may_stand_beside_azure(project):
    rule = project.rule(
        """
storage disk:
    provider="fs"
rule a:
    input: storage("x"), storage("az://box/x"), storage(["y", "z"])
    output: "o"
    shell: ""
"""
    )
    assert texts(rule.inputs) == ["x", ".rulekit/storage/azblob/default/box/x", "y", "z"]


RULES = """
rule a:
    input:
        "raw/{s}.fq", "./b//c{s}".format(s=1), "/abs/x", "../up", local("here"),
        storage.fs("ref.fa"), "az://box/x",
        x=expand("{n}", n=[1, 2]),
    output: "out/{s}.bam", multi=multiext("i{s}", ".a", ".b")
    log: "log/{s}"
    benchmark: "bench/{s}"
    shell: ""
rule b:
    input: rules.a.output[0], expand(rules.a.output.multi, s=2), lambda wildcards: "made"
    output: "b{s}"
    shell: ""
"""


@pytest.mark.parametrize("folder", ["st/", "/data/st/"])
def test_one_folder_for_all_relative_paths(project, folder):
    workflow = project.load(RULES, path_prefix=folder)
    first, second = workflow.rules
    assert texts(first.inputs) == [
        f"{folder}raw/{{s}}.fq", f"{folder}b/c1", "/abs/x", "../up", "here", "ref.fa",
        ".rulekit/storage/azblob/default/box/x", f"{folder}1", f"{folder}2",
    ]  # fmt: skip
    assert texts(first.outputs) == [
        f"{folder}out/{{s}}.bam",
        f"{folder}i{{s}}.a",
        f"{folder}i{{s}}.b",
    ]
    assert texts(first.logs) == [f"{folder}log/{{s}}"]
    assert first.benchmark.text == f"{folder}bench/{{s}}"
    assert list(expand_inputs(second, ["x"])[0]) == [
        f"{folder}out/x.bam", f"{folder}i2.a", f"{folder}i2.b", f"{folder}made"
    ]  # fmt: skip


def test_the_prefix_of_a_module_comes_behind_the_folder(project):
    project.write("m.smk", "rule m:\n    input: 'i'\n    output: local('o'), 'p'\n    shell: ''\n")
    workflow = project.load(
        "module m:\n    snakefile: 'm.smk'\n    prefix: 'mm'\nuse rule * from m\n",
        path_prefix="st/",
    )
    assert texts(workflow.rules[0].inputs) == ["st/mm/i"]
    assert texts(workflow.rules[0].outputs) == ["o", "st/mm/p"]


def test_exists_looks_into_the_folder(project, capsys):
    for name in ("st/x", "y"):
        project.write(name, "")
    project.load(
        "print(exists('x'), exists('./x'), exists('y'), exists(local('y')), "
        "exists(storage.fs('y')), exists('../nothing'), workflow.storage_settings)\n",
        path_prefix="st/",
    )
    assert capsys.readouterr().out.startswith("True True False True True False")
