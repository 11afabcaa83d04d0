"""`rulekit graph`, `--graph FILE`, `--dag`, `--rulegraph`, `--filegraph`, `--d3dag`."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session
from rulekit.cli.values import only_one
from rulekit.errors.tree import UsageError
from rulekit.graph import text as graphs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command, Options
    from rulekit.engine.session import Prepared

# The form that the end of a file's name asks for.
_ENDINGS = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".json": "json",
}


def execute(command: Command) -> int:
    options = command.options
    form = ""
    if command.verb == "graph" or options.graph is not None:
        form = _form(options)  # a wrong name is told before the rule file is read
    loaded = session.load(command)
    prepared = session.prepare(command, loaded, readonly=True)
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    if form:
        content = _by_form(form, options, prepared, loaded.secrets)
        _write(content, options.output or options.graph)
        return 0
    if options.d3dag:
        text = graphs.d3(plan, forecast)
    elif options.filegraph:
        text = graphs.file_dot(plan, forecast)
    else:
        drawing = (
            graphs.job_drawing(plan, forecast)
            if options.dag
            else graphs.rule_drawing(plan, forecast)
        )
        chosen = options.dag or options.rulegraph
        text = graphs.mermaid(drawing) if chosen == "mermaid-js" else graphs.dot(drawing)
    _write(text, options.output)
    return 0


def _form(options: Options) -> str:
    """What is to be written: told by an option, or by the end of the file's name."""
    form = only_one(
        {
            "dot": options.form_dot,
            "mermaid": options.form_mermaid,
            "svg": options.form_svg,
            "html": options.form_html,
            "json": options.json,
        }
    )
    if form is None:
        path = options.output or options.graph
        ending = os.path.splitext(path)[1].lower() if path else ""
        form = _ENDINGS.get(ending, "")
        if not form:
            if options.graph is not None:
                raise UsageError(
                    f"--graph: `{options.graph}` is of no known form",
                    code="RK0103",
                    help="the name ends in .svg, .html, .dot, .mmd or .json",
                )
            form = "dot"
    if options.by_files and form in ("mermaid", "html"):
        raise UsageError(f"--files has no {form} form", code="RK0108", help="use --dot or --svg")
    return form


def _by_form(form: str, options: Options, prepared: Prepared, secrets: tuple[str, ...]) -> str:
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    if form == "json":
        return graphs.as_json(plan, forecast)
    if options.by_files:
        text = graphs.file_dot(plan, forecast)
        return by_graphviz(text) if form == "svg" else text
    if form in ("svg", "html"):
        return _drawn(form, options, prepared, secrets)
    drawing = (
        graphs.job_drawing(plan, forecast)
        if options.by_jobs
        else graphs.rule_drawing(plan, forecast, counts=True)
    )
    return graphs.mermaid(drawing) if form == "mermaid" else graphs.dot(drawing)


def _drawn(form: str, options: Options, prepared: Prepared, secrets: tuple[str, ...]) -> str:
    """The picture, or the page with it: what is done, will run and why, runs now, has failed."""
    from rulekit.history.jobs import read_history
    from rulekit.history.runs import running_jobs
    from rulekit.report.graphpage import graph_page, picture_of

    stage = prepared.stage
    plan, forecast = stage.plan, stage.forecast
    running = running_jobs(prepared.settings.state_dir)
    history = read_history(plan, forecast, prepared.store, running)
    by_jobs = True if options.by_jobs else False if options.by_rules else None
    title = os.path.basename(os.getcwd()) or "Graph"
    if form == "svg":
        from rulekit.graph.svg import svg

        return svg(picture_of(plan, forecast, history, by_jobs), alone=True, title=title)
    from rulekit.cli.commands.report import hider

    return graph_page(title, plan, forecast, stage.values, history, hider(secrets), by_jobs)


def by_graphviz(text: str) -> str:
    """The picture of a dot text: tables of files, which our own layout does not draw. Raises
    `UsageError` if graphviz is not there."""
    import shutil
    import subprocess

    program = shutil.which("dot")
    if program is None:
        raise UsageError(
            "--files --svg needs graphviz, and there is no program `dot` in PATH",
            code="RK0113",
            help="install graphviz, or leave out --files: other graphs are drawn without it",
        )
    done = subprocess.run([program, "-Tsvg"], input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise UsageError(
            f"graphviz failed: {done.stderr.decode(errors='replace').strip()}", code="RK0113"
        )
    return done.stdout.decode(errors="replace")


def _write(text: str, path: str | None) -> None:
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        return
    from rulekit.cli.commands.report import replace_file

    try:
        replace_file(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {error.strerror}", code="RK0109") from error
