"""Which rule file is meant when none is named."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError

CANDIDATES = (
    "Rulefile",
    "rulefile",
    "workflow/Rulefile",
    "Snakefile",
    "snakefile",
    "workflow/Snakefile",
    "workflow/snakefile",
)


def find(named: str | None) -> str | None:
    """The rule file as given, or the first default one there is; None if there is none."""
    if named is not None:
        return named
    for candidate in CANDIDATES:
        if os.path.isfile(candidate):
            return candidate
    return None


def required(named: str | None) -> str:
    """As `find`, but a missing file is a `RuleFileError` that lists what was looked for."""
    found = find(named)
    if found is None:
        raise RuleFileError(
            "there is no rule file here",
            code="RK0201",
            notes=(f"looked in {os.getcwd()} for {', '.join(CANDIDATES)}",),
            help="name one with --snakefile FILE, change the directory, or write one: `rulekit init`",
        )
    if "://" not in found and not os.path.isfile(found):
        near = None
        if not os.path.exists(found):
            from rulekit.errors.diagnostic import did_you_mean

            folder = os.path.dirname(found)
            try:
                near = did_you_mean("file", os.path.basename(found), os.listdir(folder or "."))
            except OSError:
                near = f"there is no directory `{folder}` either"
            message = f"rule file `{found}` does not exist"
        else:
            message = f"rule file `{found}` is not a file"
        raise RuleFileError(message, code="RK0201", help=near)
    return found
