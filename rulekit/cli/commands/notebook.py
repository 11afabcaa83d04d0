"""`--draft-notebook TARGET` and `--edit-notebook TARGET`: the notebook that makes a target.

First everything the notebook reads is made. A notebook that is not there yet is begun; one that is
gets a first cell with the job's names, so that it can be run cell by cell. Editing starts a
notebook server on the file itself; when that has ended, the cell and all results are taken out
again, and the job is run as any other: what counts is what the notebook makes from top to bottom.
"""

from __future__ import annotations

import os
import sys

from rulekit.cli import session
from rulekit.errors.tree import SoftwareError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared
    from rulekit.model.spec import JobSpec


def execute(command: Command) -> int:
    from rulekit.cli.commands.run import execute as run

    options = command.options
    edit = options.edit_notebook is not None
    target = options.edit_notebook if edit else options.draft_notebook
    assert target is not None
    address = _address(options.notebook_listen)
    command = _settled(command)
    if options.dry_run:
        return run(_with(command, targets=(target,), force=True))
    prepared, job = _look(command, target)
    inputs = _stale_inputs(prepared, job)
    if inputs:
        code = run(_with(command, targets=inputs))
        if code:
            return code
        prepared, job = _look(command, target)
    path = os.path.abspath(prepared.stage.definitions.script_path(job))
    begun = _begin(path)
    spec = _prepare(prepared, job, path)
    if not edit:
        done = "a notebook was begun" if begun else "the job's names were put into the notebook"
        sys.stderr.write(f"{done}: {path}\n")
        return 0
    try:
        _serve(path, spec, *address)
    finally:
        _clean(path)
    return run(_with(command, targets=(target,), force=True))


def _with(command: Command, **changes: Any) -> Command:
    from rulekit.frozen import replace

    return replace(command, options=command.options.replace(**changes))


def _settled(command: Command) -> Command:
    """The command for another load in the same place: loading changes the directory."""
    from rulekit.syntax.locate import required

    options = command.options
    rulefile = required(options.rulefile)
    changes: dict[str, Any] = {
        "rulefile": rulefile if "://" in rulefile else os.path.abspath(rulefile),
        "configfile": tuple(os.path.abspath(path) for path in options.configfile),
        "edit_notebook": None,
        "draft_notebook": None,
        "cores": options.cores or 1,
    }
    if options.directory is not None:
        changes["directory"] = os.path.abspath(options.directory)
    return _with(command, **changes)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(
            f"--notebook-listen: `{text}` is no address", code="RK0103", help="IP:PORT is wanted"
        )
    return host, int(port)


def _look(command: Command, target: str) -> tuple[Prepared, int]:
    """Plan for one target, and the job that makes it. Raises `UsageError`, `PlanError`."""
    loaded = session.load(command)
    names = {rule.name for rule in loaded.workflow.rules}
    (wanted,) = session.file_targets((target,), names)
    prepared = session.prepare(command, loaded, readonly=True, targets=(wanted,))
    plan = prepared.stage.plan
    job = plan.producer.get(wanted)
    if job is None and wanted in names:
        job = next((j for j in plan.numbers() if plan.rule_of(j).name == wanted), None)
    if job is None or plan.rule_of(job).body.kind != "notebook":
        made = "nothing makes it" if job is None else f"rule `{plan.rule_of(job).name}` makes it"
        raise UsageError(
            f"`{target}` is not made by a notebook: {made}",
            code="RK0289",
            help="give an output of a rule with `notebook:`",
        )
    return prepared, job


def _stale_inputs(prepared: Prepared, job: int) -> tuple[str, ...]:
    """Inputs of the job that have to be made first."""
    plan, run = prepared.stage.plan, prepared.stage.forecast.run
    todo, seen = list(plan.needs[job]), set(plan.needs[job])
    stale = False
    while todo:
        number = todo.pop()
        stale = stale or bool(run[number])
        new = [other for other in plan.needs[number] if other not in seen]
        seen.update(new)
        todo += new
    return tuple(path for path in plan.inputs[job] if path in plan.producer) if stale else ()


def _begin(path: str) -> bool:
    """Make a notebook that is not there; whether that was so."""
    from rulekit.runner.notebook import draft, write

    if os.path.exists(path):
        return False
    if not path.endswith(".ipynb"):
        raise UsageError(
            f"`{path}` is no notebook's name",
            code="RK0289",
            help="it ends in .py.ipynb or .r.ipynb, which tells the language",
        )
    language = "r" if path.lower().endswith(".r.ipynb") else "python"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _store(path, write(draft(language)))
    return True


def _prepare(prepared: Prepared, job: int, path: str) -> JobSpec:
    """Put the job's names into the notebook; make the folders of what it writes."""
    import json

    from rulekit.engine.specs import SpecBuilder
    from rulekit.runner.notebook import put, python_preamble, r_preamble, read, write

    spec = SpecBuilder(prepared.settings, "notebook").build(prepared.stage, job, 1)
    assert spec.context is not None
    context = dict(spec.context)
    if spec.body["language"] == "python":
        text = python_preamble(spec, json.dumps({"context": context, "path": path}))
    else:
        text = r_preamble(context)
    _store(path, write(put(read(spec.body["source"], path), text)))
    for made in (*(output.path for output in spec.outputs), *spec.logs):
        os.makedirs(os.path.dirname(made) or ".", exist_ok=True)
    return spec


def _clean(path: str) -> None:
    from rulekit.runner.notebook import cleaned, read, write

    with open(path, encoding="utf-8") as file:
        book = read(file.read(), path)
    _store(path, write(cleaned(book)))


def _store(path: str, text: str) -> None:
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)


def _python(spec: JobSpec) -> tuple[str, dict[str, str]]:
    """The Python with a notebook server that suits a job, and its variables. Raises
    `SoftwareError`."""
    import importlib.util
    import subprocess

    from rulekit.runner.activation import adapted
    from rulekit.runner.command import Environments
    from rulekit.runner.files import Refused

    own, variables = sys.executable, {**os.environ, **spec.environment}
    if spec.software is not None:
        if spec.software.get("container"):
            raise SoftwareError(
                f"the notebook of rule `{spec.rule}` runs in a container, where it cannot be edited",
                code="RK0514",
                help="leave out `apptainer` of --sdm",
            )
        environments = Environments()
        try:
            (own,) = adapted(spec, environments).body["interpreter"]
            variables = dict(environments.of(spec))
        except Refused as refused:
            raise SoftwareError(refused.detail, code="RK0514") from None
    if own == sys.executable:
        there = importlib.util.find_spec("notebook") is not None
    else:
        look = [own, "-c", "import notebook"]
        done = subprocess.run(look, capture_output=True, env=variables, check=False)
        there = done.returncode == 0
    if not there:
        raise SoftwareError(
            "no notebook server is installed",
            code="RK0514",
            help="pip install 'rulekit-workflows[notebook]'"
            if own == sys.executable
            else "add the package `notebook` to the rule's environment",
        )
    return own, variables


def _serve(path: str, spec: JobSpec, host: str, port: int) -> None:
    """Run a notebook server until it is ended. Raises `SoftwareError` if there is none."""
    import signal
    import subprocess

    interpreter, environment = _python(spec)
    sys.stderr.write(
        f"editing {path}\nThe server listens at {host}:{port}; end it by its quit button or Ctrl-C."
        "\n"
    )
    words = [
        interpreter, "-m", "notebook", "--no-browser", "--log-level=ERROR",
        f"--ip={host}", f"--port={port}", "--ServerApp.quit_button=True", path,
    ]  # fmt: skip
    if os.geteuid() == 0:
        words.insert(-1, "--allow-root")  # in containers there is nobody else
    server = subprocess.Popen(words, env=environment)
    # Ctrl-C is for the server, which asks whether it is meant.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        server.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, stop)
    if server.returncode > 0:
        raise SoftwareError(
            f"the notebook server ended with exit code {server.returncode}",
            code="RK0514",
            help="its messages are above; --notebook-listen IP:PORT chooses another address",
        )
