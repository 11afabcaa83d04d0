"""Findings in writing: for people, and as the JSON that Snakemake's users read."""

from __future__ import annotations

import json
import os

from rulekit.lint.catalogue import CHECKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.lint.finding import Finding

CLEAN = "Congratulations, your workflow is in a good condition!"


def _groups(findings: Sequence[Finding]) -> dict[tuple[str, str | None, int], list[Finding]]:
    groups: dict[tuple[str, str | None, int], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.file, one.rule, one.rule_line), []).append(one)
    return groups


def as_text(findings: Sequence[Finding]) -> str:
    """Findings by rule and file, each with what to do about it; ends with a newline."""
    if not findings:
        return CLEAN + "\n"
    lines: list[str] = []
    told: set[str] = set()
    for (file, rule, at), group in _groups(findings).items():
        shown = _short(file)
        lines.append(f"{shown}:" if rule is None else f"rule {rule} (line {at}, {shown}):")
        for one in group:
            place = f" (line {one.line})" if one.line != at else ""
            lines.append(f"    {one.code} {one.message}{place}")
            if one.code not in told:
                told.add(one.code)
                lines.append(f"          help: {CHECKS[one.code].fix}")
    count = len(findings)
    noun = "finding" if count == 1 else "findings"
    lines.append(f"{count} {noun}; `rulekit explain {findings[0].code}` says more.")
    mended = sum(CHECKS[one.code].mended for one in findings)
    if mended:
        lines.append(f"`rulekit lint --fix` mends {mended} of them.")
    return "\n".join(lines) + "\n"


def _short(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def as_json(findings: Sequence[Finding]) -> str:
    """``{"snakefiles": [{"for": ..., "lints": [...]}], "rules": [...]}``; ends with a newline."""
    parts: dict[str, list[dict[str, Any]]] = {"snakefiles": [], "rules": []}
    for (file, rule, at), group in _groups(findings).items():
        about: dict[str, Any] = {"snakefile": file}
        if rule is not None:
            about = {"rule": rule, "line": at, "snakefile": file}
        lints = [
            {
                "code": one.code,
                "title": one.message,
                "body": f"{CHECKS[one.code].why} What to do: {CHECKS[one.code].fix}.",
                "links": [],
                "line": one.line,
                "fixable": CHECKS[one.code].mended,
            }
            for one in group
        ]
        parts["snakefiles" if rule is None else "rules"].append({"for": about, "lints": lints})
    return json.dumps(parts, indent=2) + "\n"
