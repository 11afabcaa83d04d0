"""`rulekit __complete WORDS...`: candidates for the last word, one a line, with a tab and a hint.

Asked at each press of the tab key, so it must be fast and must never execute a rule file: names of
rules and files are taken from the text of the rule file by a regular expression.
"""

from __future__ import annotations

import os
import re
import sys

from rulekit.cli.options import all_rows
from rulekit.cli.parse import VERBS, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulekit.cli.options import Row
    from rulekit.cli.parse import Command

_RULE = re.compile(r"^[ \t]*(?:rule|checkpoint)[ \t]+(\w+)[ \t]*:", re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*include[ \t]*:\s*[\"']([^\"'{}]+)[\"']", re.MULTILINE)
_MOST_FILES = 50
_RULE_VALUES = frozenset(
    {"RULE", "TARGET", "RULE=N", "RULE:NAME=VALUE", "RULE=ITEMS", "RULE=GROUP"}
)


def execute(command: Command) -> int:
    words = command.options.targets
    for name, hint in candidates(words or ("",)):
        sys.stdout.write(f"{name}\t{hint}\n" if hint else f"{name}\n")
    return 0


def candidates(words: Sequence[str]) -> list[tuple[str, str]]:
    """(word, hint) for the last of the words; empty where file names are wanted."""
    current = words[-1]
    verb = words[0] if len(words) > 1 and words[0] in VERBS else "run"
    rows = names_of(all_rows(verb))
    found: list[tuple[str, str]] = []
    if "--" in words[:-1]:
        return _starting(current, _rules())
    if current.startswith("-"):
        return _starting(current, _options(rows))
    if verb == "completion":
        return _starting(current, [("bash", ""), ("zsh", ""), ("fish", "")])
    if verb == "explain":
        from rulekit.errors.explain import PAGES

        return _starting(
            current.upper(), [(code, text.partition("\n")[0]) for code, text in PAGES.items()]
        )
    row = _open_option(words[:-1], rows)
    if row is not None:
        if "|" in row[4]:
            return _starting(current, [(choice, "") for choice in row[4].split("|")])
        if row[3] in _RULE_VALUES:
            found = _rules()
        elif row[1] == "cores":
            found = [("all", "all cores")]
        elif row[2] in ("1", "append", "2"):
            return []
        if row[2] != "?" and row[2] != "*":
            return _starting(current, found)
    if len(words) == 1:
        found += VERBS.items()
    return _starting(current, found + _rules())


def _starting(prefix: str, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, hint) for name, hint in dict(found).items() if name.startswith(prefix)]


def _options(rows: dict[str, Row]) -> list[tuple[str, str]]:
    return [
        (name, row[7])
        for name, row in rows.items()
        if row[6] != "hidden" and not row[8].startswith(("later", "refuse", "silent"))
    ]


def _open_option(words: Sequence[str], rows: dict[str, Row]) -> Row | None:
    """The option whose values the last word may belong to."""
    for distance, word in enumerate(reversed(words)):
        if word.startswith("-") and len(word) > 1:
            row = rows.get(word)
            if row is None or row[2] == "0":
                return None
            if row[2] in ("*", "+"):
                return row
            return row if distance == 0 else None
    return None


def _rules() -> list[tuple[str, str]]:
    """Names of the rules, read from the text of the rule file and its plain includes."""
    from rulekit.syntax.locate import find

    start = find(None)
    if start is None:
        return []
    found: dict[str, None] = {}
    todo = [start]
    seen: set[str] = set()
    while todo and len(seen) < _MOST_FILES:
        path = todo.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                text = stream.read()
        except OSError:
            continue
        found.update(dict.fromkeys(_RULE.findall(text)))
        folder = os.path.dirname(path)
        todo += [os.path.join(folder, name) for name in _INCLUDE.findall(text) if "://" not in name]
    return [(name, "rule") for name in found]
