"""``python -m rulekit.node MODE``: the program that runs on nodes.

prepare FOLDER             once for each node and run (`rulekit.node.prepare`)
task                       a task of Azure Batch (`rulekit.node.task`)
local ORDER ROOT RESULT    an order from a file to a file, secrets as JSON on stdin
body FILE                  a `run:` body
"""

from __future__ import annotations

import json
import os
import sys


def main(arguments: list[str]) -> int:
    """The exit code: 0 well, 1 a job failed, 2 wrong usage, 75 the machine or network failed."""
    mode, *rest = arguments or [""]
    if mode == "task" and not rest:
        from rulekit.node.task import seal_key, task

        return task(seal_key())
    if mode == "prepare" and len(rest) == 1:
        from rulekit.node.task import prepared, seal_key

        return prepared(rest[0], seal_key())
    if mode == "local" and len(rest) == 3:
        return _local(*rest)
    if mode == "body" and len(rest) == 1:
        return _body(rest[0])
    print((__doc__ or "").strip(), file=sys.stderr)
    return 2


def _local(order: str, root: str, result: str) -> int:
    from rulekit.node.orders import results_to_text
    from rulekit.node.work import is_passing, run_order

    result = os.path.abspath(result)
    try:
        with open(order, encoding="utf-8") as file:
            document = json.load(file)
        secrets = json.loads(sys.stdin.read() or "{}")
        results = run_order(document, secrets, os.path.abspath(root))
    except (OSError, ValueError) as error:
        print(f"rulekit: the order cannot be read: {type(error).__name__}", file=sys.stderr)
        return 75
    part = f"{result}.part"
    with open(part, "w", encoding="ascii") as file:
        file.write(results_to_text(results))
    os.replace(part, result)
    if all(one.ok for one in results):
        return 0
    return 75 if is_passing(results) else 1


def _body(path: str) -> int:
    """A `run:` body: all of rulekit must be in the archive."""
    import importlib

    sys.argv = ["rulekit", path]
    try:
        # Not known to this room: only an archive with everything has it.
        if sys.version_info < (3, 11):  # noqa: UP036  nodes may have 3.10
            raise ImportError(f"it needs Python 3.11 or newer, this is {sys.version.split()[0]}")
        program = importlib.import_module("rulekit.cli.body")
    except ImportError as error:
        print(f"rulekit: a `run:` body needs all of rulekit: {error}", file=sys.stderr)
        return 75
    code: int = program.main()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
