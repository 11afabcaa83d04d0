"""`rulekit import-makefile [MAKEFILE]`: a Rulefile that makes the same files.

Written to `Rulefile` (`--output FILE`; `-` is stdout). Ends with 1 if something was left out: a comment
stands there instead.
"""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import RulekitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command

CANDIDATES = ("GNUmakefile", "makefile", "Makefile")


def execute(command: Command) -> int:
    """Translate one Makefile. Raises `UsageError` if the Rulefile is there already."""
    from rulekit.makefile.write import translate

    options = command.options
    if len(options.targets) > 1:
        raise UsageError("import-makefile takes one Makefile", code="RK0110")
    path = options.targets[0] if options.targets else _found()
    target = _target(command)
    if target != "-" and os.path.lexists(target) and not options.force:
        raise UsageError(
            f"`{target}` is there already",
            code="RK0109",
            help="name another file by --output, or write over it with --force",
        )
    made = translate(path)
    text = _laid_out(made.text)
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write(target, text)
    for line, why, what in made.left_out:
        sys.stderr.write(f"{path}:{line}: not translated: {why}: {what}\n")
    if target != "-" and not options.quiet:
        sys.stderr.write(f"wrote {target}: look at it, then try `rulekit -n -s {target}`\n")
    return 1 if made.left_out else 0


def _found() -> str:
    for name in CANDIDATES:
        if os.path.isfile(name):
            return name
    raise UsageError(
        f"there is no Makefile here (looked for {', '.join(CANDIDATES)})", code="RK0109"
    )


def _target(command: Command) -> str:
    given = command.options.output
    if given is None:
        return "Rulefile"
    # `--output` was made absolute; the word that was given is `-` for stdout.
    return "-" if command.raw.get("output") == [["-"]] else given


def _laid_out(text: str) -> str:
    """In the formatter's layout, where there is one."""
    from rulekit.fmt.layout import format_text

    try:
        return format_text(text, "Rulefile")
    except RulekitError:
        return text


def _write(path: str, text: str) -> None:
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(part, path)
    except OSError as error:
        raise UsageError(
            f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}", code="RK0109"
        ) from None
