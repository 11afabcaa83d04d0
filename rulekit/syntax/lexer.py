"""Logical lines → the tokens of each statement of the language, and edits of the text.

The lexer knows only what lines and indentation tell: where a statement, a directive, a value
or a body begins and ends. Whether the tokens of a statement stand in a legal order is the
grammar's business. Beside the tokens it writes down the *edits* that turn the text into plain
Python with holes (`rulekit.syntax.holes`).
"""

from __future__ import annotations

import re

from rulekit.errors.diagnostic import Diagnostic, Label, closest
from rulekit.syntax import holes
from rulekit.syntax.keywords import (
    MODULE_DIRECTIVES,
    RULE_DIRECTIVES,
    STATEMENT_TOKENS,
    SUBWORKFLOW_DIRECTIVES,
    WITH_DIRECTIVES,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.syntax.holes import Edit
    from rulekit.syntax.scanner import Line
    from rulekit.syntax.source import Source


class Token:
    """A token: its type in the grammar, and text[start:end]."""

    __slots__ = ("end", "start", "type")

    def __init__(self, type: str, start: int, end: int) -> None:  # noqa: A002  Lark's word
        self.type = type
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.start}, {self.end})"


class LexedStatement:
    """The tokens of one statement, its header's end and its edits.

    `line` is the first line's number; `broken` means that a diagnostic was already given.
    """

    __slots__ = ("broken", "edits", "header_end", "inline_run", "tokens")

    def __init__(self, first: Token) -> None:
        self.tokens = [first]
        self.edits: list[Edit] = []
        self.header_end = first.end
        self.inline_run = False
        self.broken = False


# No possessive loop over more than one character: see `rulekit.syntax.scanner`.
_GAP = r"[ \t\f]*+(?:\\\n[ \t\f]*+)*"
# A word of the language counts as one unless the rest of the line can only be Python:
# `storage = 1`, `rule.x`, `report(...)`, `module in y`, `use` alone.
_STATEMENT = re.compile(
    rf"({'|'.join(sorted(STATEMENT_TOKENS, key=len, reverse=True))})\b"
    rf"{_GAP}(?:(:)(?!=)|(?!(?:in|is|and|or|if|not|else)\b)(?=[\w\"'{{$?]|![^=]))"
)
_ITEM = re.compile(r"(?:[rRuUbBfFtT]{0,2}(['\"])|([^\W\d]\w*))")
_COLON_AHEAD = re.compile(rf"{_GAP}(:)(?!=)")
_GAPS = re.compile(_GAP)
_HEADER_TOKEN = re.compile(
    rf"{_GAP}(?:(?P<colon>:)|(?P<comma>,)|(?P<word>[\w*]+)"
    r"|(?P<other>[^\s\\]|\\(?!\n)))"
)
_VALUE_NAME = re.compile(r"(?:\s++|\\\n|\#[^\n]*+)*(?:([^\W\d]\w*)|([,>])|([^\s\\#]|\\(?!\n)))")
_ANY_CLASS = re.compile(r"^[ \t]*class\b", re.MULTILINE)
_CLASS_OR_DEF = re.compile(r"(class|def|async\s+def)\b")
_ANNOTATION = re.compile(rf"{_GAP}(?![rRbBuUfF]{{1,2}}[\"'])[^\W\d]")
_USE_WORDS = {
    "rule": "_USE_RULE",
    "from": "_FROM",
    "as": "_AS",
    "exclude": "_EXCLUDE",
    "with": "_WITH",
}
_PYTHON_WORDS = frozenset(
    ("if", "for", "while", "with", "try", "def", "class", "import", "from", "return", "del")
)


class Lexer:
    """Turns the logical lines of one file into `statements` and `diagnostics`."""

    def __init__(self, source: Source, lines: list[Line]) -> None:
        self.source = source
        self.text = source.text
        self.lines = lines
        self.statements: list[LexedStatement] = []
        self.diagnostics: list[Diagnostic] = []

    def run(self) -> None:
        """Find all statements."""
        text = self.text
        lines = self.lines
        match = _STATEMENT.match
        index = 0
        size = len(lines)
        # The `class` and `def` statements that may hold the line at hand: (column, is class).
        owners: list[tuple[int, bool]] | None = [] if _ANY_CLASS.search(text) is not None else None
        while index < size:
            line = lines[index]
            found = match(text, line.first)
            if owners is not None:
                while owners and owners[-1][0] >= line.column:
                    owners.pop()
                owner = _CLASS_OR_DEF.match(text, line.first)
                if owner is not None:
                    owners.append((line.column, owner[1] == "class"))
                elif found is not None and owners and owners[-1][1] and _is_field(text, found):
                    found = None
            if found is None:
                index += 1
            else:
                index = self._statement(index, found)

    # One statement ---------------------------------------------------------------------------

    def _statement(self, index: int, found: re.Match[str]) -> int:
        """Lex the statement that begins on line `index`; the index of the line behind it."""
        word = found[1]
        kind = STATEMENT_TOKENS[word]
        first = Token(kind, *found.span(1))
        statement = LexedStatement(first)
        self.statements.append(statement)
        if kind in ("STATEMENT", "STORAGE"):
            return self._simple(index, statement, found)
        if kind in ("RULEORDER", "LOCALRULES"):
            return self._name_list(index, statement, found)
        if kind == "HOOK":
            return self._hook(index, statement, found)
        return self._block(index, statement)

    def _colon(self, statement: LexedStatement, found: re.Match[str]) -> int:
        """Add the colon that `found` saw, if any; the offset at which the value may begin."""
        at = found.end(1)
        if found[2] is not None:
            at = found.end(2)
            statement.tokens.append(Token("_COLON", at - 1, at))
        return at

    def _simple(self, index: int, statement: LexedStatement, found: re.Match[str]) -> int:
        at = self._colon(statement, found)
        if found[2] is None and statement.tokens[0].type == "STORAGE":
            at = self._header(index, statement, at)
        colon = statement.tokens[-1]
        has_colon = colon.type == "_COLON"
        statement.header_end = colon.start if has_colon else at
        after, start, end = self._value(index, at)
        if end >= 0:
            statement.tokens.append(Token("VALUE", start, end))
        if not has_colon:
            return self._dropped(after, statement)
        statement.edits = holes.call(
            self.text, statement.tokens[0].end, colon.start, end if end >= 0 else colon.end
        )
        return after

    def _name_list(self, index: int, statement: LexedStatement, found: re.Match[str]) -> int:
        at = self._colon(statement, found)
        statement.header_end = found.end(1)
        after, start, end = self._value(index, at)
        stop = end if end >= 0 else at
        while end >= 0:
            name = _VALUE_NAME.match(self.text, start, end)
            if name is None:
                break
            start = name.end()
            if name[1] is not None:
                statement.tokens.append(Token("NAME", *name.span(1)))
            elif name[2] is not None:
                statement.tokens.append(
                    Token("_COMMA" if name[2] == "," else "_GREATER", *name.span(2))
                )
            else:
                what = "a > b > c" if statement.tokens[0].type == "RULEORDER" else "a, b, c"
                self._report(
                    statement,
                    "RK0205",
                    f"`{self.text[slice(*found.span(1))]}` takes names of rules",
                    *name.span(3),
                    "not the name of a rule",
                    help_=f"write `{found[1]}: {what}`, without quotes",
                )
                break
        statement.edits = holes.nothing(self.text, statement.tokens[0].start, stop)
        return after

    def _hook(self, index: int, statement: LexedStatement, found: re.Match[str]) -> int:
        at = self._colon(statement, found)
        statement.header_end = found.end(1)
        after, start, end = self._value(index, at)
        if end >= 0:
            statement.tokens.append(Token("BODY", start, end))
        if found[2] is None:
            return self._dropped(after, statement)
        statement.edits = holes.header(self.text, statement.tokens[0].start, at, empty=end < 0)
        return after

    def _block(self, index: int, statement: LexedStatement) -> int:
        """A statement with a header and, behind a colon, a body of directives."""
        first = statement.tokens[0]
        at = self._header(index, statement, first.end)
        kind = first.type
        has_colon = statement.tokens[-1].type == "_COLON"
        if not has_colon:
            statement.header_end = statement.tokens[-1].end
            if kind == "USE" and self._body_end(index) == index + 1:
                statement.edits = holes.nothing(self.text, first.start, self.lines[index].end)
                return index + 1
            # Read the body all the same: it may hold mistakes of its own.
        else:
            statement.header_end = statement.tokens[-1].start
        if kind == "RULE":
            table: Mapping[str, str] = RULE_DIRECTIVES
        elif kind == "USE":
            table = WITH_DIRECTIVES
        elif kind == "MODULE":
            table = MODULE_DIRECTIVES
        else:
            table = SUBWORKFLOW_DIRECTIVES
        line = self.lines[index]
        body: list[Edit] = []
        gap = _GAPS.match(self.text, at, line.end)
        start = gap.end() if gap is not None else at
        empty = True
        docstring_end = -1
        if has_colon and start < line.end:
            after = self._item(index, start, statement, table, body, inline=True)
            last = statement.tokens[-1]
            if last.type == "DOCSTRING":
                docstring_end = last.end
            else:
                empty = False
        else:
            after = index + 1
        lines = self.lines
        size = len(lines)
        column = line.column
        while after < size and lines[after].column > column:
            empty = False
            after = self._item(after, lines[after].first, statement, table, body, inline=False)
        if statement.broken or not has_colon:
            return self._dropped(after, statement)
        if docstring_end >= 0:
            statement.edits = holes.documented(
                self.text, first.start, at, docstring_end, empty=empty
            )
        else:
            statement.edits = holes.header(self.text, first.start, at, empty=empty)
        if statement.inline_run:
            # `rule a: run: x`: the colon of the outer header gives way to that of `run`.
            colon = next(t for t in statement.tokens[::-1] if t.type == "_COLON")
            statement.edits = holes.header(self.text, first.start, colon.end, empty=False)
        else:
            statement.edits += body
        return after

    def _header(self, index: int, statement: LexedStatement, at: int) -> int:
        """The tokens up to the colon or the line's end; the offset behind them."""
        tokens = statement.tokens
        kind = tokens[0].type
        end = self.lines[index].end
        match = _HEADER_TOKEN.match
        while True:
            found = match(self.text, at, end)
            if found is None:
                return at
            what = found.lastgroup
            assert what is not None
            start, at = found.span(what)
            text = found[what]
            if what == "colon":
                tokens.append(Token("_COLON", start, at))
                return at
            if what == "word" and kind == "USE" and text.replace("*", "a").isidentifier():
                if "*" in text:
                    tokens.append(Token("STAR" if text == "*" else "NAME_PATTERN", start, at))
                elif text in _USE_WORDS and (text != "rule" or len(tokens) == 1):
                    tokens.append(Token(_USE_WORDS[text], start, at))
                else:
                    tokens.append(Token("NAME", start, at))
            elif what == "comma" and kind == "USE":
                tokens.append(Token("_COMMA", start, at))
            elif what == "word" and len(tokens) == 1 and text.isidentifier():
                tokens.append(Token("NAME", start, at))
            else:
                self._bad_header(statement, start, end)
                # Go on behind the colon that ends the header, if there is one.
                colon = self.text.rfind(":", start, end)
                if colon < 0:
                    return end
                tokens.append(Token("_COLON", colon, colon + 1))
                return colon + 1

    def _bad_header(self, statement: LexedStatement, start: int, end: int) -> None:
        first = statement.tokens[0]
        word = self.text[first.start : first.end]
        colon = self.text.rfind(":", start, end)
        name_start = statement.tokens[1].start if len(statement.tokens) > 1 else start
        stop = colon if colon >= 0 else end
        stop = name_start + len(self.text[name_start:stop].rstrip())
        if first.type == "USE":
            name_start = start
            stop = start + len(self.text[start:stop].split(None, 1)[0])
            message = "this is not a `use rule` statement"
            help_ = "write `use rule a, b from module as new_*`, with `with:` to change directives"
        else:
            message = f"this is not a name for a {_NOUNS.get(word, word)}"
            help_ = "a name has letters, digits and underscores, and does not begin with a digit"
        self._report(statement, "RK0205", message, name_start, stop, "", help_=help_)

    # The parts of a body ---------------------------------------------------------------------

    def _item(
        self,
        index: int,
        at: int,
        statement: LexedStatement,
        table: Mapping[str, str],
        edits: list[Edit],
        *,
        inline: bool,
    ) -> int:
        """One directive or docstring at offset `at` of line `index`; the line behind it."""
        text = self.text
        line = self.lines[index]
        found = _ITEM.match(text, at, line.end)
        word = None if found is None else found[2]
        if found is not None and found[1] is not None:
            end = self.lines[index].end
            statement.tokens.append(Token("DOCSTRING", at, end))
            return index + 1
        kind = None if word is None else table.get(word)
        colon = None if found is None else _COLON_AHEAD.match(text, found.end(), line.end)
        if word is None or kind is None:
            return self._no_directive(index, at, statement, table, word, colon is not None)
        assert found is not None
        tokens = statement.tokens
        tokens.append(Token(kind, at, found.end()))
        if colon is not None:
            after_colon = colon.end()
            tokens.append(Token("_COLON", after_colon - 1, after_colon))
        else:
            after_colon = found.end()
            if _python_follows(text, after_colon, line.end):
                tokens.pop()
                return self._no_directive(index, at, statement, table, word, False)
        after, start, end = self._value(index, after_colon)
        if end >= 0:
            tokens.append(Token("BODY" if kind == "RUN" else "VALUE", start, end))
        if colon is None:
            edits += holes.nothing(text, at, end if end >= 0 else after_colon)
        elif kind == "RUN":
            if inline:
                statement.inline_run = True
            else:
                edits += holes.header(text, at, after_colon, empty=end < 0)
        else:
            edits += holes.call(
                text, found.end(), after_colon - 1, end if end >= 0 else after_colon
            )
        return after

    def _no_directive(
        self,
        index: int,
        at: int,
        statement: LexedStatement,
        table: Mapping[str, str],
        word: str | None,
        colon: bool,
    ) -> int:
        """Report what stands where a directive should; skip it with what is indented below."""
        first = statement.tokens[0]
        keyword = self.text[first.start : first.end]
        noun = _NOUNS.get(keyword, keyword)
        name = next((t for t in statement.tokens[1:2] if t.type == "NAME"), None)
        if first.type == "USE":
            noun, name = "`use rule ... with:`", None
        called = noun if name is None else f"{noun} `{self.text[name.start : name.end]}`"
        end = self.lines[index].end
        label = Label(self.source.span(first.start, statement.header_end), f"in this {noun}")
        labels = (label,) if first.type != "USE" else ()
        help_: str | None
        if word is not None and colon and word not in _PYTHON_WORDS:
            near = closest(word, table)
            if first.type == "USE" and word in RULE_DIRECTIVES:
                help_ = "the action of a rule cannot be replaced; write a rule of its own"
            elif near is not None:
                help_ = f"there is a directive with a similar name: `{near}`"
            elif word in STATEMENT_TOKENS:
                help_ = f"`{word}` is a statement of its own: indent it less than the {noun}'s body"
            else:
                help_ = None
            message = f"{called} has no directive named `{word}`"
            self._report(
                statement, "RK0204", message, at, at + len(word), "unknown directive", labels, help_
            )
        elif word in STATEMENT_TOKENS and not _python_follows(self.text, at + len(word), end):
            self._report(
                statement,
                "RK0204",
                f"the statement `{word}` stands inside {called}",
                at,
                at + len(word),
                "",
                labels,
                f"indent it less than the {noun}'s body",
            )
        else:
            help_ = "a directive is a keyword, a colon and a value"
            if word in table:
                help_ = f"write `{word}: value`"
            elif first.type == "RULE":
                help_ += "; Python belongs into `run:` or outside of the rule"
            stop = min(end, _line_end(self.text, at))
            self._report(
                statement,
                "RK0204",
                f"only directives and a docstring may stand in {called}",
                at,
                at + len(self.text[at:stop].rstrip()),
                "neither",
                labels,
                help_,
            )
        return self._body_end(index)

    def _value(self, index: int, at: int) -> tuple[int, int, int]:
        """The value behind offset `at` of line `index`: (line behind it, start, end or -1)."""
        lines = self.lines
        line = lines[index]
        gap = _GAPS.match(self.text, at, line.end)
        start = gap.end() if gap is not None else at
        after = index + 1
        size = len(lines)
        column = line.column
        while after < size and lines[after].column > column:
            after += 1
        if after > index + 1:
            end = self.lines[after - 1].end
            if start >= line.end:
                start = lines[index + 1].first
        elif start < line.end:
            end = self.lines[index].end
        else:
            return after, at, -1
        return after, start, end

    # Small things ----------------------------------------------------------------------------

    def _body_end(self, index: int) -> int:
        """The index of the first line behind `index` that is not indented deeper than it."""
        lines = self.lines
        column = lines[index].column
        after = index + 1
        while after < len(lines) and lines[after].column > column:
            after += 1
        return after

    def _dropped(self, after: int, statement: LexedStatement) -> int:
        """A statement that cannot be used: make its text a hole without content."""
        end = self.lines[after - 1].end
        statement.edits = holes.nothing(self.text, statement.tokens[0].start, end)
        return after

    def _report(
        self,
        statement: LexedStatement,
        code: str,
        message: str,
        start: int,
        end: int,
        caret: str,
        labels: tuple[Label, ...] = (),
        help_: str | None = None,
    ) -> None:
        statement.broken = True
        self.diagnostics.append(
            Diagnostic(code, message, self.source.span(start, end), caret, labels, help=help_)
        )


_NOUNS = {"use": "rule", "subworkflow": "subworkflow", "module": "module"}


def _is_field(text: str, found: re.Match[str]) -> bool:
    """Whether ``report: str`` inside a class declares a field, as in a dataclass."""
    if found[2] is None:
        return False
    return _ANNOTATION.match(text, found.end()) is not None


_PYTHON_NEXT = re.compile(
    rf"{_GAP}(?:[-=.(\[,;+*/%&|^<>@)\]}}~]|:=|(?:in|is|and|or|if|not|else)\b)"
)


def _python_follows(text: str, at: int, end: int) -> bool:
    """Whether what stands behind a word makes it a Python name."""
    return _PYTHON_NEXT.match(text, at, end) is not None


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
