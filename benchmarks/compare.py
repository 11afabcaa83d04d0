#!/usr/bin/env python3
"""The table of docs/explanation/comparison.md: rulekit, Snakemake, make and ninja in turns.

    compare.py --rulekit PATH --snakemake PATH [--rounds N] [--only REGEX] [--out FILE.json]

Each scenario runs all tools round after round on the same jobs (measure.py). Shown are the medians
of CPU seconds and the median of each round's ratio to rulekit. Nextflow takes part where
`--nextflow PATH` is given: in `version` and `help` only, since it plans no jobs without running them.
Only the standard library is used.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# What is measured: title, workload, scenario.
ROWS = (
    ("start: `--version`", "chain --depth 2", "version"),
    ("3 jobs in a row, run", "chain --depth 2", "tiny"),
    ("302 jobs, dry run", "fan --samples 100", "dry"),
    ("3,002 jobs, dry run", "fan --samples 1000", "dry"),
    ("302 jobs, run", "fan --samples 100", "run"),
    ("302 jobs, nothing to do", "fan --samples 100", "noop"),
    ("302 jobs, one source changed, dry run", "fan --samples 100", "one"),
)
PEERS = ("snakemake", "make", "ninja", "nextflow")


def tools_of(options: argparse.Namespace, scenario: str) -> list[str]:
    """The words for measure.py that name the tools."""
    templates = {
        "rulekit": f"{options.rulekit} --cores {{cores}} {{dry}}",
        "snakemake": f"{options.snakemake} --cores {{cores}} {{dry}}",
        "make": f"{options.make} -j{{cores}} {{dry}}",
        "ninja": f"{options.ninja} -j{{cores}} {{dry}}",
    }
    if scenario in ("version", "help"):
        templates["nextflow"] = str(options.nextflow)
    words = []
    for name, template in templates.items():
        if getattr(options, name):
            words += ["--tool", f"{name}={template}"]
    return words


def measured(options: argparse.Namespace, workload: str, scenario: str) -> dict[str, dict]:
    """Results of one scenario by tool."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, str(HERE / "measure.py"), *tools_of(options, scenario)]
        command += ["--workload", workload, "--scenario", scenario]
        command += ["--rounds", str(options.rounds), "--json", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {result["tool"]: result for result in json.loads(out.read_text())["results"]}


def cell(result: dict | None, mine: dict, peer: str) -> str:
    """CPU seconds, and how they stand to rulekit's."""
    if result is None:
        return "–"
    seconds = f"{result['median']['cpu_s']:.3g}"
    ratio = mine["ratios"].get(peer, {}).get("cpu_s")
    if not ratio:
        return seconds
    times = 1 / ratio
    return f"{seconds} ({times:.0f} ×)" if times >= 10 else f"{seconds} ({times:.2g} ×)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("rulekit", "snakemake", "make", "ninja", "nextflow"):
        parser.add_argument(f"--{name}", default=shutil.which(name))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose title this regular expression finds")
    parser.add_argument("--out", default=None)
    options = parser.parse_args()
    peers = [name for name in PEERS if getattr(options, name)]
    print(f"| CPU seconds | rulekit | {' | '.join(peers)} |")
    print("| --- | ---: |" + " ---: |" * len(peers))
    kept = {}
    for title, workload, scenario in ROWS:
        if not re.search(options.only, title):
            continue
        results = measured(options, workload, scenario)
        mine = results["rulekit"]
        cells = [cell(results.get(peer), mine, peer) for peer in peers]
        print(f"| {title} | {mine['median']['cpu_s']:.3g} | {' | '.join(cells)} |", flush=True)
        kept[title] = list(results.values())
    if options.out:
        Path(options.out).write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
