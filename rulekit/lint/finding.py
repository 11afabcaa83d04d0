"""What a check has found, and comments in the rule file that say it is meant so."""

from __future__ import annotations

import re

from rulekit.frozen import frozen


@frozen
class Finding:
    """One finding. `rule` is a rule's name, or None if it is about the file."""

    code: str
    message: str
    file: str
    line: int
    rule: str | None = None
    rule_line: int = 0  # where the rule begins


_ALLOWED = re.compile(r"#\s*lint:\s*ignore\b:?\s*((?:RL\d+[\s,]*)*)", re.IGNORECASE)


def allowed_in(text: str) -> dict[int, frozenset[str]]:
    """Line number → codes that ``# lint: ignore RL008`` allows there; an empty set means all."""
    if "lint:" not in text:
        return {}
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = _ALLOWED.search(line)
        if match is not None:
            found[number] = frozenset(re.findall(r"RL\d+", match[1].upper()))
    return found


def is_allowed(finding: Finding, allowed: dict[int, frozenset[str]]) -> bool:
    """Whether a comment on the line of the finding, or on the rule's first line, allows it."""
    for line in (finding.line, finding.rule_line):
        codes = allowed.get(line)
        if codes is not None and (not codes or finding.code in codes):
            return True
    return False
