"""Do two commands make the same jobs of public workflows? Names and counts only are kept.

    python benchmarks/real_workflows.py --peer snakemake --tool rulekit --checkouts FOLDER
        [--only TEXT] [--again] benchmarks/real_workflows.tsv

The table names each workflow: repository, commit, its date, the folder to start in and the words of
the command line. Each repository is expected below FOLDER as `owner+name`, at that commit. Input
files that the peer says are missing are made, empty, and both commands see the same folder. The
table is rewritten with what was found.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from compare_graphs import job_table, rule_names

COLUMNS = (
    *("repository", "commit", "date", "folder", "words"),
    *("result", "rules_peer", "rules_tool", "jobs_peer", "jobs_tool", "why"),
)
SECONDS = 60
ROUNDS = 10
IGNORED = (".git", ".snakemake", ".rulekit")


def call(command: str, words: list[str], folder: str, home: str) -> tuple[int, str, str]:
    """Exit status, stdout, stderr; the home and caches of the caller are not seen."""
    places = {"HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
    try:
        done = subprocess.run(
            [*shlex.split(command), *words],
            cwd=folder,
            env={**os.environ, **places, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return 124, "", "timeout"
    return done.returncode, done.stdout, done.stderr


def missing_files(text: str) -> list[str]:
    """The files that the peer's message says are missing."""
    found = re.findall(r"No such file or directory: '([^']+)'", text)
    found += re.findall(r"Workflow defines configfile (\S+) but it is not present", text)
    for block in re.findall(r"affected files:\n((?:[ ]{4,}.*\n?)+)", text):
        found += [line.strip() for line in block.split("\n") if line.strip()]
    return found


def fill(folder: str, top: str, names: list[str]) -> bool:
    """Make the files that lie inside the copy; whether any was made."""
    made = False
    for name in names:
        path = os.path.normpath(os.path.join(folder, name))
        if not path.startswith(top + os.sep) or os.path.exists(path):
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8"):
            made = True
    return made


def last_words(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return re.sub(r"\S*/(?=\S)", "", " ".join(lines[-1:]))[:120]


def compare(peer: str, tool: str, row: dict[str, str], checkouts: str) -> dict[str, str]:
    """The row with its results."""
    with tempfile.TemporaryDirectory() as made:
        place = os.path.realpath(made)
        home = os.path.join(place, "home")
        os.mkdir(home)
        tops = [os.path.join(place, name, "w") for name in ("peer", "tool")]
        source = os.path.join(checkouts, row["repository"].replace("/", "+"))
        shutil.copytree(source, tops[0], symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))
        folders = [os.path.normpath(os.path.join(top, row["folder"])) for top in tops]
        words = shlex.split(row["words"])
        workdir = folders[0]
        for flag in ("-d", "--directory"):
            if flag in words:
                workdir = os.path.join(folders[0], words[words.index(flag) + 1])
        dry = ["-n", "--cores", "4", *words]
        status, out, err = call(peer, dry, folders[0], home)
        for _ in range(ROUNDS):
            if status == 0 or not fill(workdir, tops[0], missing_files(out + err)):
                break
            status, out, err = call(peer, dry, folders[0], home)
        shutil.copytree(tops[0], tops[1], symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))
        ours, our_out, our_err = call(tool, dry, folders[1], home)
        row.update(dict.fromkeys(COLUMNS[5:], ""))
        if status == 0 and ours == 0:
            jobs = [job_table(text) for text in (out, our_out)]
            lists = [
                rule_names(call(command, ["--list", "--cores", "4", *words], folder, home)[1])
                for command, folder in zip((peer, tool), folders, strict=True)
            ]
            row["rules_peer"], row["rules_tool"] = (str(len(names)) for names in lists)
            row["jobs_peer"], row["jobs_tool"] = (str(table.get("total", 0)) for table in jobs)
            same = jobs[0] == jobs[1] and lists[0] == lists[1]
            row["result"] = "equal" if same else "different"
            names = {key for key in jobs[0] | jobs[1] if jobs[0].get(key) != jobs[1].get(key)}
            names |= set(lists[0]) ^ set(lists[1])
            row["why"] = " ".join(sorted(names))[:200]
        elif status == 0:
            row["result"], row["why"] = "tool refuses", last_words(our_err)
            row["jobs_peer"] = str(job_table(out).get("total", 0))
        elif ours == 0:
            row["result"], row["why"] = "peer refuses", last_words(out + err)
            row["jobs_tool"] = str(job_table(our_out).get("total", 0))
        else:
            row["result"], row["why"] = "both refuse", last_words(out + err)
            print("   ", last_words(our_err), flush=True)
        if "refuse" in row["result"]:
            print("\n".join(f"      {line}" for line in (our_err + err)[-1500:].split("\n")))
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="snakemake")
    parser.add_argument("--tool", default="rulekit")
    parser.add_argument("--checkouts", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true", help="only those that are not equal")
    parser.add_argument("table")
    options = parser.parse_args()
    with open(options.table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        if options.only not in row["repository"] or (options.again and row["result"] == "equal"):
            continue
        compare(options.peer, options.tool, row, options.checkouts)
        print(*(row[name] for name in ("repository", "folder", *COLUMNS[5:])), flush=True)
        with open(options.table, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    counted = [row for row in rows if row["result"] in ("equal", "different", "tool refuses")]
    equal = sum(row["result"] == "equal" for row in counted)
    print(f"{equal} of {len(counted)} equal; {len(rows) - len(counted)} refused by the peer")
    return 0 if equal == len(counted) else 1


if __name__ == "__main__":
    sys.exit(main())
