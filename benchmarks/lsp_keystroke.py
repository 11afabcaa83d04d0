"""How long the language server takes for one keystroke in a rule file of 2,000 lines.

A real server over its pipes: a change is sent, the time until its diagnostics are there is taken, then
the time of a completion and a hover at the same place.

    python benchmarks/lsp_keystroke.py [LINES]
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "lsp"))
from lsp_client import Client

RULE = """\
rule step{n}:
    "Step {n}."
    input:
        "data{m}/{{sample}}.txt",
        expand("more/{{x}}.txt", x=config.get("x", [1, 2])),
    output:
        "data{n}/{{sample}}.txt",
    params:
        value=lambda wildcards: wildcards.sample,
    log:
        "logs/{n}/{{sample}}.log",
    threads: 4
    shell:
        "tool --value {{params.value}} {{input}} "
        "> {{output}} 2> {{log}}"


"""


def main() -> None:
    """Print medians and maxima in milliseconds."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    text = "".join(RULE.format(n=n, m=n - 1) for n in range(1, lines // 17 + 1))
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "Snakefile").write_text(text)
    client = Client(folder)
    client.open("Snakefile")
    mark = '    input:\n        "data50/{sample}.t'
    typed = "\n        rules.step1.output"
    times: dict[str, list[float]] = {"diagnostics": [], "completion": [], "hover": []}
    for count in range(1, len(typed) + 1):
        new = text.replace(mark, f'    input:{typed[:count]}\n        "data50/{{sample}}.t')
        start = time.perf_counter()
        client.change("Snakefile", new)
        times["diagnostics"].append(time.perf_counter() - start)
        for what in ("completion", "hover"):
            start = time.perf_counter()
            client.ask(f"textDocument/{what}", client.at("Snakefile", f"{typed[:count]}|\n"))
            times[what].append(time.perf_counter() - start)
    client.close()
    print(f"{text.count(chr(10))} lines, {len(typed)} keystrokes")
    for what, taken in times.items():
        median, most = statistics.median(taken) * 1000, max(taken) * 1000
        print(f"{what:<12} median {median:6.1f} ms, slowest {most:6.1f} ms")


if __name__ == "__main__":
    main()
