"""`RuleFile` → Python code: every statement becomes a call on the name ``__rulekit__``.

The syntax tree that comes with a `RuleFile` already holds all expressions at their places, in
stand-ins for the statements (see `rulekit.syntax.holes`). Each stand-in is replaced here by a
call; nothing else is touched, so tracebacks point into the rule file without a line map. The
calls are listed in docs/design/architecture.md.

A `run:` body becomes a function that is defined right before the call and handed over in it::

    def <rule a>(*, input, output, ...): ...
    __rulekit__.rule("rule", "a", loc, None, (...), (<rule a>, source, loc, normalised))
    del <rule a>
"""

from __future__ import annotations

import ast
import sys
import warnings
from bisect import bisect_left
from copy import deepcopy

from rulekit.errors.diagnostic import Diagnostic, Label
from rulekit.errors.tree import RuleFileError
from rulekit.model.normalise import python_tree
from rulekit.syntax import tree
from rulekit.syntax.pythontext import FAILURES, diagnostic_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType
    from typing import Any

    from rulekit.syntax.source import Piece
    from rulekit.syntax.tree import RuleFile

SCOPE = "__rulekit__"
# What a `run:` body sees beside the globals, always given by keyword.
RUN_PARAMETERS = (
    "input",
    "output",
    "params",
    "wildcards",
    "threads",
    "resources",
    "log",
    "rule",
    "jobid",
    "bench_iteration",
)
_NEW_FUNCTION_FIELDS: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}
_LOAD = ast.Load()


def lower(rulefile: RuleFile) -> ast.Module:
    """The module that, executed with `__rulekit__` in its globals, does what the file says.

    Leaves `rulefile` as it is. Raises `RuleFileError` for an argument given twice.
    """
    lowering = _Lowering(rulefile)
    body = lowering.block(rulefile.python.body)
    if lowering.diagnostics:
        raise RuleFileError(diagnostics=tuple(lowering.diagnostics))
    return ast.Module(body=body, type_ignores=[])


def compile_file(rulefile: RuleFile) -> CodeType:
    """The code object of the whole file. Raises `RuleFileError` for what Python refuses."""
    module = lower(rulefile)
    try:
        return _compile(module, rulefile.path)
    except FAILURES as error:
        raise RuleFileError(diagnostics=(diagnostic_for(rulefile.source, error),)) from None


def _compile(module: ast.Module, path: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(module, path, "exec", dont_inherit=True)
        except RecursionError:
            # Python allows trees only a third of the depth that it allows texts.
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(limit * 3)
            try:
                return compile(module, path, "exec", dont_inherit=True)
            finally:
                sys.setrecursionlimit(limit)


def names_used(code: CodeType) -> frozenset[str]:
    """All names that code looks up or sets in globals or as attributes, at any depth."""
    names: set[str] = set()
    todo = [code]
    kind = type(code)
    while todo:
        code = todo.pop()
        names.update(code.co_names)
        for constant in code.co_consts:
            if constant.__class__ is kind:
                todo.append(constant)
    return frozenset(names)


class _Lowering:
    """One pass over one file."""

    def __init__(self, rulefile: RuleFile) -> None:
        self.rulefile = rulefile
        self.source = rulefile.source
        self.holes = rulefile.holes
        self.hole_lines = sorted(rulefile.holes)
        self.diagnostics: list[Diagnostic] = []

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements of a block with all holes in it filled."""
        holes = self.holes
        made: list[ast.stmt] = []
        for node in body:
            index = holes.get(node.lineno)
            if index is not None:
                made += self.fill(node, self.rulefile.statements[index])
            elif self.has_holes(node):
                made.append(self.inside(node))
            else:
                made.append(node)
        return made

    def has_holes(self, node: ast.AST) -> bool:
        first: int = node.lineno  # type: ignore[attr-defined]
        last: int = node.end_lineno  # type: ignore[attr-defined]
        if first == last:
            return False
        at = bisect_left(self.hole_lines, first)
        return at < len(self.hole_lines) and self.hole_lines[at] <= last

    def inside(self, node: Any) -> Any:
        """A copy of a compound statement (or a handler, or a case) with its holes filled."""
        copy = type(node)(**{name: getattr(node, name) for name in node._fields})
        ast.copy_location(copy, node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if block:
                setattr(copy, name, self.block(block))
        for name in ("handlers", "cases"):
            parts = getattr(node, name, None)
            if parts:
                setattr(copy, name, [self.inside(part) for part in parts])
        return copy

    # One hole --------------------------------------------------------------------------------

    def fill(self, node: ast.stmt, statement: tree.Statement) -> list[ast.stmt]:
        """The Python statements for one statement of the language; `node` is its stand-in."""
        kind = type(statement)
        maker = _Maker(node, statement.keyword)
        if kind is tree.Rule:
            return self.rule(maker, node, statement)  # type: ignore[arg-type]
        word = statement.keyword.text
        loc = statement.header.loc
        if kind is tree.GlobalStatement:
            args, kwargs = self.arguments(maker, node.value)  # type: ignore[attr-defined]
            values = [maker.constant(word), maker.constant(loc), args, kwargs]
            return [maker.call("statement", values)]
        if isinstance(statement, tree.NameList):
            names = tuple(name.text for name in statement.names)
            return [maker.call(word, [maker.constant(loc), maker.constant(names)])]
        if isinstance(statement, tree.Hook):
            assert isinstance(node, ast.If)
            name = f"<{word}>"
            function = maker.function(name, node.body, ast.arguments(
                posonlyargs=[],
                args=[maker.argument("log")],
                vararg=None,
                kwonlyargs=[],
                kw_defaults=[],
                kwarg=None,
                defaults=[],
            ))  # fmt: skip
            values = [maker.constant(word), maker.constant(loc), maker.name(name)]
            return [function, maker.call("hook", values), maker.delete(name)]
        if isinstance(statement, tree.Storage):
            args, kwargs = self.arguments(maker, node.value)  # type: ignore[attr-defined]
            values = [maker.constant(loc), maker.constant(_text(statement.tag)), args, kwargs]
            return [maker.call("storage", values)]
        if isinstance(statement, tree.Module):
            if word == "subworkflow":
                refused = (word, loc, _text(statement.name))
                return [maker.call("refused", [maker.constant(value) for value in refused])]
            directives = self.directives(maker, node, statement.directives)
            values = [maker.constant(_text(statement.name)), maker.constant(loc), directives]
            return [maker.call("module", values)]
        assert isinstance(statement, tree.UseRule)
        rules = None
        if statement.rules is not None:
            rules = tuple(piece.text for piece in statement.rules)
        given: ast.expr = maker.constant(None)
        if statement.directives is not None:
            given = self.directives(maker, node, statement.directives)
        constants = [
            loc,
            rules,
            tuple(piece.text for piece in statement.exclude),
            _text(statement.module),
            _text(statement.pattern),
        ]
        values = [*(maker.constant(value) for value in constants), given]
        return [maker.call("use_rule", values)]

    def rule(self, maker: _Maker, node: ast.stmt, statement: tree.Rule) -> list[ast.stmt]:
        assert isinstance(node, ast.If)
        name = _text(statement.name)
        action = statement.action
        run: ast.expr = maker.constant(None)
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        directives = statement.directives
        if action is not None and action.keyword.text == "run":
            body, run_maker = self.run_body(node, statement, action)
            called = f"rule {name}" if name is not None else "rule (unnamed)"
            arguments = ast.arguments(
                posonlyargs=[],
                args=[],
                vararg=None,
                kwonlyargs=[run_maker.argument(word) for word in RUN_PARAMETERS],
                kw_defaults=[None] * len(RUN_PARAMETERS),
                kwarg=None,
                defaults=[],
            )
            before.append(run_maker.function(called, body, arguments))
            after.append(maker.delete(called))
            assert action.value is not None
            run = maker.tuple(
                [
                    maker.name(called),
                    maker.constant(self.body_text(action.value)),
                    maker.constant(action.keyword.loc),
                    maker.constant(python_tree(body)),
                ]
            )
        elif action is not None:
            directives = (*directives, action)
        values = [
            maker.constant(statement.keyword.text),
            maker.constant(name),
            maker.constant(statement.header.loc),
            maker.constant(self.docstring(node) if statement.docstrings else None),
            self.directives(maker, node, directives),
            run,
        ]
        return [*before, maker.call("rule", values), *after]

    def run_body(
        self, node: ast.If, statement: tree.Rule, action: tree.Directive
    ) -> tuple[list[ast.stmt], _Maker]:
        if statement.inline_run:
            return node.body, _Maker(node, statement.keyword)
        line = action.keyword.loc[0]
        stand_in = next(part for part in node.body if part.lineno == line)
        assert isinstance(stand_in, ast.If)
        if action.value is not None and action.value.start == action.keyword.end + 1:
            # `run:x` without a blank: its line was moved by one (see holes.header).
            stand_in = deepcopy(stand_in)
            for part in ast.walk(stand_in):
                if part is not stand_in:
                    if getattr(part, "lineno", 0) == line:
                        part.col_offset -= 1  # type: ignore[attr-defined]
                    if getattr(part, "end_lineno", 0) == line:
                        part.end_col_offset -= 1  # type: ignore[attr-defined]
        return stand_in.body, _Maker(stand_in, action.keyword)

    def body_text(self, body: Piece) -> str:
        """A body's source with the indentation of its first line, unless it is inline."""
        start = self.source.line_start(self.source.line(body.start))
        text = self.source.text
        if text[start : body.start].strip():
            start = body.start
        return text[start : body.end]

    def docstring(self, node: ast.If) -> str | None:
        on_header = node.test  # see holes.documented
        if isinstance(on_header, ast.Constant) and isinstance(on_header.value, str):
            return on_header.value
        for part in node.body:
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                return part.value.value
        return None

    def directives(
        self, maker: _Maker, node: ast.stmt, directives: Sequence[tree.Directive]
    ) -> ast.expr:
        """The tuple of (keyword, loc, args, kwargs) for directives whose stand-ins `node` has."""
        assert isinstance(node, ast.If)
        calls = {part.lineno: part for part in node.body if part.__class__ is ast.Expr}
        made: list[ast.expr] = []
        source = self.source
        for directive in directives:
            keyword = directive.keyword
            value = directive.value
            end = keyword.end if value is None else value.end
            loc = source.loc(keyword.start, end)
            call = calls[loc[0]].value  # type: ignore[attr-defined]
            inner = _Maker(call, keyword)
            args, kwargs = self.arguments(inner, call)
            values = [inner.constant(keyword.text), inner.constant(loc), args, kwargs]
            made.append(inner.tuple(values))
        return maker.tuple(made)

    def arguments(self, maker: _Maker, call: Any) -> tuple[ast.expr, ast.expr]:
        """What stands between the brackets of a call, as a tuple and a dict."""
        keywords: list[ast.keyword] = call.keywords
        if len(keywords) > 1:
            self.check_repeated(keywords)
        return maker.tuple(call.args), ast.Dict(
            keys=[None if word.arg is None else maker.constant(word.arg) for word in keywords],
            values=[word.value for word in keywords],
            **maker.place,
        )

    def check_repeated(self, keywords: Iterable[ast.keyword]) -> None:
        seen: dict[str, ast.keyword] = {}
        for word in keywords:
            if word.arg is None:
                continue
            earlier = seen.setdefault(word.arg, word)
            if earlier is not word:
                self.diagnostics.append(
                    Diagnostic(
                        "RK0212",
                        f"the name `{word.arg}` is given twice",
                        self.span_of(word),
                        "",
                        (Label(self.span_of(earlier), "the first one"),),
                    )
                )

    def span_of(self, word: ast.keyword) -> Any:
        line = self.source.line_text(word.lineno) or ""
        column = len(line.encode("utf-8")[: word.col_offset].decode("utf-8", "replace"))
        start = self.source.offset(word.lineno, column + 1)
        return self.source.span(start, start + len(word.arg or ""))


class _Maker:
    """Makes nodes that stand where a keyword stands; `node` is its stand-in."""

    __slots__ = ("place",)

    def __init__(self, node: Any, keyword: Piece) -> None:
        # One line only: Python takes a method call to be where its name ends.
        self.place = {
            "lineno": node.lineno,
            "col_offset": node.col_offset,
            "end_lineno": node.lineno,
            "end_col_offset": node.col_offset + keyword.end - keyword.start,
        }

    def constant(self, value: object) -> ast.expr:
        return ast.Constant(value=value, **self.place)  # type: ignore[arg-type, unused-ignore]

    def name(self, name: str) -> ast.expr:
        return ast.Name(id=name, ctx=_LOAD, **self.place)

    def tuple(self, parts: list[ast.expr]) -> ast.expr:
        return ast.Tuple(elts=parts, ctx=_LOAD, **self.place)

    def argument(self, name: str) -> ast.arg:
        return ast.arg(arg=name, **self.place)

    def call(self, method: str, values: list[ast.expr]) -> ast.stmt:
        place = self.place
        scope = ast.Name(id=SCOPE, ctx=_LOAD, **place)
        function = ast.Attribute(value=scope, attr=method, ctx=_LOAD, **place)
        call = ast.Call(func=function, args=values, keywords=[], **place)
        return ast.Expr(value=call, **place)

    def delete(self, name: str) -> ast.stmt:
        target = ast.Name(id=name, ctx=ast.Del(), **self.place)
        return ast.Delete(targets=[target], **self.place)

    def function(self, name: str, body: list[ast.stmt], arguments: ast.arguments) -> ast.stmt:
        return ast.FunctionDef(
            name=name,
            args=arguments,
            body=body,
            decorator_list=[],
            returns=None,
            type_comment=None,
            **_NEW_FUNCTION_FIELDS,
            **self.place,
        )


def _text(piece: Piece | None) -> str | None:
    return None if piece is None else piece.text
