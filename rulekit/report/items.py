"""What a report shows: outputs flagged by `report(...)`, with captions filled in."""

from __future__ import annotations

import os

from rulekit.errors.diagnostic import Label
from rulekit.errors.tree import PlanError
from rulekit.frozen import frozen
from rulekit.runner.files import MARKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Job, Plan

OTHER = "Other"
_NAMED = 10  # results that are not there


@frozen
class Item:
    """One result. `path` is a file, or a folder whose page is `index`; `labels` tell it from others
    of its rule. `caption` is the text of its caption file, filled in; `job` the number of the job
    that makes it."""

    path: str
    rule: str
    category: str
    subcategory: str
    labels: Mapping[str, str]
    caption: str
    index: str | None = None
    job: int = -1
    caption_path: str | None = None


def items_of(plan: Plan, names: Callable[[int], Mapping[str, Any]]) -> tuple[Item, ...]:
    """The results of all jobs of a plan; `names` gives what captions of a job can use.

    Raises `PlanError` for a result that is not there.
    """
    found: list[Item] = []
    absent: list[tuple[str, Rule]] = []
    for number in plan.numbers():
        flagged = [
            (at, flags["report"]) for at, flags in plan.output_flags(number) if "report" in flags
        ]
        if not flagged:
            continue
        job = plan.job(number)
        for at, given in flagged:
            path = job.output[at]
            if not os.path.exists(path):
                absent.append((path, job.rule))
            elif not absent:
                found += _of_output(plan, job, path, given, names)
    if absent:
        raise _not_made(absent)
    return tuple(found)


def _not_made(absent: Sequence[tuple[str, Rule]]) -> PlanError:
    """All that a report would lack, named at once."""
    path, rule = absent[0]
    more = [f"`{one}` (rule {other.name})" for one, other in absent[1:_NAMED]]
    if len(absent) > _NAMED:
        more.append(f"{len(absent) - _NAMED:,} more")
    return PlanError(
        f"`{path}` is part of the report, but is not there",
        code="RK0190",
        span=rule.span,
        notes=(f"not there either: {', '.join(more)}",) if more else (),
        help="make it first: a report shows what was made",
    )


def _of_output(
    plan: Plan, job: Job, path: str, given: Any, available: Callable[[int], Mapping[str, Any]]
) -> Iterator[Item]:
    rule = job.rule
    index = given.get("htmlindex")
    patterns: Sequence[str] = given.get("patterns") or ()
    if (index or patterns) and not os.path.isdir(path):
        raise PlanError(
            f"`{path}` is in the report as a folder, but is a file",
            code="RK0190",
            span=rule.span,
            labels=(Label(rule.span, "flagged with `htmlindex` or `patterns`"),),
        )
    names = dict(job.wildcards.items())
    if index is not None and not os.path.isfile(os.path.join(path, index)):
        raise PlanError(
            f"the folder `{path}` has no page `{index}` for the report",
            code="RK0190",
            span=rule.span,
        )
    if patterns:
        for name, more in _matching(path, patterns):
            yield _item(
                plan, job, os.path.join(path, name), given, {**names, **more}, None, available
            )
        return
    yield _item(plan, job, path, given, names, index, available)


def _matching(folder: str, patterns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    from rulekit.patterns import parse

    parsed = [parse(pattern) for pattern in patterns]
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name == MARKER:
                continue
            inside = os.path.relpath(os.path.join(place, name), folder)
            for pattern in parsed:
                values = pattern.match(inside)
                if values is not None:
                    yield inside, dict(zip(pattern.names, values, strict=True))
                    break


def _item(
    plan: Plan,
    job: Job,
    path: str,
    given: Any,
    names: Mapping[str, str],
    index: str | None,
    available: Callable[[int], Mapping[str, Any]],
) -> Item:
    rule = job.rule
    values = available(job.number)
    labels = _text(given.get("labels"), job, names, values)
    if not isinstance(labels, dict):
        labels = dict(names)
    return Item(
        path,
        rule.name,
        str(_text(given.get("category"), job, names, values) or OTHER),
        str(_text(given.get("subcategory"), job, names, values) or ""),
        {str(key): str(value) for key, value in labels.items()},
        caption(given.get("caption"), {**values, "wildcards": _Fields(names)}, plan, rule),
        index,
        job.number,
        given.get("caption"),
    )


class _Fields(dict):  # type: ignore[type-arg]
    """Wildcards as attributes and as items."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _text(value: Any, job: Job, names: Mapping[str, str], available: Mapping[str, Any]) -> Any:
    """A category or label: text with wildcards, a function of them, or a dict of these."""
    from rulekit.language.resources import evaluate
    from rulekit.patterns.pattern import fill_names

    if callable(value):
        found = evaluate(job.rule, "report", value, job.wildcards, available)
        return _text(found, job, names, available)
    if isinstance(value, str):
        return fill_names(value, names, keep_missing=True)
    if hasattr(value, "items"):
        return {key: _text(one, job, names, available) for key, one in value.items()}
    return value


def caption(path: Any, names: Mapping[str, Any], plan: Plan, rule: Rule | None) -> str:
    """The text of a caption file, with ``{{ snakemake.* }}`` filled in. Raises `PlanError`."""
    if path is None:
        return ""
    span = rule.span if rule is not None else None
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(
            f"the caption `{path}` cannot be read: {reason}",
            code="RK0190",
            span=span,
            help="captions are relative to the rule file",
        ) from None
    if "{{" not in text and "{%" not in text:
        return text
    try:
        import jinja2
    except ImportError:
        return text
    job = _Fields({**names, "config": plan.workflow.config})
    try:
        filled: str = jinja2.Template(text).render(snakemake=job, rulekit=job)
        return filled
    except Exception as error:
        raise PlanError(
            f"the caption `{path}` cannot be filled in: {error}", code="RK0190", span=span
        ) from error
