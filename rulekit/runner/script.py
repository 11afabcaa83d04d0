"""Scripts: what is executed, and how the script gets to see the job's names.

Python: a small launcher that loads the job's names from a file beside it, makes them the global
``snakemake``, and runs the original text under its original name, so that ``__file__``, line
numbers and ``from __future__`` are as the author wrote them. The object itself is defined by
`script_object`, one file that is copied along: the script's interpreter need not know rulekit.
Bash, R: a copy of the script behind a preamble that makes the arrays or the object.
"""

from __future__ import annotations

import json
import os

from rulekit.runner.files import Refused
from rulekit.runner.helpers import write_helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.model.spec import JobSpec

    Launch = tuple[tuple[str, ...], tuple[str, ...]]

FOLDER = "scripts"


def launch(spec: JobSpec, turn: int) -> Launch:
    """Arguments and helper files for a body of kind ``script``; `turn` counts benchmark repeats.

    Raises Refused.
    """
    body = spec.body
    language = body["language"]
    make = _LANGUAGES.get(language)
    if make is None:
        raise Refused("spawn", f"this version cannot run scripts in the language `{language}`")
    context = dict(spec.context or {})
    if spec.benchmark:
        context["bench_iteration"] = turn
    return make(spec, context)


def _source(spec: JobSpec) -> str:
    source = spec.body.get("source")
    if source is not None:
        return str(source)
    path = spec.body["path"]
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except OSError as error:
        text = (error.strerror or str(error)).lower()
        raise Refused("access", f"cannot read the script `{path}`: {text}") from None


def _python(spec: JobSpec, context: dict[str, Any]) -> Launch:
    text = _object_text()
    name = f"_object_{len(text)}_{_fingerprint(text)}"
    library = os.path.join(spec.workdir, spec.state_dir, FOLDER, "lib")
    if not os.path.exists(os.path.join(library, f"{name}.py")):
        # Whole or not at all: other jobs may be about to read it.
        folder = os.path.join(FOLDER, "lib")
        part = write_helper(spec, folder, f"{name}.{spec.token}.part", text)
        os.replace(part, os.path.join(library, f"{name}.py"))
    data = write_helper(
        spec,
        FOLDER,
        f"{spec.token}.json",
        json.dumps({"context": context, "path": spec.body["path"], "source": _source(spec)}),
    )
    launcher = write_helper(
        spec,
        FOLDER,
        f"{spec.token}.{_base(spec)}",
        f"import sys; sys.path[0] = {_ascii(library)}; import {name} as _object;"
        f" _object.run(globals(), {_ascii(data)})\n",
    )
    interpreter = tuple(spec.body.get("interpreter") or ("python3",))
    return (*interpreter, launcher), (launcher, data)


def _bash(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_bash import preamble

    script = write_helper(
        spec, FOLDER, f"{spec.token}.{_base(spec)}", f"{preamble(context)}\n{_source(spec)}"
    )
    # As for shell commands, an unset variable or a failing pipe member fails the job.
    interpreter = tuple(spec.body.get("interpreter") or ("bash", "-e", "-u", "-o", "pipefail"))
    return (*interpreter, script), (script,)


def _r(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_r import preamble

    try:
        head = preamble(context)
    except TypeError as error:
        raise Refused("spawn", str(error)) from None
    script = write_helper(spec, FOLDER, f"{spec.token}.{_base(spec)}", f"{head}\n{_source(spec)}")
    interpreter = tuple(spec.body.get("interpreter") or ("Rscript", "--vanilla"))
    return (*interpreter, script), (script,)


_LANGUAGES: dict[str, Callable[[JobSpec, dict[str, Any]], Launch]] = {
    "python": _python,
    "bash": _bash,
    "r": _r,
}

_OBJECT_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "script_object.py")


def _object_text() -> str:
    try:
        with open(_OBJECT_FILE, encoding="utf-8") as file:
            return file.read()
    except NotADirectoryError:  # this runs from an archive, on a node
        assert __spec__ is not None
        data: bytes = __spec__.loader.get_data(_OBJECT_FILE)  # type: ignore[union-attr]
        return data.decode()


def _base(spec: JobSpec) -> str:
    name = os.path.basename(spec.body["path"]) or "script"
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)[-80:]


def _ascii(text: str) -> str:
    return ascii(text)


def _fingerprint(text: str) -> str:
    from binascii import crc32

    return f"{crc32(text.encode()):08x}"
