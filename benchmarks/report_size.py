"""How large the report of a workflow with many jobs is, and how soon a browser shows it.

    python3 benchmarks/report_size.py [--jobs 10000] [--rulekit rulekit] [--chromium PROGRAM]

Runs a workflow of N jobs (a third each of three rules, and some results for the report), writes its
report and its graph, opens both in headless Chromium and prints sizes and times. The time is the one
that the page itself tells: from the moment it was asked for until its script has done its work.
Exits with 1 if the report is over 15 MB or takes 2 s or more (at 10,000 jobs; in proportion else).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

FILE = """
N = {n}
rule all:
    input: "total.txt", expand("plots/{{i}}.svg", i=range(40)), "table.csv"
rule make:
    output: "raw/{{i}}.txt"
    log: "logs/make/{{i}}.log"
    params: seed=lambda w: int(w.i) * 7
    shell: "echo making sample {{wildcards.i}} > {{log}}; echo {{params.seed}} > {{output}}"
rule sort:
    input: "raw/{{i}}.txt"
    output: "sorted/{{i}}.txt"
    log: "logs/sort/{{i}}.log"
    shell: "sort {{input}} > {{output}} 2> {{log}}"
rule count:
    input: "sorted/{{i}}.txt", "raw/{{i}}.txt"
    output: "counted/{{i}}.txt"
    shell: "wc -l {{input}} > {{output}}"
rule total:
    input: expand("counted/{{i}}.txt", i=range(N))
    output: "total.txt"
    shell: "ls counted | wc -l > {{output}}"
rule plot:
    output: report("plots/{{i}}.svg", category="Plots", labels={{"plot": "{{i}}"}})
    shell: \"\"\"echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1L{{wildcards.i}} 8"/></svg>' > {{output}}\"\"\"
rule table:
    output: report("table.csv", category="Tables")
    shell: "seq 1 20000 | sed 's/.*/&,gene&,0.5/' > {{output}}"
"""
READY = re.compile(r'data-ready="(\d+)"')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rulekit", default="rulekit")
    parser.add_argument("--chromium", default=shutil.which("chromium-headless-shell") or "chromium")
    parser.add_argument("--keep", help="work in this folder and leave it")
    given = parser.parse_args()
    folder = given.keep or tempfile.mkdtemp()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "Rulefile"), "w") as file:
        file.write(FILE.format(n=max(1, (given.jobs - 43) // 3)))

    def do(*words: str) -> float:
        begun = time.monotonic()
        subprocess.run([given.rulekit, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - begun

    do("-c", "2", "--quiet", "all")
    worst = 0
    scale = max(1.0, given.jobs / 10_000)
    for name, words in (
        ("report.html", ("--report", "report.html")),
        ("graph.html", ("--graph", "graph.html")),
    ):
        made = do(*words)
        path = os.path.join(folder, name)
        size = os.path.getsize(path) / 1e6
        times = sorted(opened(given.chromium, path) for _ in range(3))
        print(f"{name}: made in {made:.1f} s, {size:.2f} MB, opens in {times[1]} ms {times}")
        worst |= size > 15 * scale or times[1] >= 2000 * scale
    if given.keep is None:
        shutil.rmtree(folder)
    return worst


def opened(chromium: str, path: str) -> int:
    """Milliseconds until the page was ready, as it says itself."""
    words = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom")
    done = subprocess.run(
        [chromium, *words, f"file://{os.path.abspath(path)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = READY.search(done.stdout)
    if found is None:
        sys.exit(f"{path} was not ready")
    return int(found.group(1))


if __name__ == "__main__":
    sys.exit(main())
