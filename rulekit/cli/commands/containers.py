"""`--containerize`: a description of an image with the workflow's conda environments.
`--cleanup-containers`: images that no rule uses any more."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.model.rule import Rule


def execute(command: Command) -> int:
    if command.options.containerize is not None:
        return containerize(command)
    return clean(command)


def containerize(command: Command) -> int:
    """The description on stdout. Raises `SoftwareError`."""
    from rulekit.engine.containerize import FORMS, describe, environments

    sys.stdout.write(
        describe(environments(_sources(command)), command.options.containerize or FORMS[0])
    )
    return 0


def _sources(command: Command) -> dict[str, Rule]:
    """The environments of all rules; of those that depend on a job, of the jobs of the plan."""
    from rulekit.engine.software import Software, rule_source
    from rulekit.errors.tree import PlanError, SoftwareError
    from rulekit.frozen import replace

    options = command.options
    command = replace(command, options=options.replace(sdm=frozenset({"conda"})))
    loaded = session.load(command)
    found: dict[str, Rule] = {}
    dynamic: dict[str, Rule] = {}
    for rule in loaded.workflow.rules:
        source = rule_source(rule)
        if source is not None:
            found.setdefault(source, rule)
        elif rule.conda is not None or rule.body.kind == "wrapper":
            dynamic[rule.name] = rule
    try:
        prepared = session.prepare(command, loaded, readonly=True)
        planned = Software(prepared.settings).conda_sources(prepared.stage)
    except PlanError:
        if dynamic:
            raise
        return found
    for source, names in planned.items():
        for name in names:
            dynamic.pop(name, None)
            asking = loaded.workflow.rule(name)
            if asking is not None:
                found.setdefault(source, asking)
    for rule in dynamic.values():
        if rule.conda is not None:
            raise SoftwareError(
                f"the conda environment of rule `{rule.name}` depends on the job, and the plan has"
                " no job of this rule",
                code="RK0535",
                span=rule.span,
                help="name targets that need the rule, or a file in `conda:`",
            )
    return found


def clean(command: Command) -> int:
    """Removes the files of images that no rule names. With `-n` they are only listed."""
    from rulekit.engine.images import Images, file_name
    from rulekit.engine.pulls import remove_unused

    loaded = session.load(command)
    images = Images(session.run_settings(command, loaded))
    used = {
        file_name(rule.container)
        for rule in loaded.workflow.rules
        if isinstance(rule.container, str) and "{" not in rule.container
    }
    if any(
        callable(rule.container) or (isinstance(rule.container, str) and "{" in rule.container)
        for rule in loaded.workflow.rules
    ):
        sys.stderr.write(
            "note: some rules choose their image for each job; nothing is removed that may be one\n"
        )
        return 0
    dry = command.options.dry_run
    for path in remove_unused(images.folder, used, dry=dry):
        verb = "would remove" if dry else "removed"
        sys.stdout.write(f"{verb} {os.path.relpath(path)}\n")
    return 0
