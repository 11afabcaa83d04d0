"""Stand-ins, laid out as Python, back into statements of the language.

Where each stand-in is, Python's own parser says: nothing here guesses at text.
"""

from __future__ import annotations

import ast
import warnings

from rulekit.errors.tree import RulekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.fmt.mask import Masked, Part

    Place = tuple[int, int]  # offsets


class _Text:
    """Offsets of what `ast` gives as lines and columns in bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        row = self.lines[line - 1]
        if not row.isascii():
            column = len(row.encode("utf-8")[:column].decode("utf-8"))
        return self.starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.at(node.end_lineno, node.end_col_offset)

    def indent(self, at: int) -> str:
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start:at]
        return line[: len(line) - len(line.lstrip())]


def unmask(formatted: str, masked: Masked, line_length: int) -> str:
    """The rule file whose stand-in is `formatted`. Raises `RulekitError` (RK0161) if a stand-in
    was lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        python = ast.parse(formatted)
    text = _Text(formatted)
    mark = masked.mark
    stand_ins: list[tuple[int, ast.stmt]] = []
    strings: list[tuple[int, ast.Name]] = []
    for node in ast.walk(python):
        if isinstance(node, ast.Name) and node.id == mark * 2:
            strings.append((text.start(node), node))
        elif isinstance(node, ast.stmt) and _is_stand_in(node, mark):
            stand_ins.append((text.start(node), node))
    if len(stand_ins) != len(masked.parts) or len(strings) != len(masked.chains):
        raise RulekitError("a part of the file was lost in the layout", code="RK0161")
    edits: list[tuple[int, int, str]] = []
    for (at, name), chain in zip(
        sorted(strings, key=lambda s: s[0]),
        sorted(masked.chains, key=lambda chain: chain.start),
        strict=True,
    ):
        edits.append((at, text.end(name), chain.written(text.indent(at))))
    stand_ins.sort(key=lambda s: s[0])
    for (at, stmt), part in zip(stand_ins, masked.parts, strict=True):
        edits += _back(text, at, stmt, part, line_length)
    out: list[str] = []
    at = 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        out.append(formatted[at:start])
        out.append(new)
        at = end
    out.append(formatted[at:])
    return "".join(out)


def _is_stand_in(node: ast.stmt, mark: str) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name.startswith(mark)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id.startswith(mark)
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Call):
        value = value.func
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.UAdd) and isinstance(
            value.operand, ast.Constant | ast.JoinedStr
        )
    return isinstance(value, ast.Name) and value.id.startswith(mark)


def _back(
    text: _Text, at: int, node: ast.stmt, part: Part, line_length: int
) -> list[tuple[int, int, str]]:
    """The edits that put `part` back in place of its stand-in."""
    if part.kind == "docstring":
        return [(at, at + 1, "")]
    if part.kind == "raw":
        return [(at, text.end(node), part.text)]
    if part.kind == "line":
        width = line_length - len(text.indent(at))
        return [(at, text.end(node), _wrapped(part.text, width, text.indent(at)))]
    if part.kind in ("block", "empty", "run"):
        colon = text.text.index(":", at)
        end = text.end(node) if part.kind == "empty" else colon + 1
        width = line_length - len(text.indent(at)) - 1
        return [(at, end, _wrapped(part.text, width, text.indent(at)) + ":")]
    return _call_back(text, at, node, part)


def _call_back(text: _Text, at: int, node: ast.stmt, part: Part) -> list[tuple[int, int, str]]:
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    call = node.value
    whole = text.text
    opening = text.end(call.func)  # the bracket
    end = text.end(call)
    first_line = whole[opening + 1 : whole.find("\n", opening) if "\n" in whole[opening:] else None]
    values: list[ast.expr] = [*call.args, *(word.value for word in call.keywords)]
    edits: list[tuple[int, int, str]] = []
    if opening + 2 == end:
        return [(at, end, f"{part.text}:")]
    if first_line.strip() and not first_line.lstrip().startswith("#"):
        return [(at, opening + 1, f"{part.text}: "), (end - 1, end, "")]
    edits.append((at, opening + 1, f"{part.text}:"))
    if part.single and len(call.args) == 1 and not call.keywords:
        comma = _comma_behind(whole, text.end(values[0]), end - 1)
        if comma is not None:
            edits.append((comma, comma + 1, ""))
    # The line with the closing bracket goes; a comment on it stands below the values.
    line_start = whole.rfind("\n", 0, end - 1)
    line_end = whole.find("\n", end)
    line_end = len(whole) if line_end < 0 else line_end
    comment = whole[end:line_end].strip()
    left = f"\n{text.indent(at)}    {comment}" if comment else ""
    edits.append((line_start, line_end, left))
    return edits


def _comma_behind(text: str, at: int, stop: int) -> int | None:
    """The comma behind a value, past brackets around the value and comments."""
    while at < stop:
        char = text[at]
        if char == ",":
            return at
        if char == "#":
            at = text.find("\n", at)
        at += 1
    return None


def _wrapped(header: str, width: int, indent: str) -> str:
    """A header, on several lines joined by backslashes if it is too long."""
    if len(header) <= width:
        return header
    lines = [""]
    for word in header.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if len(longer) > width - 10 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return f" \\\n{indent}        ".join(lines)
