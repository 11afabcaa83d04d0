"""New names for rules and wildcards, in all places that mean them."""

from __future__ import annotations

import re

from rulekit.frozen import frozen
from rulekit.lsp.cursor import under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.lsp.cursor import Cursor
    from rulekit.lsp.outline import Outline, Statement
    from rulekit.lsp.project import Project


@frozen
class Change:
    """text[start:end] of a file, which holds the name."""

    made: Outline
    start: int
    end: int


def what(made: Outline, offset: int) -> tuple[str, str, int, int] | None:
    """What can be renamed at a place: ``rule`` or ``wildcard``, the name, its place."""
    cursor = under(made, offset)
    if cursor.kind in ("rule", "wildcard") and not _of_module(cursor):
        return cursor.kind, cursor.text, cursor.start, cursor.end
    return None


def places(project: Project, made: Outline, offset: int) -> list[Change]:
    """All places of the rule or wildcard at a place, the definition too."""
    cursor = under(made, offset)
    if cursor.kind == "rule":
        return [
            Change(outline, start, end)
            for outline in project.files(made.path)
            for start, end in sorted(set(_rule_places(outline, cursor.text)))
        ]
    if cursor.kind == "wildcard" and cursor.statement is not None:
        found = sorted(set(_wildcard_places(made, cursor.statement, cursor.text)))
        return [Change(made, start, end) for start, end in found]
    return []


def refusal(project: Project, made: Outline, offset: int, new: str) -> str | None:
    """Why what stands at a place cannot be called `new`; None if it can."""
    import keyword

    if not new.isidentifier() or keyword.iskeyword(new):
        return f"`{new}` is no name"
    cursor = under(made, offset)
    if cursor.kind == "rule":
        if _of_module(cursor):
            return f"`{cursor.text}` is a rule of a module: it has its name there"
        names = {rule.name for rule in project.rules(made.path)}
        names |= {name for name, _ in project.derived(made.path)}
        if cursor.text not in names:
            return f"the place where the rule `{cursor.text}` gets its name is not known"
    elif cursor.kind == "wildcard" and cursor.statement is not None:
        names = set(cursor.statement.wildcards())
    else:
        return None
    if new in names and new != cursor.text:
        return f"there is a {cursor.kind} `{new}` already"
    return None


def _of_module(cursor: Cursor) -> bool:
    """Whether this is the name that a rule has in the module it is taken from."""
    use = cursor.statement
    return (
        use is not None
        and use.module is not None
        and any(start == cursor.start for _, start, _ in use.names)
    )


def _rule_places(outline: Outline, name: str) -> Iterator[tuple[int, int]]:
    for statement in outline.statements:
        if statement.kind in ("rule", "checkpoint", "ruleorder", "localrules") or (
            statement.kind == "use" and statement.module is None
        ):
            for one, start, end in statement.names:
                if one == name:
                    yield start, end
        if statement.alias is not None and statement.alias[0] == name:
            yield statement.alias[1:]
    reference = re.compile(rf"\b(?:rules|checkpoints)\s*\.\s*({re.escape(name)})\b")
    for found in reference.finditer(outline.text):
        if not _in_comment(outline.text, found.start()):
            yield found.span(1)


def _in_comment(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line.lstrip().startswith("#")


def _wildcard_places(outline: Outline, rule: Statement, name: str) -> Iterator[tuple[int, int]]:
    """Within a rule: in its files, in `{wildcards.NAME}`, `wildcards.NAME` and
    `wildcards["NAME"]`, in constraints."""
    word = re.escape(name)
    reference = re.compile(rf"\bwildcards\s*(?:\.\s*|\[\s*[\"']?)({word})\b")
    for found in reference.finditer(outline.text, rule.start, rule.end):
        yield found.span(1)
    if rule.kind not in ("rule", "checkpoint", "use"):
        return
    for part in rule.parts:
        if part.word in ("shell", "message", "run", "script"):
            continue
        if part.word == "wildcard_constraints":
            value = re.compile(rf"(?<![\w.])({word})\s*=(?!=)")
            for found in value.finditer(outline.text, part.value_start, part.value_end):
                yield found.span(1)
        for text in part.texts:
            for one, start, end in text.wildcards():
                if one == name:
                    yield start, end
    # `lambda wc: wc.sample`: the name that the function gives the wildcards.
    for found in re.finditer(r"\blambda\s+([^\W\d]\w*)", outline.text[rule.start : rule.end]):
        short = re.compile(rf"\b{found[1]}\s*(?:\.\s*|\[\s*[\"'])({word})\b")
        for use in short.finditer(outline.text, rule.start, rule.end):
            yield use.span(1)
