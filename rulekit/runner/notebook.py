"""Notebooks: a copy with a first cell that makes the job's names known, and who executes it.

The cell has the tag ``snakemake-job-properties``, as notebooks that were drafted elsewhere have
it; an old one is replaced. The executed copy goes to ``log: notebook="..."`` if the rule has that.
"""

from __future__ import annotations

import json
import os

from rulekit.runner.files import Refused, make_parent
from rulekit.runner.helpers import write_helper
from rulekit.runner.script import FOLDER, OBJECT, base_name, library_file, source_of, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.model.spec import JobSpec

TAG = "snakemake-job-properties"
_START = "######## preamble start (automatically inserted, do not edit) ########"
_END = "######## preamble end ########"


def launch(spec: JobSpec, turn: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Arguments and helper files for a body of kind ``notebook``. Raises Refused."""
    context = dict(spec.context or {})
    if spec.benchmark:
        context["bench_iteration"] = turn
    book = read(source_of(spec), str(spec.body["path"]))
    language = str(spec.body["language"])
    order = json.dumps({"context": context, "path": spec.body["path"]})
    data = write_helper(spec, FOLDER, f"{spec.token}.json", order)
    text = python_preamble(spec, data) if language == "python" else r_preamble(context)
    copy = write_helper(spec, FOLDER, f"{spec.token}.{base_name(spec)}", write(put(book, text)))
    executed = _log(context)
    if executed:
        make_parent(executed)
    task = {
        "notebook": copy,
        "executed": os.path.abspath(executed) if executed else None,
        "language": language,
        "name": spec.body["path"],
    }
    library, name = library_file(spec, "notebook_run.py")
    launcher = write_helper(
        spec,
        FOLDER,
        f"{spec.token}.run.py",
        f"import sys; sys.path[0] = {library!a}; import {name} as runner\n"
        f"sys.exit(runner.run({json.dumps(task)!a}))\n",
    )
    interpreter = tuple(spec.body.get("interpreter") or ("python3",))
    return (*interpreter, launcher), (launcher, copy, data)


def python_preamble(spec: JobSpec, data: str) -> str:
    """The first cell of a Python notebook; `data` as `script_object.notebook` takes it."""
    library, name = library_file(spec, OBJECT)
    return (
        f"{_START}\n"
        f"import os, sys; sys.path.insert(0, {library!a}); import {name} as _object;"
        f" del sys.path[0]\n"
        f"_object.notebook(globals(), {data!a})\n"
        f"os.chdir({os.getcwd()!a})\n"
        f"{_END}\n"
    )


def r_preamble(context: dict[str, Any]) -> str:
    """The first cell of an R notebook. Raises Refused."""
    from rulekit.runner.script_r import literal, preamble

    text = told(preamble, context)
    return f"{_START}\n{text}\nsetwd({literal(os.getcwd())})\n{_END}\n"


def read(text: str, path: str) -> dict[str, Any]:
    """A notebook from its text. Raises Refused."""
    try:
        book = json.loads(text)
    except ValueError as error:
        raise Refused("spawn", f"the notebook `{path}` is no JSON: {error}") from None
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        raise Refused(
            "spawn",
            f"the notebook `{path}` has no cells, or is in a format older than 4; `jupyter"
            " nbconvert --to notebook` brings it up to date",
        )
    return book


def write(book: dict[str, Any]) -> str:
    """The text of a notebook, as Jupyter writes it."""
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def language_of(book: dict[str, Any], path: str) -> str:
    """The language of a notebook's kernel, in small letters; what the file name says if the
    notebook does not."""
    metadata = book.get("metadata") or {}
    found = (metadata.get("language_info") or {}).get("name")
    found = found or (metadata.get("kernelspec") or {}).get("language")
    if found:
        return str(found).lower()
    return "r" if path.lower().endswith(".r.ipynb") else "python"


def put(book: dict[str, Any], preamble: str) -> dict[str, Any]:
    """The notebook with this cell before all others, in place of an old one."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [TAG]},
        "outputs": [],
        "source": preamble.splitlines(keepends=True),
    }
    if (book.get("nbformat", 4), book.get("nbformat_minor", 0)) >= (4, 5):
        cell["id"] = "job-properties"
    return {**book, "cells": [cell, *_others(book)]}


def cleaned(book: dict[str, Any]) -> dict[str, Any]:
    """The notebook without the cell of ours, and without results."""
    blank: dict[str, Any] = {"outputs": [], "execution_count": None}
    cells = [
        {**cell, **blank} if cell.get("cell_type") == "code" else cell for cell in _others(book)
    ]
    return {**book, "cells": cells}


def draft(language: str) -> dict[str, Any]:
    """A notebook to begin with."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "begin",
        "metadata": {},
        "outputs": [],
        "source": ["# start coding here"],
    }
    metadata = {"language_info": {"name": language}}
    return {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def code_cells(text: str, path: str) -> tuple[str, list[str]]:
    """Language and code of a notebook: what its results depend on. Raises Refused."""
    book = read(text, path)
    cells = []
    for cell in _others(book):
        if cell.get("cell_type") == "code":
            source = cell.get("source") or ""
            cells.append(source if isinstance(source, str) else "".join(source))
    return language_of(book, path), cells


def _others(book: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        cell
        for cell in book["cells"]
        if TAG not in ((cell.get("metadata") or {}).get("tags") or ())
    ]


def _log(context: dict[str, Any]) -> str | None:
    part = context.get("log") or {"items": (), "names": {}}
    where = part["names"].get("notebook")
    return part["items"][where] if isinstance(where, int) else None
