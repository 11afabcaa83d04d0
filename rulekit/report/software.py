"""With what software the results were made: environments, containers, modules, and rulekit itself."""

from __future__ import annotations

import os
import platform

from rulekit import __version__
from rulekit.pages.shell import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.history.jobs import JobHistory
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan

_MOST = 30_000  # letters of an environment that are shown


def declared(rule: Rule) -> str:
    """What a rule asks for, one line a kind; empty if it asks for nothing."""
    lines = []
    if rule.conda:
        name = rule.conda if isinstance(rule.conda, str) else "(a function)"
        lines.append(f"conda {name}")
    if rule.container:
        name = rule.container if isinstance(rule.container, str) else "(a function)"
        lines.append(f"container {name}")
    if rule.envmodules:
        lines.append("modules " + " ".join(map(str, rule.envmodules)))
    if rule.body.kind == "wrapper":
        lines.append(f"wrapper {rule.body.text}")
    return "\n".join(lines)


def section(plan: Plan, history: JobHistory, hide: Callable[[str], str]) -> str:
    """The section of a report: machine-wide facts, environments that were used, ones asked for."""
    facts = (
        ("rulekit", __version__),
        ("Python", platform.python_version()),
        ("System", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in facts)
    parts = [f'<dl class="facts card">{rows}</dl>']
    used: dict[str, dict[str, int]] = {}
    plain: dict[str, int] = {}
    for job in plan.numbers():
        name = plan.rule_of(job).name
        record = history.record[job]
        environment = ""
        if history.index is not None and record is not None:
            environment = history.index.environment(record)
        if environment:
            table = used.setdefault(environment, {})
            table[name] = table.get(name, 0) + 1
        elif record is not None:
            plain[name] = plain.get(name, 0) + 1
    if used:
        parts.append("<h3>Environments that jobs ran in</h3>")
    for number, (environment, rules) in enumerate(used.items(), 1):
        first = environment.split("\n", 1)[0]
        parts.append(
            f'<details class="card"><summary>Environment {number}: {text(hide(first)[:120])} '
            f'<span class="soft">({_told(rules)})</span></summary>'
            f'<pre tabindex="0">{text(hide(environment)[:_MOST])}</pre></details>'
        )
    if plain:
        parts.append(f'<p class="soft">With the software that was in PATH: {_told(plain)}.</p>')
    asked = [(rule, declared(rule)) for rule in plan.workflow.rules]
    asked = [(rule, what) for rule, what in asked if what and rule.index in set(plan.rule)]
    if asked:
        parts.append("<h3>What the rule file asks for</h3>")
        parts.append(
            '<p class="soft">It is used where a run switches it on, as with '
            "<code>--sdm conda</code>.</p>"
        )
        for rule, what in asked:
            parts.append(
                f'<h4><a href="#rules/{text(rule.name)}">{text(rule.name)}</a></h4>'
                f'<pre class="wrap">{text(hide(what))}</pre>'
            )
            content = _file_of(rule)
            if content:
                parts.append(
                    "<details><summary>the environment file</summary>"
                    f'<pre tabindex="0">{text(hide(content)[:_MOST])}</pre></details>'
                )
    return "".join(parts)


def _file_of(rule: Rule) -> str:
    """The text of the environment file of a rule."""
    if not isinstance(rule.conda, str) or not rule.conda.endswith((".yaml", ".yml")):
        return ""
    try:
        with open(os.path.join(rule.basedir, rule.conda), encoding="utf-8") as file:
            return file.read(_MOST)
    except (OSError, UnicodeDecodeError):
        return ""


def _told(rules: dict[str, int]) -> str:
    return ", ".join(
        f"{text(name)}: {count:,} job{'s' if count != 1 else ''}" for name, count in rules.items()
    )
