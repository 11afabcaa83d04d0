"""`--dump-workflow [FILE]`: the whole workflow as it was understood, as JSON."""

from __future__ import annotations

import json
import os
import sys

from rulekit.cli import session
from rulekit.cli.commands.listing import facts, plain
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Command
    from rulekit.model.rule import Workflow

SCHEMA = 1


def execute(command: Command) -> int:
    options = command.options
    target = options.dump_workflow
    path = None if target is None or target == "-" else os.path.abspath(target)
    loaded = session.load(command)
    text = json.dumps(description(loaded.workflow), indent=1) + "\n"
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"--dump-workflow: `{path}` cannot be written: {error.strerror}", code="RK0109"
        ) from error
    return 0


def description(workflow: Workflow) -> dict[str, Any]:
    """What rule files and configuration say. ``schema`` rises when a key changes its meaning."""
    return {
        "schema": SCHEMA,
        "rulefile": workflow.main_file,
        "source_files": list(workflow.source_files),
        "configfiles": list(workflow.configfiles),
        "config": plain(workflow.config),
        "workdir": workflow.workdir,
        "default_target": workflow.default_target,
        "ruleorder": [list(names) for names in workflow.ruleorder],
        "localrules": sorted(workflow.localrules),
        "wildcard_constraints": dict(workflow.constraints),
        "envvars": list(workflow.envvars),
        "scattergather": dict(workflow.scattergather),
        "resource_scopes": dict(workflow.resource_scopes),
        "report": workflow.report,
        "hooks": [
            name
            for name in ("onstart", "onsuccess", "onerror")
            if getattr(workflow, name) is not None
        ],
        "rules": [facts(rule) for rule in workflow.rules],
    }
