"""What is shown of a failed job: cause, end of its logs, how to run it again."""

from __future__ import annotations

import os

from rulekit.events import JobFailed
from rulekit.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.engine.settings import RunSettings
    from rulekit.engine.stored import RunStorage
    from rulekit.errors import RulekitError
    from rulekit.events import JobInfo
    from rulekit.model.rule import Rule
    from rulekit.model.spec import JobResult
    from rulekit.planning.plan import Plan

_TAIL_BYTES = 16_384

# What shells and the kernel mean by these; other codes belong to the program.
_MEANINGS = {
    126: "a program could not be executed",
    127: "a command was not found",
    141: "a program wrote into a pipe that was closed (SIGPIPE), as in `... | head`: a job fails if "
    "any part of a pipe does (`set -o pipefail`)",
}


def exit_meaning(code: int) -> str:
    """An exit code in words; negative codes and codes over 128 are signals."""
    number = -code if code < 0 else code - 128 if code > 128 else 0
    if number > 0 and code != 141:
        import signal

        try:
            name = signal.Signals(number).name
        except ValueError:
            return f"exit code {code}"
        text = f"killed by {name}"
        if name == "SIGKILL":
            text += ", often for want of memory"
        return f"{text} (exit code {code})" if code > 0 else text
    known = _MEANINGS.get(code)
    return f"exit code {code}: {known}" if known else f"exit code {code}"


def tail(path: str) -> str | None:
    """The last part of a log file, at most 16 KiB; None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > _TAIL_BYTES:
                file.seek(size - _TAIL_BYTES)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    return text.partition("\n")[2] if size > _TAIL_BYTES else text


def card(
    info: JobInfo,
    attempt: int,
    result: JobResult,
    will_retry: bool,
    settings: RunSettings,
    plan: Plan,
    stored: RunStorage | None = None,
) -> JobFailed:
    """The event for a failed attempt, with the ends of its logs, wherever they are."""
    cause = result.detail if result.problem else exit_meaning(result.exit_code)
    if result.problem and not cause:
        cause = result.problem
    if not result.problem and result.exit_code == 127:
        cause += _unused_software(info, settings, plan)
    tails = []
    for path in info.logs:
        if path.endswith(".ipynb"):
            continue
        text = tail(path)
        if text is None and stored is not None:
            text = stored.log_tail(path, settings.state_dir)
        if text is not None:
            tails.append((path, text))
    target = info.outputs[0] if info.outputs else info.rule
    again = f"{settings.command} {_quoted(target)}"
    return JobFailed(
        info,
        attempt,
        result.exit_code,
        cause,
        tuple(tails),
        result.removed,
        will_retry,
        again,
    )


def _unused_software(info: JobInfo, settings: RunSettings, plan: Plan) -> str:
    """What to say of a command that was not found, if the rule names where it comes from."""
    rule = plan.workflow.rule(info.rule)
    if rule is None:
        return ""
    for named, method, option in (
        (rule.conda, "conda", "--use-conda"),
        (rule.container, "apptainer", "--use-singularity"),
        (rule.envmodules, "env-modules", "--use-envmodules"),
    ):
        if named and method not in settings.deployment:
            word = "container" if method == "apptainer" else method
            word = "envmodules" if method == "env-modules" else word
            return f"; the rule has `{word}:`, which is used with {option} only"
    return ""


def placed(error: RulekitError, rule: Rule) -> RulekitError:
    """An error about the command of a rule, with the place of the command if it has none."""
    first = error.diagnostics[0]
    if first.span is not None:
        return error
    span = rule.body.span or rule.span
    first = replace(first, span=span, caret=f"in the command of rule `{rule.name}`")
    error.diagnostics = (first, *error.diagnostics[1:])
    return error


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
