"""What stands at the top of a Rulefile: imports, the shell, the environment, functions, the order."""

from __future__ import annotations

import inspect

from rulekit.makefile.functions import DEFAULTS, FUNCTIONS, NEEDS, mk_stem
from rulekit.makefile.parts import quoted
from rulekit.makefile.survey import fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rulekit.makefile.parts import Python
    from rulekit.makefile.survey import Survey


def head(
    path: str, body: str, survey: Survey, python: Python, name: Callable[[str], str]
) -> list[str]:
    """The lines before `body`. `name` gives the Python name of a variable."""
    lines = [f"# Made by `rulekit import-makefile` from {path}.", ""]
    asked = sorted(survey.first_asked)
    if asked or "os." in body:
        lines.append("import os")
    if "re." in body:
        lines.append("import re")
    lines += [
        "",
        "# Commands run as make runs them.",
        'shell.executable("/bin/sh")',
        'shell.prefix("set -e; ")',
        "",
    ]
    if asked:
        lines.append("# What may be set in the environment.")
        for one in asked:
            default = quoted(DEFAULTS.get(one, ""))
            lines.append(f"{name(one)} = os.environ.get({quoted(one)}, {default})")
        lines.append("")
    for function in _functions(python.used):
        lines += ["", inspect.getsource(function)]
    return lines


def _functions(used: set[str]) -> list[Callable[..., object]]:
    """The functions of these names, and what they need."""
    needed = set(used)
    todo = list(used)
    while todo:
        for other in NEEDS.get(todo.pop(), ()):
            if other not in needed:
                needed.add(other)
                todo.append(other)
    known: dict[str, Callable[..., object]] = {"mk_stem": mk_stem}
    known |= {function.__name__: function for function, _ in FUNCTIONS.values()}
    return [function for name, function in known.items() if name in needed]


def rule_order(survey: Survey, named: Mapping[int, str]) -> list[str]:
    """Which rule is taken where several fit, as make would: a named target before a pattern,
    a longer pattern before a shorter one."""
    patterns = [
        (-max(len(word) for word in rule.targets), index, rule, name)
        for index, (key, name) in enumerate(named.items())
        if (rule := survey.rules.get(key)) is not None and rule.pattern
    ]
    patterns.sort(key=lambda one: one[:2])
    chosen: list[str] = []
    for key, name in named.items():
        rule = survey.rules.get(key)
        if rule is None or rule.pattern or survey.is_task((rule.targets or [""])[0]):
            continue
        if any(
            fits(pattern, target)
            for _, _, other, _ in patterns
            for pattern in other.targets
            for target in rule.targets
        ):
            chosen.append(name)
    names = [*chosen, *(name for _, _, _, name in patterns)]
    return ["", f"ruleorder: {' > '.join(names)}", ""] if len(names) > 1 else []
