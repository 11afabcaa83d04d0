"""`rulekit graph`, `--dag`, `--rulegraph`, `--filegraph`."""

from __future__ import annotations

import sys

from rulekit.cli import session
from rulekit.errors.tree import UsageError
from rulekit.graph import text as graphs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.engine.loop import Stage


def execute(command: Command) -> int:
    prepared = session.prepare(command, session.load(command), readonly=True)
    options = command.options
    text: str | bytes
    if command.verb == "graph":
        text = _by_verb(command, prepared.stage)
    else:
        plan, forecast = prepared.stage.plan, prepared.stage.forecast
        if options.filegraph:
            text = graphs.file_dot(plan, forecast)
        else:
            drawing = (
                graphs.job_drawing(plan, forecast)
                if options.dag
                else graphs.rule_drawing(plan, forecast)
            )
            form = options.dag or options.rulegraph
            text = graphs.mermaid(drawing) if form == "mermaid-js" else graphs.dot(drawing)
    _write(text, options.output)
    return 0


def _by_verb(command: Command, stage: Stage) -> str | bytes:
    options = command.options
    plan, forecast = stage.plan, stage.forecast
    chosen = [
        name
        for name, on in (
            ("--dot", options.form_dot),
            ("--mermaid", options.form_mermaid),
            ("--svg", options.form_svg),
            ("--json", options.json),
        )
        if on
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} cannot be combined", code="RK0108")
    if options.json:
        return graphs.as_json(plan, forecast)
    if options.by_files:
        if options.form_mermaid:
            raise UsageError(
                "--files has no mermaid form", code="RK0108", help="use --dot or --svg"
            )
        text = graphs.file_dot(plan, forecast)
    else:
        drawing = (
            graphs.job_drawing(plan, forecast)
            if options.by_jobs
            else graphs.rule_drawing(plan, forecast, counts=True)
        )
        text = graphs.mermaid(drawing) if options.form_mermaid else graphs.dot(drawing)
    return svg(text) if options.form_svg else text


def svg(text: str) -> bytes:
    """The picture of a dot text. Raises `UsageError` if graphviz is not there."""
    import shutil
    import subprocess

    program = shutil.which("dot")
    if program is None:
        raise UsageError(
            "--svg needs graphviz, and there is no program `dot` in PATH",
            code="RK0113",
            help="install graphviz, or use --mermaid, which needs nothing",
        )
    done = subprocess.run([program, "-Tsvg"], input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise UsageError(
            f"graphviz failed: {done.stderr.decode(errors='replace').strip()}", code="RK0113"
        )
    return done.stdout


def _write(text: str | bytes, path: str | None) -> None:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    try:
        with open(path, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {error.strerror}", code="RK0109") from error
