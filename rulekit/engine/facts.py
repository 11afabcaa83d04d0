"""What provenance is told of an attempt before it starts."""

from __future__ import annotations

from rulekit.provenance.facts import JobFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.engine.loop import Stage
    from rulekit.model.spec import JobSpec


def facts_of(stage: Stage, spec: JobSpec) -> JobFacts:
    """The facts of the attempt that `spec` orders: definition and command, outputs, logs."""
    number = spec.id
    plan, definitions = stage.plan, stage.definitions
    rule = plan.rule_of(number)
    command = spec.body.get("command") if rule.body.kind == "shell" else None
    return JobFacts(
        spec.token,
        spec.key,
        spec.rule,
        dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True)),
        spec.attempt,
        plan.outputs[number],
        definitions.code(number),
        None if command is None else definitions.shown(command),
        definitions.params(number),
        definitions.environment(number),
        spec.logs,
        stage.values.param_names(number),
    )


def touched_facts(stage: Stage, number: int, token: str) -> JobFacts:
    """The facts of a job whose outputs are only declared up to date."""
    plan, definitions = stage.plan, stage.definitions
    rule = plan.rule_of(number)
    return JobFacts(
        token,
        plan.key(number),
        rule.name,
        dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True)),
        1,
        plan.outputs[number],
        definitions.code(number),
        None,
        definitions.params(number),
        definitions.environment(number),
        plan.logs(number),
        stage.values.param_names(number),
    )
