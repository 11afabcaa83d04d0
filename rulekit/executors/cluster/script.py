"""The script that is handed to the cluster."""

from __future__ import annotations

import json
import os
import shlex
import sys

from rulekit.errors.tree import InfrastructureError
from rulekit.language.format import format_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.executors.cluster.settings import ClusterSettings, Description
    from rulekit.executors.cluster.submission import Submission

_DEFAULT = """\
#!/bin/sh
# properties = {properties}
{exec_job}

"""


def command_of(folder: str, ended: str, workdir: str) -> str:
    """The line that carries out the orders in `folder` and notes its exit code in `ended`."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    quote = shlex.quote
    path = f"{quote(root)}${{PYTHONPATH:+:$PYTHONPATH}}"
    runner = f"{quote(sys.executable)} -m rulekit.runner.several {quote(folder)}"
    part = quote(f"{ended}.part")
    return (
        f"( cd {quote(workdir)} && PYTHONPATH={path} {runner}; code=$?; "
        f"(echo $code > {part} && mv {part} {quote(ended)}) 2> /dev/null; exit $code )"
    )


def template_of(settings: ClusterSettings) -> str:
    """The script's template. Raises `InfrastructureError` if the file cannot be read."""
    if settings.jobscript is None:
        return _DEFAULT
    try:
        with open(settings.jobscript, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InfrastructureError(
            f"--jobscript: `{settings.jobscript}` cannot be read: {reason}", code="RK0690"
        ) from error
    if "{exec_job}" not in text:
        raise InfrastructureError(
            f"--jobscript: `{settings.jobscript}` does not say where the job is run",
            code="RK0690",
            help="it needs `{exec_job}`, and `# properties = {properties}` for the submit command",
        )
    return text


def script_text(template: str, described: Description, command: str) -> str:
    """The script of one submission. Raises `InfrastructureError` for an unknown field."""
    properties = json.dumps(described.properties)
    names = {**described.names, "properties": properties, "exec_job": command}
    if template is _DEFAULT:
        return template.replace("{properties}", properties).replace("{exec_job}", command)
    return filled(template, names, "--jobscript")


def filled(template: str, names: object, option: str) -> str:
    """A template of the user's with its fields filled in. Raises `InfrastructureError`."""
    try:
        return format_text(template, names, {})  # type: ignore[arg-type]
    except (NameError, ValueError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise InfrastructureError(
            f"{option} cannot be filled in: {error}",
            code="RK0690",
            help="it can use {rule}, {threads}, {resources.NAME}, {wildcards}, {params}, {input}, "
            "{output}, {log}, {jobid}, {dependencies} and {cluster.NAME}",
        ) from error


def write_submission(
    submission: Submission,
    described: Description,
    settings: ClusterSettings,
    template: str,
    *,
    done: str,
    ended: str,
    dependencies: str,
) -> str:
    """Writes order and script of a submission; the command that submits it.

    `done` is the folder of results, `ended` the file for the script's exit code. Raises OSError
    and `InfrastructureError`.
    """
    os.makedirs(done, exist_ok=True)
    os.makedirs(submission.folder, mode=0o700, exist_ok=True)
    submission.write_order(done, described.budget)
    label = described.label
    names = {**described.names, "name": label, "rulename": label, "dependencies": dependencies}
    name = filled(settings.jobname, names, "--jobname").replace("/", "_")
    script = os.path.join(submission.folder, name)
    run = command_of(submission.folder, ended, os.getcwd())
    if settings.precommand:
        run = f"{{ {settings.precommand}\n}} && {run}"
    with open(script, "w", encoding="utf-8") as file:
        file.write(script_text(template, described, run))
    os.chmod(script, 0o700)
    return f'{filled(settings.submit, names, "the submit command")} "{script}"'
