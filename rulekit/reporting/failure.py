"""What is shown of a failed job: what it was, how it ended, its log, and how to run it again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.events import JobFailed
    from rulekit.reporting.paint import Paint

LOG_LINES = 20

_EXITS = {
    126: "the program is there but may not be executed",
    127: "a program was not found; is it installed, and in PATH?",
    141: "a program wrote into a pipe that nobody reads any more (SIGPIPE): with `set -o pipefail` "
    "`... | head` ends like this",
}
_SIGNALS = {
    1: "the terminal was closed",
    2: "interrupted",
    6: "the program ended itself (abort)",
    7: "bad memory access or full disk",
    9: "killed from outside; most often the machine or its limit was out of memory",
    11: "the program crashed (segmentation fault)",
    13: "nobody reads the pipe it wrote into",
    15: "asked to end from outside",
    24: "limit of CPU time",
    25: "limit of file size",
}


def exit_meaning(code: int) -> str:
    """An exit status in words: ``exit status 137 (SIGKILL: killed from outside; ...)``.

    A negative code is a signal that ended the process itself, 128 + n one that a shell saw.
    """
    number = -code if code < 0 else code - 128
    shown = 128 - code if code < 0 else code
    if shown in _EXITS:
        return f"exit status {shown}: {_EXITS[shown]}"
    if (code < 0 or code > 128) and 0 < number < 65:
        import signal

        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        words = _SIGNALS.get(number)
        return (
            f"exit status {shown} ({name}: {words})" if words else f"exit status {shown} ({name})"
        )
    return f"exit status {shown}"


def failure_block(
    event: JobFailed, paint: Paint, *, whole_logs: bool = False, short: bool = False
) -> str:
    """The card of a failed job, without time stamp and final newline.

    `whole_logs`: not only their ends. `short`: without command and logs.
    """
    job = event.job
    lines = [paint("error", f"Error in rule {job.rule}:")]
    if job.message is not None:
        lines.append(f"    message: {job.message}")
    lines.append(f"    jobid: {job.id}")
    if job.wildcards:
        lines.append("    wildcards: " + ", ".join(f"{k}={v}" for k, v in job.wildcards.items()))
    if job.inputs:
        lines.append(f"    input: {', '.join(job.inputs)}")
    if job.outputs:
        lines.append(f"    output: {', '.join(job.outputs)}")
    if job.logs:
        lines.append(f"    log: {', '.join(job.logs)} (check log file(s) for error details)")
    if job.command is not None and not short:
        lines.append("    shell:")
        lines += ["        " + line for line in job.command.strip("\n").split("\n")]
        if event.exit_code:
            lines.append("        (command exited with non-zero exit code)")
    lines.append("    cause: " + paint("bold", cause_of(event)))
    if event.attempt > 1:
        lines.append(f"    attempt: {event.attempt}")
    for path, text in event.log_tail if not short or whole_logs else ():
        lines += _tail(path, text, whole_logs)
    if event.again and not event.will_retry:
        lines.append(f"    run it again: {event.again}")
    if event.removed:
        lines.append(
            f"Removing output files of failed job {job.rule} since they might be corrupted:"
        )
        lines.append(", ".join(event.removed))
    if event.will_retry:
        lines.append(f"Trying to restart job {job.id}.")
    return "\n".join(lines)


def cause_of(event: JobFailed) -> str:
    """Why a job failed, in one line."""
    return event.cause or (exit_meaning(event.exit_code) if event.exit_code else "unknown")


def kind_of(event: JobFailed) -> str:
    """The cause as it is for all jobs of a rule: the job's own files are named by their numbers."""
    cause = cause_of(event)
    for number, path in enumerate(event.job.outputs):
        cause = cause.replace(f"`{path}`", f"`output[{number}]`")
    return cause


def _tail(path: str, text: str, whole: bool) -> list[str]:
    if whole:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            pass  # what the event holds is shown
    content = text.rstrip("\n").split("\n") if text.strip() else []
    if not content:
        return [f"    {path} is empty"]
    shown = content if whole else content[-LOG_LINES:]
    head = f"    end of {path}:" if len(shown) < len(content) or not whole else f"    {path}:"
    return [head, *("    | " + line for line in shown)]
