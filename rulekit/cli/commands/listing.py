"""`rulekit list`, `rulekit show RULE`, `--list-rules`, `--list-target-rules`."""

from __future__ import annotations

import sys

from rulekit.cli import session
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Command
    from rulekit.model.rule import Entry, FileItem, Rule, Workflow


def execute(command: Command) -> int:
    options = command.options
    workflow = session.load(command).workflow
    if command.verb == "show":
        return _show(workflow, options.targets, options.json)
    rules = list(workflow.rules)
    if options.list_target_rules:
        rules = [rule for rule in rules if not rule.wildcard_names]
    if options.json:
        import json

        sys.stdout.write(json.dumps([facts(rule) for rule in rules], indent=1) + "\n")
    elif command.verb == "list" and not (options.list_rules or options.list_target_rules):
        sys.stdout.write(_table(workflow, rules))
    else:
        for rule in sorted(rules, key=lambda rule: rule.name):
            described = f" ({rule.docstring})" if rule.docstring else ""
            sys.stdout.write(f"{rule.name}{described}\n")
    return 0


def _table(workflow: Workflow, rules: list[Rule]) -> str:
    lines = []
    width = max([len(rule.name) for rule in rules], default=0)
    for rule in rules:
        mark = "*" if rule.name == workflow.default_target else " "
        text = " ".join((rule.docstring or "").split()) or ", ".join(_texts(rule.outputs)[:3])
        lines.append(f"{mark} {rule.name:<{width}}  {text}".rstrip())
    if workflow.default_target is not None:
        lines += ["", "* is made when no target is given"]
    return "\n".join(lines) + "\n"


def _texts(entries: tuple[Entry, ...]) -> list[str]:
    return [_item(item) for entry in entries for item in entry.items]


def _item(item: FileItem) -> str:
    text = item.text if item.pattern is not None else _named(item.function)
    for flag, value in item.flags.items():
        text = f"{flag}({text})" if value is True else f"{flag}({text}, ...)"
    return text


def _named(value: Any) -> str:
    name = getattr(getattr(value, "function", value), "__name__", None)
    return f"<function {name}>" if name and name != "<lambda>" else "<function>"


def plain(value: Any) -> Any:
    """A directive's value for JSON and for reading: functions by name."""
    if callable(value):
        return _named(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return repr(value)


def _entries(entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    return [
        {"name": entry.name, "files": [_item(item) for item in entry.items]} for entry in entries
    ]


def facts(rule: Rule) -> dict[str, Any]:
    """One rule as JSON can hold it."""
    return {
        "name": rule.name,
        "kind": rule.kind,
        "file": rule.span.file,
        "line": rule.span.line,
        "docstring": rule.docstring,
        "wildcards": list(rule.wildcard_names),
        "constraints": dict(rule.constraints),
        "input": _entries(rule.inputs),
        "output": _entries(rule.outputs),
        "log": _entries(rule.logs),
        "benchmark": _item(rule.benchmark) if rule.benchmark is not None else None,
        "params": [{"name": one.name, "value": plain(one.value)} for one in rule.params],
        "threads": plain(rule.threads),
        "resources": plain(dict(rule.resources)),
        "priority": plain(rule.priority),
        "retries": rule.retries,
        "conda": plain(rule.conda),
        "container": plain(rule.container),
        "envmodules": list(rule.envmodules),
        "group": plain(rule.group),
        "shadow": rule.shadow,
        "localrule": rule.localrule,
        "body": {"kind": rule.body.kind, "text": rule.body.text},
    }


def _show(workflow: Workflow, names: tuple[str, ...], as_json: bool) -> int:
    if not names:
        raise UsageError(
            "show which rule?", code="RK0110", help="rulekit show RULE, or rulekit list"
        )
    chosen = []
    for name in names:
        rule = workflow.rule(name)
        if rule is None:
            from rulekit.errors.diagnostic import did_you_mean

            raise UsageError(
                f"there is no rule `{name}`",
                code="RK0111",
                help=did_you_mean("rule", name, [rule.name for rule in workflow.rules]),
            )
        chosen.append(rule)
    if as_json:
        import json

        sys.stdout.write(json.dumps([facts(rule) for rule in chosen], indent=1) + "\n")
        return 0
    sys.stdout.write("\n".join(_written(rule) for rule in chosen))
    return 0


def _written(rule: Rule) -> str:
    lines = [f"{rule.kind} {rule.name}:", f"    # {rule.span.file}:{rule.span.line}"]
    if rule.docstring:
        lines += ["    # " + line.strip() for line in rule.docstring.strip().split("\n")]
    for title, entries in (("input", rule.inputs), ("output", rule.outputs), ("log", rule.logs)):
        if entries:
            lines.append(f"    {title}:")
            for entry in entries:
                name = f"{entry.name} = " if entry.name else ""
                lines.append(f"        {name}{', '.join(_item(item) for item in entry.items)}")
    if rule.benchmark is not None:
        lines.append(f"    benchmark: {_item(rule.benchmark)}")
    if rule.params:
        lines.append("    params:")
        for one in rule.params:
            name = f"{one.name} = " if one.name else ""
            lines.append(f"        {name}{plain(one.value)!r}")
    if rule.threads != 1:
        lines.append(f"    threads: {plain(rule.threads)}")
    if rule.resources:
        pairs = ", ".join(f"{name}={plain(value)!r}" for name, value in rule.resources.items())
        lines.append(f"    resources: {pairs}")
    for title, value, usual in (
        ("priority", rule.priority, 0),
        ("retries", rule.retries, None),
        ("conda", rule.conda, None),
        ("container", rule.container, None),
        ("group", rule.group, None),
        ("shadow", rule.shadow, None),
    ):
        if value not in (usual, None, False):
            lines.append(f"    {title}: {plain(value)}")
    if rule.constraints:
        pairs = ", ".join(f"{name}={regex!r}" for name, regex in rule.constraints.items())
        lines.append(f"    wildcard_constraints: {pairs}")
    if rule.body.kind != "none":
        lines.append(f"    {rule.body.kind}:")
        lines += ["        " + line for line in rule.body.text.strip("\n").split("\n")]
    return "\n".join(lines) + "\n"
