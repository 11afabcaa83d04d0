"""`rulekit init [DIRECTORY] [--example NAME]`: a small project that runs at once, offline."""

from __future__ import annotations

import os
import sys
from shlex import quote

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.cli.parse import Command

EXAMPLES = ("words", "study")


def files_of(example: str) -> Mapping[str, str]:
    """The files of an example, paths to texts. Raises `UsageError` (RK0163) for another name."""
    if example not in EXAMPLES:
        from rulekit.errors.diagnostic import did_you_mean

        raise UsageError(
            f"there is no project named `{example}`",
            code="RK0163",
            notes=(f"there are {', '.join(EXAMPLES)}",),
            help=did_you_mean("project", example, EXAMPLES),
        )
    if example == "words":
        from rulekit.cli.projects.words import FILES
    else:
        from rulekit.cli.projects.study import FILES
    return FILES


def execute(command: Command) -> int:
    """Write the files; none if any is there already, unless `--force` is given."""
    options = command.options
    if len(options.targets) > 1:
        raise UsageError("init takes one directory", code="RK0110")
    files = files_of(options.example or "words")
    folder = options.targets[0] if options.targets else "."
    there = [name for name in files if os.path.lexists(os.path.join(folder, name))]
    if there and not options.force:
        raise UsageError(
            f"these files are there already: {', '.join(there)}",
            code="RK0109",
            help="name another directory, or write over them with --force",
        )
    try:
        for name, text in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            sys.stdout.write(f"{path}\n")
    except OSError as error:
        raise UsageError(
            f"`{folder}` cannot be written to: {error.strerror}", code="RK0109"
        ) from error
    change = "" if folder == "." else f"cd {quote(folder)} && "
    sys.stdout.flush()
    sys.stderr.write(f"Now run: {change}rulekit -c 2\n")
    return 0
