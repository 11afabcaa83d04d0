"""Executes a notebook: in the interpreter of the job, with what is installed there.

One file that is copied along, standard library only until it looks for `papermill`, then for
`nbclient`, then for the programs ``papermill`` and ``jupyter-nbconvert``.
"""

# Runs in interpreters that are older than what mypy can check.
# mypy: ignore-errors

import json
import os
import re
import shutil
import sys

_MISSING = """\
error[RK0512]: nothing here can run notebooks: neither papermill nor nbclient is installed
  = help: pip install 'rulekit-workflows[notebook]' (or papermill and ipykernel into the job's \
environment)
"""
_STARTS = 3  # of a kernel


def run(task):
    """Do the task (JSON); the result is the exit code. What a cell raises is on stderr."""
    task = json.loads(task)
    how = _papermill() or _nbclient() or _programs()
    if how is None:
        sys.stderr.write(_MISSING)
        return 1
    return how(task)


def _kernel(book, language):
    """The kernel a notebook names if it is here, else one of its language; None if there is none."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = KernelSpecManager().get_all_specs()
    metadata = book.get("metadata") or {}
    wanted = (metadata.get("kernelspec") or {}).get("name")
    if wanted in found:
        return wanted
    for name in sorted(found):
        spec = found[name].get("spec") or {}
        if str(spec.get("language", "")).lower() == language:
            return name
    return None


def _read(task):
    with open(task["notebook"], encoding="utf-8") as file:
        return json.load(file)


def _no_kernel(task):
    package = "ipykernel" if task["language"] == "python" else "a kernel such as IRkernel"
    sys.stderr.write(
        "error[RK0513]: there is no kernel for notebooks in the language {}\n"
        "  = help: install {} where the notebook runs\n".format(task["language"], package)
    )
    return 1


def _with_kernel(execute):
    """Calls it again if the kernel died before it answered: no cell has run then. Ports of a kernel
    are chosen before it takes them, and another program may have been faster."""
    for turn in range(_STARTS):
        try:
            return execute()
        except RuntimeError as error:
            if "died before replying" not in str(error) or turn + 1 == _STARTS:
                raise


def _papermill():
    try:
        import papermill
    except ImportError:
        return None

    def how(task):
        kernel = _kernel(_read(task), task["language"])
        if kernel is None:
            return _no_kernel(task)
        try:
            _with_kernel(
                lambda: papermill.execute_notebook(
                    task["notebook"],
                    task["executed"] or task["notebook"],
                    kernel_name=kernel,
                    progress_bar=False,
                    cwd=os.getcwd(),
                )
            )
        except papermill.exceptions.PapermillExecutionError as error:
            return _failed(task, error.exec_count, error.traceback)
        except Exception as error:
            return _failed(task, None, [str(error)])
        return 0

    return how


def _nbclient():
    try:
        import nbclient
        import nbformat
    except ImportError:
        return None

    def how(task):
        kernel = _kernel(_read(task), task["language"])
        if kernel is None:
            return _no_kernel(task)
        book = nbformat.read(task["notebook"], as_version=4)
        place = {"metadata": {"path": os.getcwd()}}
        try:
            _with_kernel(
                lambda: nbclient.NotebookClient(
                    book, timeout=None, kernel_name=kernel, resources=place
                ).execute()
            )
        except nbclient.exceptions.CellExecutionError as error:
            return _failed(task, None, [getattr(error, "traceback", str(error))])
        except Exception as error:
            return _failed(task, None, [str(error)])
        finally:
            if task["executed"]:
                nbformat.write(book, task["executed"])
        return 0

    return how


def _programs():
    papermill, nbconvert = shutil.which("papermill"), shutil.which("jupyter-nbconvert")
    if not papermill and not nbconvert:
        return None

    def how(task):
        import subprocess

        made = task["executed"] or task["notebook"]
        if papermill:
            words = [papermill, "--log-level", "ERROR", "--no-progress-bar", task["notebook"], made]
        else:
            words = [nbconvert, "--log-level", "ERROR", "--execute", "--to", "notebook"]
            words += ["--ExecutePreprocessor.timeout=-1", "--output", made, task["notebook"]]
        return subprocess.call(words)

    return how


def _failed(task, cell, trace):
    """Say what a cell raised; cells are counted as in the notebook that the user wrote."""
    where = f" in cell {cell - 1}" if isinstance(cell, int) and cell > 1 else ""
    sys.stderr.write("notebook {} failed{}\n".format(task["name"], where))
    text = trace if isinstance(trace, str) else "\n".join(trace)
    if not sys.stderr.isatty():
        text = re.sub("\033\\[[0-9;]*m", "", text)
    sys.stderr.write(text.rstrip("\n") + "\n")
    return 1
