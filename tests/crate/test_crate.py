"""Crates of real runs, read by the rocrate library and judged by the validator of the profiles."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile

import pytest
from support.program import rulekit

FILE = """
configfile: "config.yaml"
rule all:
    input: "total.txt", "fig's 1%.svg"
rule count:
    "Counts the lines of a sample."
    input: "data/{s}.txt"
    output: "counts/{s}.txt"
    log: "logs/{s}.log"
    conda: "env.yaml"
    shell: "wc -l < {input} > {output} 2> {log}"
rule total:
    input: expand("counts/{s}.txt", s=config["samples"])
    output: "total.txt"
    script: "total.py"
rule figure:
    output: "fig's 1%.svg"
    shell: "if [ -e broken ]; then echo no; exit 3; fi; echo '<svg/>' > {output:q}"
rule folder:
    output: directory("many")
    shell: "mkdir {output}; touch {output}/a {output}/b"
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "study"
    (place / "data").mkdir(parents=True)
    (place / "Rulefile").write_text(FILE)
    (place / "config.yaml").write_text("samples: [a, b]\n")
    (place / "env.yaml").write_text("channels: [conda-forge]\ndependencies: [python]\n")
    (place / "total.py").write_text("open(snakemake.output[0], 'w').write('2')\n")
    for name in "ab":
        (place / f"data/{name}.txt").write_text("x\n")
    return place


def _crate(path):
    if not os.environ.get("CI"):
        pytest.importorskip("rocrate")
    from rocrate.rocrate import ROCrate

    return ROCrate(str(path))


def _types(entity):
    found = entity["@type"]
    return found if isinstance(found, list) else [found]


def _entities(path, kind):
    graph = json.loads((path / "ro-crate-metadata.json").read_text())["@graph"]
    return {one["@id"]: one for one in graph if kind in _types(one)}


def _ids(value):
    values = value if isinstance(value, list) else [value]
    return {one["@id"] for one in values}


def test_a_crate_of_a_good_run(folder):
    rulekit(folder, "all", "folder", "-c", "2", "--quiet")
    rulekit(folder, "--crate", "../c", "all", "folder")
    crate = _crate(folder.parent / "c")
    main = crate.mainEntity
    assert set(main.type) >= {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert main.id == "Rulefile"
    names = {entity.id for entity in crate.data_entities}
    assert names >= {
        "Rulefile",
        "config.yaml",
        "env.yaml",
        "total.py",
        "data/a.txt",
        "counts/b.txt",
        "total.txt",
        "fig's%201%25.svg",
        "many/",
        "logs/a.log",
    }
    for entity in crate.data_entities:  # each is there
        assert entity is main or (folder.parent / "c" / entity["name"]).exists()
    assert (folder / "many/.snakemake_timestamp").exists()  # ours, and nobody else's business
    assert not (folder.parent / "c/many/.snakemake_timestamp").exists()
    actions = _entities(folder.parent / "c", "CreateAction")
    run = next(one for one in actions.values() if one["@id"].startswith("#run/"))
    assert run["actionStatus"].endswith("CompletedActionStatus")
    assert _ids(run["object"]) == {"data/a.txt", "data/b.txt", "config.yaml"}
    assert _ids(run["result"]) == {"total.txt", "fig's%201%25.svg", "many/"}
    assert run["startTime"] <= run["endTime"]
    count = next(one for one in actions.values() if one["name"] == "count:s=a")
    assert _ids(count["object"]) == {"data/a.txt"} and _ids(count["result"]) == {"counts/a.txt"}
    assert count["instrument"] == {"@id": "#rule/count"}
    assert "wc -l < data/a.txt" in count["description"]
    tool = _entities(folder.parent / "c", "SoftwareApplication")["#rule/count"]
    assert tool["softwareRequirements"] == {"@id": "env.yaml"}
    assert (folder.parent / "c/ro-crate-preview.html").read_text().startswith("<!DOCTYPE html>")
    problems = _problems(folder.parent / "c")
    assert problems == []


def test_a_crate_of_a_failed_run(folder):
    (folder / "broken").touch()
    rulekit(folder, "-c", "1", "-k", "--quiet", check=False)
    rulekit(folder, "--crate", "../c")
    _crate(folder.parent / "c")
    actions = _entities(folder.parent / "c", "CreateAction")
    failed = {one["name"]: one for one in actions.values() if "error" in one}
    assert "figure" in failed and "exit code 3" in failed["figure"]["error"]
    assert all(one["actionStatus"].endswith("FailedActionStatus") for one in failed.values())
    assert len(failed) == 2  # the job, and the run
    assert _problems(folder.parent / "c") == []


def test_an_archive(folder):
    rulekit(folder, "-c", "1", "--quiet")
    rulekit(folder, "--crate", "c.zip")
    with zipfile.ZipFile(folder / "c.zip") as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {"ro-crate-metadata.json", "total.txt", "Rulefile"} <= names
    assert not any("part-" in name for name in os.listdir(folder))
    _crate(folder / "c.zip")


def test_what_is_there_is_never_overwritten(folder):
    rulekit(folder, "-c", "1", "--quiet")
    (folder / "mine").mkdir()
    (folder / "mine/thesis.txt").write_text("years of work")
    done = rulekit(folder, "--crate", "mine", check=False)
    assert done.returncode == 2 and "RK0172" in done.stderr
    assert os.listdir(folder / "mine") == ["thesis.txt"]
    done = rulekit(folder, "--crate", "Rulefile/c.zip", check=False)
    assert done.returncode == 2 and "Rulefile/c.zip`: Not a directory" in done.stderr
    done = rulekit(folder, "--crate", "Rulefile", check=False)
    assert done.returncode == 2 and (folder / "Rulefile").read_text() == FILE


def test_what_is_gone_or_too_large_is_described(folder, monkeypatch):
    rulekit(folder, "-c", "1", "--quiet")
    (folder / "counts/a.txt").unlink()
    from rulekit.cli.main import main
    from rulekit.crate import payload

    monkeypatch.chdir(folder)
    monkeypatch.setattr(payload, "MOST_EACH", 0)
    assert main(["--crate", "../c"]) == 0
    works = _entities(folder.parent / "c", "CreativeWork")
    assert works["#file/counts/a.txt"]["sha256"] and works["#file/total.txt"]["contentSize"] == "1"
    assert not (folder.parent / "c/data/a.txt").exists()
    assert _problems(folder.parent / "c") == []


def test_where_nothing_was_run(folder):
    done = rulekit(folder, "--crate", "c", check=False)
    assert done.returncode == 2 and "RK0170" in done.stderr
    assert not (folder / "c").exists()


def test_secrets_stay_out(folder, monkeypatch):
    monkeypatch.setenv("CRATE_SECRET", "verysecretvalue123")
    text = FILE.replace("echo '<svg/>' > {output:q}", "echo {params.x} > {output:q}")
    text = text.replace(
        "rule figure:\n", 'rule figure:\n    params: x=lambda w: os.environ["CRATE_SECRET"]\n'
    )
    (folder / "Rulefile").write_text('import os\nenvvars: "CRATE_SECRET"\n' + text)
    rulekit(folder, "-c", "1", "--quiet")
    rulekit(folder, "--crate", "c")
    assert "verysecretvalue123" not in (folder / "c/ro-crate-metadata.json").read_text()
    assert "verysecretvalue123" not in (folder / "c/ro-crate-preview.html").read_text()


# -- the validator ------------------------------------------------------------------------------


def _problems(path):
    """What the validator of the profiles finds that is required and not there.

    It lives in an environment of its own (it wants other versions of our libraries): the
    interpreter that `RULEKIT_ROC_PYTHON` names. Without it nothing is judged here; with CI set
    there must be one.
    """
    python = os.environ.get("RULEKIT_ROC_PYTHON")
    if python is None:
        assert not os.environ.get("CI"), "RULEKIT_ROC_PYTHON is not set: pip install roc-validator"
        return []
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "validate.py")
    done = subprocess.run([python, script, str(path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
