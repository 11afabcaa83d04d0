"""Text → `RuleFile`: scanning, lexing, grammar and Python's parser put together."""

from __future__ import annotations

from rulekit.errors.diagnostic import Diagnostic, Label
from rulekit.errors.tree import RuleFileError
from rulekit.syntax import grammar, holes, joints, pythontext, scanner
from rulekit.syntax.build import Builder
from rulekit.syntax.lexer import Lexer
from rulekit.syntax.source import Source
from rulekit.syntax.tree import RuleFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    import lark

    from rulekit.syntax.tree import Statement

_parser: lark.Lark | None = None  # Lark's tables, made once a process
MOST_ERRORS = 50


def parse(text: str, path: str) -> RuleFile:
    """The statements and the Python of a rule file.

    `path` is only used in spans and tracebacks. Raises `RuleFileError` with a diagnostic for
    every independent mistake, in the order of the file.
    """
    global _parser
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text, path)
    pythontext.refuse_odd_characters(source)
    source, warnings = joints.straighten(source)
    text = source.text
    lines, problems = scanner.scan(text)
    lexer = Lexer(source, lines)
    lexer.run()
    errors = [_problem(source, problem) for problem in problems]
    errors += lexer.diagnostics
    if _parser is None and lexer.statements:
        _parser = grammar.load()
    statements: list[Statement] = []
    edits: list[holes.Edit] = []
    hole_lines: dict[int, int] = {}
    if lexer.statements:
        assert _parser is not None
        builder = Builder(_parser, source)
        for lexed in lexer.statements:
            edits += lexed.edits
            made = builder.build(lexed)
            if made is not None:
                hole_lines[source.line(lexed.tokens[0].start)] = len(statements)
                statements.append(made)
        warnings += [found for found in builder.diagnostics if found.severity == "warning"]
        errors += [found for found in builder.diagnostics if found.severity != "warning"]
    filled = holes.fill(text, edits)
    if errors:
        if not problems:
            errors += pythontext.mistakes(source, filled, lines, lexer.statements)
        raise _error(errors)
    python, mistakes = pythontext.parse(source, filled, lines, lexer.statements)
    if python is None:
        raise _error(mistakes)
    suspicions = pythontext.suspicions(source, python, hole_lines, statements)
    misplaced = [found for found in suspicions if found.severity == "error"]
    if misplaced:
        raise _error(misplaced)
    warnings += suspicions
    warnings.sort(key=_place)
    return RuleFile(source, tuple(statements), tuple(warnings), python, hole_lines)


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.span
    return (0, 0) if span is None else (span.line, span.column)


def _error(errors: list[Diagnostic]) -> RuleFileError:
    unique = {(_place(error), error.message): error for error in errors}
    chosen = sorted(unique.values(), key=_place)[:MOST_ERRORS]
    return RuleFileError(diagnostics=tuple(chosen))


def _problem(source: Source, problem: scanner.Problem) -> Diagnostic:
    text = source.text[problem.start : problem.end]
    span = source.span(problem.start, problem.end)
    if problem.kind == "string":
        quote = text[:3] if text[:3] in ('"""', "'''") else text[:1]
        return Diagnostic(
            "RK0209",
            f"this string is never closed: the final {quote} is missing",
            source.span(problem.start, problem.start + len(quote)),
            "opened here",
        )
    if problem.kind == "open":
        return Diagnostic("RK0209", f"the bracket `{text}` is never closed", span, "opened here")
    if problem.kind == "mismatch":
        opening = source.text[problem.other]
        opened = source.span(problem.other, problem.other + 1)
        labels = (Label(opened, "opened here"),) if opened.line != span.line else ()
        message = f"`{text}` does not close the bracket `{opening}`"
        return Diagnostic("RK0209", message, span, "", labels)
    return Diagnostic("RK0209", f"`{text}` closes a bracket that was never opened", span)
