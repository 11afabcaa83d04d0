"""`--report`: what is shown, where it lies, and what cannot be shown."""

from __future__ import annotations

import base64
import subprocess
import sys
import zipfile

import pytest

from rulekit.cli.main import main

FILE = """
report: "workflow.rst"
config["who"] = "Ada"
rule all:
    input: "a.svg", "t.csv", "d", "x.txt"
rule picture:
    output: report("{n}.svg", caption="cap.rst", category="Pictures", subcategory="{n}")
    shell: "echo '<svg/>' > {output}"
rule table:
    output: report("t.csv", category=lambda wildcards, params: params.c, labels={"kind": "counts"})
    params: c="Tables"
    shell: "printf 'a,b\\\\n1,<2>\\\\n' > {output}"
rule folder:
    output: report(directory("d"), patterns=["{name}.txt", "{name}stamp"])
    shell: "mkdir d; echo one > d/1.txt; echo two > d/2.txt; echo no > d/3.bin"
rule plain:
    output: "x.txt"
    shell: "touch {output}"
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "Snakefile").write_text(FILE)
    (tmp_path / "workflow.rst").write_text("All about {{ snakemake.config.who }} & others.\n")
    (tmp_path / "cap.rst").write_text("Shows {{ snakemake.wildcards.n }}.\n")
    subprocess.run([sys.executable, "-m", "rulekit", "-c", "1", "--quiet"], check=True, timeout=600)
    return tmp_path


def test_a_page_holds_everything(made):
    assert main(["--report"]) == 0
    text = (made / "report.html").read_text()
    assert "All about Ada &amp; others." in text
    assert "Shows a." in text
    assert base64.b64encode(b"<svg/>\n").decode() in text
    assert ">Pictures</h3>" in text and ">Tables</h3>" in text
    assert ">&lt;2&gt;</td>" in text  # nothing of a result becomes markup
    assert "_timestamp" not in text  # the file that holds a folder's time is no result
    assert "d/1.txt" in text and ">two\n</pre>" in text and 'download="3.bin"' not in text
    assert "kind: counts" in text
    assert 'src="http' not in text and 'href="http' not in text


def test_an_archive_has_files_beside_the_page(made):
    assert main(["--report", "r.zip"]) == 0
    with zipfile.ZipFile(made / "r.zip") as archive:
        names = set(archive.namelist())
        text = archive.read("report/report.html").decode()
    assert {"report/data/a.svg", "report/data/t.csv", "report/data/d/1.txt"} <= names
    assert not [name for name in names if name.endswith("_timestamp")]
    assert 'src="data/a.svg"' in text


def test_metadata_and_style(made):
    (made / "m.yaml").write_text("Made by: [Ada, Grace]\nYear: 1843\n")
    (made / "s.css").write_text("p { color: red } </style>")
    words = ["--report", "r.html", "--report-metadata", "m.yaml", "--report-stylesheet", "s.css"]
    assert main(words) == 0
    text = (made / "r.html").read_text()
    assert "Ada<br>Grace" in text and "1843" in text
    assert text.count("</style>") == text.count("<style>")


@pytest.mark.parametrize(
    ("words", "change", "code", "part"),
    [
        (["--report", "r.pdf"], None, 2, "no known form"),
        (["--report"], "t.csv", 4, "`t.csv` is part of the report, but is not there"),
        (["--report"], "cap.rst", 4, "the caption"),
        (["--report", "--report-metadata", "no.yaml"], None, 2, "no.yaml"),
    ],
)
def test_what_cannot_be_shown(made, capsys, words, change, code, part):
    if change:
        (made / change).unlink()
    assert main(words) == code
    assert part in capsys.readouterr().err
    assert not (made / "report.html").exists()


def test_all_that_is_missing_is_named_at_once(made, capsys):
    (made / "t.csv").unlink()
    (made / "a.svg").unlink()
    assert main(["--report"]) == 4
    told = capsys.readouterr().err
    assert "`a.svg` is part of the report, but is not there" in told
    assert "not there either: `t.csv` (rule table)" in told


@pytest.mark.parametrize("name", ["nodir/r.html", "nodir/r.zip"])
def test_a_place_that_is_not_there_is_called_by_its_name(made, capsys, name):
    assert main(["--report", name]) == 2
    assert f"{name}`: No such file or directory" in capsys.readouterr().err


def test_nested_metadata_is_refused(made, capsys):
    (made / "m.yaml").write_text("a: {b: {c: 1}}\n")
    assert main(["--report", "--report-metadata", "m.yaml"]) == 2
    assert "nested" in capsys.readouterr().err


def test_a_folder_that_is_one_page_fits_in_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(
        'rule a:\n    output: report(directory("s"), htmlindex="i.html"), report(directory("t"))\n'
        '    shell: "mkdir -p {output}; echo hi > s/i.html; echo ho > t/1.txt"\n'
    )
    subprocess.run([sys.executable, "-m", "rulekit", "-c", "1", "--quiet"], check=True, timeout=60)
    assert main(["--report", "r.html"]) == 0
    text = (tmp_path / "r.html").read_text()
    assert "1.txt" in text and "_timestamp" not in text
    assert main(["--report", "r.zip"]) == 0
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        assert sorted(archive.namelist()) == [
            "report/data/s/i.html",
            "report/data/t/1.txt",
            "report/report.html",
        ]


def test_a_folder_with_a_page_of_its_own_needs_an_archive(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(
        'rule a:\n    output: report(directory("s"), htmlindex="i.html")\n    shell: "false"\n'
    )
    (tmp_path / "s").mkdir()
    (tmp_path / "s/i.html").write_text("<p>")
    assert main(["--report"]) == 0
    (tmp_path / "s/x.js").write_text("1")
    assert main(["--report"]) == 4
    assert "report.zip" in capsys.readouterr().err
    assert main(["--report", "r.zip"]) == 0
