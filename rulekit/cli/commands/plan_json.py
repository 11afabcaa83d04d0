"""`rulekit plan --json`: what would run and why, for programs."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.engine.session import Prepared

SCHEMA = 1


def plan_as_json(prepared: Prepared) -> str:
    """One object: ``schema``, ``jobs`` (number by rule), ``run`` (one object a job, in order)."""
    from rulekit.reporting.dryrun import jobs_by_rule

    stage = prepared.stage
    plan, forecast = stage.plan, stage.forecast
    run = []
    for job in plan.numbers():
        if not forecast.run[job]:
            continue
        rule = plan.rule_of(job)
        run.append(
            {
                "id": job,
                "key": plan.key(job),
                "rule": rule.name,
                "wildcards": dict(zip(rule.wildcard_names, plan.wildcards[job], strict=True)),
                "input": plan.inputs[job],
                "output": plan.outputs[job],
                "threads": stage.values.threads(job),
                "reasons": [
                    {"kind": reason.kind, "subjects": reason.subjects}
                    for reason in forecast.reasons(job)
                ],
                "needs": [plan.key(n) for n in plan.needs[job] if forecast.run[n]],
            }
        )
    answer = {
        "schema": SCHEMA,
        "total": len(plan),
        "jobs": jobs_by_rule(plan, forecast.run),
        "run": run,
    }
    return json.dumps(answer, indent=1) + "\n"
