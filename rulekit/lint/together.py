"""Checks that look at several rules, or at rules and the statements around them."""

from __future__ import annotations

from rulekit.lint.finding import Finding
from rulekit.syntax import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulekit.model.rule import Entry, Rule, Workflow
    from rulekit.syntax.tree import RuleFile


def check_together(workflow: Workflow) -> Iterator[Finding]:
    """Findings about rules beside each other."""
    yield from _first(workflow)
    yield from _same_outputs(workflow)
    yield from _same_logs(workflow)


def check_constraints(workflow: Workflow, rulefile: RuleFile) -> Iterator[Finding]:
    """Wildcards that one file constrains for all rules, and that no rule has."""
    used = {name for rule in workflow.rules for name in rule.wildcard_names}
    unused = [name for name in workflow.constraints if name not in used]
    for statement in rulefile.statements:
        if not isinstance(statement, tree.GlobalStatement) or statement.value is None:
            continue
        if statement.keyword.text != "wildcard_constraints":
            continue
        for name in unused:
            if name in statement.value.text:
                message = f"no rule has the wildcard `{name}` that is constrained here"
                yield Finding("RL114", message, rulefile.path, statement.keyword.span.line)


def _found(rule: Rule, code: str, message: str) -> Finding:
    return Finding(code, message, rule.span.file, rule.span.line, rule.name, rule.span.line)


def _texts(entries: Iterable[Entry]) -> list[str]:
    return [item.text for entry in entries for item in entry.items if item.pattern is not None]


def _first(workflow: Workflow) -> Iterator[Finding]:
    if not workflow.rules:
        return
    named = workflow.default_target
    first = (workflow.rule(named) if named else None) or workflow.rules[0]
    if first.wildcard_names:
        names = ", ".join(first.wildcard_names)
        yield _found(first, "RL109", f"the first rule has wildcards: {names}")


def _same_outputs(workflow: Workflow) -> Iterator[Finding]:
    ordered = {frozenset((a, b)) for names in workflow.ruleorder for a in names for b in names}
    makers: dict[str, Rule] = {}
    for rule in workflow.rules:
        for text in _texts(rule.outputs):
            first = makers.setdefault(text, rule)
            if first is not rule and frozenset((first.name, rule.name)) not in ordered:
                message = f"the rule `{first.name}` makes `{text}`, too"
                yield _found(rule, "RL107", message)
                break


def _same_logs(workflow: Workflow) -> Iterator[Finding]:
    writers: dict[str, Rule] = {}
    for rule in workflow.rules:
        for text in _texts(rule.logs):
            first = writers.setdefault(text, rule)
            if first is not rule and not _same_rule(first, rule):
                yield _found(rule, "RL115", f"the rule `{first.name}` writes `{text}`, too")
                break


def _same_rule(one: Rule, other: Rule) -> bool:
    """Whether two rules are one rule that is written twice: RL107 says so already."""
    return bool(set(_texts(one.outputs)) & set(_texts(other.outputs)))
