"""`rulekit fmt` and `--fmt`: rule files in a stable layout.

Ends with 0; with 1 if `--check` or `--diff` found something to change; with 3 if a file has mistakes
(it is left as it is, the others are done all the same).
"""

from __future__ import annotations

import sys

from rulekit.errors.tree import RulekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.fmt.files import RuleText


def execute(command: Command) -> int:
    """Files and folders are the targets; `-` is stdin; none is the current folder."""
    from rulekit.cli.diagnostics import tell
    from rulekit.fmt.files import read_text, rule_files, write_text
    from rulekit.fmt.layout import LINE_LENGTH, format_text

    options = command.options
    width = options.line_length or LINE_LENGTH
    if options.targets == ("-",):
        sys.stdout.write(format_text(sys.stdin.read(), "<stdin>", line_length=width))
        return 0
    code = changed = left = 0
    only_look = options.check or options.diff
    for path in rule_files(options.targets or (".",)):
        try:
            old = read_text(path)
            new = format_text(old.text, path, line_length=width)
            if new == old.text:
                left += 1
                continue
            if not only_look:
                write_text(old, new)
        except RulekitError as error:
            tell(error, nocolor=options.nocolor)
            if error.diagnostics[0].code == "RK0160":
                return error.exit_code  # so it will be for every file
            code = max(code, error.exit_code)
            continue
        changed += 1
        if options.diff:
            sys.stdout.write(_diff(old, new))
        elif not options.quiet:
            sys.stdout.write(f"{'would change' if only_look else 'changed'} {path}\n")
    if not options.quiet:
        sys.stdout.flush()
        what = "would be changed" if only_look else "changed"
        sys.stderr.write(f"{_files(changed)} {what}, {left} left as they are\n")
    return code or (1 if only_look and changed else 0)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _diff(old: RuleText, new: str) -> str:
    import difflib

    lines = difflib.unified_diff(
        old.text.splitlines(keepends=True),
        new.splitlines(keepends=True),
        old.path,
        f"{old.path} (laid out)",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
