"""Mending what can be mended without a doubt: the text changes, what is made does not.

RL012 `singularity:` becomes `container:`; RL013 tabs become blanks; RL014 `{sample}` in a command
becomes `{wildcards.sample}`.
"""

from __future__ import annotations

import ast
import re

from rulekit.errors.tree import RulekitError
from rulekit.fmt.layout import meaning
from rulekit.lint.files import lines_of_strings
from rulekit.lint.finding import is_allowed
from rulekit.syntax import tree
from rulekit.syntax.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulekit.lint.finding import Finding
    from rulekit.syntax.tree import RuleFile

    Edit = tuple[int, int, str]  # text[start:end] becomes the string

_WILDCARD = re.compile(r"the command has `\{(\w+)\}`")


def fixed(text: str, path: str, findings: Iterable[Finding]) -> tuple[str, int]:
    """The text with its findings mended, and how many of `findings` that were.

    `findings` are those of this file that are not allowed by a comment. What cannot be mended is
    left. Raises `RuleFileError` if the text cannot be read.
    """
    rulefile = parse(text, path)
    edits: list[Edit] = []
    count = 0
    for one in findings:
        made = list(edits_for(one, rulefile))
        if made:
            count += 1
            edits += made
    new = apply(rulefile.text, edits)
    try:
        parse(new, path)
    except RulekitError:
        return rulefile.text, 0
    return new, count


def apply(text: str, edits: Iterable[Edit]) -> str:
    """`text` with all edits; of edits that overlap the first one counts."""
    out: list[str] = []
    at = 0
    for start, end, new in sorted(set(edits)):
        if start >= at:
            out += (text[at:start], new)
            at = end
    return "".join(out) + text[at:]


def edits_for(finding: Finding, rulefile: RuleFile) -> Iterator[Edit]:
    """The edits that mend a finding in the file it is in; none if it takes a person."""
    if is_allowed(finding, {}):
        return
    if finding.code == "RL012":
        for statement in rulefile.statements:
            words = [statement.keyword]
            if isinstance(statement, tree.Rule | tree.UseRule):
                words += [directive.keyword for directive in statement.directives or ()]
            for word in words:
                if word.text == "singularity" and word.span.line == finding.line:
                    yield word.start, word.end, "container"
    elif finding.code == "RL013":
        yield from _blanks(rulefile)
    elif finding.code == "RL014":
        found = _WILDCARD.match(finding.message)
        if found is not None:
            yield from _full_names(rulefile, finding.rule_line, found[1])


def _blanks(rulefile: RuleFile) -> Iterator[Edit]:
    """Each tab of an indentation, by the four blanks that it was surely meant for.

    Python counts a tab as eight; the layout stays the same as long as all lines are alike.
    """
    inside = lines_of_strings(rulefile.python)
    lines = rulefile.text.split("\n")
    mixed = any(" \t" in line[: len(line) - len(line.lstrip())] for line in lines)
    edits: list[Edit] = []
    at = 0
    for number, line in enumerate(lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and number not in inside:
            edits.append((at, at + len(indent), indent.expandtabs(8 if mixed else 4)))
        at += len(line) + 1
    try:
        after = parse(apply(rulefile.text, edits), rulefile.path)
    except RulekitError:
        return
    if meaning(after) == meaning(parse(rulefile.text, rulefile.path)):
        yield from edits


def _full_names(rulefile: RuleFile, line: int, name: str) -> Iterator[Edit]:
    for statement in rulefile.statements:
        if not isinstance(statement, tree.Rule) or statement.keyword.span.line != line:
            continue
        action = statement.action
        if action is None or action.value is None or action.keyword.text != "shell":
            return
        if not _plain(action.value.text):
            return
        field = re.compile(r"(?<!\{)((?:\{\{)*)\{(\s*)" + name + r"(?=\s*[}:!.\[])")
        for found in field.finditer(rulefile.text, action.value.start, action.value.end):
            at = found.end(2)
            yield at, at, "wildcards."


def _plain(value: str) -> bool:
    """Whether a value is a string as it stands: no f-string, nothing computed."""
    try:
        node = ast.parse(f"({value}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(node, ast.Constant | ast.Tuple)
