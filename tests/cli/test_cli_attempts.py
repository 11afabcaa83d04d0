"""Attempts of a job as they are shown."""

from __future__ import annotations


def test_each_attempt_is_shown_with_its_own_resources(project):
    project.write(
        "Snakefile",
        'rule a:\n    output: "x"\n    retries: 1\n'
        "    resources: turn=lambda wildcards, attempt: attempt * 10\n"
        '    shell: "test {resources.turn} = 20 && touch x"\n',
    )
    said = project("-c", "1").stderr
    assert said.index("turn=10") < said.index("Trying to restart job 0") < said.index("turn=20")
