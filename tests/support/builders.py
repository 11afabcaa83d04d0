"""`model` values built directly, with defaults for all that a test does not care about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rulekit.frozen import replace
from rulekit.model.rule import (
    Body,
    CheckpointGate,
    Entry,
    FileItem,
    Rule,
    ShellSettings,
    Workflow,
)
from rulekit.model.span import Span
from rulekit.patterns import Pattern, parse
from rulekit.planning import Plan, PlanOptions, make_plan

# What a test may write for one file of a rule.
FileSpec = str | Callable[..., Any] | FileItem
FileSpecs = Sequence[FileSpec | list[FileSpec]] | Mapping[str, FileSpec | list[FileSpec]]


def make_file(
    spec: FileSpec,
    constraints: Mapping[str, str] | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    fixed_rule: str | None = None,
) -> FileItem:
    """A file item from a pattern's text or an input function. A `FileItem` passes through, but
    gets its pattern parsed anew with the constraints of the rule it now belongs to."""
    if isinstance(spec, FileItem):
        if spec.pattern is None or not constraints:
            return spec
        return replace(spec, pattern=parse(spec.text, constraints))
    if callable(spec):
        return FileItem("", None, spec, dict(flags or {}), fixed_rule)
    return FileItem(spec, parse(spec, constraints), None, dict(flags or {}), fixed_rule)


def ancient(text: str) -> FileItem:
    return make_file(text, flags={"ancient": True})


def fixed(text: str, rule: str) -> FileItem:
    """A file that only `rule` may make, as from `rules.NAME.output`."""
    return make_file(text, fixed_rule=rule)


def make_constraints(**names: str) -> dict[str, str]:
    return names


def _entries(specs: FileSpecs, constraints: Mapping[str, str]) -> tuple[Entry, ...]:
    pairs: Iterable[tuple[str | None, Any]]
    pairs = specs.items() if isinstance(specs, Mapping) else ((None, spec) for spec in specs)
    entries = []
    for name, spec in pairs:
        is_list = isinstance(spec, list)
        items = spec if is_list else [spec]
        made = tuple(make_file(item, constraints) for item in items)
        entries.append(Entry(name, made, is_list))
    return tuple(entries)


def _wildcards_of(patterns: Iterable[Pattern | None]) -> tuple[str, ...]:
    for pattern in patterns:
        if pattern is not None:
            return pattern.names
    return ()


def make_rule(
    name: str,
    inputs: FileSpecs = (),
    outputs: FileSpecs = (),
    logs: FileSpecs = (),
    benchmark: str | None = None,
    *,
    constraints: Mapping[str, str] | None = None,
    action: str = "shell",
    **fields: Any,
) -> Rule:
    """A rule. Its wildcards are those of its first output (or log, or benchmark).

    `action` is the body's kind; `fields` set any other field of `Rule`. The index is given by
    `make_workflow`.
    """
    known = dict(constraints or {})
    output_entries = _entries(outputs, known)
    log_entries = _entries(logs, known)
    bench = make_file(benchmark, known) if benchmark is not None else None
    products = [item.pattern for e in (*output_entries, *log_entries) for item in e.items]
    if bench is not None:
        products.append(bench.pattern)
    values: dict[str, Any] = {
        "name": name,
        "index": -1,
        "kind": "rule",
        "span": Span("Rulefile", 1, 1, 1, 1),
        "docstring": None,
        "inputs": _entries(inputs, known),
        "outputs": output_entries,
        "logs": log_entries,
        "benchmark": bench,
        "params": (),
        "wildcard_names": _wildcards_of(products),
        "constraints": known,
        "threads": 1,
        "resources": {},
        "priority": 0,
        "message": None,
        "retries": None,
        "group": None,
        "shadow": None,
        "conda": None,
        "container": None,
        "envmodules": (),
        "cache": None,
        "localrule": False,
        "handover": False,
        "body": Body(action, "true", None, None, "true"),
        "namespace": {},
        "basedir": ".",
    }
    values.update(fields)
    return Rule(**values)


def make_workflow(
    *rules: Rule,
    ruleorder: Sequence[Sequence[str]] = (),
    default_target: str | None = None,
    spread_spans: bool = True,
) -> Workflow:
    """A workflow of these rules, in this order; the first is the default target.

    Rules without a place of their own get one line each: the n-th rule stands in line 10·n.
    """
    placed = []
    for index, rule in enumerate(rules):
        span = rule.span
        if spread_spans and span.line == 1:
            line = 10 * (index + 1)
            span = Span("Rulefile", line, 1, line, 6 + len(rule.name))
        placed.append(replace(rule, index=index, span=span))
    if default_target is None and placed:
        default_target = placed[0].name
    return Workflow(
        main_file="Rulefile",
        basedir=".",
        rules=tuple(placed),
        default_target=default_target,
        ruleorder=tuple(tuple(names) for names in ruleorder),
        localrules=frozenset(),
        constraints={},
        envvars=(),
        config={},
        configfiles=(),
        workdir=None,
        onstart=None,
        onsuccess=None,
        onerror=None,
        shell=ShellSettings(),
        scattergather={},
        resource_scopes={},
        source_files=("Rulefile",),
        namespace={},
        checkpoints=CheckpointGate(),
    )


def make_plan_of(
    *rules: Rule,
    files: Any,
    targets: Sequence[str] = (),
    ruleorder: Sequence[Sequence[str]] = (),
    options: PlanOptions | None = None,
) -> Plan:
    """The plan for a workflow of these rules."""
    return make_plan(make_workflow(*rules, ruleorder=ruleorder), targets, files, options)
