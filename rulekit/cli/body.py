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

    from rulekit.compiler.settings import LoadSettings


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
    moved = order.get("moved")
    if moved:
        settings = _moved(settings, moved)
    try:
        workflow = load(order["rulefile"], replace(settings, is_main_process=False))
    except RulekitError as error:
        show(error, sys.stderr)
        return 1
    return perform(workflow.rule(order["rule"]), order)


def _moved(settings: LoadSettings, folders: list[list[str]]) -> LoadSettings:
    """Settings for another machine, where the files of these folders are elsewhere: pairs of the
    old and the new folder. The working directory is the current one there."""
    from rulekit.frozen import replace

    known = sorted(folders, key=lambda pair: len(pair[0]), reverse=True)

    def place(path: str) -> str:
        for old, new in known:
            if path == old or path.startswith(old + "/"):
                return new + path[len(old) :]
        return path

    return replace(
        settings,
        configfiles=tuple(place(path) for path in settings.configfiles),
        wrapper_prefix=place(settings.wrapper_prefix),
        directory=os.getcwd(),
        check_envvars=False,
    )


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
