"""All checks of a workflow, in the order of its files."""

from __future__ import annotations

from rulekit.lint.files import check_file
from rulekit.lint.finding import Finding, allowed_in, is_allowed
from rulekit.lint.rules import check_rules
from rulekit.lint.together import check_constraints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.model.rule import Workflow


def check(workflow: Workflow, *, own: bool, envvars: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What is to be said about a workflow. `own`: not only the checks that Snakemake has.

    `envvars`: announced on the command line. Raises `RuleFileError` if a file has changed since it
    was loaded and cannot be read any more.
    """
    from rulekit.syntax.parser import parse
    from rulekit.syntax.reading import read

    announced = frozenset((*workflow.envvars, *envvars))
    found: list[Finding] = []
    allowed: dict[str, dict[int, frozenset[str]]] = {}
    for path in workflow.source_files:
        text = read(path)
        allowed[path] = allowed_in(text)
        rulefile = parse(text, path)
        alone = len(workflow.source_files) == 1
        found += check_file(rulefile, alone=alone, envvars=announced)
        found += check_constraints(workflow, rulefile)
    found += check_rules(workflow, own=own)
    order = {path: index for index, path in enumerate(workflow.source_files)}
    chosen = [
        one
        for one in found
        if (own or one.code < "RL1") and not is_allowed(one, allowed.get(one.file, {}))
    ]
    chosen.sort(key=lambda one: (order.get(one.file, 0), one.line, one.code))
    return tuple(chosen)
