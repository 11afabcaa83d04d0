"""`rulekit lint` and `--lint`: what could be better in the rule files. Ends with 1 if anything is."""

from __future__ import annotations

import sys

from rulekit.cli import session
from rulekit.errors.tree import RuleFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command


def execute(command: Command) -> int:
    """The flag makes Snakemake's checks and writes text on stderr, as there; the verb all of them."""
    from rulekit.lint.check import check
    from rulekit.lint.form import as_json, as_text

    options = command.options
    own = command.verb == "lint"
    try:
        loaded = session.load(command)
    except RuleFileError as error:
        if own:
            raise
        return _unreadable(error)
    findings = check(loaded.workflow, own=own, envvars=options.envvars)
    if options.json or options.lint == "json":
        sys.stdout.write(as_json(findings))
    else:
        (sys.stdout if own else sys.stderr).write(as_text(findings))
    return 1 if findings else 0


def _unreadable(error: RuleFileError) -> int:
    """The flag ends with 1 for whatever is wrong, as scripts that call it expect."""
    from rulekit.errors.show import written

    sys.stderr.write(written(error.diagnostics) + "\n")
    place = error.diagnostics[0].span
    where = f" (line {place.line}, {place.file})" if place is not None else ""
    cause = f" because of a {type(error.__cause__).__name__}" if error.__cause__ else ""
    sys.stderr.write(f"The workflow cannot be read{cause}{where}: nothing is checked.\n")
    return 1
