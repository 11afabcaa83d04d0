"""Checks of compiled rules: what they declare, and whether their commands use it."""

from __future__ import annotations

import ast
import os
import re
import textwrap

from rulekit.errors.diagnostic import closest
from rulekit.errors.tree import RulekitError
from rulekit.lint.finding import Finding
from rulekit.lint.together import check_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulekit.model.rule import Entry, Rule, Workflow

MOST_STATEMENTS = 5  # of a `run:` body
_OWN = frozenset(
    "input output params wildcards threads resources log rule jobid bench_iteration".split()  # noqa: SIM905
)
_BY_NUMBER = re.compile(r"\{\s*(input|output)\[\d+\]")
_NAMED = re.compile(r"(?<!\{)\{\s*(input|output|log|params|wildcards)\.([^\W\d]\w*)")
_ATTRIBUTES = frozenset({"size", "size_mb", "size_gb", "get", "keys", "values", "items", "append"})
_VERSION = re.compile(r"[@:][^/:@]+$")
_FILE_BODIES = {"script": "the script", "notebook": "the notebook"}


def check_rules(workflow: Workflow, *, own: bool) -> Iterator[Finding]:
    """Findings of all rules; `own`: the checks that Snakemake does not have, too."""
    for rule in workflow.rules:
        yield from _common(rule)
        if own:
            yield from _extra(rule)
    if own:
        yield from check_together(workflow)


def _found(rule: Rule, code: str, message: str, line: int | None = None) -> Finding:
    span = rule.span
    return Finding(code, message, span.file, line or span.line, rule.name, span.line)


def _common(rule: Rule) -> Iterator[Finding]:
    body = rule.body
    acts = body.kind != "none" and not rule.handover
    if acts and not rule.logs:
        yield _found(rule, "RL001", "the rule names no log file")
    yield from _prefixes(rule)
    if body.kind == "shell":
        yield from _fields(rule)
    if body.kind == "run":
        count = _statements(body.text)
        if count > MOST_STATEMENTS:
            yield _found(rule, "RL006", f"the `run:` body has {count} statements")
    brings_software = body.kind in ("run", "wrapper", "template_engine", "cwl")
    if acts and not brings_software and not rule.conda and not rule.container:
        if rule.envmodules:
            yield _found(rule, "RL003", "the software is given by environment modules only")
        else:
            yield _found(rule, "RL002", "the rule says nothing about its software")


def _texts(entries: Iterable[Entry]) -> list[str]:
    return [item.text for entry in entries for item in entry.items if item.pattern is not None]


def _prefixes(rule: Rule) -> Iterator[Finding]:
    files = [*_texts(rule.inputs), *_texts(rule.outputs)]
    for param in rule.params:
        value = param.value
        if param.name and isinstance(value, str) and value:
            for file in files:
                if file.startswith(value):
                    message = f"the param `{param.name}` repeats the beginning of `{file}`"
                    yield _found(rule, "RL004", message)
                    break


def _fields(rule: Rule) -> Iterator[Finding]:
    text = rule.body.text
    for name in sorted(_roots(text) - _OWN):
        if name in rule.wildcard_names:
            message = f"the command has `{{{name}}}` instead of `{{wildcards.{name}}}`"
            yield _found(rule, "RL014", message)
        else:
            message = f"the command uses `{name}`, which is not a part of the rule"
            yield _found(rule, "RL005", message)
    counted = _BY_NUMBER.search(text)
    if counted is not None:
        yield _found(rule, "RL007", f"the command has `{counted[0]}}}`: files have no names")


def _roots(command: str) -> frozenset[str]:
    from rulekit.language.format import compile_template

    try:
        return compile_template(command, shell=True).roots()
    except RulekitError:
        return frozenset()  # told when the rule is used


def _statements(text: str) -> int:
    try:
        python = ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError):
        return len([line for line in text.split("\n") if line.strip()])
    return sum(isinstance(node, ast.stmt) for node in ast.walk(python))


def _extra(rule: Rule) -> Iterator[Finding]:
    body = rule.body
    if body.kind == "shell":
        yield from _unused(rule)
        yield from _unknown(rule)
    if isinstance(rule.container, str) and rule.container.startswith("docker://"):
        version = _VERSION.search(rule.container.removeprefix("docker://"))
        if version is None or version[0] == ":latest":
            message = f"the image `{rule.container}` has no fixed version"
            yield _found(rule, "RL102", message)
    named = _FILE_BODIES.get(body.kind)
    if named is not None:
        yield from _missing(rule, named, body.text)
    if isinstance(rule.conda, str) and rule.conda.endswith((".yaml", ".yml")):
        yield from _missing(rule, "the environment file", rule.conda)


def _missing(rule: Rule, what: str, path: str) -> Iterator[Finding]:
    if "{" in path or "://" in path:
        return
    full = os.path.join(rule.basedir, path)
    if not os.path.exists(full):
        yield _found(rule, "RL103", f"{what} `{path}` does not exist")


def _unused(rule: Rule) -> Iterator[Finding]:
    text = rule.body.text
    roots = _roots(text)
    if rule.logs and "log" not in roots and not _literally(text, _texts(rule.logs)):
        yield _found(rule, "RL101", "the command does not write its log file")
    if rule.params and not re.search(r"\{\s*params\s*[}:!]", text):
        for param in rule.params:
            used = re.search(rf"params(\.{param.name}\b|\[{param.name}\])", text)
            if param.name and used is None:
                yield _found(rule, "RL104", f"the command does not use the param `{param.name}`")
    threads = rule.threads
    told = "threads" in roots or str(threads) in text
    if isinstance(threads, int) and threads > 1 and not told:
        message = f"the rule takes {threads} threads, the command does not know of it"
        yield _found(rule, "RL105", message)
    if re.match(r"\s*cd\s", text) or re.search(r"(?:^|[;&\n])\s*cd\s(?![^\n]*\))", text):
        yield _found(rule, "RL108", "the command changes the directory")


def _unknown(rule: Rule) -> Iterator[Finding]:
    """Fields such as ``{input.reads}`` of a name that is not there."""
    known = {
        "input": _names(rule.inputs),
        "output": _names(rule.outputs),
        "log": _names(rule.logs),
        "params": frozenset(value.name for value in rule.params if value.name),
        "wildcards": frozenset(rule.wildcard_names),
    }
    told = set()
    for found in _NAMED.finditer(rule.body.text):
        kind, name = found[1], found[2]
        names = known[kind]
        if names is None or name in names or name in _ATTRIBUTES or found[0] in told:
            continue
        told.add(found[0])
        message = f"the command uses `{kind}.{name}`, which the rule does not have"
        near = closest(name, names)
        yield _found(rule, "RL111", message + (f" (but `{near}`)" if near else ""))


def _names(entries: Iterable[Entry]) -> frozenset[str] | None:
    """The names of a directive's files; None if a function gives names that cannot be known."""
    if any(item.flags.get("unpack") for entry in entries for item in entry.items):
        return None
    return frozenset(entry.name for entry in entries if entry.name)


def _literally(command: str, files: list[str]) -> bool:
    return any(file in command for file in files)
