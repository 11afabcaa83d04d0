"""Why a job is *not* made again, in words: each thing that was compared, and what was found."""

from __future__ import annotations

from rulekit.cli.reasons import SUBJECTS, code_place, oldest_output, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.engine.session import Prepared
    from rulekit.model.record import Record


def told(prepared: Prepared, job: int, record: Record | None, *, full: bool = False) -> list[str]:
    """The lines about a job that does not run. `full`: with files, times and places."""
    plan, files = prepared.stage.plan, prepared.files
    lines = []
    missing = [path for path in plan.outputs[job] if not files.exists(path)]
    if missing:
        lines.append(f"- missing, but nobody who runs needs it: {', '.join(missing[:SUBJECTS])}")
    elif plan.outputs[job]:
        if full:
            lines += _files(prepared, job, record)
        else:
            lines.append(
                "- all outputs are there, and no input is newer (or its content is the same)"
            )
    if record is None:
        if plan.outputs[job]:
            lines.append(
                "- nothing is known of how it was made, so only times were compared "
                "(not code, params, input set)"
            )
        return lines
    lines += _same(prepared, job, full)
    lines.append(
        f"- made {when(record.ended)} by rule {record.rule} "
        f"in {record.ended - record.started:.1f} s"
    )
    return lines


def _same(prepared: Prepared, job: int, full: bool) -> list[str]:
    triggers = prepared.policy.triggers
    compared = [
        (name, words)
        for name, words in (
            ("code", "code"),
            ("params", "params"),
            ("input", "set of inputs"),
            ("software-env", "software"),
        )
        if name in triggers
    ]
    lines = []
    if compared:
        lines.append(f"- the same as when it was made: {', '.join(words for _, words in compared)}")
        if full:
            place = code_place(prepared, job)
            if "code" in triggers and place:
                lines.append(f"    code: {place} (layout and comments do not count)")
            names = prepared.stage.values.param_names(job)
            if "params" in triggers and names:
                lines.append(f"    params: {', '.join(sorted(names))}")
    off = sorted({"mtime", "code", "params", "input", "software-env"} - triggers)
    if off:
        lines.append(f"- not looked at (--rerun-triggers): {', '.join(off)}")
    return lines


def _files(prepared: Prepared, job: int, record: Record | None) -> list[str]:
    """What the times of the files say."""
    plan, files = prepared.stage.plan, prepared.files
    outputs = plan.outputs[job]
    noun = "the output is" if len(outputs) == 1 else f"all {len(outputs)} outputs are"
    made = oldest_output(prepared, job)
    if made is None:
        return [f"- {noun} there"]
    lines = [f"- {noun} there; the oldest, {made[1]}, is of {when(made[0] / 1e9)}"]
    if len(outputs) == 1:
        lines = [f"- {noun} there, of {when(made[0] / 1e9)}"]
    stamps = [(stamp[0], path) for path in plan.inputs[job] if (stamp := files.stamp(path))]
    if not stamps:
        return lines
    newer = sorted((pair for pair in stamps if pair[0] > made[0]), reverse=True)
    if not newer:
        time_ns, path = max(stamps)
        return [*lines, f"- no input is newer: the newest, {path}, is of {when(time_ns / 1e9)}"]
    read = {fact.path for fact in record.inputs if fact.digest is not None} if record else set()
    for time_ns, path in newer[:SUBJECTS]:
        why = "its content is what was read then" if path in read else "its time does not count"
        lines.append(f"- {path} is newer ({when(time_ns / 1e9)}), but {why}")
    return lines
