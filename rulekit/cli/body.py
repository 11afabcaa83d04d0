"""The process of one `run:` body: ``python -m rulekit.cli.body ORDER.json``.

The order is the context of the `JobSpec` that `rulekit.engine.body` makes.
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

    from rulekit.cli.diagnostics import tell
    from rulekit.compiler import load
    from rulekit.errors import RuleFileError, RulekitError
    from rulekit.frozen import replace
    from rulekit.model.namedlist import InputFiles, Log, Namedlist, OutputFiles, Wildcards

    # What was written here was written by the run itself, readable for its user only.
    settings = pickle.loads(base64.b64decode(order["load"]))  # noqa: S301
    values = pickle.loads(base64.b64decode(order["pickled"]))  # noqa: S301
    try:
        workflow = load(order["rulefile"], replace(settings, is_main_process=False))
        rule = workflow.rule(order["rule"])
        if rule is None or rule.body.function is None:
            print(f"rule `{order['rule']}` has no run body any more", file=sys.stderr)
            return 1
        kinds: tuple[tuple[str, type[Namedlist]], ...] = (
            ("input", InputFiles),
            ("output", OutputFiles),
            ("wildcards", Wildcards),
            ("log", Log),
        )
        names = {name: _list(kind, order[name]) for name, kind in kinds}
        rule.body.function(
            **names,
            **values,
            threads=order["threads"],
            rule=rule.name,
            jobid=order["jobid"],
            bench_iteration=order["bench_iteration"],
        )
    except RulekitError as error:
        tell(error)
        return 1
    except SystemExit as leave:
        code = leave.code
        if code is None:
            return 0
        if isinstance(code, int):
            return code
        print(code, file=sys.stderr)
        return 1
    except BaseException as error:
        from rulekit.language.usererrors import diagnose

        tell(RuleFileError(diagnostics=(diagnose(error),)))
        return 1
    return 0


def _list(kind: Any, part: dict[str, Any]) -> Any:
    names = {
        name: tuple(where) if isinstance(where, list) else where
        for name, where in part["names"].items()
    }
    return kind(part["items"], names)


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
