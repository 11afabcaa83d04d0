"""What a place in a rule file is about."""

from __future__ import annotations

import re

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.lsp.outline import Outline, Part, Statement, Text

_DOTTED = re.compile(r"[^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)*")


@frozen
class Cursor:
    """A place and what is around it.

    kind: ``rule`` (the name of a rule, or a reference to one), ``module``, ``wildcard``, ``file`` (a
    string that is a path), ``directive``, ``field`` (``{input.reads}`` in a command), ``name`` (a
    word of Python), ``nothing``. `text` is the name, path or word; text[start:end] is its place.
    """

    kind: str
    text: str
    start: int
    end: int
    statement: Statement | None
    part: Part | None
    string: Text | None


def under(made: Outline, offset: int) -> Cursor:
    """What stands at (or ends at) an offset."""
    statement = made.at(offset)
    inside = statement is not None and offset <= statement.end
    if statement is None or not inside:
        return _word(made, offset, None, None)
    for name, start, end in statement.names:
        if start <= offset <= end:
            kind = "module" if statement.kind == "module" else "rule"
            return Cursor(kind, name, start, end, statement, None, None)
    if statement.alias is not None and statement.alias[1] <= offset <= statement.alias[2]:
        return Cursor("rule", *statement.alias, statement, None, None)
    if statement.module is not None and statement.module[1] <= offset <= statement.module[2]:
        return Cursor("module", *statement.module, statement, None, None)
    for part in statement.parts:
        if part.start <= offset <= part.end:
            return Cursor("directive", part.word, part.start, part.end, statement, part, None)
        if part.value_start <= offset <= part.value_end:
            for string in part.texts:
                if string.start <= offset <= string.end:
                    return _in_string(made, offset, statement, part, string)
            return _word(made, offset, statement, part)
    if statement.start <= offset <= statement.start + len(statement.kind):
        end = statement.start + len(statement.kind)
        return Cursor("directive", statement.kind, statement.start, end, statement, None, None)
    return _word(made, offset, statement, None)


_COMMANDS = frozenset({"shell", "message", "run"})


def _in_string(
    made: Outline, offset: int, statement: Statement, part: Part, string: Text
) -> Cursor:
    if part.word in _COMMANDS:
        return _in_command(made, offset, statement, part, string)
    for name, start, end in string.wildcards():
        if start - 1 <= offset <= end + 1:
            return Cursor("wildcard", name, start, end, statement, part, string)
    if "\n" in string.content or not string.content:
        return Cursor("nothing", "", offset, offset, statement, part, string)
    end = string.begin + len(string.content)
    return Cursor("file", string.content, string.begin, end, statement, part, string)


_FIELD = re.compile(r"(?<!\{)\{(?:\{\{)*\s*([^\W\d]\w*)(?:\.([^\W\d]\w*)|\[['\"]?(\w+)['\"]?\])?")


def _in_command(
    made: Outline, offset: int, statement: Statement, part: Part, string: Text
) -> Cursor:
    for found in _FIELD.finditer(string.content):
        start, end = string.begin + found.start(1), string.begin + found.end()
        if not start <= offset <= end:
            continue
        if found[1] == "wildcards" and found[2]:
            at = string.begin + found.start(2)
            return Cursor("wildcard", found[2], at, at + len(found[2]), statement, part, string)
        text = f"{found[1]}.{found[2]}" if found[2] else found[1]
        return Cursor("field", text, start, end, statement, part, string)
    return Cursor("nothing", "", offset, offset, statement, part, string)


def _word(made: Outline, offset: int, statement: Statement | None, part: Part | None) -> Cursor:
    """A word of Python; `rules.NAME` is a reference to a rule, `wildcards.NAME` to a wildcard."""
    line = made.source.line(offset)
    begin = made.source.line_start(line)
    row = made.source.line_text(line) or ""
    for found in _DOTTED.finditer(row):
        if not begin + found.start() <= offset <= begin + found.end():
            continue
        at = begin + found.start()
        words = re.split(r"\s*\.\s*", found[0])
        second = re.search(r"\.\s*([^\W\d]\w*)", found[0])
        if second is not None and words[0] in ("rules", "checkpoints", "wildcards", "wc", "w"):
            start, end = at + second.start(1), at + second.end(1)
            kind = "rule" if words[0] in ("rules", "checkpoints") else "wildcard"
            if offset <= end:
                return Cursor(kind, words[1], start, end, statement, part, None)
        for piece in re.finditer(r"[^\W\d]\w*", found[0]):
            if at + piece.start() <= offset <= at + piece.end():
                start, end = at + piece.start(), at + piece.end()
                return Cursor("name", piece[0], start, end, statement, part, None)
    return Cursor("nothing", "", offset, offset, statement, part, None)
