"""Commands of a rule as one command of a Rulefile."""

from __future__ import annotations

import re

from rulekit.makefile import parts as cutting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from rulekit.makefile.parts import Part, Python

# In a line of its own shell for make; what it changes must not reach the next line.
_LOCAL = re.compile(
    r"(?:^|[;&|(]\s*|\n\s*)(?:cd|export|unset|set|exit|umask|trap|exec|source|\.|shift|\w+=\S*)(?:\s|;|$)"
)
# Automatic variables in a command, and in a function of Python.
FIELDS = {
    "@": "{output}",
    "<": "{input[0]}",
    "^": "{input}",
    "+": "{input}",
    "?": "{input}",
    "*": "{wildcards.stem}",
    "@D": "$(dirname {output})",
    "@F": "$(basename {output})",
    "<D": "$(dirname {input[0]})",
    "<F": "$(basename {input[0]})",
    "*D": "$(dirname {wildcards.stem})",
    "*F": "$(basename {wildcards.stem})",
}
VALUES = {
    "@": "output[0]",
    "<": "input[0]",
    "^": '" ".join(input)',
    "+": '" ".join(input)',
    "?": '" ".join(input)',
    "*": "wildcards.stem",
    "@D": 'mk_dir(output[0]).rstrip("/")',
    "@F": "mk_notdir(output[0])",
    "<D": 'mk_dir(input[0]).rstrip("/")',
    "<F": "mk_notdir(input[0])",
    "^D": 'mk_dir(" ".join(input))',
    "^F": 'mk_notdir(" ".join(input))',
    "*D": 'mk_dir(wildcards.stem).rstrip("/")',
    "*F": "mk_notdir(wildcards.stem)",
}


def automatic(fields: dict[str, str], *, plain: bool, more: bool, named: bool) -> dict[str, str]:
    """Add to `fields` what automatic variables are in a rule; what they are in a function.

    `plain`: there are prerequisites, `more`: and some for single files only, `named`: and some that
    only have to be there, so that all of them have names.
    """
    values: dict[str, str] = {}
    if not plain:
        fields.update({"<": "", "<D": "", "<F": ""})
        values.update({"<": '""', "<D": '""', "<F": '""'})
    if named:
        names = [*(["prerequisites"] if plain else []), *(["more"] if more else [])]
        every = " ".join(f"{{input.{name}}}" for name in names)
        words = " + ".join(f"list(input.{name})" for name in names) or "[]"
        joined = f'" ".join({words})'
        for char in "^+?":
            fields[char] = every
            values[char] = joined
        values["^D"] = f"mk_dir({joined})"
        values["^F"] = f"mk_notdir({joined})"
        if plain:
            first = "input.prerequisites[0]"
            fields.update({"<": f"{{{first}}}", "<D": f"$(dirname {{{first}}})"})
            fields["<F"] = f"$(basename {{{first}}})"
            values.update({"<": first, "<D": f'mk_dir({first}).rstrip("/")'})
            values["<F"] = f"mk_notdir({first})"
    return values


class Recipe:
    """The command, and the params it needs (names to expressions). `notes`: what is not the same.

    Lines that name variables in `lost`, whose values are not known, are left out.
    """

    def __init__(
        self,
        lines: Sequence[str],
        python: Python,
        fields: dict[str, str],
        values: dict[str, str],
        lost: Set[str] = frozenset(),
    ) -> None:
        self.python = python
        self.lost = lost
        self.fields = {**FIELDS, **fields}
        self.values = {**VALUES, **values}
        self.params: dict[str, str] = {}
        self.notes: list[str] = []
        several = len(lines) > 1
        self.text = "\n".join(filter(None, (self._line(line, several) for line in lines)))

    def _line(self, line: str, several: bool) -> str:
        ignored = False
        while line[:1] in ("@", "-", "+", " ", "\t") and line:
            ignored = ignored or line[0] == "-"
            line = line[1:]
        parts = cutting.cut(line)
        wrong = cutting.bad(parts)
        if wrong is None:
            wrong = next((f"$({name})" for name in cutting.names(parts) if name in self.lost), None)
        if wrong is not None:
            self.notes.append(f"`{wrong}` in a command")
            return ""
        text = "".join(self._part(part) for part in parts).rstrip()
        if not text or text.startswith("#"):
            return ""
        if several and _LOCAL.search(text):
            text = f"({text}\n)"
        if ignored:
            text = f"{{{{ {text}\n}}}} || true" if "#" in text else f"{text} || true"
        return text

    def _part(self, part: Part) -> str:
        if part.kind == "text":
            return part.text.replace("{", "{{").replace("}", "}}")
        if part.kind == "ref":
            return f"{{{self.python.name(part.text)}}}"
        if part.kind == "auto":
            if part.text == "?":
                self.notes.append("`$?` (newer prerequisites): all are given")
            field = self.fields.get(part.text)
            if field is not None:
                return field
            if part.text not in self.values:
                self.notes.append(f"`$({part.text})`")
                return ""
        return self._param(part)

    def _param(self, part: Part) -> str:
        """A value that is worked out for each job."""
        self.python.auto = self.values
        expression = self.python.one(part)
        self.python.auto = {}
        for name in ("mk_dir", "mk_notdir"):
            if name in expression:
                self.python.used.add(name)
        for name, known in self.params.items():
            if known == expression:
                return f"{{params.{name}}}"
        name = f"p{len(self.params) + 1}"
        self.params[name] = expression
        return f"{{params.{name}}}"


def literal(text: str, indent: str) -> str:
    """A command as a string, in lines if it has several."""
    if "\n" not in text and '"' not in text and "\\" not in text:
        return f'"{text}"'
    rows = text.split("\n")
    for at in range(len(rows)):
        # A line that goes on from the one before may be inside of quotes: it stays as it is.
        if rows[at] and not (at and rows[at - 1].endswith("\\")):
            rows[at] = indent + rows[at]
    body = "\n".join(rows)
    if '"""' in text:
        body = body.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        return f'"""\n{body}\n{indent}"""'
    prefix = "r" if "\\" in text else ""
    return f'{prefix}"""\n{body}\n{indent}"""'
