"""Is every rule file read that the peer reads? Counts only are kept.

    python benchmarks/rule_files.py --checkouts FOLDER [--peer-python PYTHON]

Reads each rule file below FOLDER with our parser on this Python, and compiles it. With
--peer-python (a Python that has Snakemake 9) the same is asked of Snakemake's parser. One line of
JSON is printed; the names of files that only the peer reads, and of internal errors, go to stderr.
The status is 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator

ENDINGS = (".smk", ".snakefile", ".rules", ".snake")
PEER = """
import sys, tempfile, warnings
from pathlib import Path
from types import SimpleNamespace
from snakemake.parser import parse
from snakemake.sourcecache import LocalSourceFile, SourceCache
warnings.simplefilter("ignore")
cache = SourceCache(Path(tempfile.mkdtemp()))
for path in sys.stdin.read().split("\\0"):
    workflow = SimpleNamespace(sourcecache=cache, modifier=None, linemaps={})
    try:
        compile(parse(LocalSourceFile(path), workflow, {})[0], path, "exec")
        print(1)
    except BaseException:
        print(0)
"""


def rule_files(top: str) -> Iterator[str]:
    """The rule files below a folder, by their names."""
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            known = name.lower().startswith("snakefile") or name.endswith(ENDINGS)
            if (
                known
                and not name.endswith((".md", ".png", ".svg", ".pdf"))
                and os.path.isfile(path)
            ):
                yield path


def read(path: str) -> str:
    """``read``, ``refused`` or ``internal`` with what went wrong."""
    from rulekit.compiler.lowering import compile_file
    from rulekit.errors import RulekitError
    from rulekit.syntax import decode, parse

    try:
        with open(path, "rb") as file:
            compile_file(parse(decode(file.read(), path), path))
    except RulekitError as error:
        return f"refused: {str(error)[:200]}"
    except Exception as error:  # what is looked for
        return f"internal: {error!r}"
    return "read"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkouts", required=True)
    parser.add_argument("--peer-python")
    options = parser.parse_args()
    paths = list(rule_files(options.checkouts))
    ours = [read(path) for path in paths]
    internal = [
        f"{path}: {found}"
        for path, found in zip(paths, ours, strict=True)
        if found.startswith("internal")
    ]
    counts: dict[str, object] = {
        "python": platform.python_version(),
        "files": len(paths),
        "read": ours.count("read"),
        "internal": len(internal),
    }
    only_peer: list[str] = []
    if options.peer_python is not None:
        done = subprocess.run(
            [options.peer_python, "-c", PEER],
            input="\0".join(paths),
            capture_output=True,
            text=True,
            check=True,
        )
        theirs = [line == "1" for line in done.stdout.split()]
        for path, found, peer in zip(paths, ours, theirs, strict=True):
            if peer and found != "read":
                only_peer.append(f"{path}: {found}")
        both = sum(peer and found == "read" for found, peer in zip(ours, theirs, strict=True))
        counts["peer reads"] = sum(theirs)
        counts["both"] = both
        counts["only peer"] = len(only_peer)
    print(json.dumps(counts))
    for line in internal + only_peer:
        print(line, file=sys.stderr)
    return 1 if internal or only_peer else 0


if __name__ == "__main__":
    sys.exit(main())
