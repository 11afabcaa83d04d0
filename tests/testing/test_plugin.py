"""The pytest plugin, as its users have it: in a pytest of its own, over a small project."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RULEFILE = """
configfile: "config.yaml"
SAMPLES = open("samples.txt").read().split()

rule all:
    input: expand("up/{sample}.txt", sample=SAMPLES)

rule trim:
    output: "trim/{sample}.txt"
    shell: "echo > {output}"

rule upper:
    input:
        reads=rules.trim.output,
        more=["more/1.txt", "more/2.txt"],
        reference=config["reference"],
    output:
        text="up/{sample}.txt",
        packed="up/{sample}.gz",
    log: "logs/{sample}.log"
    params:
        depth=config["depth"],
        twice=lambda wildcards: wildcards.sample * 2,
    threads: 2
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt
    shell:
        "cat {input} | tr a-z A-Z > {output.text}; gzip -c {output.text} > {output.packed}; "
        "echo heard > {log}; echo depth {params.depth}; echo oh >&2; touch extra.tmp"

rule step:
    input: lambda wildcards: f"steps/{int(wildcards.i) - 1}.txt"
    output: "steps/{i}.txt"
    wildcard_constraints: i=r"[0-9]+"
    shell: "cp {input} {output}"

rule two:
    output: "two/{a}_{b}.txt"
    shell: "echo {wildcards.a} {wildcards.b} > {output}"

rule sneaky:
    output: "sneaky.txt"
    shell: "cat samples.txt > {output}"

checkpoint split:
    output: directory("parts")
    shell: "mkdir parts"

def parts(wildcards):
    folder = checkpoints.split.get().output[0]
    return expand("parts/{i}", i=sorted(glob_wildcards(folder + "/{i}").i))

rule gather:
    input: parts
    output: "gathered.txt"
    run:
        with open(output[0], "w") as file:
            print(len(input), config["depth"], file=file)

rule script:
    input: "in.txt"
    output: "out.txt"
    script: "count.py"

rule outside:
    output: "../outside.txt"
    shell: "touch {output}"

rule piped:
    output: pipe("pipe.txt")
    shell: "echo > {output}"

rule slow:
    output: "slow.txt"
    shell: "sleep 600"
"""

# Everything that should pass, in one pytest: each process of it costs a start.
GOOD = """
from pathlib import Path
import pytest
from rulekit.testing import IsolationError, RuleFailed

INPUTS = {"reads": "one\\n", "more": ["two\\n", b"three\\n"], "ref.fa": Path("data/ref.txt")}

def test_everything_of_a_run(rulekit_workflow):
    workflow = rulekit_workflow("Rulefile")
    run = workflow.rule("upper", wildcards={"sample": "a"}, inputs=INPUTS, cores=2)
    assert run.ok and run.cause == "" and run.exit_code == 0
    assert run.outputs["text"].read_text() == "ONE\\nTWO\\nTHREE\\nREF\\n"
    assert run.outputs[0] == run.outputs.text == run.outputs["up/a.txt"]
    assert run.outputs.paths == ["up/a.txt", "up/a.gz"]
    assert run.inputs.paths[0] == "trim/a.txt" and len(run.inputs["more"]) == 2
    assert run.log == "heard\\n" and run.stdout == "depth 3\\n" and run.stderr == "oh\\n"
    assert run.undeclared == ("extra.tmp",)
    assert run.params.depth == 3 and run.params["twice"] == "aa"
    assert run.job.threads == 2 and run.job.resources.mem_mb == 100
    assert run.command.startswith("cat trim/a.txt more/1.txt more/2.txt ref.fa | tr a-z A-Z")
    run.check({"text": "ONE\\nTWO\\nTHREE\\nREF\\n", "packed": b"ONE\\nTWO\\nTHREE\\nREF\\n"})
    run.check({"up/a.txt": Path("expected/up/a.txt")})
    run.check("expected")
    with pytest.raises(AssertionError, match="-ONCE"):
        run.check({"text": "ONCE\\nTWO\\nTHREE\\nREF\\n"})
    with pytest.raises(KeyError, match="there are: text, packed"):
        run.outputs["txt"]

def test_a_job_is_worked_out_and_not_run(rulekit_workflow):
    workflow = rulekit_workflow(config={"reference": "other.fa"})
    job = workflow.job("upper", wildcards={"sample": "b"}, config={"depth": 9})
    assert job.inputs.paths == ["trim/b.txt", "more/1.txt", "more/2.txt", "other.fa"]
    assert job.params.depth == 9 and job.threads == 1
    assert not job.outputs[0].exists()

def test_steps_that_make_their_own_inputs(rulekit_workflow):
    run = rulekit_workflow().rule("step", wildcards={"i": 5}, inputs={"steps/4.txt": "x"})
    assert run.outputs[0].read_text() == "x"
    with pytest.raises(IsolationError, match="constraint"):
        rulekit_workflow().rule("step", wildcards={"i": "x"})

def test_wildcards_that_can_be_read_in_several_ways(rulekit_workflow):
    for a, b in (("x", "y_z"), ("x_y", "z")):
        run = rulekit_workflow().rule("two", wildcards={"a": a, "b": b})
        assert run.outputs[0].read_text() == f"{a} {b}\\n"

def test_what_a_checkpoint_made_is_given(rulekit_workflow):
    workflow = rulekit_workflow(config={"depth": 7})
    files = {"parts/1": "", "parts/2": ""}
    run = workflow.rule("gather", inputs=files, files=files)
    run.check({"gathered.txt": "2 7\\n"})
    run = workflow.rule("gather", inputs="data/gather")
    run.check({"gathered.txt": "3 7\\n"})

def test_what_comes_with_a_folder_and_is_no_input_is_not_there(rulekit_workflow):
    run = rulekit_workflow().rule("script", inputs="data/script")
    assert run.outputs[0].read_text() == "4 ['in.txt']\\n"
    assert run.command is None

def test_undeclared_inputs_are_not_there(rulekit_workflow):
    workflow = rulekit_workflow()
    with pytest.raises(RuleFailed, match="samples.txt: No such file") as caught:
        workflow.rule("sneaky")
    assert caught.value.run.exit_code == 1
    run = workflow.rule("sneaky", check=False)
    assert not run.ok and "exit code 1" in run.cause and not run.outputs[0].exists()
    assert workflow.rule("sneaky", files={"samples.txt": "s\\n"}).outputs[0].read_text() == "s\\n"

def test_a_time_limit(rulekit_workflow):
    run = rulekit_workflow().rule("slow", timeout=2, check=False)
    assert not run.ok

MISTAKES = [
    (("uper",), {}, "RK0180", "there is a rule with a similar name: `upper`"),
    (("upper",), {}, "RK0180", "`sample` is not given"),
    (("upper",), {"wildcards": {"sampel": 1}}, "RK0180", "similar name: `sample`"),
    (("script",), {}, "RK0181", "`in.txt`"),
    (("script",), {"inputs": {"im.txt": ""}}, "RK0180", "similar name: `in.txt`"),
    (("script",), {"inputs": {"in.txt": ["", ""]}}, "RK0180", "1 files"),
    (("script",), {"inputs": {"in.txt": 5}}, "RK0180", "is a int"),
    (("script",), {"inputs": {"in.txt": Path("nowhere")}}, "RK0180", "nowhere"),
    (("script",), {"inputs": "nowhere"}, "RK0180", "no folder"),
    (("script",), {"files": {"../x": ""}}, "RK0182", "../x"),
    (("outside",), {}, "RK0182", "outside of the folder"),
    (("piped",), {}, "RK0182", "is a pipe"),
]

@pytest.mark.parametrize("words, given, code, text", MISTAKES)
def test_mistakes(rulekit_workflow, words, given, code, text):
    with pytest.raises(IsolationError) as caught:
        rulekit_workflow().rule(*words, **given)
    assert caught.value.diagnostics[0].code == code
    assert text in str(caught.value)

def test_a_rule_file_with_a_mistake(rulekit_workflow):
    with pytest.raises(IsolationError, match="broken.smk:1"):
        rulekit_workflow("broken.smk").rule("a")
    with pytest.raises(IsolationError, match="there is no `nowhere.smk`"):
        rulekit_workflow("nowhere.smk")
"""


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest with this plugin and no other: it is the same whether rulekit is installed or not."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "rulekit.testing.plugin"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "--basetemp", str(folder.parent / "base"), *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    files = {
        "Rulefile": RULEFILE,
        "config.yaml": "reference: ref.fa\ndepth: 3\n",
        "samples.txt": "a b\n",
        "broken.smk": "rule a\n    output: 1\n",
        "count.py": "import os\n"
        "names = sorted(n for n in os.listdir() if n[0] == 'i' or n[0] == 'z')\n"
        "print(len(open(snakemake.input[0]).read()), names, file=open(snakemake.output[0], 'w'))\n",
        "pytest.ini": "[pytest]\n",
        "tests/data/ref.txt": "ref\n",
        "tests/data/gather/parts/1": "",
        "tests/data/gather/parts/2": "",
        "tests/data/gather/parts/3": "",
        "tests/data/script/in.txt": "four",
        "tests/data/script/zero.txt": "",
        "tests/expected/up/a.txt": "ONE\nTWO\nTHREE\nREF\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_rules_are_tried_in_isolation(project: Path) -> None:
    (project / "tests/test_rules.py").write_text(GOOD)
    before = sorted(path for path in project.rglob("*"))
    done = run_pytest(project)
    assert done.returncode == 0, done.stdout + done.stderr
    after = [path for path in project.rglob("*") if "__pycache__" not in path.parts]
    assert sorted(after) == before  # nothing was written into the project


def test_a_failure_is_told_in_full(project: Path) -> None:
    (project / "tests/test_it.py").write_text(
        "def test_it(rulekit_workflow):\n    rulekit_workflow().rule('sneaky')\n"
    )
    done = run_pytest(project)
    assert done.returncode == 1
    for text in ("rule `sneaky` failed: exit code 1", "cat samples.txt > sneaky.txt", "it ran in"):
        assert text in done.stdout
    assert "bench.py" not in done.stdout.split("short test summary")[0].replace(
        "rulekit.testing.bench", ""
    )


def test_expected_files_are_written_on_request(project: Path) -> None:
    (project / "tests/test_it.py").write_text(
        textwrap.dedent(
            """
            def test_it(rulekit_workflow):
                run = rulekit_workflow().rule("script", inputs={"in.txt": "five!"})
                run.check("made")
            """
        )
    )
    assert "there is no folder" in run_pytest(project).stdout
    done = run_pytest(project, "--rulekit-update")
    assert done.returncode == 0, done.stdout
    assert (project / "tests/made/out.txt").read_text() == "5 ['in.txt']\n"
    assert run_pytest(project).returncode == 0
    (project / "tests/made/out.txt").write_text("6 ['in.txt']\n")
    assert "-6 ['in.txt']" in run_pytest(project).stdout


def test_it_costs_nothing_where_it_is_not_used(project: Path) -> None:
    (project / "tests/test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    mine = {name for name in sys.modules if name.partition('.')[0] == 'rulekit'}\n"
        "    assert mine == {'rulekit', 'rulekit.testing', 'rulekit.testing.plugin'}\n"
    )
    done = run_pytest(project)
    assert done.returncode == 0, done.stdout


def test_pytest_is_told_of_it() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    points = config["options.entry_points"]["pytest11"].split("=")
    assert [word.strip() for word in points] == ["rulekit", "rulekit.testing.plugin"]
