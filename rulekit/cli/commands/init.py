"""`rulekit init [DIRECTORY]`: a small workflow that runs at once, offline."""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command

_RULEFILE = """\
# Words in each text, and all counts in one table.
# `rulekit -n` shows what would run and why, `rulekit -c 2` runs it.

configfile: "config.yaml"

rule all:
    input:
        "results/counts.tsv",

rule count:
    "Count the lines, words and bytes of one text."
    input:
        "texts/{name}.txt",
    output:
        "results/{name}.count",
    log:
        "logs/count/{name}.log",
    shell:
        "wc {input} > {output} 2> {log}"

rule table:
    "Put all counts into one table."
    input:
        expand("results/{name}.count", name=config["texts"]),
    output:
        "results/counts.tsv",
    run:
        with open(output[0], "w") as table:
            table.write("text\\tlines\\twords\\n")
            for path in input:
                lines, words, size, name = open(path).read().split()
                table.write(f"{name}\\t{lines}\\t{words}\\n")
"""

FILES = {
    "Rulefile": _RULEFILE,
    "config.yaml": "# Add a name here and a file in texts/: only that one is counted.\n"
    "texts: [apple, pear]\n",
    "texts/apple.txt": "An apple a day\nkeeps the doctor away\n",
    "texts/pear.txt": "Walnuts and pears you plant for your heirs\n",
    ".gitignore": ".rulekit/\nresults/\nlogs/\n",
}


def execute(command: Command) -> int:
    options = command.options
    if len(options.targets) > 1:
        raise UsageError("init takes one directory", code="RK0110")
    folder = options.targets[0] if options.targets else "."
    there = [name for name in FILES if os.path.lexists(os.path.join(folder, name))]
    if there and not options.force:
        raise UsageError(
            f"these files are there already: {', '.join(there)}",
            code="RK0109",
            help="name another directory, or write over them with --force",
        )
    try:
        for name, text in FILES.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            sys.stdout.write(f"{path}\n")
    except OSError as error:
        raise UsageError(
            f"`{folder}` cannot be written to: {error.strerror}", code="RK0109"
        ) from error
    change = "" if folder == "." else f"cd {folder} && "
    sys.stderr.write(f"Now run: {change}rulekit -c 2\n")
    return 0
