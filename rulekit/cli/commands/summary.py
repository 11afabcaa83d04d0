"""`--summary`, `--detailed-summary`: one tab-separated line for each output."""

from __future__ import annotations

import sys
import time

from rulekit.cli import session
from rulekit.cli.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared

_HEAD = ("output_file", "date", "rule", "log-file(s)", "status", "plan")
_DETAILED = (*_HEAD[:4], "input-file(s)", "shellcmd", *_HEAD[4:])

# What a reason of a job means for the status of its outputs.
_STATUS = (
    ("input-newer", "updated input files"),
    ("code", "rule implementation changed"),
    ("input-set", "set of input files changed"),
    ("params", "params changed"),
    ("software-env", "software environment changed"),
    ("output-changed", "changed since it was made"),
    ("incomplete", "incomplete"),
)


def execute(command: Command) -> int:
    prepared = session.prepare(command, session.load(command), readonly=True)
    detailed = command.options.detailed_summary
    write = sys.stdout.write
    write("\t".join(_DETAILED if detailed else _HEAD) + "\n")
    for row in rows(prepared, detailed=detailed):
        write("\t".join(row) + "\n")
    return 0


def rows(prepared: Prepared, *, detailed: bool) -> Iterator[tuple[str, ...]]:
    """One row an output, in the order of the graph from the targets down."""
    from rulekit.graph.text import breadth_first

    plan, forecast, files = prepared.stage.plan, prepared.stage.forecast, prepared.files
    records = Records(prepared)
    for job in breadth_first(plan):
        rule = plan.rule_of(job)
        logs = ",".join(plan.logs(job)) or "-"
        kinds = {reason.kind for reason in forecast.reasons(job)}
        changed = next((words for kind, words in _STATUS if kind in kinds), "ok")
        flags = dict(plan.output_flags(job))
        for i, path in enumerate(plan.outputs[job]):
            stamp = files.stamp(path)
            date = time.ctime(stamp[0] / 1e9) if stamp is not None else "-"
            status = changed
            if stamp is None:
                status = _missing(flags.get(i, {}))
            pending = "update pending" if forecast.run[job] else "no update"
            if detailed:
                inputs, command = records.made_from(path)
                yield (path, date, rule.name, logs, inputs, command, status, pending)
            else:
                yield (path, date, rule.name, logs, status, pending)


def _missing(flags: object) -> str:
    for flag, words in (
        ("temp", "removed temp file"),
        ("pipe", "pipe file"),
        ("service", "service file"),
    ):
        if flag in flags:  # type: ignore[operator]
            return words
    return "missing"
