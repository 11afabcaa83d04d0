"""The Python of a rule file: parsing the text with holes, finding all its mistakes."""

from __future__ import annotations

import ast
import re
import sys
import warnings

from rulekit.errors.diagnostic import Diagnostic, Label, did_you_mean
from rulekit.errors.tree import RuleFileError
from rulekit.syntax.keywords import RULE_DIRECTIVES, STATEMENT_TOKENS
from rulekit.syntax.tree import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.syntax.lexer import LexedStatement
    from rulekit.syntax.scanner import Line
    from rulekit.syntax.source import Source
    from rulekit.syntax.tree import Statement

# What Python raises for texts that are not Python, or too deep for it.
FAILURES = (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError)
_SURROGATE = re.compile("[\ud800-\udfff]")


def refuse_odd_characters(source: Source) -> None:
    """Raise `RuleFileError` for a zero character or a surrogate: no text file holds them."""
    text = source.text
    at = text.find("\0")
    if at < 0:
        if text.isascii():
            return
        found = _SURROGATE.search(text)
        if found is None:
            return
        at = found.start()
    raise RuleFileError(
        f"`{source.path}` is not a text file: it holds the character U+{ord(text[at]):04X}",
        code="RK0202",
        span=source.span(at, at + 1),
        help="a rule file is UTF-8 text",
    )


def _tree(text: str, path: str) -> ast.Module:
    with warnings.catch_warnings():
        # Such as an unknown escape in a shell command: the linter's business.
        warnings.simplefilter("ignore")
        return ast.parse(text, path)


def parse(
    source: Source, filled: str, lines: list[Line], statements: list[LexedStatement]
) -> tuple[ast.Module | None, list[Diagnostic]]:
    """The tree of the text with holes, or None and all mistakes found."""
    try:
        return _tree(filled, source.path), []
    except FAILURES as error:
        found = mistakes(source, filled, lines, statements)
        return None, found or [diagnostic_for(source, error, 0, 0)]


def mistakes(
    source: Source, filled: str, lines: list[Line], statements: list[LexedStatement]
) -> list[Diagnostic]:
    """Mistakes of the Python in a file: one for each value, and one for each top-level piece."""
    found: list[Diagnostic] = []
    bad: list[tuple[int, int]] = []
    for lexed in statements:
        for token in lexed.tokens:
            if token.type == "VALUE":
                error = _value_mistake(source, token.start, token.end)
                if error is not None:
                    found.append(error)
                    bad.append((token.start, token.end))
                    if len(found) >= 20:
                        return found
    # Values that are wrong are emptied so that the Python around them can be looked at.
    clean = _emptied(source, filled, bad) if bad else filled
    for first_line, piece in _pieces(clean):
        try:
            _tree(piece, source.path)
        except FAILURES as error:
            found.append(diagnostic_for(source, error, first_line - 1, 0))
            if len(found) >= 20:
                break
    return found


def _emptied(source: Source, filled: str, bad: list[tuple[int, int]]) -> str:
    """`filled` with the lines' parts that hold wrong values made blank."""
    rows = filled.split("\n")
    for start, end in bad:
        line, column, last, last_column = source.loc(start, end)
        for number in range(line, last + 1):
            row = rows[number - 1]
            left = column - 1 if number == line else 0
            right = last_column - 1 if number == last else len(row)
            rows[number - 1] = row[:left] + " " * (right - left) + row[right:]
    return "\n".join(rows)


_CONTINUES = re.compile(r"(?:else|elif|except|finally)\b")


def _pieces(text: str) -> list[tuple[int, str]]:
    """Top-level pieces (first line, text): each is a statement without indentation."""
    from rulekit.syntax.scanner import scan

    lines, _ = scan(text)
    starts: list[int] = []
    decorated = False
    for line in lines:
        if line.column == 0 and not decorated and not _CONTINUES.match(text, line.first):
            starts.append(line.first)
        if line.column == 0:
            decorated = text[line.first] == "@"
    if not starts or (lines and lines[0].first != starts[0]):
        starts.insert(0, 0)
    pieces = []
    number = 1
    at = 0
    for index, start in enumerate(starts):
        number += text.count("\n", at, start)
        at = start
        stop = starts[index + 1] if index + 1 < len(starts) else len(text)
        pieces.append((number, text[start:stop]))
    return pieces


def _value_mistake(source: Source, start: int, end: int) -> Diagnostic | None:
    text = source.text[start:end]
    line, column, _, _ = source.loc(start, end)
    # As it stands in a call, with columns kept: the value is moved by two characters.
    try:
        _tree(f"f({text}\n)", source.path)
    except FAILURES as error:
        return diagnostic_for(source, error, line - 1, column - 1 - 2, (start, end))
    return None


def diagnostic_for(
    source: Source,
    error: BaseException,
    lines: int = 0,
    columns: int = 0,
    within: tuple[int, int] | None = None,
) -> Diagnostic:
    """The message for what Python raised.

    `lines` are added to its line, `columns` to its columns on the first line; the place is
    moved into text[within[0]:within[1]].
    """
    if not isinstance(error, SyntaxError):
        at = source.offset(lines + 1, 1) if within is None else within[0]
        return Diagnostic(
            "RK0211",
            "this is nested too deeply, or too large, for Python to read",
            source.span(at, at),
        )
    line = error.lineno or 1
    column = max(error.offset or 1, 1)
    last = error.end_lineno or line
    last_column = error.end_offset if error.end_offset and error.end_offset > 0 else column
    if line == 1:
        column += columns
    if last == 1:
        last_column += columns
    line += lines
    last += lines
    message = str(error.msg or "invalid syntax")
    message = message[:1].lower() + message[1:]
    help_ = None
    if isinstance(error, IndentationError):
        # Python's column is that of its reader; what is meant is the whole line.
        text = source.line_text(line) or ""
        column = len(text) - len(text.lstrip()) + 1
        last, last_column = line, len(text.rstrip()) + 1
        colon = _missing_colon(source, line) if message == "unexpected indent" else None
        if colon is not None:
            return colon
    elif sys.version_info < (3, 12) and message.startswith("f-string"):
        # Before 3.12 columns count inside the string: mark where it begins.
        quote = _FSTRING.search(source.line_text(line) or "")
        column = last_column = quote.start() + 1 if quote is not None else 1
        if message == "f-string: unmatched '('" or "expecting '}'" in message:
            help_ = "quotes of the same kind inside an f-string need Python 3.12 or later"
    elif message.startswith("invalid syntax"):
        help_ = _help(source, line)
    if lines:
        message = _ON_LINE.sub(lambda found: f"on line {int(found[1]) + lines}", message)
    start = source.offset(line, max(column, 1))
    end = max(source.offset(last, max(last_column, 1)), start)
    if within is not None and not within[0] <= start < within[1]:
        # What is wrong shows only at the bracket behind the value.
        start, end = (within[1], within[1]) if message.startswith("invalid") else within
    return Diagnostic(
        "RK0203", f"Python cannot read this: {message}", source.span(start, end), help=help_
    )


_ON_LINE = re.compile(r"on line (\d+)")
_FSTRING = re.compile(r"\b(?:[rR]?[fF]|[fF][rR])[\"']")
_WORD_COLON = re.compile(r"([^\W\d]\w*)(?:[ \t]+[^\W\d]\w*)?[ \t]*:")


def _help(source: Source, line: int) -> str | None:
    """A near statement, if the line begins with what may be one misspelt."""
    found = _WORD_COLON.match((source.line_text(line) or "").lstrip()[:200])
    if found is None or found[1] in STATEMENT_TOKENS:
        return None
    return did_you_mean("statement", found[1], STATEMENT_TOKENS)


def _missing_colon(source: Source, line: int) -> Diagnostic | None:
    """The message for a body below a statement's keyword that stands alone."""
    above = line - 1
    while above > 1 and not (source.line_text(above) or "").partition("#")[0].strip():
        above -= 1
    text = (source.line_text(above) or "").partition("#")[0].rstrip()
    word = text.lstrip()
    if word not in STATEMENT_TOKENS:
        return None
    at = source.offset(above, len(text) + 1)
    return Diagnostic(
        "RK0205",
        f"the statement `{word}` needs a colon",
        source.span(at, at),
        "a colon is missing here",
    )


def suspicions(
    source: Source,
    python: ast.Module,
    holes: Mapping[int, int],
    statements: Sequence[Statement],
) -> list[Diagnostic]:
    """Warnings for lines that are legal Python but were surely meant as a statement, and errors
    for directives beside a rule that has none."""
    found: list[Diagnostic] = []
    blocks: list[list[ast.stmt]] = [python.body]
    while blocks:
        empty: Rule | None = None
        for node in blocks.pop():
            before, empty = empty, None
            if node.lineno in holes:
                statement = statements[holes[node.lineno]]
                if isinstance(statement, Rule) and not (
                    statement.docstrings or statement.directives or statement.action
                ):
                    empty = statement
                continue
            if isinstance(node, ast.AnnAssign):
                suspicion = _suspicion(source, node, before)
                if suspicion is not None:
                    found.append(suspicion)
            elif not isinstance(node, ast.ClassDef):
                for name in ("body", "orelse", "finalbody"):
                    block = getattr(node, name, None)
                    if block:
                        blocks.append(block)
                for name in ("handlers", "cases"):
                    blocks += [part.body for part in getattr(node, name, ())]
    return found


def _suspicion(source: Source, node: ast.AnnAssign, empty: Rule | None) -> Diagnostic | None:
    """`configfle: "x"` and `if a: include: "x"` are annotations for Python, and so is a directive
    that is not indented below its rule (`empty`, just before it)."""
    if node.value is not None or not isinstance(node.target, ast.Name):
        return None
    if not isinstance(node.annotation, (ast.Constant, ast.JoinedStr, ast.Call, ast.Subscript)):
        return None
    word = node.target.id
    severity = "warning"
    labels: tuple[Label, ...] = ()
    if empty is not None and word in RULE_DIRECTIVES:
        severity = "error"
        labels = (Label(source.span(empty.header.start, empty.header.end), "has no directives"),)
        message = f"the directive `{word}` does not belong to the rule above it"
        help_: str | None = "indent the directives of a rule deeper than its first line"
    elif word in STATEMENT_TOKENS:
        message = f"`{word}` is plain Python here, an annotation without effect"
        help_ = f"let the statement `{word}` begin a line of its own"
    else:
        message = (
            f"`{word}` is no statement of the language; for Python this line is an annotation "
            "without effect"
        )
        help_ = did_you_mean("statement", word, STATEMENT_TOKENS)
        if help_ is None or not isinstance(node.annotation, (ast.Constant, ast.JoinedStr)):
            return None
    line = source.line_text(node.lineno) or ""
    column = len(line.encode("utf-8")[: node.col_offset].decode("utf-8", "replace"))
    start = source.offset(node.lineno, column + 1)
    return Diagnostic(
        "RK0210",
        message,
        source.span(start, start + len(word)),
        labels=labels,
        help=help_,
        severity=severity,
    )
