"""One text, laid out; and the proof that it still says the same."""

from __future__ import annotations

import ast
import inspect

from rulekit.errors.tree import RulekitError
from rulekit.fmt.engine import format_python
from rulekit.fmt.mask import mask
from rulekit.fmt.unmask import unmask
from rulekit.syntax import tree
from rulekit.syntax.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.syntax.tree import RuleFile

LINE_LENGTH = 88


def format_text(text: str, path: str, *, line_length: int = LINE_LENGTH) -> str:
    """The text of a rule file in a stable layout, with ``\\n`` line ends.

    What Python and the language understand is the same as before; this is compared. `path` is for
    messages; `line_length` in characters. Raises `RuleFileError` if the file has mistakes,
    `SoftwareError` (RK0160) without ruff, `RulekitError` (RK0161) if the layout would change what
    the file says.
    """
    before = parse(text, path)
    text = before.text
    if not text.strip():
        return ""
    masked = mask(text, path, list(_kept_docstrings(before)))
    new = unmask(format_python(masked.text, line_length), masked, line_length)
    new = _as_it_was(text, new)
    if new != text:
        try:
            after = parse(new, path)
        except RulekitError as error:
            raise _changed(path) from error
        if meaning(before) != meaning(after):
            raise _changed(path)
    return new


def _changed(path: str) -> RulekitError:
    return RulekitError(
        f"the layout of `{path}` would change what it says; it is left as it is", code="RK0161"
    )


def _kept_docstrings(rulefile: RuleFile) -> Iterator[tuple[int, int]]:
    """Docstrings of functions in `run:` bodies: they count as code, so their text must stay."""
    lines = rulefile.text.split("\n")
    bodies = [
        statement.action.value.loc
        for statement in rulefile.statements
        if isinstance(statement, tree.Rule)
        and statement.action is not None
        and statement.action.value is not None
        and statement.action.keyword.text == "run"
    ]
    if not bodies:
        return
    for node in ast.walk(rulefile.python):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not any(loc[0] <= node.lineno <= loc[2] for loc in bodies):
            continue
        first = node.body[0]
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            row = lines[first.lineno - 1]
            column = len(row.encode("utf-8")[: first.col_offset].decode("utf-8"))
            yield first.lineno, column + 1


def meaning(rulefile: RuleFile) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """All that a rule file says, without its layout: two files with the same meaning compile to
    the same workflow."""
    python = rulefile.python
    short = {
        line
        for line, index in rulefile.holes.items()
        if getattr(rulefile.statements[index], "inline_run", False)
    }
    for node in list(ast.walk(python)):
        if isinstance(node, ast.If) and node.lineno in short:
            # `rule a: run: body`: the body has no stand-in for `run:` around it.
            short.discard(node.lineno)
            node.body = [ast.If(ast.Constant(0), node.body, [])]
        elif isinstance(node, ast.Constant):
            node.kind = None  # the old `u` of a string
        elif isinstance(node, ast.Delete):
            targets: list[ast.expr] = []
            for target in node.targets:
                targets += target.elts if isinstance(target, ast.Tuple) else [target]
            node.targets = targets
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                lines = inspect.cleandoc(first.value.value).strip().split("\n")
                first.value.value = "\n".join([line.rstrip() for line in lines])
    heads = []
    for statement in rulefile.statements:
        words = " ".join(statement.header.text.replace("\\\n", " ").replace(",", " , ").split())
        parts = [type(statement).__name__, words]
        if isinstance(statement, tree.NameList):
            parts += [name.text for name in statement.names]
        elif isinstance(statement, tree.Rule | tree.Module | tree.UseRule):
            parts += [directive.keyword.text for directive in statement.directives or ()]
            if isinstance(statement, tree.Rule) and statement.action is not None:
                parts.append(statement.action.keyword.text)
        heads.append(tuple(parts))
    return ast.dump(python), tuple(heads)


def _as_it_was(old: str, new: str) -> str:
    """What stands between ``# fmt: off`` and ``# fmt: on`` (or the end) is taken from `old`."""
    if "fmt:" not in old:
        return new
    kept, places = _switched_off(old), _switched_off(new)
    if len(kept) != len(places):
        return new
    old_lines, lines = old.split("\n"), new.split("\n")
    for (start, stop), (first, last) in zip(reversed(kept), reversed(places), strict=True):
        lines[first:last] = old_lines[start:stop]
    return "\n".join(lines)


def _switched_off(text: str) -> list[tuple[int, int]]:
    """Line numbers (from 0, exclusive end) of the parts that are not to be laid out."""
    found: list[tuple[int, int]] = []
    begun = None
    lines = text.split("\n")
    for number, line in enumerate(lines):
        words = line.replace(" ", "").replace("\t", "")
        if words == "#fmt:off" and begun is None:
            begun = number + 1
        elif words == "#fmt:on" and begun is not None:
            found.append((begun, number))
            begun = None
    if begun is not None:
        found.append((begun, len(lines)))
    return found
