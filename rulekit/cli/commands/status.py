"""`rulekit status`: what is up to date, stale or missing, by rule."""

from __future__ import annotations

import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared

PENDING = 8


def execute(command: Command) -> int:
    prepared = session.prepare(command, session.load(command), readonly=True)
    table = counts(prepared)
    pending = prepared.stage.forecast.count
    if command.options.json:
        import json

        answer = {
            "up_to_date": not pending,
            "pending": pending,
            "jobs": len(prepared.stage.plan),
            "rules": table,
        }
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        sys.stdout.write(_written(table, pending, _failed(prepared)))
    return PENDING if command.options.check and pending else 0


def counts(prepared: Prepared) -> dict[str, dict[str, int]]:
    """Rule → number of jobs done, stale (to be made again) and missing (to be made)."""
    plan, forecast, files = prepared.stage.plan, prepared.stage.forecast, prepared.files
    names = [rule.name for rule in plan.workflow.rules]
    table: dict[str, dict[str, int]] = {}
    for job in range(len(plan)):
        row = table.setdefault(names[plan.rule[job]], {"done": 0, "stale": 0, "missing": 0})
        if not forecast.run[job]:
            row["done"] += 1
        elif plan.outputs[job] and all(files.exists(path) for path in plan.outputs[job]):
            row["stale"] += 1
        else:
            row["missing"] += 1
    return table


def _failed(prepared: Prepared) -> int:
    """How many jobs failed in the last run, and have not succeeded since."""
    from rulekit.cli.commands.logs import failed_last

    return len(failed_last(prepared.store))


def _written(table: dict[str, dict[str, int]], pending: int, failed: int) -> str:
    if not table:
        return "Nothing is asked for: the rule file has no default target.\n"
    width = max(4, *(len(name) for name in table))
    lines = [f"{'rule':<{width}}  {'done':>7}  {'stale':>7}  {'missing':>7}"]
    for name, row in table.items():
        lines.append(f"{name:<{width}}  {row['done']:>7}  {row['stale']:>7}  {row['missing']:>7}")
    total = sum(sum(row.values()) for row in table.values())
    noun = "job" if pending == 1 else "jobs"
    lines.append("")
    if pending:
        # The last two columns are what there is to do.
        lines.append("done: up to date   stale: to be made again   missing: not made yet")
        lines.append(f"{pending} of {total} {noun} to run: `rulekit -n` says why")
    else:
        lines.append(f"All {total} jobs are up to date.")
    if failed:
        jobs = "1 job" if failed == 1 else f"{failed} jobs"
        lines.append(f"{jobs} failed in the last run: `rulekit logs --failed`")
    return "\n".join(lines) + "\n"
