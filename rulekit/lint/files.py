"""Checks of one rule file: its text and its Python, whether rules are used or not."""

from __future__ import annotations

import ast
import re

from rulekit.fmt.strings import chains
from rulekit.lint.finding import Finding
from rulekit.syntax import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rulekit.syntax.source import Piece
    from rulekit.syntax.tree import RuleFile

_PATH = re.compile(r"/[^/\s*?<>|$][^\s]*(?: [^\s/-][^\s]*)*")
_PIECE = re.compile(r"(?:[\w.{}~-]*/)+[\w.{}*~-]*")  # what `+` joins to a path: `a/b`, `/b`, `a/`
_NO_PATHS = ("/dev/", "/proc/")
_FILES = frozenset({"input", "output", "log", "benchmark"})
_TEXT_METHODS = frozenset(
    {
        "endswith",
        "fullmatch",
        "join",
        "lstrip",
        "match",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rpartition",
        "rsplit",
        "rstrip",
        "search",
        "split",
        "startswith",
        "strip",
        "sub",
    }
)


def check_file(rulefile: RuleFile, *, alone: bool, envvars: Collection[str]) -> Iterator[Finding]:
    """Findings in one file. `alone`: the workflow has no other; `envvars`: those announced."""
    path = rulefile.path
    yield from _tabs(rulefile)
    for word, value in _directives(rulefile):
        if word.text == "singularity":
            message = "`singularity:` is the old name of `container:`"
            yield Finding("RL012", message, path, word.span.line)
        elif word.text == "version":
            yield Finding("RL113", "`version:` has no effect", path, word.span.line)
        elif word.text in _FILES and value is not None:
            for chain in chains(rulefile.text, value.start, value.end):
                line = rulefile.source.line(chain.start)
                message = f"two strings make one name of `{word.text}`: is a comma missing?"
                yield Finding("RL110", message, path, line)
        yield from _folders(rulefile, word, value)
    if not alone and any(isinstance(one, tree.Rule) for one in rulefile.statements):
        for node in ast.walk(rulefile.python):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                message = f"the function `{node.name}` stands among rules"
                yield Finding("RL009", message, path, node.lineno)
                break  # one finding a file is enough
    yield from _Values(rulefile, envvars).findings()


def _folders(rulefile: RuleFile, word: Piece, value: Piece | None) -> Iterator[Finding]:
    """Plain strings of `output:` that end with a slash."""
    if word.text != "output" or value is None or "/" not in value.text:
        return
    call = ast.parse(f"f({value.text}\n)", mode="eval").body
    assert isinstance(call, ast.Call)
    for node in [*call.args, *(one.value for one in call.keywords)]:
        if isinstance(node, ast.Constant | ast.JoinedStr) and _literal(node).endswith("/"):
            message = f"the output `{_literal(node)}` is a folder without `directory()`"
            line = rulefile.source.line(value.start) + node.lineno - 1
            yield Finding("RL112", message, rulefile.path, line)


def _directives(rulefile: RuleFile) -> Iterator[tuple[Piece, Piece | None]]:
    """The keywords of all statements and directives, directives with their values."""
    for statement in rulefile.statements:
        yield statement.keyword, None
        if isinstance(statement, tree.Rule | tree.UseRule):
            for directive in statement.directives or ():
                yield directive.keyword, directive.value


def _tabs(rulefile: RuleFile) -> Iterator[Finding]:
    inside = lines_of_strings(rulefile.python)
    count = first = 0
    for number, line in enumerate(rulefile.text.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())] and number not in inside:
            count += 1
            first = first or number
    if count:
        lines = "line" if count == 1 else "lines"
        yield Finding("RL013", f"{count} {lines} indented by tabs", rulefile.path, first)


def lines_of_strings(python: ast.Module) -> set[int]:
    """Lines that begin inside of a string: a tab there is data."""
    found: set[int] = set()
    for node in ast.walk(python):
        text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if text or isinstance(node, ast.JoinedStr):
            found.update(range(node.lineno + 1, (node.end_lineno or 0) + 1))  # type: ignore[attr-defined]
    return found


class _Values:
    """One walk over the Python of a file."""

    def __init__(self, rulefile: RuleFile, envvars: Collection[str]) -> None:
        self.path = rulefile.path
        self.python = rulefile.python
        self.envvars = envvars
        self.found: list[Finding] = []
        self.asked: set[str] = set()

    def findings(self) -> list[Finding]:
        # A node; whether it is no beginning of a path; whether it is a rule's file.
        todo: list[tuple[ast.AST, bool, bool]] = [(self.python, False, False)]
        while todo:
            node, quiet, is_file = todo.pop()
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if isinstance(node, ast.Constant | ast.JoinedStr):
                if not quiet:
                    self.absolute(node)
                continue
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                if not quiet:
                    self.sum(node, is_file)
                # Of a sum only the left end can be the beginning of a path.
                todo += [(node.left, True, False), (node.right, True, False)]
                if not quiet:
                    self.left_end(node)
                continue
            if isinstance(node, ast.Subscript):
                self.environment(node)
            if isinstance(node, ast.Try):
                self.handlers(node)
            if isinstance(node, ast.Call):
                # Methods of text: "/".join(x), x.replace("/a", "/b"), x.startswith("/x").
                quiet = quiet or _is_text_method(node)
                is_file = is_file or (isinstance(node.func, ast.Name) and node.func.id in _FILES)
            todo += [(child, quiet, is_file) for child in ast.iter_child_nodes(node)]
        self.found.sort(key=lambda one: one.line)
        return self.found

    def add(self, code: str, message: str, node: ast.expr | ast.excepthandler) -> None:
        self.found.append(Finding(code, message, self.path, node.lineno))

    def absolute(self, node: ast.Constant | ast.JoinedStr) -> None:
        text = _literal(node)
        if text.startswith(_NO_PATHS) or not _PATH.fullmatch(text):
            return
        self.add("RL008", f"the path `{text}` is absolute", node)

    def left_end(self, node: ast.BinOp) -> None:
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            left = left.left
        if isinstance(left, ast.Constant | ast.JoinedStr):
            self.absolute(left)

    def sum(self, node: ast.BinOp, is_file: bool) -> None:
        """`is_file`: any text that is added makes a path."""
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.Constant | ast.JoinedStr) and not isinstance(
                other, ast.Constant
            ):
                text = _literal(one)
                if (text and is_file) or (_PIECE.fullmatch(text) and text != "/"):
                    self.add("RL010", f"`{ast.unparse(node)}` puts a path together", node)
                    return

    def environment(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) or not isinstance(node.slice, ast.Constant):
            return
        if ast.unparse(node.value) not in ("os.environ", "environ"):
            return
        name = node.slice.value
        if isinstance(name, str) and name not in self.envvars and name not in self.asked:
            self.asked.add(name)
            self.add("RL011", f"`{name}` is read from the environment, but not announced", node)

    def handlers(self, node: ast.Try) -> None:
        asks = any(
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr == "get"
            and ast.unparse(inner.func.value).startswith("checkpoints.")
            for part in node.body
            for inner in ast.walk(part)
        )
        if not asks:
            return
        for handler in node.handlers:
            kind = "" if handler.type is None else ast.unparse(handler.type)
            if kind in ("", "Exception", "BaseException"):
                words = f"except {kind}".strip()
                self.add("RL106", f"`{words}:` also catches an open checkpoint", handler)


def _literal(node: ast.Constant | ast.JoinedStr) -> str:
    """The text of a string; what is filled in later stands as ``{}``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
    )


def _is_text_method(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in _TEXT_METHODS
        and not ast.unparse(function.value).endswith("path")
    )
