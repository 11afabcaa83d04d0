"""The forecast against a slow one that is written from the language's description."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from reference_forecast import ReferenceForecast
from support import (
    FakeDefinitions,
    FakeFile,
    FakeFiles,
    FakeMemory,
    ancient,
    make_rule,
    make_workflow,
)

from rulekit.planning import make_plan
from rulekit.staleness import TRIGGERS, Policy, forecast


def random_rules(rng):
    """Rules without wildcards in layers; each reads files of earlier ones, and sources."""
    made = [f"s{i}" for i in range(3)]
    rules = []
    for index in range(rng.randint(1, 7)):
        name = f"r{index}"
        inputs = [
            ancient(path) if rng.random() < 0.25 else path
            for path in rng.sample(made, min(len(made), rng.choice([0, 1, 1, 1, 2, 3])))
        ]
        outputs = [f"{name}.{i}" for i in range(rng.choice([1, 1, 1, 2]))]
        if rng.random() < 0.1:
            outputs = []
        logs = [f"{name}.log"] if rng.random() < 0.2 else []
        benchmark = f"{name}.bench" if rng.random() < 0.2 else None
        action = "none" if rng.random() < (0.6 if not outputs else 0.05) else "shell"
        rules.append(make_rule(name, inputs, outputs, logs, benchmark, action=action))
        made += outputs * 2 + logs + ([benchmark] if benchmark else [])
    return rules


def random_file(rng):
    return FakeFile(
        rng.randrange(6),
        rng.choice(["a", "b", "cc"]),
        link_mtime_ns=rng.choice([None] * 5 + [0, 5]),
        is_dir=rng.random() < 0.05,
        digestible=rng.random() < 0.9,
        stored=rng.random() < 0.3,
    )


def nearly(rng, file):
    """A file as it was recorded: mostly the same, or one of its facts another."""
    if rng.random() < 0.5:
        return file
    return FakeFile(
        rng.choice([file.mtime_ns, rng.randrange(6)]),
        rng.choice([file.content, "a", "b"]),
        is_dir=file.is_dir,
        digestible=file.digestible,
        stored=file.stored,
    )


def random_case(rng):
    rules = random_rules(rng)
    workflow = make_workflow(*rules)
    paths = [f"s{i}" for i in range(3)]
    for rule in rules:
        paths += [item.text for e in (*rule.outputs, *rule.logs) for item in e.items]
        paths += [rule.benchmark.text] if rule.benchmark else []
    often = rng.choice([0.3, 0.8, 1.0])
    there = {path: random_file(rng) for path in paths if path[0] == "s" or rng.random() < often}
    files = FakeFiles(there)
    targets = rng.sample([rule.name for rule in rules], rng.randint(1, min(3, len(rules))))
    outputs = [path for path in paths if path[0] == "r"]
    if outputs and rng.random() < 0.4:
        targets.append(rng.choice(outputs))
    plan = make_plan(workflow, targets, files)
    memory = None if rng.random() < 0.2 else random_memory(rng, plan, there)
    changed = {
        job: {part: "new"}
        for job in range(len(plan))
        if rng.random() < 0.15
        for part in [rng.choice(["code", "command", "params", "environment", "input_set"])]
    }
    definitions = None if rng.random() < 0.1 else FakeDefinitions(plan, changed)
    policy = random_policy(rng, workflow, paths, plan)
    return plan, files, memory, definitions, policy


def random_memory(rng, plan, there):
    memory = FakeMemory()
    for job in range(len(plan)):
        outputs = {
            path: nearly(rng, there.get(path) or random_file(rng)) for path in plan.outputs[job]
        }
        inputs = {path: nearly(rng, there[path]) for path in plan.inputs[job] if path in there}
        if rng.random() < 0.1:
            inputs.pop(next(iter(inputs), None), None)
        parts = {}
        if rng.random() < 0.15:
            parts = rng.choice(
                [{"code": "old"}, {"params": ("old",)}, {"environment": "old"}, {"command": None}]
            )
        if rng.random() < 0.8:
            memory.remember(outputs, inputs, **parts)
        if len(outputs) > 1 and rng.random() < 0.2:
            # One of the outputs was made by another job, some time.
            memory.remember(dict([next(iter(outputs.items()))]), inputs, code="other", command=None)
    all_outputs = [path for paths in plan.outputs for path in paths]
    memory.incomplete = frozenset(path for path in all_outputs if rng.random() < 0.03)
    return memory


def random_policy(rng, workflow, paths, plan):
    if rng.random() < 0.5:
        return Policy()
    return Policy(
        triggers=frozenset(trigger for trigger in TRIGGERS if rng.random() < 0.8),
        force_targets=rng.random() < 0.1,
        force_all=rng.random() < 0.05,
        force=frozenset(
            [rng.choice([rule.name for rule in workflow.rules] + paths)] * (rng.random() < 0.2)
        ),
        exempt=frozenset(plan.key(j) for j in range(len(plan)) if rng.random() < 0.1),
        ignore_incomplete=rng.random() < 0.2,
    )


@settings(max_examples=600)
@given(st.integers(0, 1 << 40))
def test_same_forecast_as_the_reference(seed):
    case = random_case(random.Random(seed))
    plan = case[0]
    expected = ReferenceForecast(*case)
    found = forecast(*case)
    assert {job for job in range(len(plan)) if found.run[job]} == expected.run
    assert found.count == len(expected.run)
    for job in range(len(plan)):
        reasons = {reason.kind: frozenset(reason.subjects) for reason in found.reasons(job)}
        assert reasons == expected.reasons.get(job, {}), plan.key(job)
        assert all(len(set(r.subjects)) == len(r.subjects) for r in found.reasons(job))
