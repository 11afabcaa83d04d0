"""``python -m rulekit.runner SPEC.json RESULT.json``: one attempt, from a file to a file."""

from __future__ import annotations

import json
import os
import sys

from rulekit.runner import drive, wire
from rulekit.runner.command import Environments


def main(arguments: list[str]) -> int:
    """0 if the job succeeded, 1 if it failed, 2 for a wrong order. The answer tells the rest."""
    if len(arguments) != 2:
        print("usage: python -m rulekit.runner SPEC.json RESULT.json", file=sys.stderr)
        return 2
    order, answer = (os.path.abspath(path) for path in arguments)
    try:
        with open(order, encoding="utf-8") as file:
            spec = wire.spec_from_json(json.load(file))
    except (OSError, ValueError) as error:
        print(f"error: cannot read the job order `{order}`: {error}", file=sys.stderr)
        return 2
    result = drive.run(spec, Environments())
    try:
        _write(answer, json.dumps(wire.result_to_json(result)))
    except OSError as error:
        print(f"error: cannot write the answer `{answer}`: {error}", file=sys.stderr)
        return 2
    return 0 if result.ok else 1


def _write(path: str, text: str) -> None:
    """Whole or not at all, also if the machine stops: only a complete answer has the name."""
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
