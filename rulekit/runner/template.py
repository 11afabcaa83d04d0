"""Renders the template of a `template_engine:` rule.

The text of this file is the script of such a rule, with a call of `render` at its end, so it runs
wherever scripts do. The only input, or the one named `template`, is the template; the only output
is the result. A template sees `input`, `output`, `params`, `wildcards` and `config`. A mistake in
it is said on stderr with its place, and the exit code is 1.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ENGINES = ("jinja2", "yte")
_SEEN = ("input", "output", "params", "wildcards", "config")


def template_of(context: Mapping[str, Any]) -> tuple[str, str]:
    """The paths of template and result of a job's context. Raises ValueError."""
    inputs, outputs = context["input"], context["output"]
    if len(outputs["items"]) != 1:
        raise ValueError(f"a template makes one output, not {len(outputs['items'])}")
    if len(inputs["items"]) == 1:
        return inputs["items"][0], outputs["items"][0]
    where = inputs["names"].get("template")
    if not isinstance(where, int):
        raise ValueError("with several inputs the template must be the one named `template`")
    return inputs["items"][where], outputs["items"][0]


def script(engine: str) -> str:
    """The text of the script that renders with an engine of `ENGINES`."""
    from rulekit.runner.script import own_text

    return f"{own_text('template.py')}\n\nsys.exit(render(snakemake, {engine!a}))\n"


def render(snakemake: Any, engine: str) -> int:
    """Render the template of a job, given its object; the result is the exit code."""
    names = {part: getattr(snakemake, part) for part in _SEEN}
    inputs = snakemake.input
    template = inputs[0] if len(inputs) == 1 else inputs.template
    result = snakemake.output[0]
    try:
        text = _RENDERERS[engine](template, names)
    except ImportError as error:
        sys.stderr.write(
            f"error[RK0510]: the template engine {engine} is not installed ({error})\n"
            "  = help: pip install 'rulekit-workflows[templates]'\n"
        )
        return 1
    except OSError as error:
        sys.stderr.write(f"error[RK0511]: {template}: {error.strerror}\n")
        return 1
    except Exception as error:
        place = _line_of(error, template)
        kind = type(error).__name__
        sys.stderr.write(f"error[RK0511]: {template}{place}: {kind}: {error}\n")
        return 1
    with open(result, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return 0


def _jinja2(template: str, names: dict[str, Any]) -> str:
    import jinja2

    # Templates can include and extend others beside them.
    folders = [os.path.dirname(os.path.abspath(template)), os.getcwd()]
    # What is made are files of any kind, not pages: nothing is escaped.
    environment = jinja2.Environment(  # noqa: S701
        loader=jinja2.FileSystemLoader(folders)
    )
    text: str = environment.get_template(os.path.basename(template)).render(**names)
    return text


def _yte(template: str, names: dict[str, Any]) -> str:
    import io

    import yte  # type: ignore[import-untyped]

    made = io.StringIO()
    with open(template, encoding="utf-8") as file:
        yte.process_yaml(file, outfile=made, variables=names)
    return made.getvalue()


_RENDERERS = {"jinja2": _jinja2, "yte": _yte}


def _line_of(error: BaseException, template: str) -> str:
    """``:12`` if the error tells in which line of the template it is."""
    line = getattr(error, "lineno", None)
    if line is None:
        name = os.path.basename(template)
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if os.path.basename(code.co_filename) == name and code.co_filename.endswith(name):
                line = trace.tb_lineno
            trace = trace.tb_next
    return f":{line}" if line else ""
