"""`--list-changes`, `--list-input-changes`, `--list-params-changes`, `--list-untracked`."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared

_KINDS = {"code": "code", "input": "input-set", "params": "params"}


def execute(command: Command) -> int:
    options = command.options
    prepared = session.prepare(command, session.load(command), readonly=True)
    if options.list_untracked:
        found = untracked(prepared)
    elif options.list_version_changes:
        found = []
    else:
        what = options.list_changes or (
            "input"
            if options.list_input_changes
            else "params"
            if options.list_params_changes
            else "code"
        )
        found = changed(prepared, _KINDS[what])
    sys.stdout.write("".join(path + "\n" for path in found))
    return 0


def changed(prepared: Prepared, kind: str) -> list[str]:
    """Existing outputs of the jobs that have a reason of this kind for themselves."""
    plan, forecast, files = prepared.stage.plan, prepared.stage.forecast, prepared.files
    return [
        path
        for job in plan.numbers()
        if any(reason.kind == kind for reason in forecast.reasons(job))
        for path in plan.outputs[job]
        if files.exists(path)
    ]


def untracked(prepared: Prepared) -> list[str]:
    """Files below the working directory that no job names; hidden ones are left out."""
    plan = prepared.stage.plan
    known: set[str] = set()
    for job in plan.numbers():
        for paths in (plan.inputs[job], plan.outputs[job], plan.logs(job)):
            known.update(os.path.normpath(path) for path in paths)
        benchmark = plan.benchmark(job)
        if benchmark is not None:
            known.add(os.path.normpath(benchmark))
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = [
            name
            for name in folders
            if name[0] != "." and os.path.normpath(os.path.join(folder, name)) not in known
        ]
        found += [os.path.normpath(os.path.join(folder, name)) for name in names if name[0] != "."]
    return sorted(path for path in found if path not in known)
