from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import pytest

from rulekit.compiler import load
from rulekit.compiler.settings import LoadSettings
from rulekit.engine.body import order_for
from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Params, Resources, Wildcards
from rulekit.node.archive import build
from rulekit.node.site import mover
from rulekit.node.sources import pack_sources

from .test_archive import pythons
from .test_task import Node, result_at


def names_of(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return sorted(tar.getnames())


def test_files_and_folders_are_packed_by_their_names(tmp_path):
    project, flow = tmp_path / "project", tmp_path / "flow"
    for path in (project / "config", flow / "rules" / "__pycache__", flow / "rules" / ".git"):
        path.mkdir(parents=True)
    for path in (
        project / "config" / "a.yaml",
        flow / "Snakefile",
        flow / "rules" / "x.smk",
        flow / "rules" / ".git" / "hidden",
        flow / "rules" / "__pycache__" / "x.pyc",
    ):
        path.write_text(path.name)
    made = pack_sources(
        str(project), ["config/a.yaml", str(flow / "Snakefile"), str(flow / "rules")], [str(flow)]
    )
    data, digest, moved = made
    assert names_of(data) == [
        "_rulekit_sources/0/Snakefile",
        "_rulekit_sources/0/rules/x.smk",
        "config/a.yaml",
    ]
    assert moved == {str(flow): "_rulekit_sources/0"}
    assert digest == "sha256:" + hashlib.sha256(data).hexdigest()
    os.utime(flow / "Snakefile", (1, 1))
    again = pack_sources(str(project), [str(flow / "rules"), str(flow / "Snakefile"), "config/a.yaml"], [str(flow)])  # fmt: skip
    assert again == made
    assert gzip.decompress(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat /home/me/p/a", "cat /node/w/a"),
        ("/home/me/p", "/node/w"),
        ("x=/home/me/p;y='/home/me/p/b'", "x=/node/w;y='/node/w/b'"),
        ("/home/me/p2/a /x/home/me/p/a /home/me/p.old", "/home/me/p2/a /x/home/me/p/a /home/me/p.old"),
        ("/home/me/p/flow/S", "/node/f/S"),
        ("/tmp/x", "/tmp/x"),
    ],
)  # fmt: skip
def test_only_whole_folder_names_are_moved(text, expected):
    move = mover({"/home/me/p": "/node/w", "/home/me/p/flow": "/node/f", "/tmp": "/node/t"})
    assert move(text) == expected


def python_without_packages():
    """A Python that has no parser and no YAML of its own, if there is one here."""
    for python in reversed(pythons()):
        code = "import sys; assert sys.version_info >= (3, 11)\nimport lark"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        if "No module named 'lark'" in done.stderr:
            return python
    return sys.executable


RULEFILE = """\
import helper
configfile: "config.yaml"

rule a:
    input: "in"
    output: "out"
    params: word="w"
    run:
        with open(output[0], "w") as file:
            print(open(input[0]).read(), params.word, config["key"], helper.VALUE, threads, file=file)
        shell("echo by shell {params.word} >> {output}")
"""


def test_a_run_body_runs_on_a_node_that_has_nothing_of_ours(bench, spec, tmp_path, monkeypatch):
    project = tmp_path / "driver"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(project))
    (project / "Snakefile").write_text(RULEFILE)
    (project / "config.yaml").write_text("key: from config\n")
    (project / "helper.py").write_text("VALUE = 'helped'\n")
    load_settings = LoadSettings()
    rulefile = str(project / "Snakefile")
    rule = load(rulefile, load_settings).rule("a")
    names = {
        "input": InputFiles(["in"], {}),
        "output": OutputFiles(["out"], {}),
        "params": Params(["w"], {"word": 0}),
        "wildcards": Wildcards([], {}),
        "log": Log([], {}),
        "resources": Resources([], {}),
        "threads": 2,
        "jobid": 1,
        "bench_iteration": None,
    }
    settings = SimpleNamespace(load=load_settings, rulefile=rulefile)
    body, context = order_for(rule, names, None, settings)
    data, digest, moved = pack_sources(str(project), ["Snakefile", "config.yaml", "helper.py"])
    assert not moved
    bench.azurite.put(bench.container, "sources", data)
    sources = (("main", bench.container, "sources"), digest)
    program = str(tmp_path / "rulekit.pyz")
    build(program, everything=True)
    node = Node(bench, program, tmp_path)
    node.python = python_without_packages()
    prepared = node.prepare(sources=sources)
    assert prepared.returncode == 0, prepared.stderr
    bench.put("in", b"read")
    job = spec(
        body=body,
        context=context,
        outputs=["out"],
        inputs=["in"],
        workdir=str(project),
        rule="a",
    )
    for path in project.iterdir():  # a node has no driver's files
        if path.is_file():
            path.unlink()
    order = bench.order(job, sources=sources, result=result_at(bench), images=["not/used:1"])
    code, said = node.run(order)
    assert code == 0, said
    assert bench.get("out").decode() == "read w from config helped 2\nby shell w\n"
