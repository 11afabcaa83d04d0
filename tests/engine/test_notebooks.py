"""Rules with `notebook:`, run by what is really installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from azurite import free_port

from rulekit.runner import notebook

pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

RULES = """
rule all:
    input: "final.txt"
rule before:
    output: "first.txt"
    shell: "echo 7 > {output}"
rule book:
    input: "first.txt"
    output: "made/mid.txt"
    params: numbers=[1, 2]
    log: notebook="logs/book.ipynb"
    threads: 1
    notebook: "books/b.py.ipynb"
rule after:
    input: "made/mid.txt"
    output: "final.txt"
    shell: "cat {input} > {output}"
"""
WRITES = (
    "import os\n"
    "print('cell ran')\n"
    "text = open(snakemake.input[0]).read().strip() + str(snakemake.params.numbers)\n"
    "open(snakemake.output[0], 'w').write(text + snakemake.rule + os.path.basename(os.getcwd()))\n"
)


def book(*cells, language="python", **metadata):
    return {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": cell,
            }
            for cell in cells
        ],
        "metadata": {"language_info": {"name": language}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 2,
    }


@pytest.fixture
def workflow(tmp_path):
    path = tmp_path / "project"
    (path / "books").mkdir(parents=True)
    (path / "Snakefile").write_text(RULES)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("CI", None)

    class Workflow:
        folder = path
        notebook = path / "books/b.py.ipynb"

        def write(self, content):
            self.notebook.write_text(json.dumps(content))

        def read(self, name="books/b.py.ipynb"):
            return json.loads((path / name).read_text())

        def command(self, *words):
            return [sys.executable, "-m", "rulekit", *words]

        def __call__(self, *words, code=0, **more):
            done = subprocess.run(
                self.command(*words),
                cwd=path,
                env={**environment, **more},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done

    Workflow.environment = environment
    return Workflow()


def test_a_notebook_is_run_and_its_copy_kept(workflow):
    workflow.write(book("%precision 3", WRITES))
    original = workflow.notebook.read_bytes()
    workflow("-c1")
    assert (workflow.folder / "final.txt").read_text() == "7[1, 2]bookproject"
    assert workflow.notebook.read_bytes() == original
    executed = workflow.read("logs/book.ipynb")
    assert "cell ran" in json.dumps(executed["cells"][-1]["outputs"])
    assert os.listdir(workflow.folder / ".rulekit/scripts") == ["lib"]


def test_only_the_code_of_cells_counts(workflow):
    workflow.write(book("%precision 3", WRITES))
    workflow("-c1")
    changed = book("%precision 3", "# a comment\n" + WRITES)
    changed["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": ["Text"]})
    changed["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    changed["cells"][2]["execution_count"] = 5
    workflow.write(notebook.put(changed, "whatever"))
    assert "Nothing to be done" in workflow("-n").stdout
    workflow.write(book("%precision 4", WRITES))
    assert "Code has changed" in workflow("-n").stdout


def test_a_failing_cell_fails_the_job(workflow):
    workflow.write(book("x = 1", "raise ValueError('no way')"))
    said = workflow("-c1", code=1).stderr
    assert "failed in cell 2" in said and "ValueError: no way" in said
    assert "\033[" not in said and '"cell_type"' not in said
    assert not (workflow.folder / "made/mid.txt").exists()
    assert "no way" in json.dumps(workflow.read("logs/book.ipynb"))


def test_without_papermill(workflow, tmp_path):
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide/papermill.py").write_text("raise ImportError('hidden')\n")
    workflow.write(book(WRITES))
    workflow("-c1", PYTHONPATH=str(tmp_path / "hide"))
    assert (workflow.folder / "final.txt").exists()
    assert "cell ran" in json.dumps(workflow.read("logs/book.ipynb"))


@pytest.mark.parametrize("papermill", [True, False])
def test_only_a_kernel_that_dies_at_its_start_is_started_again(workflow, tmp_path, papermill):
    """Its ports are chosen before it takes them: another program may be faster."""
    (tmp_path / "hide").mkdir()
    if not papermill:
        (tmp_path / "hide/papermill.py").write_text("raise ImportError('hidden')\n")
    starts = tmp_path / "starts"
    code = (
        f"import os, sys\nopen({str(starts)!r}, 'a').write('x')\n"
        f"if os.path.getsize({str(starts)!r}) == 1: sys.exit(1)\n"
        "words = [sys.executable, '-m', 'ipykernel_launcher', '-f', sys.argv[1]]\n"
        "os.execv(sys.executable, words)\n"
    )
    spec = {"argv": [sys.executable, "-c", code, "{connection_file}"], "language": "python"}
    folder = tmp_path / "jupyter/kernels/python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({**spec, "display_name": "Python"}))
    more = {"PYTHONPATH": str(tmp_path / "hide"), "JUPYTER_PATH": str(tmp_path / "jupyter")}
    workflow.write(book(WRITES))
    workflow("-c1", **more)
    assert (workflow.folder / "final.txt").exists() and starts.read_text() == "xx"
    workflow.write(book("open('ran', 'a').write('x')", "import os; os._exit(1)"))
    assert "died" in workflow("-c1", code=1, **more).stderr
    assert (workflow.folder / "ran").read_text() == "x" and starts.read_text() == "xxx"


def test_with_nothing_to_run_it(workflow, tmp_path):
    (tmp_path / "hide").mkdir()
    for name in ("papermill", "nbclient"):
        (tmp_path / f"hide/{name}.py").write_text("raise ImportError('hidden')\n")
    workflow.write(book(WRITES))
    done = workflow("-c1", code=1, PYTHONPATH=str(tmp_path / "hide"), PATH="/usr/bin:/bin")
    assert "error[RK0512]" in done.stderr and "rulekit-workflows[notebook]" in done.stderr


def test_a_notebook_in_r(workflow):
    """Where there is no kernel for R the message says what to install."""
    from jupyter_client.kernelspec import find_kernel_specs

    workflow.write(
        book("cat(sum(snakemake@params$numbers), file = snakemake@output[[1]])", language="R")
    )
    if "ir" not in find_kernel_specs():
        said = workflow("-c1", code=1).stderr
        assert "error[RK0513]" in said and "IRkernel" in said
        return
    workflow("-c1")
    assert (workflow.folder / "final.txt").read_text() == "3"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "RK0287"),
        ('{"worksheets": [], "nbformat": 3}', "RK0287"),
        (json.dumps(book("1", language="cobol")), "RK0288"),
    ],
)
def test_notebooks_that_cannot_be_used(workflow, text, code):
    workflow.notebook.write_text(text)
    assert code in workflow("-c1", code=1).stderr


def test_draft(workflow):
    """The inputs are made first; cells can be run by hand afterwards."""
    done = workflow("--draft-notebook", "made/mid.txt")
    assert "a notebook was begun" in done.stderr
    assert (workflow.folder / "first.txt").exists() and (workflow.folder / "made").is_dir()
    drafted = workflow.read()
    assert drafted["cells"][0]["metadata"]["tags"] == ["snakemake-job-properties"]
    assert drafted["metadata"]["language_info"]["name"] == "python"
    code = "".join(drafted["cells"][0]["source"]) + WRITES
    subprocess.run([sys.executable, "-c", code], cwd="/", check=True)
    assert (workflow.folder / "made/mid.txt").read_text() == "7[1, 2]bookproject"


def test_draft_keeps_the_cells_of_a_notebook_that_is_there(workflow):
    workflow.write(notebook.put(book(WRITES), "old"))
    workflow("--draft-notebook", "made/mid.txt")
    cells = workflow.read()["cells"]
    assert len(cells) == 2 and "".join(cells[1]["source"]) == WRITES
    assert "old" not in "".join(cells[0]["source"])
    workflow("-c1")
    assert (workflow.folder / "final.txt").exists()


def test_draft_of_something_else(workflow):
    done = workflow("--draft-notebook", "final.txt", code=2)
    assert "RK0289" in done.stderr and "rule `after` makes it" in done.stderr
    assert not (workflow.folder / "first.txt").exists()


def test_edit_saves_back_and_runs(workflow):
    """A real server: the notebook is changed through it, and it is shut down by its button."""
    pytest.importorskip("notebook", reason="the notebook server is not installed")
    workflow.write(book(WRITES))
    port = free_port()
    process = subprocess.Popen(
        workflow.command(
            "--edit-notebook", "made/mid.txt", "--notebook-listen", f"localhost:{port}"
        ),
        cwd=workflow.folder,
        env={**workflow.environment, "JUPYTER_TOKEN": "secret"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def ask(path, method="GET", data=None):
        request = urllib.request.Request(
            f"http://localhost:{port}/api/{path}",
            method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={"Authorization": "token secret", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                found = json.loads(ask("contents/b.py.ipynb"))
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
        content = found["content"]
        assert len(content["cells"]) == 2
        content["cells"][1]["source"] = WRITES + "open('extra', 'w')\n"
        content["cells"][1]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "result"}
        ]
        ask("contents/b.py.ipynb", "PUT", {"type": "notebook", "content": content})
        ask("shutdown", "POST")
        said, _ = process.communicate(timeout=180)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    saved = workflow.read()
    assert len(saved["cells"]) == 1 and saved["cells"][0]["outputs"] == []
    assert (workflow.folder / "extra").exists() and (workflow.folder / "made/mid.txt").exists()
    assert "Nothing to be done" in workflow("-n", "made/mid.txt").stdout
