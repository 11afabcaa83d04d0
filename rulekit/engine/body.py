"""`run:` bodies: the order for one. `rulekit.cli.body` is the process that carries it out.

A body sees the globals of its rule file, so that process reads the file again (from the parse
cache) and calls that one function.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.model.rule import Rule, Workflow
    from rulekit.model.spec import JobSpec


def order_for(
    rule: Rule, names: dict[str, Any], stage: Stage, settings: RunSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Body and context of the `JobSpec` for a `run:` rule.

    The context travels in a file of the runner's (mode 0600), whose path is added to the
    arguments. Raises `RuleFileError` for values that cannot be handed to another process.
    """
    import base64
    import pickle

    from rulekit.engine import bodyvalues
    from rulekit.runner.context import encode_context

    load = base64.b64encode(pickle.dumps(settings.load)).decode()
    context = encode_context(
        {**names, "config": {}},
        rule=rule.name,
        scriptdir=rule.basedir,
        jobid=names["jobid"],
        bench_iteration=names["bench_iteration"],
        lenient=True,
    )
    context["rulefile"] = settings.rulefile
    context["load"] = load
    values = {name: names[name] for name in ("params", "resources")}
    scope = getattr(rule.body.function, "__globals__", {})
    try:
        context["pickled"] = bodyvalues.dump(values, scope)
    except TypeError as error:
        raise _refused(rule, values, scope, error) from None
    argv = [sys.executable, "-m", "rulekit.cli.body"]
    return {"kind": "command", "argv": argv, "context_argument": True, "function": True}, context


def _refused(rule: Rule, values: dict[str, Any], scope: Any, error: TypeError) -> Exception:
    """The error that names the item which cannot travel."""
    from rulekit.engine import bodyvalues
    from rulekit.errors import RuleFileError
    from rulekit.model.namedlist import names_of

    what = "a value"
    for part, items in values.items():
        names = {where: name for name, where in names_of(items).items() if type(where) is int}
        for number, item in enumerate(items):
            try:
                bodyvalues.dump(item, scope)
            except TypeError as found:
                what, error = f"the `{part}` item `{names.get(number, number)}`", found
                break
    return RuleFileError(
        f"{what} of rule `{rule.name}` cannot be used in its body: {error}",
        code="RK0283",
        span=rule.body.span or rule.span,
        help="make it in the body",
    )


def bodies_of(workflow: Workflow) -> Callable[[JobSpec, int], int]:
    """What carries out the bodies of a workflow that this process has read."""

    def carry_out(spec: JobSpec, turn: int) -> int:
        order = {**(spec.context or {}), "bench_iteration": turn}
        return perform(workflow.rule(spec.rule), order)

    return carry_out


def perform(rule: Rule | None, order: dict[str, Any]) -> int:
    """Calls a body with the names of its order; the result is the exit code.

    What the body raises is written on stderr, with its place in the rule file.
    """
    from rulekit.engine import bodyvalues
    from rulekit.errors import RuleFileError, RulekitError
    from rulekit.errors.show import show
    from rulekit.language import storagestate
    from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Wildcards

    storagestate.offline()
    if "activation" in order:
        from rulekit.language.shell import shell

        shell.within(order["activation"])
    if rule is None or rule.body.function is None:
        print(f"rule `{order['rule']}` has no run body any more", file=sys.stderr)
        return 1
    # What was written here was written by the run itself, readable for its user only.
    values = bodyvalues.load(order["pickled"], rule.body.function.__globals__)
    try:
        rule.body.function(
            input=_list(InputFiles, order["input"]),
            output=_list(OutputFiles, order["output"]),
            wildcards=_list(Wildcards, order["wildcards"]),
            log=_list(Log, order["log"]),
            **values,
            threads=order["threads"],
            rule=rule.name,
            jobid=order["jobid"],
            bench_iteration=order["bench_iteration"],
        )
    except RulekitError as error:
        show(error, sys.stderr)
        return 1
    except SystemExit as leave:
        if leave.code is None or isinstance(leave.code, int):
            return leave.code or 0
        print(leave.code, file=sys.stderr)
        return 1
    except BaseException as error:
        from rulekit.language.usererrors import diagnose

        show(RuleFileError(diagnostics=(diagnose(error),)), sys.stderr)
        return 1
    return 0


def _list(kind: Any, part: dict[str, Any]) -> Any:
    names = {
        name: tuple(where) if isinstance(where, (list, tuple)) else where
        for name, where in part["names"].items()
    }
    return kind(part["items"], names)
