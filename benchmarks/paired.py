#!/usr/bin/env python3
"""The benchmark table of the documentation: rulekit, Snakemake and ninja in turns.

    paired.py --rulekit PATH --snakemake PATH [--rounds N] [--rows REGEX] [--out FILE.json]

Each row names a scenario, the CPU ratio that must be reached and the one aimed at, and what was
measured. Ratios are medians over rounds of (rulekit's CPU / peer's CPU), the tools taking turns.
Only the standard library is used.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Row:
    name: str
    workload: str
    scenario: str
    snakemake: float | None  # must: rulekit's CPU <= this share of Snakemake's
    ninja: float | None  # must: rulekit's CPU <= this many times ninja's
    aim: str
    rounds_max: int = 99
    cold: bool = False
    prime: str | None = None  # "fill": outputs are made, not run


ROWS = (
    Row("--version", "chain --depth 2", "version", 1 / 40, None, "1.3 x python -c pass"),
    Row("3 jobs, real run", "chain --depth 2", "tiny", 1 / 20, None, "1/35"),
    Row("fan 3,002, dry", "fan --samples 1000", "dry", 1 / 25, None, "1/60"),
    Row("fan 30,002, dry", "fan --samples 10000", "dry", 1 / 40, 3, "1 x ninja"),
    Row(
        "fan 30,002, nothing to do (times)",
        "fan --samples 10000",
        "noop",
        1 / 40,
        None,
        "1 x ninja",
        prime="fill",
    ),
    Row(
        "fan 3,002, nothing to do (all triggers)",
        "fan --samples 1000",
        "noop",
        None,
        None,
        "1 x ninja",
    ),
    Row("fan 3,002, real run", "fan --samples 1000", "run", 1 / 10, 2, "1 x ninja", rounds_max=5),
    Row("1,000 rules, dry, warm", "many_rules --rules 1000", "dry", 1 / 15, None, "1/30"),
    Row("1,000 rules, dry, cold", "many_rules --rules 1000", "dry", 1 / 5, None, "1/8", cold=True),
)


def measure(row: Row, options: argparse.Namespace, out: Path) -> dict[str, object]:
    """Runs measure.py for one row; the result is its JSON."""
    rulekit = options.rulekit
    with tempfile.TemporaryDirectory() as folder:
        if row.cold:
            # A wrapper that gives every start an empty cache.
            wrapper = Path(folder) / "cold"
            wrapper.write_text(
                f'#!/bin/sh\nXDG_CACHE_HOME=$(mktemp -d {folder}/cache.XXXXXX) exec {rulekit} "$@"\n'
            )
            wrapper.chmod(0o755)
            rulekit = str(wrapper)
        tools = ["--tool", f"rulekit={rulekit} --cores {{cores}} {{dry}}"]
        primes = []
        peers = []
        if options.snakemake and row.snakemake is not None:
            triggers = " --rerun-triggers mtime" if row.scenario == "noop" else ""
            tools += [
                "--tool",
                f"snakemake={options.snakemake} --cores {{cores}} {{dry}}{triggers}",
            ]
            peers.append("snakemake")
        if options.ninja and row.scenario != "version":
            tools += ["--tool", f"ninja={options.ninja} -j{{cores}} {{dry}}"]
            peers.append("ninja")
        if row.prime:
            for name in ("rulekit", "snakemake"):
                if name == "rulekit" or name in peers:
                    primes += ["--prime", f"{name}={row.prime}"]
        rounds = min(options.rounds, row.rounds_max)
        command = [sys.executable, str(HERE / "measure.py"), *tools, *primes]
        command += ["--workload", row.workload, "--scenario", row.scenario]
        command += ["--rounds", str(rounds), "--json", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(out.read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rulekit", default=shutil.which("rulekit"))
    parser.add_argument("--snakemake", default=None)
    parser.add_argument("--ninja", default=shutil.which("ninja"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="")
    parser.add_argument("--out", default=None)
    options = parser.parse_args()
    print(
        "| scenario | must | aim | rulekit CPU s | wall s | peak MiB | of Snakemake's CPU | x ninja's CPU |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    kept = []
    for row in ROWS:
        if options.rows and not re.search(options.rows, row.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            document = measure(row, options, Path(folder) / "out.json")
        results = {r["tool"]: r for r in document["results"]}  # type: ignore[index,union-attr]
        mine = results["rulekit"]
        ratios = mine["ratios"]
        median = mine["median"]
        must = []
        if row.snakemake is not None:
            must.append(f"1/{round(1 / row.snakemake)} of Snakemake")
        if row.ninja is not None:
            must.append(f"{row.ninja} x ninja")

        def ratio(peer: str, ratios: dict[str, dict[str, float]] = ratios) -> str:
            if peer not in ratios:
                return ""
            value = ratios[peer]["cpu_s"]
            return f"1/{1 / value:.0f}" if value < 0.2 else f"{value:.2f}"

        print(
            f"| {row.name} | {', '.join(must)} | {row.aim} | {median['cpu_s']:.3f} "
            f"| {median['wall_s']:.3f} | {median['peak_mib']:.0f} "
            f"| {ratio('snakemake')} | {ratio('ninja')} |",
            flush=True,
        )
        kept.append({"row": row.name, **document})
    if options.out:
        Path(options.out).write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    raise SystemExit(main())
