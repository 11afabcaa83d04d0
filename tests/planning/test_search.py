"""The planner, point by point."""

from __future__ import annotations

import pytest
from support import FakeFiles, ancient, fixed, make_file, make_plan_of, make_rule, make_workflow

from rulekit.errors import PlanError
from rulekit.planning import PlanOptions, make_plan


def keys(plan):
    return [plan.key(number) for number in range(len(plan))]


def needs(plan):
    """Each job's key with the keys of the jobs it needs."""
    return {
        plan.key(number): [plan.key(needed) for needed in plan.needs[number]]
        for number in range(len(plan))
    }


def code_of(caught):
    return caught.value.diagnostics[0].code


# -- jobs and their files -------------------------------------------------------------------


def test_jobs_come_after_what_they_need_and_their_files_are_in_order():
    plan = make_plan_of(
        make_rule("all", ["out/a.txt", "out/b.txt"]),
        make_rule(
            "join",
            {"left": "{s}.1", "right": ["{s}.2", "ref"]},
            {"main": "out/{s}.txt"},
            ["log/{s}.log"],
            "bench/{s}.tsv",
        ),
        make_rule("part", ["raw"], ["{s}.{n}"], constraints={"n": "[12]"}),
        files=FakeFiles(["raw", "ref"]),
    )
    assert keys(plan) == [
        "part:s=a,n=1",
        "part:s=a,n=2",
        "join:s=a",
        "part:s=b,n=1",
        "part:s=b,n=2",
        "join:s=b",
        "all",
    ]
    job = plan.job(2)
    assert list(job.input) == ["a.1", "a.2", "ref"]
    assert job.input.left == "a.1"
    assert list(job.input.right) == ["a.2", "ref"]
    assert job.output.main == "out/a.txt"
    assert list(job.log) == ["log/a.log"]
    assert job.benchmark == "bench/a.tsv"
    assert job.wildcards.s == "a"
    assert plan.needs[2] == (0, 1)
    assert plan.producer["out/a.txt"] == 2
    assert "raw" not in plan.producer


def test_the_plan_of_no_target_is_empty():
    workflow = make_workflow()
    assert len(make_plan(workflow, (), FakeFiles())) == 0


def test_a_file_asked_for_twice_is_made_once():
    plan = make_plan_of(
        make_rule("all", ["a", "b", "a"]),
        make_rule("b", ["a", "a"], ["b"]),
        make_rule("a", [], ["a"]),
        files=FakeFiles(),
    )
    assert needs(plan) == {"a": [], "b": ["a"], "all": ["a", "b"]}


def test_logs_and_benchmarks_can_be_asked_for():
    plan = make_plan_of(
        make_rule("all", ["x.log", "x.bench"]),
        make_rule("a", [], ["{s}.txt"], ["{s}.log"], "{s}.bench"),
        files=FakeFiles(),
    )
    assert keys(plan) == ["a:s=x", "all"]
    assert plan.outputs[0] == ("x.txt",)
    assert plan.producer["x.log"] == plan.producer["x.bench"] == plan.producer["x.txt"] == 0


def test_only_the_existence_of_files_that_no_rule_makes_is_asked_and_once():
    files = FakeFiles(["raw", "ref"])
    plan = make_plan_of(
        make_rule("all", [f"{i}.b" for i in range(20)]),
        make_rule("b", ["{i}.a", "ref"], ["{i}.b"]),
        make_rule("a", ["raw", "ref"], ["{i}.a"]),
        files=files,
    )
    assert len(plan) == 41
    assert files.asked == {("exists", "raw"): 1, ("exists", "ref"): 1}


# -- targets --------------------------------------------------------------------------------


def test_targets_are_rules_first_and_files_else():
    rules = [
        make_rule("all", ["a"]),
        make_rule("a", [], ["b"]),
        make_rule("b", [], ["a"]),
    ]
    assert keys(make_plan_of(*rules, files=FakeFiles(), targets=["a"])) == ["a"]
    assert make_plan_of(*rules, files=FakeFiles(), targets=["a"]).targets == ("b",)
    assert keys(make_plan_of(*rules, files=FakeFiles(), targets=["a", "all"])) == ["a", "b", "all"]


def test_a_target_that_no_rule_makes_but_that_exists_needs_no_job():
    plan = make_plan_of(make_rule("all", ["a"]), files=FakeFiles(["a", "x"]), targets=["x"])
    assert len(plan) == 0
    assert plan.targets == ("x",)


def test_temporary_outputs_of_a_target_rule_are_no_targets_but_a_rule_of_only_such_has_them():
    temp = make_file("t", flags={"temp": True})
    plan = make_plan_of(make_rule("a", [], ["x", temp]), files=FakeFiles())
    assert plan.targets == ("x",)
    plan = make_plan_of(make_rule("a", [], [temp]), files=FakeFiles())
    assert plan.targets == ("t",)


# -- which rule -----------------------------------------------------------------------------


def two_makers(**more):
    return (
        make_rule("all", ["x.txt"]),
        make_rule("one", ["{s}.1"], ["{s}.txt"]),
        make_rule("two", ["{s}.2"], ["{s}.txt"]),
    )


def test_a_rule_without_wildcards_is_preferred():
    rules = [*two_makers()[:2], make_rule("exact", ["y"], ["x.txt"])]
    plan = make_plan_of(*rules, files=FakeFiles(["x.1", "y"]))
    assert keys(plan) == ["exact", "all"]


def test_ruleorder_beats_the_preference_for_rules_without_wildcards():
    rules = [*two_makers()[:2], make_rule("exact", ["y"], ["x.txt"])]
    files = FakeFiles(["x.1", "y"])
    plan = make_plan_of(*rules, files=files, ruleorder=[("one", "exact")])
    assert keys(plan) == ["one:s=x", "all"]


def test_the_last_ruleorder_that_names_both_decides():
    files = FakeFiles(["x.1", "x.2"])
    order = [("one", "two"), ("two", "one"), ("one", "all")]
    assert keys(make_plan_of(*two_makers(), files=files, ruleorder=order)) == ["two:s=x", "all"]


@pytest.mark.parametrize("there", [["x.1"], ["x.2"]])
def test_a_candidate_whose_inputs_are_missing_is_dropped_silently(there):
    plan = make_plan_of(*two_makers(), files=FakeFiles(there), ruleorder=[("one", "two")])
    assert keys(plan) == [{"x.1": "one:s=x", "x.2": "two:s=x"}[there[0]], "all"]
    assert plan.warnings == ()


def test_jobs_that_were_settled_for_a_dropped_candidate_are_not_in_the_plan():
    plan = make_plan_of(
        make_rule("all", ["x.txt"]),
        make_rule("one", ["{s}.made", "{s}.missing"], ["{s}.txt"]),
        make_rule("made", [], ["{s}.made"]),
        make_rule("two", ["{s}.2"], ["{s}.txt"]),
        files=FakeFiles(["x.2"]),
        ruleorder=[("one", "two")],
    )
    assert keys(plan) == ["two:s=x", "all"]
    assert "x.made" not in plan.producer


def test_a_whole_branch_can_fail_deep_down():
    plan = make_plan_of(
        make_rule("all", ["x.txt"]),
        make_rule("one", ["{s}.a"], ["{s}.txt"]),
        make_rule("a", ["{s}.b"], ["{s}.a"]),
        make_rule("b", ["{s}.c"], ["{s}.b"]),
        make_rule("two", ["{s}.2"], ["{s}.txt"]),
        files=FakeFiles(["x.2"]),
        ruleorder=[("one", "two")],
    )
    assert keys(plan) == ["two:s=x", "all"]


def test_three_candidates_in_a_chain_of_two_orders():
    """a > b and b > c are said, nothing of a and c: if a cannot, b goes before c."""
    rules = [
        make_rule("all", ["x.txt"]),
        make_rule("c", ["{s}.c"], ["{s}.txt"]),
        make_rule("b", ["{s}.b"], ["{s}.txt"]),
        make_rule("a", ["{s}.a"], ["{s}.txt"]),
    ]
    order = [("a", "b"), ("b", "c")]
    plan = make_plan_of(*rules, files=FakeFiles(["x.b", "x.c"]), ruleorder=order)
    assert keys(plan) == ["b:s=x", "all"]
    with pytest.raises(PlanError) as caught:
        make_plan_of(*rules, files=FakeFiles(["x.a", "x.c"]), ruleorder=order)
    assert code_of(caught) == "RK0406"


def test_an_order_that_goes_in_a_circle_is_no_ambiguity():
    rules = [
        make_rule("all", ["x.txt"]),
        make_rule("a", [], ["{s}.txt"]),
        make_rule("b", [], ["{s}.txt"]),
        make_rule("c", [], ["{s}.txt"]),
    ]
    order = [("a", "b"), ("b", "c"), ("c", "a")]
    plan = make_plan_of(*rules, files=FakeFiles(), ruleorder=order)
    assert keys(plan) == ["a:s=x", "all"]


def test_ambiguity_can_be_allowed_and_the_first_rule_is_taken():
    files = FakeFiles(["x.1", "x.2"])
    with pytest.raises(PlanError) as caught:
        make_plan_of(*two_makers(), files=files)
    assert code_of(caught) == "RK0406"
    plan = make_plan_of(*two_makers(), files=files, options=PlanOptions(allow_ambiguity=True))
    assert keys(plan) == ["one:s=x", "all"]


def test_only_allowed_rules_are_used_and_the_rest_is_source():
    rules = [make_rule("all", ["b"]), make_rule("b", ["a"], ["b"]), make_rule("a", [], ["a"])]
    options = PlanOptions(allowed_rules=frozenset(["all", "b"]))
    plan = make_plan_of(*rules, files=FakeFiles(["a"]), options=options)
    assert keys(plan) == ["b", "all"]


def test_an_existing_file_without_a_working_producer_is_a_source():
    plan = make_plan_of(*two_makers(), files=FakeFiles(["x.txt"]))
    assert keys(plan) == ["all"]


def test_an_existing_file_with_a_working_producer_is_not_just_a_source():
    plan = make_plan_of(*two_makers(), files=FakeFiles(["x.txt", "x.2"]))
    assert keys(plan) == ["two:s=x", "all"]


def test_a_file_from_another_rules_output_is_made_by_that_rule_only():
    rules = [
        make_rule("all", [fixed("x.txt", "two")]),
        make_rule("one", [], ["{s}.txt"]),
        make_rule("two", [], ["{s}.txt"]),
    ]
    assert keys(make_plan_of(*rules, files=FakeFiles())) == ["two:s=x", "all"]


def test_a_fixed_rule_that_does_not_fit_is_not_replaced_by_another():
    rules = [
        make_rule("all", [fixed("x.txt", "two")]),
        make_rule("one", [], ["{s}.txt"]),
        make_rule("two", [], ["{s}.txt"], constraints={"s": "[0-9]+"}),
    ]
    with pytest.raises(PlanError):
        make_plan_of(*rules, files=FakeFiles())


# -- wildcards ------------------------------------------------------------------------------


def test_the_consumers_wildcards_are_tried_first():
    """By itself `x_y_z` splits greedily; the job that reads it knows better."""
    rules = [
        make_rule("join", ["{a}_{b}.part"], ["{a}/{b}.txt"]),
        make_rule("part", [], ["{a}_{b}.part"]),
    ]
    plan = make_plan_of(*rules, files=FakeFiles(), targets=["x/y_z.txt"])
    assert keys(plan) == ["part:a=x,b=y_z", "join:a=x,b=y_z"]
    plan = make_plan_of(*rules, files=FakeFiles(), targets=["x_y_z.part"])
    assert keys(plan) == ["part:a=x_y,b=z"]


def test_the_consumers_wildcards_are_not_taken_against_a_constraint():
    rules = [
        make_rule("join", ["{a}_{b}.part"], ["{a}/{b}.txt"]),
        make_rule("part", [], ["{a}_{b}.part"], constraints={"b": "[a-z]"}),
    ]
    plan = make_plan_of(*rules, files=FakeFiles(), targets=["x/y_z.txt"])
    assert keys(plan) == ["part:a=x_y,b=z", "join:a=x,b=y_z"]


def test_of_a_rules_patterns_the_one_with_the_shortest_wildcards_counts():
    rules = [make_rule("r", [], ["{s}.txt", "long/{s}.txt"])]
    plan = make_plan_of(*rules, files=FakeFiles(), targets=["long/x.txt"])
    assert keys(plan) == ["r:s=x"]


def test_empty_wildcards_are_possible_if_a_constraint_says_so():
    rules = [make_rule("r", ["in{s}"], ["out{s}"], constraints={"s": "[0-9]*"})]
    plan = make_plan_of(*rules, files=FakeFiles(["in"]), targets=["out"])
    assert plan.wildcards == [("",)]


def test_a_wildcard_value_does_not_lead_out_of_the_patterns_folder():
    rules = [make_rule("r", [], ["results/{s}.txt"]), make_rule("up", [], ["../{s}.up"])]
    workflow = make_workflow(*rules)
    for target in ("results/../../x.txt", "results/../x.txt", "../../x.up"):
        with pytest.raises(PlanError):
            make_plan(workflow, [target], FakeFiles())
    assert keys(make_plan(workflow, ["results/a..b.txt", "../x.up"], FakeFiles())) == [
        "r:s=a..b",
        "up:s=x",
    ]


def test_many_jobs_of_a_rule_are_planned_like_the_first():
    """From the third job on the makers of a rule's inputs are known without a look-up."""
    samples = [f"s{i}" for i in range(6)] + ["../up", "a_b"]
    rules = [
        make_rule("all", [f"out/{s}.c" for s in samples if s != "../up"]),
        make_rule("c", ["mid/{s}.b", "{s}.src", "top.b"], ["out/{s}.c"], ["log/{s}.log"]),
        make_rule("b", ["raw/{t}.a"], ["mid/{t}.b"]),
        make_rule("top", [], ["top.b"]),
    ]
    there = [f"raw/{s}.a" for s in samples] + [f"{s}.src" for s in samples]
    plan = make_plan_of(*rules, files=FakeFiles(there))
    found = needs(plan)
    for s in samples:
        if s != "../up":
            assert found[f"c:s={s}"] == [f"b:t={s}", "top"]
    assert len(plan) == 2 + 2 * (len(samples) - 1)


# -- cycles ---------------------------------------------------------------------------------


def test_a_cycle_drops_the_candidate_and_the_next_one_is_taken():
    plan = make_plan_of(
        make_rule("all", ["x.b"]),
        make_rule("forth", ["{s}.a"], ["{s}.b"]),
        make_rule("back", ["{s}.b"], ["{s}.a"]),
        make_rule("make", ["{s}.raw"], ["{s}.a"]),
        files=FakeFiles(["x.raw"]),
    )
    assert needs(plan) == {"make:s=x": [], "forth:s=x": ["make:s=x"], "all": ["forth:s=x"]}


def test_a_failure_in_a_cycle_does_not_count_from_outside_of_it():
    """`b` fails while `a` is in work; asked for by itself it can be made."""
    rules = [
        make_rule("from_b", ["b"], ["a"]),
        make_rule("from_raw", ["raw"], ["a"]),
        make_rule("make_b", ["a"], ["b"]),
    ]
    order = [("from_b", "from_raw")]
    files = FakeFiles(["raw"])
    plan = make_plan_of(*rules, files=files, targets=["a", "b"], ruleorder=order)
    assert needs(plan) == {"from_raw": [], "make_b": ["from_raw"]}


def test_a_job_that_reads_its_own_other_output():
    rules = [make_rule("j", ["x"], ["o1", "o2"]), make_rule("x", ["o2"], ["x"])]
    with pytest.raises(PlanError) as caught:
        make_plan_of(*rules, files=FakeFiles(), targets=["o1"])
    assert code_of(caught) == "RK0403"


def test_periodic_wildcards_drop_the_candidate_with_a_warning():
    plan = make_plan_of(
        make_rule("all", ["x.txt"]),
        make_rule("again", ["{s}.b.txt"], ["{s}.txt"]),
        files=FakeFiles(["x" + ".b" * 20 + ".txt"]),
    )
    assert plan.key(0) == "again:s=x" + ".b" * 19
    assert len(plan.warnings) == 1
    assert "rule `again` is not used for" in plan.warnings[0]


def test_names_that_grow_without_a_period_come_to_an_end():
    plan = make_plan_of(
        make_rule("all", ["x.txt"]),
        make_rule("more", ["pre_{s}.txt"], ["{s}.txt"]),
        files=FakeFiles(["x.txt"]),
    )
    assert keys(plan) == ["all"]


# -- sizes ----------------------------------------------------------------------------------


def test_a_chain_of_50000_jobs():
    count = 50_000
    rule = make_rule(
        "step",
        [lambda wildcards: f"step{int(wildcards.n) - 1}"],
        ["step{n}"],
        constraints={"n": "[0-9]+"},
    )
    plan = make_plan_of(rule, files=FakeFiles(["step0"]), targets=[f"step{count}"])
    assert len(plan) == count
    assert plan.needs[-1] == (count - 2,)


def test_a_chain_of_5000_rules_that_cannot_be_made():
    rules = [make_rule(f"r{i}", [f"f{i + 1}"], [f"f{i}"]) for i in range(5_000)]
    with pytest.raises(PlanError) as caught:
        make_plan_of(*rules, files=FakeFiles(), targets=["f0"])
    assert "`f5000`" in str(caught.value)


def test_a_failure_that_many_ask_for_is_worked_out_once():
    """Each level needs the one below twice: without a memory of failures that is 2^40 ways."""
    rules = [make_rule(f"r{i}", [f"f{i + 1}", f"g{i + 1}"], [f"f{i}", f"g{i}"]) for i in range(40)]
    with pytest.raises(PlanError) as caught:
        make_plan_of(*rules, files=FakeFiles(), targets=["f0"])
    assert code_of(caught) == "RK0402"


def test_failures_with_cycles_inside_are_remembered_as_well():
    rules = []
    for i in range(40):
        rules.append(make_rule(f"r{i}", [f"f{i + 1}", f"g{i + 1}", f"loop{i}"], [f"f{i}", f"g{i}"]))
        rules.append(make_rule(f"l{i}", [f"back{i}"], [f"loop{i}"]))
        rules.append(make_rule(f"b{i}", [f"loop{i}"], [f"back{i}"]))
    with pytest.raises(PlanError):
        make_plan_of(*rules, files=FakeFiles(), targets=["f0"])


# -- functions ------------------------------------------------------------------------------


def test_input_functions_get_the_wildcards_and_may_name_and_flag_their_files():
    from rulekit.language.flags import ancient as ancient_flag

    def inputs(wildcards):
        return [f"{wildcards.s}.1", ancient_flag(f"{wildcards.s}.2")]

    plan = make_plan_of(
        make_rule("r", {"parts": make_file(inputs), "ref": "ref"}, ["{s}.txt"]),
        files=FakeFiles(["x.1", "x.2", "ref"]),
        targets=["x.txt"],
    )
    assert plan.inputs[0] == ("x.1", "x.2", "ref")
    assert all(type(path) is str for path in plan.inputs[0])
    assert list(plan.job(0).input.parts) == ["x.1", "x.2"]
    assert dict(plan.input_flags[0]) == {"x.2": {"ancient": True}}


def test_a_failing_function_makes_the_rule_no_producer_and_the_file_a_source_with_a_warning():
    def inputs(wildcards):
        raise LookupError("no such sample")

    rules = [make_rule("all", ["x"]), make_rule("r", [inputs], ["{s}"])]
    plan = make_plan_of(*rules, files=FakeFiles(["x"]))
    assert keys(plan) == ["all"]
    assert plan.warnings == (
        "`x` exists and is taken as it is: an input function of rule `r` failed for it "
        "(LookupError: no such sample)",
    )


def test_flags_of_static_inputs():
    plan = make_plan_of(
        make_rule("r", [ancient("a"), "b"], ["c"]), files=FakeFiles(["a", "b"]), targets=["c"]
    )
    assert dict(plan.input_flags[0]) == {"a": {"ancient": True}}


def test_a_nul_in_a_file_name_is_refused():
    with pytest.raises(PlanError) as caught:
        make_plan_of(
            make_rule("r", [lambda wildcards: "a\0b"], ["c"]), files=FakeFiles(), targets=["c"]
        )
    assert code_of(caught) == "RK0413"


def test_logs_given_by_functions():
    plan = make_plan_of(
        make_rule("r", [], ["{s}.txt"], {"main": lambda wildcards: f"log/{wildcards.s}.{{n}}"}),
        files=FakeFiles(),
        targets=["x.txt"],
    )
    assert plan.logs(0) == ("log/x.{n}",)
    assert plan.job(0).log.main == "log/x.{n}"
    failing = make_rule("r", [], ["x.txt"], [lambda wildcards: 1 / 0])
    plan = make_plan_of(failing, files=FakeFiles())
    with pytest.raises(PlanError, match="the log function of rule `r` failed"):
        plan.logs(0)


# -- update ---------------------------------------------------------------------------------


def updating_rules():
    return (
        make_rule("all", ["report", "table"]),
        make_rule("report", [make_file("table", flags={"before_update": True})], ["report"]),
        make_rule("add", ["new"], [make_file("table", flags={"update": True})]),
    )


def test_a_file_before_its_update_is_read_first():
    plan = make_plan_of(*updating_rules(), files=FakeFiles(["table", "new"]))
    assert needs(plan) == {"report": [], "add": ["report"], "all": ["report", "add"]}


def test_a_file_before_its_update_must_be_there():
    with pytest.raises(PlanError) as caught:
        make_plan_of(*updating_rules(), files=FakeFiles(["new"]))
    assert code_of(caught) == "RK0402"


def test_a_rule_may_update_what_it_reads_before_the_update():
    both = make_rule(
        "add",
        [make_file("table", flags={"before_update": True})],
        [make_file("table", flags={"update": True})],
    )
    plan = make_plan_of(make_rule("all", ["table"]), both, files=FakeFiles(["table"]))
    assert needs(plan) == {"add": [], "all": ["add"]}
