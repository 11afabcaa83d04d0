"""`rulekit azure ...`: looking at Azure, clearing up, files. The commands have words of their own."""

from __future__ import annotations

import sys

from rulekit.cli.commands.azure_words import COMMANDS
from rulekit.errors.tree import UsageError


def main(argv: list[str]) -> int:
    """Do what the words behind `rulekit azure` say; the exit code. Raises RulekitError."""
    name = argv[0] if argv else ""
    if name in ("", "-h", "--help", "help"):
        sys.stdout.write(_overview())
        return 0 if name else 2
    if name == "emulate":
        from rulekit.cli.commands import azure_emulate

        return azure_emulate.main(argv[1:])
    if name == "doctor":
        from rulekit.cli.commands import azure_doctor as command
    elif name == "gc":
        from rulekit.cli.commands import azure_gc as command  # type: ignore[no-redef]
    elif name in ("jobs", "logs"):
        from rulekit.cli.commands import azure_jobs as command  # type: ignore[no-redef]
    elif name in ("ls", "upload", "download"):
        from rulekit.cli.commands import azure_files as command  # type: ignore[no-redef]
    else:
        from rulekit.errors.diagnostic import did_you_mean

        raise UsageError(
            f"`rulekit azure` has no command `{name}`",
            help=did_you_mean("command", name, COMMANDS) or "`rulekit azure --help` lists them",
        )
    return command.main(name, argv[1:])


def _overview() -> str:
    lines = ["usage: rulekit azure COMMAND ...", "", "commands"]
    lines += [f"  {name:<10} {text}" for name, text in COMMANDS.items()]
    lines += ["", "rulekit azure COMMAND --help tells more of each.", ""]
    return "\n".join(lines)
