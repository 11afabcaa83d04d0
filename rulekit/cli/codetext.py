"""Code as records keep it → code as people write it.

Python is recorded as the text of its syntax tree (`rulekit.model.normalise.python_tree`), so that
layout and comments do not count. Here it is read back, without executing anything, and written as
Python again. Other code is kept as it is.
"""

from __future__ import annotations

import ast
import re

_TOKEN = re.compile(
    r"(?P<open>[A-Za-z_]\w*\()|(?P<field>[a-z_]\w*=)|(?P<mark>[\])\[,])"
    r"|(?P<text>[bB]?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"))"
    r"|(?P<plain>[^\s,\[\]()]+(?:\([^()]*\))?|\(\))",
    re.DOTALL,
)
_IDENTIFIERS = frozenset({"id", "attr", "arg", "name", "module", "asname", "names_", "rest"})


def readable(code: str) -> str:
    """Python source for a recorded tree; anything else comes back unchanged."""
    lines = [line for line in code.split("\n") if line]
    if not lines or not all(re.match(r"[A-Z]\w*\(", line) for line in lines):
        return code
    try:
        statements = [_Reader(line).node() for line in lines]
        module = ast.Module(body=statements, type_ignores=[])  # type: ignore[arg-type]
        return ast.unparse(ast.fix_missing_locations(module))
    except (
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
        SyntaxError,
        KeyError,
        IndexError,
    ):
        return code


class _Reader:
    def __init__(self, line: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(line):
            found = _TOKEN.match(line, at)
            if found is None or found.lastgroup is None:
                raise ValueError(line[at : at + 20])
            self._tokens.append((found.lastgroup, found[0]))
            at = found.end()
        self._at = 0

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def node(self) -> ast.AST:
        found = self._value("")
        if not isinstance(found, ast.AST):
            raise ValueError("not a node")
        return found

    def _value(self, field: str) -> object:
        kind, text = self._next()
        if kind == "open":
            return self._fields(text[:-1])
        if text == "[":
            items = []
            while self._tokens[self._at][1] != "]":
                items.append(self._value(field))
                self._skip_comma()
            self._at += 1
            return items
        value = ast.literal_eval(text) if text != "Ellipsis" else ...
        # A bare literal is a constant, except where the tree holds a name or a number itself.
        if field in _IDENTIFIERS or field in ("level", "conversion", "is_async", "simple", "names"):
            return value
        return ast.Constant(value)

    def _fields(self, name: str) -> ast.AST:
        made = getattr(ast, name)
        if not (isinstance(made, type) and issubclass(made, ast.AST)):
            raise ValueError(name)
        values: dict[str, object] = {}
        while self._tokens[self._at][1] != ")":
            kind, text = self._next()
            if kind != "field":
                raise ValueError(text)
            values[text[:-1]] = self._value(text[:-1])
            self._skip_comma()
        self._at += 1
        for field in made._fields:
            if field not in values:
                values[field] = _DEFAULTS.get(field) if field in _DEFAULTS else None
                if field in _LISTS and not (name in _NOT_LIST and field in _NOT_LIST[name]):
                    values[field] = []
        if "ctx" in made._fields:
            values["ctx"] = ast.Load()
        return made(**values)

    def _skip_comma(self) -> None:
        if self._tokens[self._at][1] == ",":
            self._at += 1


_DEFAULTS: dict[str, object] = {"level": 0, "simple": 1, "is_async": 0, "conversion": -1}
_LISTS = frozenset(
    [
        "body",
        "orelse",
        "finalbody",
        "handlers",
        "decorator_list",
        "bases",
        "keywords",
        "args",
        "posonlyargs",
        "kwonlyargs",
        "kw_defaults",
        "defaults",
        "targets",
        "names",
        "items",
        "elts",
        "keys",
        "values",
        "generators",
        "ops",
        "comparators",
        "ifs",
        "type_params",
        "cases",
        "patterns",
        "kwd_attrs",
        "kwd_patterns",
        "type_ignores",
    ]
)
# Fields that are a single node in these kinds of node, not a list.
_NOT_LIST = {
    "Lambda": ("body", "args"),
    "IfExp": ("body", "orelse"),
    "FunctionDef": ("args",),
    "AsyncFunctionDef": ("args",),
}
