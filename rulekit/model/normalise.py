"""Texts of code in a form in which what cannot matter does not show.

Staleness compares these texts. Where it is not certain that a difference is harmless, the text
stays as it is: a job too many is better than a wrong skip.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

# Atoms of a shell command. Blanks, comments and line ends are the only ones that are changed;
# what is quoted, escaped or in braces is one atom and stays.
_ATOM = (
    r"(?P<keep>[^\s'\"\\#${}`;&|()<>]+"
    r"|\$'(?:[^'\\]|\\.)*'"
    r"|'[^']*'"
    r'|"(?:[^"\\$`]|\\.|\$(?![(]))*"'
    r"|\$\{+[^{}\s'\"`]*\}+"
    r"|\$(?![{'])"
    r"|\{[^{}\n'\"\\`]*\}"
    r"|[{}<>]"
    r"|\\[^\n])"
    r"|(?P<part>[;&|()])"
    r"|(?P<blank>(?:[ \t]|\\\n)+)"
    r"|(?P<line>\n)"
    r"|(?P<hash>\#)"
)
_COMMENT = r"\#[^\n]*"
# Here-documents keep their text; `((` has its own rules; a backtick nests quotes.
_LEAVE = r"<<|\(\(|`|\r|\0"
# Most commands are made of these, and are then as they should be (`re` builds slowly).
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ./,:=+-@%{}<>")


def shell_text(command: str) -> str:
    """A POSIX shell or bash command without comments, blank lines, indentation, extra blanks.

    A command that is hard to read (here-documents, nested quotes, quotes without an end) comes
    back unchanged.
    """
    if not set(command) - _PLAIN and "  " not in command and command == command.strip():
        return command
    if re.search(_LEAVE, command) is not None:
        return command
    out: list[str] = []
    at = 0
    size = len(command)
    word = False  # whether a word is going on: a `#` inside it is no comment
    atom = re.compile(_ATOM, re.DOTALL).match
    while at < size:
        found = atom(command, at)
        if found is None:
            return command
        kind = found.lastgroup
        at = found.end()
        if kind == "keep":
            out.append(found[0])
            word = True
        elif kind == "blank":
            joint = "\\\n"
            if found[0].replace(joint, ""):
                if out and out[-1] not in (" ", "\n"):
                    out.append(" ")
                word = False
        elif kind == "part":
            out.append(found[0])
            word = False
        elif kind == "line":
            if out and out[-1] == " ":
                out.pop()
            if out and out[-1] != "\n":
                out.append("\n")
            word = False
        elif word:
            out.append("#")
        else:
            comment = re.compile(_COMMENT).match(command, at - 1)
            assert comment is not None
            at = comment.end()
    while out and out[-1] in (" ", "\n"):
        out.pop()
    return "".join(out)


def python_code(source: str) -> str:
    """Python statements as the text of their syntax tree: no layout, comments, quote style.

    `source` may be indented as a whole. What Python cannot read comes back unchanged.
    """
    import ast
    import warnings

    first = re.search(r"^[ \t\f]*(?=[^\s#])", source, re.MULTILINE)
    text = f"if 1:\n{source}" if first is not None and first[0] else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return source
    if text is not source:
        outer = body[0]
        assert isinstance(outer, ast.If)
        if len(body) > 1 or outer.orelse:
            return source
        body = outer.body
    return python_tree(body)


# Facts about a tree that are no part of its meaning.
_UNSEEN = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


def python_tree(nodes: Iterable[ast.AST]) -> str:
    """Syntax tree nodes as text, one a line; the same on all supported Pythons.

    Not recursive: deep trees are fine.
    """
    out: list[str] = []
    stack: list[object] = []
    for node in reversed(list(nodes)):
        stack += ("\n", node)
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        name = type(item).__name__
        if name == "Constant":
            out.append(repr(item.value))  # type: ignore[attr-defined]
            continue
        parts: list[object] = [name, "("]
        for field in item._fields:  # type: ignore[attr-defined]
            value = getattr(item, field, None)
            if value is None or value == [] or field in _UNSEEN:
                continue
            parts += (field, "=")
            if isinstance(value, list):
                parts.append("[")
                for part in value:
                    parts += (part if hasattr(part, "_fields") else repr(part), ",")
                parts.append("]")
            else:
                parts.append(value if hasattr(value, "_fields") else repr(value))
            parts.append(",")
        parts.append(")")
        stack.extend(reversed(parts))
    return "".join(out)
