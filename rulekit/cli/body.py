"""The process of one `run:` body: ``python -m rulekit.cli.body ORDER.json``.

The order is the context of the `JobSpec` that `rulekit.engine.body` makes. A body mostly runs in a
fork of the runner process and never comes here; it does where that process could not be forked.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def carry_out(order: dict[str, Any]) -> int:
    """Loads the rule file and calls the body; the result is the exit code."""
    import base64
    import pickle

    from rulekit.compiler import load
    from rulekit.engine.body import perform
    from rulekit.errors import RulekitError
    from rulekit.errors.show import show
    from rulekit.frozen import replace

    # What was written here was written by the run itself, readable for its user only.
    settings = pickle.loads(base64.b64decode(order["load"]))  # noqa: S301
    try:
        workflow = load(order["rulefile"], replace(settings, is_main_process=False))
    except RulekitError as error:
        show(error, sys.stderr)
        return 1
    return perform(workflow.rule(order["rule"]), order)


def main() -> int:
    import json

    path = sys.argv[1]
    with open(path, encoding="utf-8") as file:
        order = json.load(file)
    # The state of a job that failed may be looked at; its order holds no more than its inputs.
    os.unlink(path)
    return carry_out(order)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    raise SystemExit(code)
