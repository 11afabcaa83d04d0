"""Rules without output, and what reasons and hooks say of them."""

from __future__ import annotations

from cli_process import project  # noqa: F401


def test_the_reason_of_a_rule_with_input_alone_names_the_output(project):  # noqa: F811
    project.write("in.txt", "x")
    project.write(
        "Snakefile",
        'rule all:\n    input: "in.txt"\n    shell: "true"\n\nrule none:\n    shell: "true"\n',
    )
    said = project("-n").stdout
    assert "reason: Rules with a run or shell declaration but no output are always" in said
    said = project("-n", "none").stdout
    assert "reason: Rules with neither input nor output files are always executed" in said


def test_the_log_of_hooks_can_be_opened_and_counted(project):  # noqa: F811
    project.write(
        "Snakefile",
        "onsuccess:\n    print(len(log), open(log).read() == open(log[0]).read())\n"
        '    shell("test -f {log} && echo there")\n\nrule a:\n    shell: "true"\n',
    )
    done = project("-c1")
    assert "1 True\nthere\n" in done.stdout
