"""`rulekit explain RK0204`: the long text for an error code."""

from __future__ import annotations

import sys

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command


def execute(command: Command) -> int:
    from rulekit.errors.explain import PAGES, page

    codes = command.options.targets
    if not codes:
        for code in sorted(PAGES):
            sys.stdout.write(f"{code}  {PAGES[code].partition(chr(10))[0]}\n")
        return 0
    texts = []
    for word in codes:
        text = page(word)
        if text is None and word[:2].upper() == "RL":
            from rulekit.lint.catalogue import page as lint_page

            text = lint_page(word)
        if text is None:
            from rulekit.errors.diagnostic import did_you_mean

            raise UsageError(
                f"there is no error code `{word}`",
                code="RK0114",
                help=did_you_mean("code", word.upper(), PAGES)
                or "`rulekit explain` lists all codes",
            )
        texts.append(text)
    sys.stdout.write("\n\n".join(texts) + "\n")
    return 0
