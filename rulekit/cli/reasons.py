"""One reason why a job is made again, in words: what was, what is now, where it is written."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.engine.session import Prepared
    from rulekit.model.record import Reason, Record
    from rulekit.reporting.paint import Paint

_DIFF_LINES = 24  # of a diff
SUBJECTS = 12  # files named for one reason
_MADE = 4  # of those that other jobs make
_WIDEST = 300
_SHORT = 60  # of a value that is told in one line with another

WORDS = {
    "forced": "it is forced",
    "no-io": "it has no output files, so nothing shows that it ran",
    "missing-output": "output is missing",
    "incomplete": "output is incomplete: an earlier run was stopped while it was made",
    "output-changed": "output is not what the job left there",
    "input-newer": "input is newer than the oldest output, and not what was read then",
    "code": "the code has changed",
    "input-set": "the set of input files has changed",
    "params": "params have changed",
    "software-env": "the software environment has changed",
    "upstream": "input is made again by another job",
}


def told(
    prepared: Prepared, job: int, reason: Reason, record: Record | None, paint: Paint
) -> list[str]:
    """The lines about one reason of a job; `record` is its last success."""
    subjects = list(reason.subjects)
    words = WORDS.get(reason.kind, reason.kind)
    most, by = SUBJECTS, ""
    if reason.kind == "upstream":
        subjects, by = _with_makers(prepared, subjects)
        most = _MADE
    shown = ", ".join(subjects[:most])
    if len(subjects) > most:
        shown += f" and {len(subjects) - most} more"
    shown += by
    if reason.kind == "code":
        shown = code_place(prepared, job)
    lines = [f"- {words}" + (f": {shown}" if shown else "")]
    if reason.detail:
        lines.append(f"    {reason.detail}")
    if reason.kind == "input-newer":
        lines += [f"    {line}" for line in _times(prepared, job, reason.subjects, record)]
    elif record is not None:
        lines += _old_and_new(prepared, job, reason, record, paint)
    return lines


def _old_and_new(
    prepared: Prepared, job: int, reason: Reason, record: Record, paint: Paint
) -> list[str]:
    definitions = prepared.stage.definitions
    if reason.kind == "code":
        from rulekit.cli.codetext import readable

        return _diff(readable(record.code), readable(definitions.code(job)), paint)
    if reason.kind == "params":
        now = definitions.params(job)
        return _params(record, now, prepared.stage.values.param_names(job), paint)
    if reason.kind == "software-env":
        return _diff(record.environment, definitions.environment(job), paint)
    if reason.kind == "input-set":
        read = {fact.path for fact in record.inputs}
        reads = set(prepared.stage.plan.inputs[job])
        return _changed_items(sorted(read - reads), sorted(reads - read), paint)
    if reason.kind == "output-changed":
        return _outputs(prepared, reason.subjects, record)
    return []


def code_place(prepared: Prepared, job: int) -> str:
    """Where the code of a job is written: a script, or a line of a rule file."""
    rule = prepared.stage.plan.rule_of(job)
    if rule.body.kind in ("script", "notebook", "wrapper"):
        try:
            path = prepared.stage.definitions.filled(job)
        except Exception:
            return ""  # the job itself will say what is wrong with it
        return path.removeprefix("file://")
    span = rule.body.span or rule.span
    if span is None:
        return ""
    return f"{_relative(span.file)}:{span.line}"


def _relative(path: str) -> str:
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def _with_makers(prepared: Prepared, paths: Sequence[str]) -> tuple[list[str], str]:
    """Files with the jobs that make them; of many only the rules, at the end."""
    plan = prepared.stage.plan
    makers = [plan.producer.get(path) for path in paths]
    if len(paths) > _MADE:
        rules = sorted({plan.rule_of(job).name for job in makers if job is not None})
        more = f" and {len(rules) - _MADE} more" if len(rules) > _MADE else ""
        return list(paths), f" (by {', '.join(rules[:_MADE])}{more})"
    return [
        path if job is None else f"{path} (by {plan.key(job)})"
        for path, job in zip(paths, makers, strict=True)
    ], ""


# -- params --------------------------------------------------------------------------------------


def _params(record: Record, now: Sequence[str], names: Sequence[str], paint: Paint) -> list[str]:
    if not record.param_names:  # recorded by an old version: values only
        before, after = _only(record.params, now), _only(now, record.params)
        if len(before) == len(after) == 1 and len(now) == 1:
            return _value(names[0], before[0], after[0], paint)
        return _changed_items(record.params, now, paint)
    old = dict(zip(record.param_names, record.params, strict=False))
    new = dict(zip(names, now, strict=False))
    lines: list[str] = []
    for name in dict.fromkeys((*sorted(new), *sorted(old))):
        if name not in new:
            lines.append("    " + paint("error", f"- {name}={_cut(old[name])}"))
        elif name not in old:
            lines.append("    " + paint("good", f"+ {name}={_cut(new[name])}"))
        elif old[name] != new[name]:
            lines += _value(name, old[name], new[name], paint)
    if not lines:  # the same by name: two have changed places
        return _changed_items(record.params, now, paint)
    shown = lines[:_DIFF_LINES]
    if len(lines) > len(shown):
        shown.append(f"    ... {len(lines) - len(shown)} more lines")
    return shown


def _value(name: str, old: str, new: str, paint: Paint) -> list[str]:
    if len(old) <= _SHORT and len(new) <= _SHORT:
        return [f"    {name}: {paint('error', old)} -> {paint('good', new)}"]
    return [
        f"    {name}:",
        "      " + paint("error", f"- {_cut(old)}"),
        "      " + paint("good", f"+ {_cut(new)}"),
    ]


def _only(some: Sequence[str], others: Sequence[str]) -> list[str]:
    from collections import Counter

    return list((Counter(some) - Counter(others)).elements())


def _changed_items(old: Sequence[str], new: Sequence[str], paint: Paint) -> list[str]:
    """What is only in `old` and what is only in `new`, counting repetitions."""
    lines = [("error", f"- {_cut(item)}") for item in _only(old, new)]
    lines += [("good", f"+ {_cut(item)}") for item in _only(new, old)]
    shown = ["    " + paint(style, text) for style, text in lines[:_DIFF_LINES]]
    if len(lines) > _DIFF_LINES:
        shown.append(f"    ... {len(lines) - _DIFF_LINES} more")
    return shown


# -- code and environments -----------------------------------------------------------------------


def _diff(old: str, new: str, paint: Paint) -> list[str]:
    """A unified diff without its head; where lines are left out between, dots."""
    import difflib

    lines = list(difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=1))[2:]
    cut = lines[: _DIFF_LINES + 1]
    shown = []
    for number, line in enumerate(cut):
        if line.startswith("@@"):
            if number:
                shown.append("    " + paint("dim", "  ..."))
            continue
        style = "error" if line[0] == "-" else "good" if line[0] == "+" else "dim"
        text = _cut(line)
        shown.append("    " + paint(style, f"{text[0]} {text[1:]}"))
    if len(lines) > len(cut):
        shown.append(f"    ... {len(lines) - len(cut)} more lines")
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


# -- files ---------------------------------------------------------------------------------------


def when(seconds: float) -> str:
    """A time of this machine, to the millisecond."""
    whole = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}"


def _outputs(prepared: Prepared, paths: Sequence[str], record: Record) -> list[str]:
    facts = {fact.path: fact for fact in record.outputs}
    lines = []
    for path in paths[:SUBJECTS]:
        fact, stamp = facts.get(path), prepared.files.stamp(path)
        if fact is not None and stamp is not None:
            lines.append(
                f"    {path}: {fact.size} bytes of {when(fact.mtime_ns / 1e9)} then, "
                f"{stamp[1]} bytes of {when(stamp[0] / 1e9)} now"
            )
    return lines


def _times(
    prepared: Prepared, job: int, subjects: Sequence[str], record: Record | None
) -> list[str]:
    files, plan = prepared.files, prepared.stage.plan
    facts = {fact.path: fact for fact in record.inputs} if record is not None else {}
    lines = []
    for path in subjects[:SUBJECTS]:
        stamp = files.stamp(path)
        if stamp is None:
            continue
        text = f"{path}: changed {when(stamp[0] / 1e9)}"
        fact = facts.get(path)
        if fact is not None and fact.size != stamp[1]:
            text += f"; {fact.size} bytes when it was read, {stamp[1]} now"
        elif fact is not None and fact.digest is not None:
            text += "; its content differs from what was read then"
        elif record is not None and fact is None:
            text += "; it was not among the inputs then"
        made_by = plan.producer.get(path)
        if made_by is not None:
            text += f"; made by {plan.key(made_by)}"
        lines.append(text)
    made = oldest_output(prepared, job)
    if made is not None:
        lines.append(f"oldest output: {made[1]} of {when(made[0] / 1e9)}")
    return lines


def oldest_output(prepared: Prepared, job: int) -> tuple[int, str] | None:
    """Time in nanoseconds and path of a job's oldest output; None if there is none."""
    return min(
        (
            (time_ns, path)
            for path in prepared.stage.plan.outputs[job]
            if (time_ns := prepared.files.link_mtime_ns(path)) is not None
        ),
        default=None,
    )
