"""The life of one attempt of a job on one machine, from clearing old outputs to stamping new ones.

Standard library and `rulekit.model` only: this room also travels to the nodes of a cloud.

    attempt    prepare, start, finish: the three steps, none of which waits
    drive      an attempt from begin to end in one call, with waiting, time-out and benchmark
    command    body → what is to be executed
    script     scripts: their launchers and the objects they see
    shadow     the isolated work folder
    benchmark  measuring and its table
    orphans    processes of an attempt that nobody watches any more
    wire       orders and answers as JSON and as marshal values

``python -m rulekit.runner SPEC.json RESULT.json`` runs one attempt from a file.
"""
