"""What `--dashboard` costs a run: the same workflow with and without it, in turns.

    python3 benchmarks/dashboard_cost.py [--jobs 1000] [--rounds 5] [--rulekit rulekit]

Prints processor and wall time of the run (medians), and their ratio; a page is open all the time in
the runs that have one. The page's own process is not counted: it is at the lowest priority.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

FILE = """
rule all:
    input: expand("{{i}}.txt", i=range({n}))
rule a:
    output: "{{i}}.txt"
    shell: "touch {{output}}"
"""


def listen(url: str) -> None:
    """Reads the page's events, as a browser would, until they end."""
    try:
        with urllib.request.urlopen(url.replace("/?", "/events?"), timeout=60) as answer:
            while answer.read(65536):
                pass
    except OSError:
        pass


def run(rulekit: str, jobs: int, with_page: bool) -> tuple[float, float]:
    """Processor and wall seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "Rulefile"), "w") as file:
            file.write(FILE.format(n=jobs))
        words = [rulekit, "-c", "2", "--quiet", *(["--dashboard"] if with_page else [])]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        process = subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            if "http://" in line:
                threading.Thread(target=listen, args=(line.split()[-1],), daemon=True).start()
        process.wait()
        wall = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rulekit", default="rulekit")
    given = parser.parse_args()
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(given.rounds):
        for with_page in (False, True):
            found[with_page].append(run(given.rulekit, given.jobs, with_page))
    medians = {}
    for with_page, rows in found.items():
        cpu = statistics.median(row[0] for row in rows)
        wall = statistics.median(row[1] for row in rows)
        medians[with_page] = cpu, wall
        print(f"{'with' if with_page else 'without':8} {cpu:6.2f} s of CPU  {wall:6.2f} s")
    (cpu, wall), (cpu_page, wall_page) = medians[False], medians[True]
    each = (cpu_page - cpu) / given.jobs * 1e3
    print(f"ratio    {cpu_page / cpu:6.2f}           {wall_page / wall:6.2f}   {each:.2f} ms a job")


if __name__ == "__main__":
    main()
