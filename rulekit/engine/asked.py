"""What rules ask for: environments and images, with a job's wildcards in them."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError, SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.engine.values import JobValues
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan


def rule_source(rule: Rule) -> str | None:
    """The environment that all jobs of a rule ask for; None if there is none, or it depends on the
    job."""
    value = rule.conda
    if value is None or callable(value) or "{" in str(value):
        return None
    return _source(rule, os.fspath(value))


def conda_source(rule: Rule, plan: Plan, values: JobValues, number: int) -> str | None:
    """The absolute path of an environment file or folder, or a name."""
    value = rule.conda
    wildcards = dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True))
    if callable(value):
        from rulekit.language.call import Later
        from rulekit.language.resources import evaluate
        from rulekit.language.tbd import TBDString

        job = plan.job(number)
        available = {"input": job.input, "params": Later(lambda: values.params(number, job))}
        value = evaluate(rule, "conda environment", value, job.wildcards, available)
        if value is None or isinstance(value, TBDString):
            return None
    text = os.fspath(value)
    if not isinstance(text, str):
        raise _wrong(rule, f"`conda` must be a file, a name or a folder, not {value!r}")
    return _source(rule, _filled(rule, "conda", text, wildcards))


def _source(rule: Rule, text: str) -> str:
    if text.endswith((".yaml", ".yml")):
        if text.startswith("file://"):
            text = text.removeprefix("file://")
        elif "://" in text:
            return _fetched(rule, text)
        return os.path.normpath(os.path.join(os.path.abspath(rule.basedir), text))
    expanded = os.path.expanduser(text)
    return os.path.abspath(expanded) if os.path.isdir(expanded) else text


def image_of(rule: Rule, plan: Plan, number: int) -> str | None:
    """The image of a job, as the rule names it; None if there is none for this job."""
    value = rule.container
    wildcards = dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True))
    if callable(value):
        from rulekit.language.resources import evaluate
        from rulekit.language.tbd import TBDString

        job = plan.job(number)
        value = evaluate(rule, "container image", value, job.wildcards, {})
        if not value or isinstance(value, TBDString):
            return None
    if not isinstance(value, str):
        raise _wrong(rule, f"`container` must be an image, not {value!r}")
    filled = _filled(rule, "container", value, wildcards)
    if " " in filled.strip():
        raise _wrong(rule, f"the image `{filled}` has a blank in it")
    return type(value)(filled) if filled else None


def _filled(rule: Rule, keyword: str, text: str, wildcards: dict[str, Any]) -> str:
    if "{" not in text:
        return text
    from rulekit.patterns import fill_names

    try:
        return fill_names(text, wildcards)
    except KeyError as error:
        raise _wrong(
            rule, f"`{keyword}` names the wildcard `{error.args[0]}`, which the rule does not have"
        ) from None


def _fetched(rule: Rule, address: str) -> str:
    from rulekit.compiler.fetch import web_copy
    from rulekit.language.exceptions import WorkflowError

    try:
        return web_copy(address)
    except WorkflowError as error:
        reason = str(error).split("\n")[0]
        raise SoftwareError(
            f"rule `{rule.name}`: the environment file cannot be fetched: {reason}",
            code="RK0531",
            span=rule.span,
        ) from None


def _wrong(rule: Rule, text: str) -> RuleFileError:
    return RuleFileError(f"rule `{rule.name}`: {text}", code="RK0530", span=rule.span)
