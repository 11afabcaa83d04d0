"""Candidates found by literal beginnings and ends, against a look at every pattern."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from reference_planner import ReferencePlanner
from support import make_rule, make_workflow

from rulekit.planning.index import NOBODY, ProducerIndex
from rulekit.planning.templates import RuleTemplate

PARTS = ["a", "b", "/", "a/", ".txt", "%", "{x}", "{y}", "{x}", "{x,[ab]}", "%s", " "]
TEXT = ["a", "b", "/", "a/", ".txt", "%", "%s", "ab", " "]


def random_pattern(rng, names):
    for _ in range(50):
        text = "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 5)))
        found = {name for name in ("x", "y") if "{" + name in text}
        if found == set(names) and not ("{x,[ab]}" in text and text.count("{x") > 1):
            return text
    return "z" + "".join("{" + name + "}" for name in names)


def random_rules(rng):
    rules = []
    for i in range(rng.randint(1, 6)):
        names = rng.choice([[], ["x"], ["x", "y"]])
        outputs = [random_pattern(rng, names) for _ in range(rng.randint(1, 3))]
        rules.append(make_rule(f"r{i}", [], list(dict.fromkeys(outputs))))
    return rules


def fill_somehow(rng, text):
    for field in ("{x,[ab]}", "{x}", "{y}"):
        text = text.replace(field, rng.choice(TEXT))
    return text


@given(st.integers(0, 1 << 40))
def test_same_candidates_as_a_look_at_every_pattern(seed):
    rng = random.Random(seed)
    workflow = make_workflow(*random_rules(rng))
    index = ProducerIndex(workflow, [RuleTemplate(rule) for rule in workflow.rules], frozenset())
    reference = ReferencePlanner(workflow, lambda path: False)
    texts = [item.text for rule in workflow.rules for e in rule.outputs for item in e.items]
    for _ in range(10):
        path = fill_somehow(rng, rng.choice(texts))
        found = {
            (workflow.rules[rule].name, values)
            for rule, values in index.candidates(path, NOBODY, ())
        }
        expected = {
            (rule.name, tuple(values[name] for name in rule.wildcard_names))
            for rule, values in reference._candidates(path, None, {})
        }
        assert found == expected, path


@given(st.integers(0, 1 << 40))
def test_a_way_says_for_all_values_what_a_look_up_says_for_each(seed):
    """The makers of a rule's inputs, worked out once, are those that each path has."""
    rng = random.Random(seed)
    rules = random_rules(rng)
    names = rng.choice([["x"], ["x", "y"]])
    inputs = [random_pattern(rng, names) for _ in range(3)]
    outputs = [random_pattern(rng, names)]
    workflow = make_workflow(*rules, make_rule("reader", inputs, outputs))
    templates = [RuleTemplate(rule) for rule in workflow.rules]
    index = ProducerIndex(workflow, templates, frozenset())
    reader = len(rules)
    ways = index.ways(reader)
    for _ in range(10):
        values = tuple(rng.choice(["a", "b", "ab", "a/b", "%s", "b.txt"]) for _ in names)
        target = templates[reader].outputs.fill(values)[0]
        if (reader, values) not in index.candidates(target, NOBODY, ()):
            continue  # values that no job of the reader has
        paths = templates[reader].inputs.fill(values)
        for way, path in zip(ways, paths, strict=True):
            if way is None:
                continue
            maker, pick, only = way
            found = index.candidates(path, reader, values)
            if maker == NOBODY:
                assert found == []
            else:
                assert found == [(maker, values if pick is None else pick(values))]
                if only:
                    assert templates[maker].outputs.fill(found[0][1]) == (path,)
