"""What a user reads when there is no plan: the whole text, as written to the terminal."""

from __future__ import annotations

from textwrap import dedent

import pytest
from support import FakeFiles, make_rule, make_workflow

from rulekit.errors import PlanError
from rulekit.errors.diagnostic import write_out
from rulekit.planning import PlanOptions, make_plan


def message(*rules, files=(), targets=(), ruleorder=(), options=None):
    """The written form of the error; source lines are ``rule NAME:``."""
    workflow = make_workflow(*rules, ruleorder=ruleorder)
    lines = {rule.span.line: f"rule {rule.name}:" for rule in workflow.rules}
    with pytest.raises(PlanError) as caught:
        make_plan(workflow, targets, FakeFiles(files), options)
    (diagnostic,) = caught.value.diagnostics
    return write_out(diagnostic, lambda _file, line: lines.get(line))


def expected(text):
    return dedent(text).strip("\n")


ALL = make_rule("all", ["x.bam", "y.bam"])
MAP = make_rule("map", ["{sample}.fq", "ref.fa"], ["{sample}.bam"])


def test_missing_input_shows_the_chain_of_targets():
    said = message(
        make_rule("all", ["table.txt"]),
        make_rule("table", ["x.bam"], ["table.txt"]),
        MAP,
        files=["ref.fa"],
    )
    assert said == expected(
        """
        error[RK0402]: missing input file for rule `map`: `x.fq`
          --> Rulefile:30:1
           |
        30 | rule map:
           | ^^^^^^^^ this rule needs it
           |
           = note: needed because of `all`,
                   which needs `table.txt`, made by `table`,
                   which needs `x.bam`, made by `map:sample=x`
           = help: no rule makes it; check the name, or the rule whose output it should be
        """
    )


def test_all_missing_inputs_of_a_rule_are_named():
    said = message(ALL)
    assert "missing input files for rule `all`: `x.bam`, `y.bam`" in said
    assert "this rule needs them" in said


def test_at_most_five_missing_inputs_are_named():
    said = message(make_rule("all", [f"{i}.txt" for i in range(8)]))
    assert "`0.txt`, `1.txt`, `2.txt`, `3.txt`, `4.txt` and 3 more\n" in said


def test_a_long_chain_is_shortened_in_the_middle():
    rules = [make_rule(f"r{i}", [f"f{i + 1}"], [f"f{i}"]) for i in range(40)]
    said = message(*rules, targets=["f0"])
    assert "needed because `f0` is made by `r0`,\n" in said
    assert "... 30 more ...,\n" in said
    assert "which needs `f39`, made by `r39`\n" in said
    assert len(said.splitlines()) < 22


def test_a_missing_input_with_a_near_name():
    said = message(
        make_rule("all", ["report.html"]),
        make_rule("report", ["resluts/table.tsv"], ["report.html"]),
        make_rule("table", [], ["results/table.tsv"]),
    )
    assert "= help: there is a file with a similar name: `results/table.tsv`" in said


def test_what_else_could_have_made_the_file():
    said = message(
        make_rule("all", ["x.bam"]),
        make_rule("map", ["{s}.fq"], ["{s}.bam"]),
        make_rule("sort", ["{r}.raw", "{r}.idx"], ["{r}.bam"]),
    )
    assert "missing input file for rule `map`: `x.fq`" in said
    assert (
        "= note: `sort:r=x` could make it as well, but its input `x.raw` and 1 more inputs "
        "can be neither found nor made"
    ) in said


def test_a_cycle_is_not_named_where_something_else_says_more():
    said = message(
        make_rule("all", ["x.bam"]),
        make_rule("sort", ["{s}.bam.tmp"], ["{s}.bam"]),
        make_rule("undo", ["{s}.bam"], ["{s}.bam.tmp"]),
        make_rule("map", ["{r}.fq"], ["{r}.bam"]),
    )
    assert "missing input file for rule `map`: `x.fq`" in said
    assert "`sort:s=x` could make it as well, but its input `x.bam.tmp` can be neither" in said


@pytest.mark.parametrize(
    ("target", "help_"),
    [
        ("mpa", "there is a rule with a similar name: `map`"),
        ("x.bma", "there is a file with a similar name: `x.bam`"),
        ("ALL", "there is a rule with a similar name: `all`"),
        ("quite/else", "`rulekit --list-rules` shows the rules"),
    ],
)
def test_a_target_that_nothing_makes(target, help_):
    said = message(ALL, MAP, targets=[target])
    assert said == (
        f"error[RK0401]: no rule makes `{target}`, and there is no such file\n  = help: {help_}"
    )


def test_a_wildcard_that_would_lead_out_of_its_folder():
    index = make_rule("index", ["{bam}"], ["{bam}.bai"])
    help_ = (
        "= help: `{bam}.bai` of rule `index` fits, but wildcards do not lead out of a folder by "
        "`..`: write that part of the path into the rule"
    )
    assert help_ in message(index, targets=["../x.bam.bai"], files=["../x.bam"])
    assert help_ in message(make_rule("all", ["../x.bam.bai"]), index, files=["../x.bam"])


def test_a_rule_with_wildcards_as_target():
    rule = make_rule("map", [], ["{sample}/{lane}.bam"])
    assert message(rule, targets=["map"]) == expected(
        """
        error[RK0407]: rule `map` has wildcards (`sample`, `lane`) and cannot be a target by its name
          --> Rulefile:10:1
           |
        10 | rule map:
           | ^^^^^^^^
           |
           = help: ask for one of its files, with the wildcards filled in
        """
    )


def test_ambiguity():
    said = message(
        make_rule("all", ["x.bam"]),
        make_rule("map", ["{s}.fq"], ["{s}.bam"]),
        make_rule("sort", ["{r}.fq"], ["{r}.bam"]),
        files=["x.fq"],
    )
    assert said == expected(
        """
        error[RK0406]: two rules can make `x.bam`: `map` and `sort`
          --> Rulefile:30:1
           |
        20 | rule map:
           | -------- gives it as `map:s=x`
        30 | rule sort:
           | ^^^^^^^^^ gives it as `sort:r=x`
           |
           = help: `ruleorder: map > sort` prefers one, a wildcard constraint or a longer file name keeps them apart
        """
    )


def test_a_cycle_of_one():
    said = message(make_rule("all", ["x.bam"]), make_rule("fix", ["{s}.bam"], ["{s}.bam"]))
    assert said == expected(
        """
        error[RK0403]: rule `fix` needs its own output: `x.bam` is both its input and its output
          --> Rulefile:20:1
           |
        20 | rule fix:
           | ^^^^^^^^ in a cycle
           |
           = note: needed because of `all`,
                   which needs `x.bam`, made by `fix:s=x`
           = help: a wildcard constraint or another file name takes the file out of the cycle
        """
    )


def test_a_cycle_of_three():
    said = message(
        make_rule("all", ["a"]),
        make_rule("one", ["b"], ["a"]),
        make_rule("two", ["c"], ["b"]),
        make_rule("three", ["a"], ["c"]),
    )
    assert said == expected(
        """
        error[RK0403]: rule `one` needs its own output: `a` leads back to itself
          --> Rulefile:20:1
           |
        20 | rule one:
           | ^^^^^^^^ in a cycle
           |
           = note: needed because of `all`,
                   which needs `a`, made by `one`,
                   which needs `b`, made by `two`,
                   which needs `c`, made by `three`,
                   which needs `a`, made by `one`
           = help: a wildcard constraint or another file name takes the file out of the cycle
        """
    )


def test_a_rule_that_feeds_itself():
    said = message(make_rule("all", ["x.txt"]), make_rule("twice", ["{s}.b.txt"], ["{s}.txt"]))
    assert said.startswith(
        "error[RK0404]: rule `twice` would be applied to its own output without end: `x.b.b."
    )
    assert "= help: a wildcard constraint stops the rule from matching its own input" in said


def test_a_rule_that_grows_names_at_the_front_ends_too():
    said = message(make_rule("all", ["x.txt"]), make_rule("more", ["pre_{s}.txt"], ["{s}.txt"]))
    assert said.startswith("error[RK0404]: rule `more` would be applied to its own output")
    assert max(map(len, said.splitlines())) < 400


def test_an_input_function_that_fails():
    def inputs(wildcards):
        raise ValueError("no such sample")

    said = message(make_rule("all", ["x.txt"]), make_rule("sheet", [inputs], ["{s}.txt"]))
    assert (
        "error[RK0405]: an input function of rule `sheet` failed: ValueError: no such sample"
        in said
    )
    assert "which needs `x.txt`, made by `sheet:s=x`" in said


def test_a_constraint_that_is_no_regular_expression():
    said = message(make_rule("all", ["x.txt"]), make_rule("map", [], ["{s,(}.txt"]))
    assert "error[RK0408]: the constraint `(` of pattern `{s,(}.txt`" in said
    assert "20 | rule map:" in said


def test_two_jobs_with_the_same_output():
    said = message(
        make_rule("all", ["o1", "o2"]),
        make_rule("j", [], ["o1", "both"]),
        make_rule("k", [], ["o2", "both"]),
    )
    assert said.startswith("error[RK0411]: two jobs make `both`: `j` and `k`\n")


def test_an_output_inside_another_jobs_directory():
    from support import make_file

    said = message(
        make_rule("all", ["d", "d/x"]),
        make_rule("folder", [], [make_file("d", flags={"directory": True})]),
        make_rule("inside", [], ["d/x"]),
    )
    assert said.startswith("error[RK0414]: `d/x` lies in `d`, which is an output of `folder`\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (PlanOptions(until=frozenset(["mpa"])), "`--until mpa`: there is neither a rule nor"),
        (PlanOptions(omit_from=frozenset(["al"])), "`--omit-from al`: there is neither a rule nor"),
        (PlanOptions(batch=("al", 1, 2)), "`--batch al`: there is neither a rule nor"),
    ],
)
def test_names_that_select_nothing(options, said):
    rules = make_rule("all", ["x.bam"]), make_rule("map", [], ["{s}.bam"])
    assert f"error[RK0410]: {said}" in message(*rules, options=options)


def test_more_batches_than_files():
    said = message(ALL, make_rule("map", [], ["{s}.bam"]), options=PlanOptions(batch=("all", 1, 3)))
    assert "the 2 input files of rule `all` cannot be cut into 3 batches" in said
    assert "= help: use at most `--batch all=1/2`" in said


def test_the_last_batch_needs_the_others():
    said = message(ALL, make_rule("map", [], ["{s}.bam"]), options=PlanOptions(batch=("all", 2, 2)))
    assert "the last batch of rule `all` needs the files of the others: `x.bam` missing" in said


def test_names_with_control_characters_cannot_write_on_the_terminal():
    said = message(make_rule("all", ["a\nb\x1b[31m\udcff.txt"]))
    assert r"missing input file for rule `all`: `a\nb\x1b[31m\xff.txt`" in said


@pytest.mark.parametrize(
    ("strict", "rules", "code"),
    [
        ("cyclic-graph", [make_rule("fix", ["{s}"], ["{s}"])], "RK0403"),
        ("periodic-wildcards", [make_rule("fix", ["{s}.b"], ["{s}"])], "RK0404"),
        ("functions", [make_rule("fix", [lambda wildcards: 1 / 0], ["{s}"])], "RK0405"),
    ],
)
def test_strict_evaluation_makes_silent_drops_errors(strict, rules, code):
    workflow = make_workflow(make_rule("all", ["x"]), *rules)
    files = FakeFiles(["x"])
    assert len(make_plan(workflow, (), files)) == 1  # the candidate is dropped, the file is there
    with pytest.raises(PlanError) as caught:
        make_plan(workflow, (), files, PlanOptions(strict=frozenset([strict])))
    assert caught.value.diagnostics[0].code == code
