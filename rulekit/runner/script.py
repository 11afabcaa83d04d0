"""Scripts: what is executed, and how the script gets to see the job's names.

Python: a small launcher that loads the job's names from a file beside it, makes them the global
``snakemake``, and runs the original text under its original name, so that ``__file__``, line
numbers and ``from __future__`` are as the author wrote them. The object itself is defined by
`script_object`, one file that is copied along: the script's interpreter need not know rulekit.
Bash, R, Julia, Rust: a copy of the script behind a preamble that makes the arrays or the object.
R Markdown: a copy with a chunk that does. Hy, xonsh: a copy behind a line that asks the object of
the same file as for Python.
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
OBJECT = "script_object.py"


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


def source_of(spec: JobSpec) -> str:
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


def library_file(spec: JobSpec, file: str) -> tuple[str, str]:
    """Puts a file of this folder where any interpreter can read it: its folder and module name."""
    text = own_text(file)
    name = f"_{file.removesuffix('.py')}_{len(text)}_{_fingerprint(text)}"
    library = os.path.join(spec.workdir, spec.state_dir, FOLDER, "lib")
    if not os.path.exists(os.path.join(library, f"{name}.py")):
        # Whole or not at all: other jobs may be about to read it.
        folder = os.path.join(FOLDER, "lib")
        part = write_helper(spec, folder, f"{name}.{spec.token}.part", text)
        os.replace(part, os.path.join(library, f"{name}.py"))
    return library, name


def _python(spec: JobSpec, context: dict[str, Any]) -> Launch:
    library, name = library_file(spec, OBJECT)
    data = _data(spec, context)
    launcher = write_helper(
        spec,
        FOLDER,
        f"{spec.token}.{base_name(spec)}",
        f"import sys; sys.path[0] = {_ascii(library)}; import {name} as _object;"
        f" _object.run(globals(), {_ascii(data)})\n",
    )
    interpreter = tuple(spec.body.get("interpreter") or ("python3",))
    return (*interpreter, launcher), (launcher, data)


def _data(spec: JobSpec, context: dict[str, Any]) -> str:
    order = {"context": context, "path": spec.body["path"], "source": source_of(spec)}
    return write_helper(spec, FOLDER, f"{spec.token}.json", json.dumps(order))


def _hy(spec: JobSpec, context: dict[str, Any]) -> Launch:
    data = _data(spec, context)
    call = _entrance(spec, data)
    # On the first line, so that the numbers of lines stay.
    return _copy(spec, f"(pys #[rulekit[{call}]rulekit]) {_unmarked(source_of(spec))}", "hy", data)


def _xonsh(spec: JobSpec, context: dict[str, Any]) -> Launch:
    data = _data(spec, context)
    head = f"{_entrance(spec, data)}\n"
    strict = ("xonsh", "-DRAISE_SUBPROC_ERROR=true", "-DXONSH_SHOW_TRACEBACK=true")
    return _copy(spec, head + _unmarked(source_of(spec)), strict, data)


def _entrance(spec: JobSpec, data: str) -> str:
    """A line of Python that makes the object known."""
    library, name = library_file(spec, OBJECT)
    return (
        f"import sys; sys.path.insert(0, {_ascii(library)}); import {name} as _object;"
        f" _object.enter(globals(), {_ascii(data)})"
    )


def _copy(spec: JobSpec, text: str, program: str | tuple[str, ...], *helpers: str) -> Launch:
    """A copy of the script, run by the job's interpreter, or else by `program`."""
    script = write_helper(spec, FOLDER, f"{spec.token}.{base_name(spec)}", text)
    default = (program,) if isinstance(program, str) else program
    return (*(spec.body.get("interpreter") or default), script), (script, *helpers)


def _unmarked(source: str) -> str:
    """Without a `#!` line, which means something at the very beginning only."""
    first, newline, rest = source.partition("\n")
    return newline + rest if first.startswith("#!") else source


def _bash(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_bash import preamble

    script = write_helper(
        spec, FOLDER, f"{spec.token}.{base_name(spec)}", f"{preamble(context)}\n{source_of(spec)}"
    )
    # As for shell commands, an unset variable or a failing pipe member fails the job.
    interpreter = tuple(spec.body.get("interpreter") or ("bash", "-e", "-u", "-o", "pipefail"))
    return (*interpreter, script), (script,)


def _r(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_r import preamble

    head = told(preamble, context)
    return _copy(spec, f"{head}\n{source_of(spec)}", ("Rscript", "--vanilla"))


def _rmarkdown(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_r import preamble
    from rulekit.runner.script_rmd import document, rendering

    outputs: list[str] = (context.get("output") or {}).get("items") or []
    if len(outputs) != 1:
        raise Refused("spawn", f"an R Markdown script makes one output, not {len(outputs)}")
    source = source_of(spec)
    text = document(source, told(preamble, context))
    script = write_helper(spec, FOLDER, f"{spec.token}.{base_name(spec)}", text)
    call = rendering(script, os.path.abspath(outputs[0]), os.getcwd(), source)
    interpreter = tuple(spec.body.get("interpreter") or ("Rscript", "--vanilla"))
    return (*interpreter, "-e", call), (script,)


def _julia(spec: JobSpec, context: dict[str, Any]) -> Launch:
    from rulekit.runner.script_julia import preamble

    return _copy(spec, f"{told(preamble, context)}\n{source_of(spec)}", "julia")


# Compiles a script that needs no crate, and becomes it.
_RUSTC = 'set -e; rustc --crate-name script --edition 2021 -A warnings -O -o "$2" "$1"; exec "$2"'


def _rust(spec: JobSpec, context: dict[str, Any]) -> Launch:
    import shutil

    from rulekit.runner.script_rust import crates_of, is_bare, preamble, program, wrapped

    source = source_of(spec)
    text = program(source, told(preamble, context))
    tool = tuple(spec.body.get("interpreter") or ())
    if not tool:
        search = spec.body.get("search") or spec.environment.get("PATH")
        found = shutil.which("rust-script", path=search or os.environ.get("PATH", os.defpath))
        if spec.software is not None and spec.software.get("container"):
            # The image's own; a script without crates needs the compiler only.
            found = None if is_bare(source) else "rust-script"
        if found is None:
            if not is_bare(source):
                raise Refused(
                    "spawn",
                    "there is no program `rust-script` in the search path; it fetches and builds"
                    " the crates that the script uses",
                )
            script = write_helper(spec, FOLDER, f"{spec.token}.{base_name(spec)}", wrapped(text))
            binary = f"{script}.bin"
            return ("sh", "-c", _RUSTC, "sh", script, binary), (script, binary)
        tool = (found,)
    script = write_helper(spec, FOLDER, f"{spec.token}.{base_name(spec)}", text)
    words = [word for crate in crates_of(source) for word in ("-d", crate)]
    return (*tool, *words, script), (script,)


def told(preamble: Callable[[dict[str, Any]], str], context: dict[str, Any]) -> str:
    """The preamble, or a refusal that names the value the language has no word for."""
    try:
        return preamble(context)
    except TypeError as error:
        raise Refused("spawn", str(error)) from None


_LANGUAGES: dict[str, Callable[[JobSpec, dict[str, Any]], Launch]] = {
    "python": _python,
    "bash": _bash,
    "r": _r,
    "rmarkdown": _rmarkdown,
    "julia": _julia,
    "rust": _rust,
    "hy": _hy,
    "xonsh": _xonsh,
}

_HERE = os.path.dirname(os.path.abspath(__file__))


def own_text(file: str) -> str:
    """The text of a file of this folder."""
    path = os.path.join(_HERE, file)
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except NotADirectoryError:  # this runs from an archive, on a node
        assert __spec__ is not None
        data: bytes = __spec__.loader.get_data(path)  # type: ignore[union-attr]
        return data.decode()


def base_name(spec: JobSpec) -> str:
    name = os.path.basename(spec.body["path"]) or "script"
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)[-80:]


def _ascii(text: str) -> str:
    return ascii(text)


def _fingerprint(text: str) -> str:
    from binascii import crc32

    return f"{crc32(text.encode()):08x}"
