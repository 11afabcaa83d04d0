"""Checkpoints, in real runs through the command."""

from __future__ import annotations

import json

PARTS = """
wildcard_constraints: s="[a-z]+"

rule all:
    input: expand("sum/{s}.txt", s=SAMPLES)

checkpoint split:
    input: "data/{s}.txt"
    output: directory("parts/{s}")
    shell: "mkdir {output}; for i in $(cat {input}); do echo $i > {output}/$i.txt; done"

rule work:
    input: "parts/{s}/{i}.txt"
    output: "work/{s}/{i}.txt"
    shell: "sed 's/^/did /' {input} > {output}"

def made(wildcards):
    folder = checkpoints.split.get(s=wildcards.s).output[0]
    return expand("work/{s}/{i}.txt", s=wildcards.s,
                  i=sorted(glob_wildcards(folder + "/{i}.txt").i))

rule sum:
    input: made
    output: "sum/{s}.txt"
    shell: "cat {input} > {output}"
"""


def ran(project, *words, code=0):
    """The keys of the jobs that a run finished, in order."""
    project("-c2", "--log-json", "events.jsonl", *words, code=code)
    keys = []
    for line in (project.path / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "JobFinished":
            keys.append(event["key"])
    (project.path / "events.jsonl").unlink()
    return keys


def parts(project, **samples):
    project.write("Snakefile", f"SAMPLES = {sorted(samples)}\n" + PARTS)
    for name, numbers in samples.items():
        project.write(f"data/{name}.txt", numbers)


def test_what_a_checkpoint_made_is_found_and_used(project):
    parts(project, a="1 2", b="3")
    done = project("-c2")
    assert (project.path / "sum/a.txt").read_text() == "did 1\ndid 2\n"
    assert (project.path / "sum/b.txt").read_text() == "did 3\n"
    assert "8 of 8 steps (100%) done" in done.stderr
    assert ran(project) == []


def test_only_what_hangs_on_a_changed_checkpoint_runs_again(project):
    parts(project, a="1 2", b="3")
    project("-c2")
    project.write("data/a.txt", "2 4 5")
    again = ran(project)
    assert again[0] == "split:s=a"
    assert set(again) == {
        "split:s=a", "work:s=a,i=4", "work:s=a,i=5", "sum:s=a", "all",
    } | ({"work:s=a,i=2"} & set(again))  # fmt: skip
    assert (project.path / "sum/a.txt").read_text() == "did 2\ndid 4\ndid 5\n"


def test_a_checkpoint_whose_output_nobody_needs_is_not_missed(project):
    """Nothing is made again of the nothing that is there."""
    import shutil

    parts(project, a="1 2")
    project("-c2")
    shutil.rmtree(project.path / "parts")
    assert ran(project) == []
    assert (project.path / "sum/a.txt").read_text() == "did 1\ndid 2\n"
    (project.path / "sum/a.txt").unlink()
    assert ran(project)[0] == "split:s=a"
    assert (project.path / "sum/a.txt").read_text() == "did 1\ndid 2\n"


def test_temporary_files_go_when_the_last_checkpoint_is_done(project):
    text = PARTS.replace('"work/{s}/{i}.txt"\n    shell', 'temp("work/{s}/{i}.txt")\n    shell')
    text = text.replace('directory("parts/{s}")', 'temp(directory("parts/{s}"))')
    text += 'rule data:\n    output: temp("data/{s}.txt")\n    shell: "echo 1 2 > {output}"\n'
    project.write("Snakefile", 'SAMPLES = ["a", "b", "c"]\n' + text)
    project("-c2")
    left = {str(file.relative_to(project.path)) for file in project.path.rglob("*.txt")}
    # The files of the directory are asked for one by one: nobody reads the directory as such.
    assert {name for name in left if not name.startswith("parts/")} == {
        "sum/a.txt", "sum/b.txt", "sum/c.txt",
    }  # fmt: skip


def test_a_function_may_ask_one_checkpoint_after_another(project):
    project.write(
        "Snakefile",
        """
rule all:
    input: lambda wildcards: [f"end/{checkpoints.level.get(n=n).output[0]}" for n in range(3)]

checkpoint level:
    input: lambda wildcards: [] if wildcards.n == "0" else f"level{int(wildcards.n) - 1}"
    output: "level{n,[0-9]+}"
    shell: "cat {input} /dev/null > {output}; echo {wildcards.n} >> {output}"

rule end:
    input: "{file}"
    output: "end/{file}"
    shell: "cp {input} {output}"
""",
    )
    project("-c1")
    assert (project.path / "end/level2").read_text() == "0\n1\n2\n"


def test_other_inputs_are_made_while_the_checkpoint_is_awaited(project):
    project.write(
        "Snakefile",
        """
rule all:
    input: lambda wildcards: checkpoints.bad.get().output, "other"
checkpoint bad:
    output: "bad"
    shell: "false"
rule other:
    output: "other"
    shell: "touch {output}"
""",
    )
    done = project("-c1", "-k", code=1)
    assert (project.path / "other").exists()
    assert "1 job was not run" in done.stderr


def test_a_param_may_read_a_checkpoint_that_is_an_input(project):
    project.write(
        "Snakefile",
        """
rule all:
    input: "b"
checkpoint a:
    output: "a"
    shell: "echo found > {output}"
rule b:
    input: "a"
    output: "b"
    params: text=lambda wildcards: open(checkpoints.a.get().output[0]).read().strip()
    shell: "echo {params.text} > {output}"
""",
    )
    assert "<TBD>" in project("-n", "-p").stdout
    project("-c1")
    assert (project.path / "b").read_text() == "found\n"
    assert ran(project) == []


def test_a_param_that_reads_a_checkpoint_beside_its_inputs_is_refused(project):
    project.write(
        "Snakefile",
        """
rule b:
    output: "b"
    params: text=lambda wildcards: open(checkpoints.a.get().output[0]).read().strip()
    shell: "echo {params.text} > {output}"
checkpoint a:
    output: "a"
    shell: "echo found > {output}"
""",
    )
    done = project("-c1", code=1)
    assert "cannot be known" in done.stderr
    assert not (project.path / "b").exists()


def test_a_checkpoint_that_cannot_run_counts_by_its_file(project):
    project.write(
        "Snakefile",
        """
rule all:
    input: lambda wildcards: ["n" + x for x in open(checkpoints.a.get().output[0]).read().split()]
checkpoint a:
    input: "not there"
    output: "a"
    shell: "false"
rule n:
    output: "n{x}"
    shell: "touch {output}"
""",
    )
    project.write("a", "1 2")
    assert sorted(ran(project)) == ["all", "n:x=1", "n:x=2"]


def test_touch_sees_what_checkpoints_made(project):
    parts(project, a="1 2")
    project("-c2")
    project("-c2", "--touch", "-F")
    assert ran(project) == []


def test_many_checkpoints_call_for_few_plans(project):
    parts(project, **dict.fromkeys("abcdefgh", "1"))
    done = project("-c1")
    assert done.stderr.count("Updating checkpoint dependencies.") == 1
    assert len(list((project.path / "sum").iterdir())) == 8


def test_a_dry_run_says_what_is_not_known_yet(project):
    parts(project, a="1 2")
    done = project("-n")
    assert "<TBD>" in done.stdout
    assert not (project.path / "parts").exists()


def test_what_follows_from_unknown_inputs_is_shown_as_unknown(project):
    project.write(
        "Snakefile",
        """
rule b:
    input: lambda wildcards: [x for x in open(checkpoints.a.get().output[0]).read().split()]
    output: "b"
    params: last=lambda wildcards, input: input[2]
    threads: lambda wildcards, input: len(input[1])
    resources: mem_mb=lambda wildcards, input: len(input[2])
    shell: "echo {params.last} {input[1]} {resources.mem_mb} {threads} > {output}"
checkpoint a:
    output: "a"
    shell: "echo x yy zzz > {output}"
rule files:
    output: "x", "yy", "zzz"
    shell: "touch {output}"
""",
    )
    assert "Shell command: <TBD>" in project("-n", "-p").stdout
    project("-c2")
    assert (project.path / "b").read_text() == "zzz yy 3 2\n"
