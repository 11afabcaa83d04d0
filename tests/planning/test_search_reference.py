"""The planner against a slow one that is written from the language's description."""

from __future__ import annotations

import random
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference_planner import (
    Ambiguous,
    MadeTwice,
    NoPlan,
    ReferencePlanner,
    TooMuch,
    cut,
    job_of,
    jobs_of,
    naive_fill,
)
from support import FakeFiles, fixed, make_file, make_rule, make_workflow

from rulekit.errors import PlanError
from rulekit.planning import PlanOptions, make_plan

# Few letters and few shapes, so that patterns meet often.
LITERALS = ["a", "b", "a.", "b.", "d/", "d/a", ".a", ".b", "_", "a_b", "", "", ""]
ATOMS = ["a", "b", "_", ".a", "d/"]
VALUES = ["a", "b", "ab", "a_b", "b.a", "d/b", "a", "b"]
CONSTRAINTS = [{}, {}, {}, {"x": "[ab]"}, {"x": "[^/_]+"}, {"y": "a|b"}, {"x": "[ab]*"}]


def random_pattern(rng, names):
    """A pattern in which each of `names` stands at least once."""
    fields = rng.sample(names, len(names))
    if fields and rng.random() < 0.1:
        fields.append(rng.choice(fields))
    text = rng.choice(LITERALS)
    for name in fields:
        text += "{" + name + "}" + rng.choice(LITERALS)
    return text or rng.choice(ATOMS)


def literal_size(text):
    return sum(len(part) for part in cut(text) if isinstance(part, str))


def random_input(rng, names, limit):
    """An input that is not longer than the rule's products: names get no longer on the way up."""
    kept = [name for name in names if rng.random() < 0.8]
    while True:
        text = random_pattern(rng, kept)
        if literal_size(text) <= limit and len(cut(text)) // 2 == len(kept):
            break
        if not kept:
            text = "a"
            break
    kind = rng.randrange(12)
    if kind == 0:
        return lambda wildcards: [re.sub(r"\{(\w+)\}", lambda m: getattr(wildcards, m[1]), text)]
    if kind == 1:

        def raising(wildcards):
            raise KeyError("no such sample")

        return raising
    if kind == 2:
        return fixed(text, f"r{rng.randrange(4)}")
    return make_file(text)


def random_rule(rng, index):
    names = rng.choice([[], ["x"], ["x"], ["y"], ["x", "y"]])
    outputs = [random_pattern(rng, names) for _ in range(rng.choice([1, 1, 2]))]
    outputs = list(dict.fromkeys(outputs))
    logs = [random_pattern(rng, names)] if rng.random() < 0.2 else []
    benchmark = random_pattern(rng, names) if rng.random() < 0.1 else None
    limit = min(map(literal_size, outputs + logs))
    inputs = [random_input(rng, names, limit) for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))]
    constraints = {k: v for k, v in rng.choice(CONSTRAINTS).items() if k in names}
    return make_rule(f"r{index}", inputs, outputs, logs, benchmark, constraints=constraints)


def random_case(rng):
    """A workflow, the files there are, and targets that have a good chance to be found."""
    made = [random_rule(rng, i) for i in range(rng.randint(1, 5))]
    order = [rng.sample([r.name for r in made], min(3, len(made))) for _ in range(rng.randrange(3))]
    texts = [item.text for r in made for e in (*r.inputs, *r.outputs) for item in e.items]
    texts = [text for text in texts if text] or ["a"]

    def path():
        values = {name: rng.choice(VALUES) for name in ("x", "y")}
        return naive_fill(rng.choice(texts), values)

    files = frozenset(path() for _ in range(rng.randrange(6)))
    plain = [r.name for r in made if not r.wildcard_names]
    targets = [
        rng.choice(plain) if plain and rng.random() < 0.3 else path()
        for _ in range(rng.randint(1, 3))
    ]
    return make_workflow(*made, ruleorder=order), files, targets


def random_knot(rng):
    """Rules without wildcards over few files: many candidates, many cycles, few sources."""
    names = [f"f{i}" for i in range(rng.randint(2, 8))]
    rules = []
    for index in range(rng.randint(2, 14)):
        outputs = rng.sample(names, 1 if rng.random() < 0.9 else 2)
        inputs = rng.sample(names, min(len(names), rng.choice([0, 1, 1, 1, 2, 2, 3])))
        if not inputs and rng.random() < 0.5:
            inputs = ["raw"]
        rules.append(make_rule(f"r{index}", inputs, outputs))
    everybody = [rule.name for rule in rules]
    order = [rng.sample(everybody, len(everybody))] if rng.random() < 0.8 else []
    files = frozenset(name for name in [*names, "raw"] if rng.random() < 0.15)
    targets = [rng.choice(names + everybody) for _ in range(rng.randint(1, 4))]
    return make_workflow(*rules, ruleorder=order), files, targets


def random_splits(rng):
    """Readers whose wildcards split the same names differently; some splits lead nowhere."""
    logs = rng.choice([[], [], ["{x}_{y}_a"], ["{y}_{x}"]])
    rules = [
        make_rule("part", ["src/{x}-{y}"], ["{x}_{y}"], logs),
        make_rule("other", ["alt/{x}"], ["{x}_{y}"], constraints={"y": "[ab]"}),
    ]
    for index in range(3):
        fields = rng.choice(["{x}_{y}", "{x}_{y}", "{y}_{x}", "{x}_{y}_a", "{x}_a"])
        rules.append(make_rule(f"r{index}", [fields], [f"out{index}/{{x}}/{{y}}"]))
    names = [[rng.choice("ab") for _ in range(3)] for _ in range(2)]
    files, targets = set(), []
    for _ in range(rng.randint(3, 9)):
        parts = rng.choice(names)
        cut_at = rng.randint(1, 2)
        split = "_".join(parts[:cut_at]), "_".join(parts[cut_at:])
        targets.append(f"out{rng.randrange(3)}/{split[0]}/{split[1]}")
        if rng.random() < 0.7:
            files.add(f"src/{split[0]}-{split[1]}")
        if rng.random() < 0.1:
            files.add(f"alt/{split[0]}")
    targets = list(dict.fromkeys(targets))
    # A choice above them: if one of them fails, another selection is tried.
    for index in range(3):
        some = rng.sample(targets, rng.randint(1, len(targets)))
        rules.append(make_rule(f"some{index}", some, ["all"]))
    order = [("part", "other"), ("some0", "some1", "some2")]
    return make_workflow(*rules, ruleorder=order), frozenset(sorted(files)), ["all"]


CASES = (random_case, random_knot, random_knot, random_splits)


def run_real(workflow, files, targets, allow_ambiguity):
    try:
        return make_plan(
            workflow, targets, FakeFiles(files), PlanOptions(allow_ambiguity=allow_ambiguity)
        )
    except PlanError as error:
        return error


def run_reference(workflow, files, targets, allow_ambiguity):
    reference = ReferencePlanner(workflow, files.__contains__, allow_ambiguity=allow_ambiguity)
    try:
        reference.plan(targets)
    except (NoPlan, Ambiguous, MadeTwice) as error:
        return error
    except TooMuch:
        assume(False)
    return reference


CODES = {
    Ambiguous: {"RK0406"},
    MadeTwice: {"RK0411"},
    NoPlan: {"RK0401", "RK0402", "RK0403", "RK0404", "RK0405", "RK0407"},
}


@settings(max_examples=400)
@given(st.integers(0, 1 << 40), st.booleans())
def test_same_plan_as_the_reference(seed, allow_ambiguity):
    rng = random.Random(seed)
    workflow, files, targets = rng.choice(CASES)(rng)
    expected = run_reference(workflow, files, targets, allow_ambiguity)
    plan = run_real(workflow, files, targets, allow_ambiguity)
    if isinstance(expected, Exception):
        assert isinstance(plan, PlanError), f"a plan in spite of {expected!r}"
        assert plan.diagnostics[0].code in CODES[type(expected)]
        return
    if isinstance(plan, PlanError):
        raise plan
    wanted = expected.plan(targets)
    assert jobs_of(plan) == wanted
    assert {job_of(plan, j) for j in plan.target_jobs} == set(expected.target_jobs)
    for number in range(len(plan)):
        job = job_of(plan, number)
        assert list(plan.inputs[number]) == expected.jobs[job]
        assert {job_of(plan, n) for n in plan.needs[number]} == expected.needs(job)
    check_plan(plan, files)


def check_plan(plan, files):
    """What holds for every plan."""
    for number in range(len(plan)):
        assert all(needed < number for needed in plan.needs[number])
        assert len(set(plan.needs[number])) == len(plan.needs[number])
        for path in plan.inputs[number]:
            maker = plan.producer.get(path)
            if maker is None:
                assert path in files
            else:
                assert maker in plan.needs[number]
        for path in plan.outputs[number]:
            assert path in plan.producer or path in files
    for path, number in plan.producer.items():
        products = (*plan.outputs[number], *plan.logs(number), plan.benchmark(number))
        assert path in products
    for path in plan.targets:
        assert path in plan.producer or path in files
