"""`run:` bodies: the order for one. `rulekit.cli.body` is the process that carries it out.

A body sees the globals of its rule file, so that process reads the file again (from the parse
cache) and calls that one function.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.model.rule import Rule


def order_for(
    rule: Rule, names: dict[str, Any], stage: Stage, settings: RunSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Body and context of the `JobSpec` for a `run:` rule.

    The context travels in a file of the runner's (mode 0600), whose path is added to the
    arguments. Raises `TypeError` for values that cannot be handed to another process.
    """
    import base64
    import pickle

    from rulekit.runner.context import encode_context

    load = base64.b64encode(pickle.dumps(settings.load)).decode()
    context = encode_context(
        {**names, "config": {}},
        rule=rule.name,
        scriptdir=rule.basedir,
        jobid=names["jobid"],
        bench_iteration=names["bench_iteration"],
    )
    context["rulefile"] = settings.rulefile
    context["load"] = load
    context["pickled"] = base64.b64encode(
        pickle.dumps({name: names[name] for name in ("params", "resources")})
    ).decode()
    argv = [sys.executable, "-m", "rulekit.cli.body"]
    return {"kind": "command", "argv": argv, "context_argument": True}, context
