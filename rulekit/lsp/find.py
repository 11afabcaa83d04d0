"""Going to what a place means, and telling about it."""

from __future__ import annotations

import os

from rulekit.frozen import frozen
from rulekit.lsp.cursor import under
from rulekit.lsp.help import HELP
from rulekit.lsp.outline import FILE_DIRECTIVES
from rulekit.patterns.pattern import Pattern, PatternError, strip_constraints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.lsp.cursor import Cursor
    from rulekit.lsp.outline import Outline, Statement, Text
    from rulekit.lsp.project import Project

# Directives and statements whose strings are files that are there before the run.
_FILES = frozenset(
    {
        "include",
        "snakefile",
        "script",
        "notebook",
        "conda",
        "configfile",
        "report",
        "template_engine",
    }
)


@frozen
class Place:
    """text[start:end] of a file; `made` is None for files that are no rule files (the first line)."""

    path: str
    start: int
    end: int
    made: Outline | None


def definition(project: Project, made: Outline, offset: int) -> list[Place]:
    """Where what stands at a place comes from."""
    cursor = under(made, offset)
    if cursor.kind == "rule":
        return _rule_places(project, made, cursor)
    if cursor.kind == "module":
        return [
            _place(outline, one)
            for outline in project.files(made.path)
            for one in outline.statements
            if one.kind == "module" and one.name == cursor.text
        ]
    if cursor.kind == "file":
        return _file_places(project, made, cursor)
    if cursor.kind == "wildcard":
        return _wildcard_places(made, cursor)
    if cursor.kind == "field" and cursor.statement is not None:
        return _field_places(made, cursor.statement, cursor.text)
    if cursor.kind == "name":
        return [
            Place(outline.path, start, end, outline)
            for outline in project.files(made.path)
            for _, name, start, end in outline.defined
            if name == cursor.text
        ][:5]
    return []


def _place(outline: Outline, statement: Statement) -> Place:
    if statement.names:
        _, start, end = statement.names[0]
        return Place(outline.path, start, end, outline)
    return Place(outline.path, statement.start, statement.start + len(statement.kind), outline)


def _rule_places(project: Project, made: Outline, cursor: Cursor) -> list[Place]:
    found: list[Place] = []
    statement = cursor.statement
    if statement is not None and statement.kind == "use" and statement.module is not None:
        # A rule of a module: it is in the module's file.
        for outline in project.files(made.path):
            for one in outline.statements:
                if one.kind == "module" and one.name == statement.module[0]:
                    found += _in_module(project, outline, one, cursor.text)
        if found:
            return found
    for outline in project.files(made.path):
        for one in outline.statements:
            if one.kind in ("rule", "checkpoint") and one.name == cursor.text:
                found.append(_place(outline, one))
            elif one.alias is not None and one.alias[0] == cursor.text:
                found.append(Place(outline.path, one.alias[1], one.alias[2], outline))
    return found


def _in_module(project: Project, outline: Outline, module: Statement, name: str) -> Iterator[Place]:
    part = module.part("snakefile")
    if part is None or not part.texts:
        return
    path = os.path.join(os.path.dirname(outline.path), part.texts[0].content)
    for other in project.with_includes(os.path.normpath(path)):
        for one in other.rules():
            if one.name == name:
                yield _place(other, one)


def _file_places(project: Project, made: Outline, cursor: Cursor) -> list[Place]:
    assert cursor.part is not None
    word = cursor.part.word
    if word in _FILES:
        for folder in (os.path.dirname(made.path), project.root):
            path = os.path.normpath(os.path.join(folder or ".", cursor.text))
            if os.path.isfile(path):
                return [Place(path, 0, 0, None)]
        return []
    found = [
        Place(rule.path, text.start, text.end, outline)
        for outline, rule, text in makers(project, made.path, cursor.text)
        if rule is not cursor.statement
    ]
    if not found and project.root is not None and "{" not in cursor.text:
        path = os.path.join(project.root, cursor.text)
        if os.path.isfile(path):
            return [Place(path, 0, 0, None)]
    return found


def makers(project: Project, path: str, file: str) -> list[tuple[Outline, Statement, Text]]:
    """The rules whose outputs can be `file`, which may have wildcards; equal patterns first."""
    plain = _without_constraints(file)
    values = _filled(plain)
    equal, fitting = [], []
    for outline in project.files(path):
        for rule in (*outline.rules(), *(one for _, one in outline.derived())):
            part = rule.part("output")
            for text in part.texts if part is not None else ():
                content = _single(text)
                if _without_constraints(content) == plain:
                    equal.append((outline, rule, text))
                elif _fits(content, values):
                    fitting.append((outline, rule, text))
    return equal or fitting


def _single(text: Text) -> str:
    """The pattern in a string, with single braces."""
    content = text.content
    return content.replace("{{", "{").replace("}}", "}") if text.doubled else content


def _without_constraints(pattern: str) -> str:
    try:
        return strip_constraints(pattern)
    except (PatternError, ValueError):
        return pattern


def _filled(pattern: str) -> str:
    try:
        made = Pattern(pattern)
        return made.fill([f"w{index}w" for index in range(len(made.names))])
    except (PatternError, ValueError, TypeError):
        return pattern


def _fits(pattern: str, file: str) -> bool:
    try:
        made = Pattern(pattern)
        # A pattern that is all wildcard says nothing about a file.
        return bool(made.prefix or made.suffix or not made.slots) and made.match(file) is not None
    except (PatternError, ValueError):
        return False


def _wildcard_places(made: Outline, cursor: Cursor) -> list[Place]:
    rule = cursor.statement
    if rule is None:
        return []
    for word in ("output", "log", "benchmark", "input"):
        part = rule.part(word)
        for text in part.texts if part is not None else ():
            for name, start, end in text.wildcards():
                if name == cursor.text:
                    return [Place(made.path, start, end, made)]
    return []


def _field_places(made: Outline, rule: Statement, field: str) -> list[Place]:
    word, _, name = field.partition(".")
    part = rule.part(word)
    if part is None:
        return []
    for text in part.texts:
        if name and text.name == name:
            return [Place(made.path, text.start, text.end, made)]
    return [Place(made.path, part.start, part.end, made)]


# Hover ----------------------------------------------------------------------------------------


def hover(project: Project, made: Outline, offset: int) -> tuple[str, int, int] | None:
    """Markdown about a place, with the place it is about."""
    cursor = under(made, offset)
    text = _about(project, made, cursor)
    return None if text is None else (text, cursor.start, cursor.end)


def _about(project: Project, made: Outline, cursor: Cursor) -> str | None:
    if cursor.kind == "rule":
        rules = [rule for rule in project.rules(made.path) if rule.name == cursor.text]
        rules += [rule for name, rule in project.derived(made.path) if name == cursor.text]
        return summary(rules[0], project.root) if rules else None
    if cursor.kind == "directive":
        return HELP.get(cursor.text)
    if cursor.kind == "file" and cursor.part is not None:
        if cursor.part.word not in FILE_DIRECTIVES:
            return None
        lines = []
        rule = cursor.statement
        if cursor.part.word == "input":
            for _, maker, text in makers(project, made.path, cursor.text)[:5]:
                name = maker.alias[0] if maker.alias is not None else maker.name
                lines.append(f"made by rule `{name}` as `{_single(text)}`")
            if not lines:
                lines.append("no rule makes this: it has to be there")
        elif rule is not None:
            users = _users(project, made.path, cursor.text)
            lines += [f"used by rule `{name}`" for name in users[:8]]
            names = rule.wildcards()
            if names:
                lines.append("wildcards: " + ", ".join(f"`{name}`" for name in names))
        return "\n\n".join(lines) or None
    if cursor.kind == "wildcard" and cursor.statement is not None:
        return _about_wildcard(project, made, cursor.text, cursor.statement)
    if cursor.kind == "field" and cursor.statement is not None:
        word, _, name = cursor.text.partition(".")
        part = cursor.statement.part(word)
        if part is None:
            return HELP.get(word)
        chosen = [text for text in part.texts if not name or text.name == name]
        return "\n\n".join(f"`{_single(text)}`" for text in chosen) or None
    return None


def _users(project: Project, path: str, file: str) -> list[str]:
    """The rules that have a file, or one that fits the pattern, as input."""
    plain = _without_constraints(file)
    found: dict[str, None] = {}
    for rule in project.rules(path):
        part = rule.part("input")
        for text in part.texts if part is not None else ():
            content = _single(text)
            if _without_constraints(content) == plain or _fits(plain, _filled(content)):
                found[rule.name or "without a name"] = None
    return list(found)


def _about_wildcard(project: Project, made: Outline, name: str, rule: Statement) -> str:
    import re

    constraint = None
    written = re.compile(r"\{" + name + r"\s*,\s*((?:[^{}]|\{\d+(?:,\d*)?\})+)\}")
    for part in rule.parts:
        for text in part.texts:
            found = written.search(text.content)
            if found is not None:
                constraint = found[1]
    statements = [rule] + [
        one
        for outline in project.files(made.path)
        for one in outline.statements
        if one.kind == "wildcard_constraints"
    ]
    for one in statements:
        part_of = one.part("wildcard_constraints")
        for text in part_of.texts if part_of is not None and constraint is None else ():
            if text.name == name:
                constraint = text.content
    where = f"wildcard `{name}` of rule `{rule.name}`"
    if constraint is None:
        return f"{where}: any text (`.+`)"
    return f"{where}: matches `{constraint}`"


def summary(rule: Statement, root: str | None) -> str:
    """A rule in a few lines of markdown."""
    if rule.alias is not None:
        module = f" of module `{rule.module[0]}`" if rule.module is not None else ""
        lines = [f"**rule {rule.alias[0]}**", f"made of rule `{rule.name}`{module}"]
    else:
        lines = [f"**{rule.kind} {rule.name or ''}**".replace(" **", "**")]
    if rule.docstring:
        lines.append(rule.docstring)
    for part in rule.parts:
        if part.word in FILE_DIRECTIVES and part.texts:
            shown = ", ".join(f"`{_single(text)}`" for text in part.texts[:6])
            lines.append(f"{part.word}: {shown}" + (" …" if len(part.texts) > 6 else ""))
    if rule.wildcards():
        lines.append("wildcards: " + ", ".join(f"`{name}`" for name in rule.wildcards()))
    folder = root or os.path.dirname(rule.path)
    lines.append(f"in {os.path.relpath(rule.path, folder)}")
    return "\n\n".join(lines)
