"""Do two commands understand workflows in the same way? Names and counts only are kept.

    python benchmarks/compare_graphs.py --peer snakemake --tool rulekit --out graphs.json FOLDER...

Each folder with a rule file is copied; both commands list its rules (``--list``), make a dry run
(``-n``, of which the table of jobs is read) and show the graph of rules (``--rulegraph``). Where both
refuse a folder, they agree. The exit status is 1 if they differ anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

RULE_FILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
SECONDS = 120


def call(command: str, words: list[str], folder: str) -> tuple[int, str]:
    """Exit status and stdout."""
    try:
        done = subprocess.run(
            [*shlex.split(command), *words],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout


def job_table(text: str) -> dict[str, int]:
    """The table of jobs of a dry run; empty if there is nothing to do."""
    lines = text.split("\n")
    table: dict[str, int] = {}
    for at, line in enumerate(lines):
        if re.match(r"job\s+count", line):
            table = {}
            for row in lines[at + 2 :]:
                words = row.split()
                if len(words) < 2 or not words[1].isdigit():
                    break
                table[words[0]] = int(words[1])
    return table


def rule_edges(text: str) -> list[list[str]]:
    """Pairs of rule names in a dot graph."""
    names = dict(re.findall(r'^\s*(\d+)\s*\[\s*label\s*=\s*"([^"\\]+)', text, re.MULTILINE))
    pairs = re.findall(r"^\s*(\d+)\s*->\s*(\d+)", text, re.MULTILINE)
    return sorted({(names.get(a, a), names.get(b, b)) for a, b in pairs})  # type: ignore[arg-type]


def rule_names(text: str) -> list[str]:
    return sorted(line.split()[0] for line in text.split("\n") if line.strip())


def facts(command: str, source: str) -> dict[str, object]:
    """What a command makes of a folder."""
    with tempfile.TemporaryDirectory() as place:
        folder = os.path.join(place, "w")
        shutil.copytree(source, folder, symlinks=True, ignore_dangling_symlinks=True)
        status, text = call(command, ["-n"], folder)
        found: dict[str, object] = {"ok": status == 0}
        if status == 0:
            found["jobs"] = job_table(text)
            found["rules"] = rule_names(call(command, ["--list"], folder)[1])
            found["edges"] = rule_edges(call(command, ["--rulegraph"], folder)[1])
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="snakemake")
    parser.add_argument("--tool", default="rulekit")
    parser.add_argument("--out")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    results: dict[str, object] = {}
    equal = 0
    for folder in options.folders:
        if not any(os.path.isfile(os.path.join(folder, name)) for name in RULE_FILES):
            continue
        name = os.path.basename(os.path.normpath(folder))
        theirs, ours = facts(options.peer, folder), facts(options.tool, folder)
        same = theirs == ours
        equal += same
        results[name] = {"equal": same} if same else {"equal": False, "peer": theirs, "tool": ours}
        if not same:
            what = [key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)]
            print(f"{name}: different {', '.join(sorted(what))}", flush=True)
    print(f"{equal} of {len(results)} equal")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, sort_keys=True)
            file.write("\n")
    return 0 if equal == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
