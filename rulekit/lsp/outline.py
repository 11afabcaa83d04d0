"""What a rule file says as far as it can be read: for files that are just being written.

Nothing here raises for broken text. Offsets count characters of the text with ``\\n`` line ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from rulekit.frozen import frozen
from rulekit.syntax.lexer import Lexer
from rulekit.syntax.scanner import scan, string_end
from rulekit.syntax.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.syntax.lexer import LexedStatement, Token

FILE_DIRECTIVES = ("input", "output", "log", "benchmark")
_FIELD = re.compile(r"(\{+)([^\W\d]\w*)(?=[},])")
_NAMED = re.compile(r"([^\W\d]\w*)\s*=\s*(?:[^\W\d][\w.]*\(\s*)*\Z")
_EXPAND = re.compile(r"(?:expand|collect|multiext)\s*\([^()]*\Z")
_PREFIX = re.compile(r"[rRbBfFuUtT]{0,2}\Z")
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(def|class)[ \t]+([^\W\d]\w*)", re.MULTILINE)


@frozen
class Text:
    """A string in a value: text[start:end] with its quotes, `begin` is the first character of what
    is in it. `name` is the argument it is given to; `doubled`: wildcards have double braces."""

    start: int
    end: int
    begin: int
    content: str
    name: str | None
    doubled: bool

    def wildcards(self) -> Iterator[tuple[str, int, int]]:
        """Each wildcard with the place of its name."""
        for found in _FIELD.finditer(self.content):
            if len(found[1]) == (2 if self.doubled else 1):
                yield found[2], self.begin + found.start(2), self.begin + found.end(2)


@frozen
class Part:
    """A directive, or the value of a statement. `value_end` is `value_start` if there is none."""

    word: str
    start: int
    end: int
    value_start: int
    value_end: int
    texts: tuple[Text, ...]


@frozen
class Statement:
    """A statement of the language: `kind` is its keyword, ``use`` for ``use rule``.

    `names` are the names in its header with their places, for a rule its name (if it has one), for
    ``ruleorder`` and ``localrules`` those listed. `module` is what ``use rule`` takes them from,
    `pattern` what it calls them; `alias` is that, with its place, if it is one name.
    """

    kind: str
    path: str
    start: int
    end: int
    names: tuple[tuple[str, int, int], ...]
    parts: tuple[Part, ...]
    module: tuple[str, int, int] | None = None
    pattern: str | None = None
    docstring: str | None = None
    alias: tuple[str, int, int] | None = None

    @property
    def name(self) -> str | None:
        """The name of a rule, checkpoint or module."""
        return self.names[0][0] if self.names else None

    def part(self, word: str) -> Part | None:
        """The first directive of that name."""
        return next((part for part in self.parts if part.word == word), None)

    def wildcards(self) -> tuple[str, ...]:
        """The wildcards of a rule: those of its outputs, else of its inputs."""
        for words in (("output",), ("log", "benchmark"), ("input",)):
            found: dict[str, None] = {}
            for part in self.parts:
                if part.word in words:
                    for text in part.texts:
                        found.update((name, None) for name, _, _ in text.wildcards())
            if found:
                return tuple(found)
        return ()


@frozen
class Outline:
    """One file. `defined` are functions and classes: kind, name, place of the name."""

    path: str
    source: Source
    statements: tuple[Statement, ...]
    defined: tuple[tuple[str, str, int, int], ...]

    @property
    def text(self) -> str:
        """The text with ``\\n`` line ends."""
        return self.source.text

    def at(self, offset: int) -> Statement | None:
        """The statement around a place; between statements, the one before it."""
        starts = [statement.start for statement in self.statements]
        index = bisect_right(starts, offset) - 1
        return self.statements[index] if index >= 0 else None

    def rules(self) -> Iterator[Statement]:
        """Rules and checkpoints."""
        return (one for one in self.statements if one.kind in ("rule", "checkpoint"))

    def derived(self) -> Iterator[tuple[str, Statement]]:
        """Names that ``use rule ... as NAME`` gives, with the statement."""
        return ((one.alias[0], one) for one in self.statements if one.alias is not None)


def outline(text: str, path: str) -> Outline:
    """Read what can be read of a text."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text, path)
    lines, _ = scan(text)
    lexer = Lexer(source, lines)
    lexer.run()
    statements = []
    for lexed in lexer.statements:
        statements.append(_statement(source, path, lexed))
    defined = tuple((found[1], found[2], *found.span(2)) for found in _DEFINED.finditer(text))
    return Outline(path, source, tuple(statements), defined)


def _statement(source: Source, path: str, lexed: LexedStatement) -> Statement:
    text = source.text
    tokens = lexed.tokens
    first = tokens[0]
    kind = text[first.start : first.end]
    colon = next((i for i, token in enumerate(tokens) if token.type == "_COLON"), len(tokens))
    names: list[tuple[str, int, int]] = []
    module = None
    pattern = None
    alias = None
    before = ""
    for token in tokens[1:] if first.type in ("RULEORDER", "LOCALRULES") else tokens[1:colon]:
        if token.type == "NAME":
            entry = (text[token.start : token.end], token.start, token.end)
            if before == "_FROM":
                module = entry
            elif before == "_AS":
                pattern, alias = entry[0], entry
            else:
                names.append(entry)
        elif token.type == "NAME_PATTERN":
            pattern = text[token.start : token.end]
        if token.type not in ("_COMMA", "_GREATER"):
            before = token.type if token.type != "NAME" else before
    docstring = None
    parts: list[Part] = []
    at = colon + 1
    while at < len(tokens):
        token = tokens[at]
        if token.type == "DOCSTRING" and docstring is None:
            docstring = text[token.start : token.end].strip("rRuUbB\"'").strip()
        elif token.type in ("DIRECTIVE", "ACTION", "RUN"):
            value = next((t for t in tokens[at + 1 : at + 3] if t.type in ("VALUE", "BODY")), None)
            parts.append(_part(text, token, value))
        at += 1
    if first.type in ("STATEMENT", "STORAGE", "HOOK"):
        value = next((t for t in tokens if t.type in ("VALUE", "BODY")), None)
        parts.append(_part(text, first, value))
    end = max(token.end for token in tokens)
    return Statement(
        kind, path, first.start, end, tuple(names), tuple(parts), module, pattern, docstring, alias
    )


def _part(text: str, word: Token, value: Token | None) -> Part:
    keyword = text[word.start : word.end]
    if value is None:
        return Part(keyword, word.start, word.end, word.end, word.end, ())
    texts = () if value.type == "BODY" else tuple(strings(text, value.start, value.end))
    return Part(keyword, word.start, word.end, value.start, value.end, texts)


def strings(text: str, start: int, end: int) -> Iterator[Text]:
    """The strings in text[start:end], whatever stands around them."""
    at = start
    while at < end:
        char = text[at]
        if char == "#":
            line_end = text.find("\n", at)
            at = end if line_end < 0 else line_end
        elif char in "\"'":
            stop = string_end(text, at)
            if stop < 0 or stop > end:
                line_end = text.find("\n", at)
                stop = end if line_end < 0 else min(line_end, end)
            width = 3 if text[at : at + 3] in ('"""', "'''") and stop - at >= 6 else 1
            before = text[start:at]
            prefix = _PREFIX.search(before)
            assert prefix is not None
            before = before[: prefix.start()][-300:]
            named = _NAMED.search(before)
            doubled = "f" in prefix[0].lower() or _EXPAND.search(before) is not None
            content = text[at + width : max(at + width, stop - width)]
            name = named[1] if named else None
            yield Text(at - len(prefix[0]), stop, at + width, content, name, doubled)
            at = stop
        at += char not in "\"'"
