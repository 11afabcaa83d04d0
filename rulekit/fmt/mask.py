"""A rule file as plain Python that a formatter can lay out: every statement gets a stand-in.

    rule a:                          class ʀule:
        "Words."                         +"Words."
        input: "x", y="z"                ʀnput("x", y="z",
                                     )
        threads: 4                       ʀhreads(4)
        run:                             if ʀun:
            body                             body
    include: "b.smk"                 ʀnclude("b.smk")
    use rule * from m                ʀse

A comma behind the last value makes the formatter put each value on a line of its own. The stand-ins
are as wide as what they stand for, so that what fits on a line is judged rightly. They come back
in the same order: `Masked.parts` has one entry for each. See `rulekit.fmt.unmask`.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right

from rulekit.errors.tree import RulekitError
from rulekit.fmt.strings import Chain, chains
from rulekit.fmt.words import INLINE, INLINE_STATEMENTS, MARKS, SINGLE
from rulekit.frozen import frozen
from rulekit.syntax.lexer import Lexer
from rulekit.syntax.pythontext import FAILURES
from rulekit.syntax.scanner import scan
from rulekit.syntax.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.syntax.lexer import LexedStatement, Token

_SKIP = re.compile(r"#\s*fmt:\s*skip\b")


@frozen
class Part:
    """One stand-in. kind: ``block`` | ``empty`` (a block without a body) | ``run`` | ``call`` |
    ``line`` (no value at all) | ``raw`` (text that stays as it is) | ``docstring``.

    `text` is what stands before the colon, or the whole of it; `single`: one value, no comma.
    """

    kind: str
    text: str
    single: bool = False


@frozen
class Masked:
    """Plain Python, the `mark` all stand-ins begin with, and what they stand for, in order."""

    text: str
    mark: str
    parts: tuple[Part, ...]
    chains: tuple[Chain, ...]


class _Masker:
    def __init__(self, source: Source, mark: str) -> None:
        self.source = source
        self.text = source.text
        self.mark = mark
        self.lines, _ = scan(self.text)
        self.firsts = [line.first for line in self.lines]
        self.edits: list[tuple[int, int, str]] = []
        self.parts: list[tuple[int, Part]] = []
        self.chains: list[Chain] = []

    def stand_in(self, word: str) -> str:
        return self.mark + word[1:].replace(" ", "_")

    def statement(self, lexed: LexedStatement) -> None:
        tokens = lexed.tokens
        first = tokens[0]
        kind = first.type
        if kind in ("STATEMENT", "STORAGE", "RULEORDER", "LOCALRULES"):
            self.simple(tokens)
            return
        colon = next((i for i, token in enumerate(tokens) if token.type == "_COLON"), None)
        if colon is None:
            header = self.header(tokens)
            self.edits.append((first.start, tokens[-1].end, self.stand_in(header[:3])))
            self.parts.append((first.start, Part("line", header)))
            return
        header = self.header(tokens[:colon])
        empty = colon == len(tokens) - 1
        new = f"class {self.stand_in(self.word(first))}:"
        if empty:
            new += " ..."
        self.parts.append((first.start, Part("empty" if empty else "block", header)))
        end = tokens[colon].end
        self.edits.append((first.start, end, new))
        if empty or kind == "HOOK":
            return
        if self.source.line(tokens[colon + 1].start) == self.source.line(end):
            gap = tokens[colon + 1].start
            before = self.text[self.source.line_start(self.source.line(first.start)) : first.start]
            if before.strip(" \t\f"):
                before = ""
            self.edits.append((end, gap, f"\n{before} "))
        self.body(tokens[colon + 1 :])

    def header(self, tokens: list[Token]) -> str:
        out = ""
        for token in tokens:
            word = self.word(token)
            out += word if not out or word == "," else f" {word}"
        return out

    def word(self, token: Token) -> str:
        return self.text[token.start : token.end]

    def body(self, tokens: list[Token]) -> None:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "DOCSTRING":
                self.edits.append((token.start, token.start, "+"))
                self.parts.append((token.start, Part("docstring", "")))
                at += 1
                continue
            value = None
            if at + 2 < len(tokens) and tokens[at + 2].type in ("VALUE", "BODY"):
                value = tokens[at + 2]
            colon = tokens[at + 1]
            if token.type == "RUN":
                new = f"if {self.stand_in('run')}:"
                self.edits.append((token.start, colon.end, new))
                self.parts.append((token.start, Part("run", "run")))
            else:
                word = self.word(token)
                self.directive(token, colon.end, value, word, inline=word in INLINE)
            at += 2 if value is None else 3

    def simple(self, tokens: list[Token]) -> None:
        """A statement that takes values, or names."""
        colon = next(i for i, token in enumerate(tokens) if token.type == "_COLON")
        header = self.header(tokens[:colon])
        rest = tokens[colon + 1 :]
        if any(token.type == "NAME" and _is_python(self.word(token)) for token in rest):
            self.edits.append((tokens[0].start, tokens[-1].end, self.stand_in("raw")))
            self.parts.append(
                (tokens[0].start, Part("raw", self.text[tokens[0].start : tokens[-1].end]))
            )
            return
        value = None
        if rest:
            value = type(rest[0])("VALUE", rest[0].start, rest[-1].end)
        word = self.word(tokens[0])
        inline = word in INLINE_STATEMENTS
        self.directive(tokens[0], tokens[colon].end, value, header, inline=inline)

    def directive(
        self, word: Token, after_colon: int, value: Token | None, header: str, *, inline: bool
    ) -> None:
        """``header: values`` becomes a call."""
        keyword = self.word(word)
        end = after_colon if value is None else value.end
        behind, closing = self.behind(end, self.column(word.start))
        if value is not None and _SKIP.search(self.text, end, self.line_end(end)):
            self.edits.append((word.start, end, self.stand_in("raw")))
            self.parts.append((word.start, Part("raw", self.text[word.start : end])))
            return
        self.parts.append((word.start, Part("call", header, keyword in SINGLE)))
        self.edits.append((word.start, after_colon, self.stand_in(header) + "("))
        if value is None:
            close = "\n)" if closing > behind else ")"
            at = closing if closing > behind else end
            self.edits.append((at, at, close))
            return
        found = chains(self.text, value.start, value.end)
        self.chains += found
        for chain in found:
            self.edits.append((chain.start, chain.end, self.mark * 2))
        comma = self.text[end - 1] == ","
        names = keyword in ("ruleorder", "localrules")
        if inline and not found and closing == behind:
            if comma and not names:
                self.edits.append((end - 1, end, ""))
            self.edits.append((end, end, ")"))
            return
        if not comma and not names:
            if self.is_generator(value):
                self.edits.append((value.start, value.start, "("))
                self.edits.append((end, end, ")"))
            self.edits.append((end, end, ","))
        self.edits.append((closing, closing, "\n)"))

    def is_generator(self, value: Token) -> bool:
        """Whether the value is a generator without brackets, which cannot have a comma."""
        text = self.word(value)
        if " for " not in text and "\n" not in text:
            return False
        try:
            ast.parse(f"f({text},\n)")
        except FAILURES:
            return True
        return False

    # Places ----------------------------------------------------------------------------------

    def column(self, at: int) -> int:
        """The column at which the line that holds `at` is indented."""
        line = self.text[self.source.line_start(self.source.line(at)) : at]
        return _column(line[: len(line) - len(line.lstrip(" \t\f"))])

    def line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def behind(self, end: int, column: int) -> tuple[int, int]:
        """The end of the line of `end`, and of the last comment line below that is indented deeper
        than `column`: those belong to the values."""
        index = bisect_right(self.firsts, end - 1)
        stop = self.firsts[index] if index < len(self.firsts) else len(self.text)
        behind = last = self.line_end(end)
        at = behind
        while at < stop:
            start = at + 1
            at = self.line_end(start)
            line = self.text[start:at]
            comment = line.lstrip(" \t\f")
            if comment.startswith("#"):
                if _column(line[: len(line) - len(comment)]) <= column:
                    break
                last = at
            elif comment:
                break
        return behind, last


def mask(text: str, path: str, docstrings: list[tuple[int, int]]) -> Masked:
    """The stand-in for a rule file that can be parsed. `docstrings`: places (line, column in
    characters, from 1) of strings that must not be touched though Python knows them as docstrings.
    """
    mark = next((mark for mark in MARKS if mark not in text), None)
    if mark is None:
        raise RulekitError(f"`{path}` has letters that the formatter needs", code="RK0161")
    source = Source(text, path)
    masker = _Masker(source, mark)
    lexer = Lexer(source, masker.lines)
    lexer.run()
    for lexed in lexer.statements:
        masker.statement(lexed)
    for line, column in docstrings:
        at = source.offset(line, column)
        masker.edits.append((at, at, "+"))
        masker.parts.append((at, Part("docstring", "")))
    # Several edits may stand at one place; their order there is that of their making.
    edits = sorted(enumerate(masker.edits), key=lambda e: (e[1][0], e[1][1], e[0]))
    out: list[str] = []
    at = 0
    for _, (start, end, new) in edits:
        if start < at:
            raise RulekitError(f"`{path}` cannot be laid out", code="RK0161")
        out.append(text[at:start])
        out.append(new)
        at = end
    out.append(text[at:])
    parts = [part for _, part in sorted(masker.parts, key=lambda pair: pair[0])]
    return Masked("".join(out), mark, tuple(parts), tuple(masker.chains))


def _is_python(word: str) -> bool:
    import keyword

    return keyword.iskeyword(word)


def _column(indent: str) -> int:
    column = 0
    for char in indent:
        column = (column // 8 + 1) * 8 if char == "\t" else column + 1
    return column
