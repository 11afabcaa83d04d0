"""Valid rule files with something changed: whatever it is, an exit code and a message of ours.

Each example is read, planned and shown (`-n -p`) in this process, in a fresh directory.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rulekit.cli.main import main

LONG = bool(os.environ.get("RULEKIT_LONG"))

FILES = [
    """
configfile: "c.yaml"
SAMPLES = ["a", "b"]
wildcard_constraints:
    s="[a-z]+",
    n=r"\\d+"
def pick(wildcards):
    return [f"in/{wildcards.s}.{i}.txt" for i in range(2)]
rule all:
    input:
        expand("out/{s}.txt", s=SAMPLES),
        x="sum.txt"
rule source:
    output: temp("in/{s}.{n}.txt")
    threads: 2
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt, runtime="2h"
    shell: "echo {wildcards.s} {threads} > {output}"
rule join:
    "Puts them together."
    input: pick
    output: main="out/{s}.txt"
    params: a=config["k"], b=lambda wc, input: len(input)
    log: "logs/{s}.log"
    message: "joining {wildcards.s}"
    shell:
        '''
        cat {input} > {output.main}  # {params.a} {params.b:>3}
        awk '{{print $1}}' {output:q} 2> {log}
        '''
rule sum:
    input: rules.all.input[0], expand("out/{s}.txt", s=SAMPLES)
    output: "sum.txt"
    run:
        with open(output[0], "w") as f:
            for path in input:
                print(path, file=f)
onsuccess:
    print("done", log)
""",
    """
import os
ruleorder: b > a
localrules: a, b
envvars: "HOME"
scattergather: split=3
checkpoint first:
    output: directory("parts")
    shell: "mkdir {output}"
def parts(wildcards):
    folder = checkpoints.first.get(**wildcards).output[0]
    return expand("p/{i}.txt", i=glob_wildcards(os.path.join(folder, "{i}.x")).i)
rule all:
    input: parts, gather.split("s/{scatteritem}.t"), "q/1.z"
rule a:
    input: branch(True, then="i", otherwise="j")
    output: "q/{n}.z"
    priority: 5
    retries: 2
    shell: "cp {input} {output}"
rule b:
    output: touch("q/{n}.z"), protected("w/{n}")
    group: "g"
    benchmark: repeat("bench/{n}.tsv", 2)
    shadow: "minimal"
    container: "docker://x:1"
    conda: "e.yaml"
    script: "s.py"
use rule a as c with:
    output: "c/{n}.z"
    params: **{"x": 1}
if True:
    for i in range(2):
        rule:
            name: f"r{i}"
            input: ancient("k")
            output: f"s/{{scatteritem}}.t{i}", pipe(f"pp{i}")
            shell: "true"
""",
    """
module m:
    snakefile: "m.smk"
    config: config
    prefix: "pre"
use rule * from m exclude z as m_*
use rule y from m as m_y with:
    input: "else"
include: "m.smk"
storage s3:
    provider="s3"
rule last:
    default_target: True
    input: rules.m_y.output, unpack(lambda wildcards: {"k": "y.out"})
    output: ensure("last", non_empty=True), update("u")
    params: p=lookup(dpath="a/b", within={"a": {"b": 1}}), e=subpath(input[0], basename=True)
    handover: True
    shell: r"cat {input.k} > {output[0]}"
""",
]
MODULE = 'rule y:\n    output: "y.out"\n    shell: "touch {output}"\nrule z:\n    output: "z.out"\n'
BITS = [
    *"()[]{}:,\"'\\#=.@*-+ \t\n\0é",
    "    ",
    "rule",
    "rule x:",
    "input:",
    "output:",
    "shell:",
    "run:",
    "use rule",
    "with:",
    "lambda",
    "{wildcards.s}",
    "{",
    "}}",
    "None",
    "'''",
    "checkpoint",
    "from m",
    "params: 3",
    "temp(",
    "f'",
    "if False:",
    "\ufeff",
    "1",
    "[[]]",
    "**{}",
]


@st.composite
def mutated(draw):
    text = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 3))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        column = draw(st.integers(0, len(lines[at])))
        kind = draw(st.integers(0, 7))
        line = lines[at]
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, draw(st.sampled_from(lines)))
        elif kind == 2:
            lines[at] = line[:column] + draw(st.sampled_from(BITS)) + line[column:]
        elif kind == 3:
            lines[at] = line[:column] + line[column + draw(st.integers(1, 6)) :]
        elif kind == 4:
            lines[at] = " " * draw(st.integers(0, 9)) + line.lstrip()
        elif kind == 5:
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 6:
            lines = lines[: at + 1]
            lines[at] = line[:column]
        else:
            words = line.split(" ")
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(BITS))
            lines[at] = " ".join(words)
        text = "\n".join(lines) or " "
    return text


def outcome(text: str) -> tuple[int, str]:
    """Exit code and all that was written."""
    before = os.getcwd()
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, content in (
                ("Snakefile", text),
                ("m.smk", MODULE),
                ("c.yaml", "k: 1\n"),
                ("i", ""),
                ("s.py", "pass\n"),
                ("e.yaml", "dependencies: []\n"),
            ):
                with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(content)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                try:
                    code = main(["-n", "-p"])
                except SystemExit as leave:
                    code = leave.code if isinstance(leave.code, int) else 1
        finally:
            os.chdir(before)
    return code, out.getvalue()


@pytest.mark.parametrize("text", FILES)
def test_the_files_are_right_as_they_are(text):
    code, said = outcome(text)
    # The third asks for storage that is not there, and the second for one of several pipes.
    assert code in (0, 3, 4), said
    assert "RK0001" not in said


@settings(
    max_examples=3000 if LONG else 150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(mutated())
@example("rule a:\n    output: 3\n")
@example("rule a:\n    input: **{}\n    output: *[]\n")
@example("use rule * from nowhere\n")
@example("rule a:\n    threads: 'x'\n    output: 'y'\n    shell: 'z'\n")
def test_mutated_files_give_a_message(text):
    code, said = outcome(text)
    assert "Traceback (most recent call last)" not in said, said
    assert "RK0001" not in said, said
    assert code in (0, 1, 2, 3, 4, 5, 6), (code, said)
    if code:
        assert "error[RK" in said, said
