"""`rulekit lint` and `--lint`: what could be better in the rule files. Ends with 1 if anything is.

`--fix` mends what can be mended without a doubt and tells what is left; `--diff` shows what it would.
"""

from __future__ import annotations

import sys
from shlex import quote

from rulekit.cli import session
from rulekit.errors.tree import RuleFileError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.cli.parse import Command
    from rulekit.lint.finding import Finding


def execute(command: Command) -> int:
    """The flag makes Snakemake's checks and writes text on stderr, as there; the verb all of them."""
    from rulekit.lint.check import check
    from rulekit.lint.form import as_json, as_text

    options = command.options
    own = command.verb == "lint"
    if own and options.targets:
        word = options.targets[0]
        raise UsageError(
            f"lint looks at a whole workflow: it takes no `{word}`",
            code="RK0103",
            help=f"name the rule file by -s: rulekit lint -s {quote(word)}",
        )
    try:
        loaded = session.load(command)
    except RuleFileError as error:
        if own:
            raise
        return _unreadable(error)
    findings = check(loaded.workflow, own=own, envvars=options.envvars)
    if options.fix or options.diff:
        findings = _mended(findings, write=options.fix and not options.diff)
        if options.diff:
            return 1 if findings else 0
    if options.json or options.lint == "json":
        sys.stdout.write(as_json(findings))
    else:
        (sys.stdout if own else sys.stderr).write(as_text(findings))
    return 1 if findings else 0


def _mended(findings: Sequence[Finding], *, write: bool) -> tuple[Finding, ...]:
    """Mends files, or shows how it would; the findings that are left (or would be mended)."""
    import difflib

    from rulekit.fmt.files import read_text, write_text
    from rulekit.lint.fixes import edits_for, fixed
    from rulekit.syntax.parser import parse

    left: list[Finding] = []
    shown: list[Finding] = []
    for path in dict.fromkeys(one.file for one in findings):
        here = [one for one in findings if one.file == path]
        old = read_text(path)
        new, count = fixed(old.text, path, here)
        if not count:
            left += here
            continue
        rulefile = parse(old.text, path)
        mended = [one for one in here if list(edits_for(one, rulefile))]
        left += [one for one in here if one not in mended]
        shown += mended
        if write:
            write_text(old, new)
            noun = "finding" if count == 1 else "findings"
            sys.stderr.write(f"mended {count} {noun} in {path}\n")
        else:
            lines = difflib.unified_diff(
                old.text.splitlines(keepends=True),
                new.splitlines(keepends=True),
                path,
                f"{path} (mended)",
            )
            sys.stdout.write("".join(lines))
    return tuple(left if write else shown)


def _unreadable(error: RuleFileError) -> int:
    """The flag ends with 1 for whatever is wrong, as scripts that call it expect."""
    from rulekit.errors.show import written

    sys.stderr.write(written(error.diagnostics) + "\n")
    place = error.diagnostics[0].span
    where = f" (line {place.line}, {place.file})" if place is not None else ""
    cause = f" because of a {type(error.__cause__).__name__}" if error.__cause__ else ""
    sys.stderr.write(f"The workflow cannot be read{cause}{where}: nothing is checked.\n")
    return 1
