"""What could stand at a place."""

from __future__ import annotations

import os
import re

from rulekit.frozen import frozen
from rulekit.lsp.find import summary
from rulekit.lsp.help import HELP
from rulekit.syntax.keywords import (
    ACTIONS,
    MODULE_DIRECTIVES,
    PROPERTIES,
    STATEMENT_TOKENS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from rulekit.lsp.outline import Outline, Statement
    from rulekit.lsp.project import Project


@frozen
class Choice:
    """One proposal. kind: ``rule`` | ``keyword`` | ``wildcard`` | ``field`` | ``key`` | ``file``."""

    label: str
    kind: str
    help: str = ""
    insert: str | None = None


_RULE_ATTRIBUTE = re.compile(r"\b(rules|checkpoints)\.([^\W\d]\w*)\.\w*\Z")
_RULE_NAME = re.compile(r"\b(rules|checkpoints)\.\w*\Z")
_CONFIG = re.compile(r"\bconfig((?:\[[\"'][^\"'\]]*[\"']\])*)\[[\"']([^\"'\]]*)\Z")
_GET = re.compile(r"\bconfig((?:\[[\"'][^\"'\]]*[\"']\])*)\.get\([\"']([^\"']*)\Z")
_FIELD = re.compile(r"(?<!\{)\{(?:\{\{)*([^\W\d]\w*)?(?:\.(\w*))?\Z")
_ORDER = re.compile(r"^\s*(?:ruleorder|localrules)\s*:[^#]*\Z")
_USE = re.compile(r"^\s*use\s+rule\s+(?:\w+\s*,\s*)*\w*\Z")
_FROM = re.compile(r"^\s*use\s+rule\s+[^#]*\bfrom\s+\w*\Z")
_WORD_ALONE = re.compile(r"^[ \t]*([^\W\d]\w*)?\Z")
_WILDCARDS = re.compile(r"\bwildcards\.\w*\Z")
_PATHS = frozenset({"include", "script", "notebook", "conda", "configfile", "snakefile", "report"})
_FIELDS = ("input", "output", "params", "wildcards", "threads", "resources", "log", "rule", "jobid")


def complete(project: Project, made: Outline, offset: int) -> list[Choice]:
    """Proposals for a place; all that fit it, whatever its word begins with."""
    line_start = made.source.line_start(made.source.line(offset))
    before = made.text[line_start:offset]
    found = _RULE_ATTRIBUTE.search(before)
    if found is not None:
        return _attributes(project, made, found[1], found[2])
    found = _RULE_NAME.search(before)
    if found is not None:
        kind = "checkpoint" if found[1] == "checkpoints" else None
        return list(_rules(project, made, kind))
    found = _CONFIG.search(before) or _GET.search(before)
    if found is not None:
        return _config_keys(project, made, re.findall(r"[\"']([^\"']*)[\"']", found[1]))
    if _FROM.match(before):
        names = [
            one.name
            for outline in project.files(made.path)
            for one in outline.statements
            if one.kind == "module" and one.name
        ]
        return [Choice(name, "rule", "module") for name in dict.fromkeys(names)]
    if _ORDER.match(before) or _USE.match(before):
        return list(_rules(project, made, None))
    statement = made.at(offset)
    if statement is not None and offset > statement.end and not _indented(made, statement, before):
        statement = None
    in_string = _string_part(made, statement, offset, before)
    if in_string is not None and statement is not None:
        return _in_string(made, statement, in_string, before, offset)
    if _WILDCARDS.search(before) and statement is not None:
        return [Choice(name, "wildcard") for name in statement.wildcards()]
    if _WORD_ALONE.match(before):
        return list(_words(made, statement, before))
    return []


def _indented(made: Outline, statement: Statement, before: str) -> bool:
    """Whether a line stands deeper than the statement above it."""
    start = made.source.line_start(made.source.line(statement.start))
    return len(before) - len(before.lstrip()) > statement.start - start or (
        not before.strip() and len(before) > statement.start - start
    )


def _rules(project: Project, made: Outline, kind: str | None) -> Iterator[Choice]:
    told = set()
    for rule in project.rules(made.path):
        if rule.name and rule.name not in told and (kind is None or rule.kind == kind):
            told.add(rule.name)
            yield Choice(rule.name, "rule", summary(rule, project.root))
    for name, rule in project.derived(made.path) if kind is None else ():
        if name not in told:
            told.add(name)
            yield Choice(name, "rule", summary(rule, project.root))


def _attributes(project: Project, made: Outline, what: str, name: str) -> list[Choice]:
    if what == "checkpoints":
        return [Choice("get", "field", "the outputs, once the checkpoint has run")]
    rule = next((one for one in project.rules(made.path) if one.name == name), None)
    words = ("input", "output", "params", "log", "benchmark", "threads", "resources")
    given = {part.word for part in rule.parts} if rule is not None else set(words)
    return [Choice(word, "field", HELP.get(word, "")) for word in words if word in given]


def _string_part(
    made: Outline, statement: Statement | None, offset: int, before: str
) -> str | None:
    """The directive in a string of which a place is; None outside of strings."""
    if statement is None:
        return None
    for part in statement.parts:
        for text in part.texts:
            # One that is just being written has no end yet: then the line's end is its end.
            if text.begin <= offset <= max(text.begin + len(text.content), text.end - 1):
                return part.word
    quotes = len(re.findall(r"(?<!\\)[\"']", before))
    if quotes % 2:
        start = made.text.rfind("\n", 0, offset) + 1
        for part in reversed(statement.parts):
            if part.start < offset:
                return part.word
        found = re.match(r"\s*(\w+)\s*:", made.text[start:offset])
        return found[1] if found is not None else None
    return None


def _in_string(made: Outline, rule: Statement, word: str, before: str, offset: int) -> list[Choice]:
    field = _FIELD.search(before)
    if field is not None:
        if word in ("shell", "message"):
            return _command_fields(rule, field[1], field[2])
        if field[2] is None and word != "output":
            return [Choice(name, "wildcard", f"of rule {rule.name}") for name in rule.wildcards()]
        return []
    if word in _PATHS:
        found = re.search(r"[\"']([^\"']*)\Z", before)
        return _paths(os.path.dirname(made.path), found[1] if found is not None else "")
    return []


def _command_fields(rule: Statement, root: str | None, name: str | None) -> list[Choice]:
    if name is None:
        given = {part.word for part in rule.parts}
        always = {"wildcards", "threads", "resources", "rule", "jobid"}
        return [
            Choice(word, "field", HELP.get(word, ""))
            for word in _FIELDS
            if word in given or word in always
        ]
    if root == "wildcards":
        return [Choice(one, "wildcard") for one in rule.wildcards()]
    part = rule.part(root or "")
    return (
        []
        if part is None
        else [Choice(one, "field") for one in _argument_names(part.texts, rule, root)]
    )


_ARGUMENT = re.compile(r"(?:^|[(,\n])\s*([^\W\d]\w*)\s*=(?!=)")


def _argument_names(texts: Iterable[Any], rule: Statement, word: str | None) -> list[str]:
    names = {text.name: None for text in texts if text.name}
    return list(names)


def _words(made: Outline, statement: Statement | None, before: str) -> Iterator[Choice]:
    """Statements at the beginning of a line, directives in a body."""
    indent = before[: len(before) - len(before.lstrip())]
    if statement is not None and indent and statement.kind in ("rule", "checkpoint", "use"):
        given = {part.word for part in statement.parts}
        for word in (*PROPERTIES, *ACTIONS, "run"):
            if word not in given and word != "version":
                yield Choice(word, "keyword", HELP.get(word, ""), f"{word}:")
    elif statement is not None and indent and statement.kind == "module":
        for word in MODULE_DIRECTIVES:
            yield Choice(word, "keyword", HELP.get(word, ""), f"{word}:")
    if not indent or statement is None:
        for word in STATEMENT_TOKENS:
            if word != "subworkflow":
                yield Choice(word, "keyword", HELP.get(word, ""))


def _paths(folder: str, begun: str) -> list[Choice]:
    base = os.path.join(folder, os.path.dirname(begun))
    try:
        names = sorted(os.listdir(base))[:200]
    except OSError:
        return []
    found = []
    for name in names:
        if not name.startswith("."):
            is_folder = os.path.isdir(os.path.join(base, name))
            found.append(Choice(f"{name}/" if is_folder else name, "file"))
    return found


def _config_keys(project: Project, made: Outline, keys: list[str]) -> list[Choice]:
    """The keys of the config files that are named in the workflow."""
    data: dict[str, Any] = {}
    for outline in project.files(made.path):
        for one in outline.statements:
            if one.kind != "configfile":
                continue
            for text in one.parts[0].texts:
                for folder in (project.root, os.path.dirname(outline.path)):
                    loaded = _loaded(os.path.join(folder or ".", text.content))
                    if loaded:
                        data.update(loaded)
                        break
    at: Any = data
    for key in keys:
        at = at.get(key) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        return []
    return [Choice(str(key), "key", _shown(value)) for key, value in at.items()]


def _loaded(path: str) -> dict[str, Any]:
    import yaml

    try:
        if os.path.getsize(path) > 1_000_000:
            return {}
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(value: object) -> str:
    text = repr(value)
    return f"`{text[:80]}`"
