"""The live view in lines of styled pieces, for a screen of a given size."""

from __future__ import annotations

from rulekit.errors.diagnostic import visible
from rulekit.frozen import frozen
from rulekit.reporting.progress import UNLIMITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.reporting.progress import RunningJob, RunState

    Line = list[tuple[str, str]]  # pieces: style ("" for none), text

_RULES = 12  # shown at most
_RUNNING = 8
_LOG = 8  # lines of a log


@frozen
class Look:
    """Signs that the terminal can show."""

    full: str
    empty: str
    mean: str
    mark: str
    dot: str
    cut: str


UNICODE = Look("█", "░", "µ ", "▸", " · ", "…")
ASCII = Look("#", "-", "mean ", ">", ", ", "~")


@frozen
class Chosen:
    """The job whose log is looked at: its key, the path, the last lines or what there is to say."""

    key: str
    path: str
    lines: tuple[str, ...]


def duration(seconds: float) -> str:
    """``41 s``, ``3.2 m``, ``1 h 05``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 59.95:
        return f"{minutes:.1f} m"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02}"


def memory(megabytes: float) -> str:
    """``300 MB``, ``16 GB``, ``1.5 GB``."""
    if megabytes < 1000:
        return f"{megabytes:.0f} MB"
    return f"{megabytes / 1000:.1f}".removesuffix(".0") + " GB"


def view_lines(
    state: RunState,
    now: float,
    width: int,
    height: int,
    *,
    look: Look = UNICODE,
    chosen: Chosen | None = None,
    keys: bool = False,
) -> list[Line]:
    """The view for a screen of `width` × `height` cells: fewer lines than it has.

    `keys`: the keyboard is read, so that the last line may say which keys there are.
    """
    room = max(1, height - 1)
    lines = [_head(state, now, look)]
    if state.cloud is not None and len(lines) < room:
        lines.append(_cloud(state, look))
    foot: list[Line] = []
    if chosen is not None:
        foot = _log(chosen, min(_LOG, max(1, room // 2)), look)
    if keys and room > 6:
        foot.append([("dim", _KEYS_OPEN if chosen is not None else _KEYS)])
    left = max(0, room - len(lines) - len(foot))
    running = sorted(state.running.values(), key=_since)
    rules = _order(state)
    for_jobs = min(len(running), _RUNNING, max(left // 2, left - len(rules)))
    for_rules = min(len(rules), _RULES, left - for_jobs - (1 if len(running) > for_jobs else 0))
    lines += _rules(state, rules[: max(0, for_rules)], width, look)
    lines += _jobs(state, running, for_jobs, now, chosen, look)
    return (lines + foot)[:room]


_KEYS = "l: log of a running job"
_KEYS_OPEN = "l: close   j/k: next or previous job"


def _since(job: RunningJob) -> float:
    return job.since


def _head(state: RunState, now: float, look: Look) -> Line:
    dot = look.dot
    line: Line = [("bold", f"{state.done} of {state.total} jobs")]
    if state.failed:
        line.append(("error", f"{dot}{state.failed} failed"))
    text = f"{dot}{len(state.running)} running"
    if state.cores < UNLIMITED:
        text += f"{dot}{state.busy} of {state.cores} cores"
    held = sum(job.memory_mb for job in state.running.values())
    if held:
        text += f"{dot}{memory(held)}"
    text += f"{dot}{duration(now - state.started)}"
    line.append(("", text))
    left = state.seconds_left()
    if left is not None and state.done < state.total:
        line.append(("bold", f"{dot}about {duration(left)} left"))
    rate = state.per_minute()
    if rate is not None:
        line.append(("dim", f"{dot}{rate:.0f} jobs/min"))
    return line


def _cloud(state: RunState, look: Look) -> Line:
    cloud = state.cloud
    assert cloud is not None
    dot = look.dot
    nodes = f"{cloud.nodes} of {cloud.wanted} nodes"
    text = f"{cloud.place}: {nodes}{dot}{cloud.queued} queued{dot}{cloud.running} running there"
    line: Line = [("place", visible(text))]
    if cloud.cost is not None:
        line.append(("", f"{dot}about {cloud.cost:.2f} {cloud.currency} so far"))
    if state.notice:
        line.append(("dim", f"{dot}{visible(state.notice)}"))
    return line


def _order(state: RunState) -> list[str]:
    """Rules at work first, then those that wait; those that are finished last."""
    active, waiting, finished = [], [], []
    for name, rule in state.rules.items():
        if rule.running or rule.failed or 0 < rule.done < rule.total:
            active.append(name)
        elif rule.total and rule.done >= rule.total:
            finished.append(name)
        else:
            waiting.append(name)
    return active + waiting + finished


def _rules(state: RunState, names: Sequence[str], width: int, look: Look) -> list[Line]:
    left = min(max((len(name) for name in names), default=0), max(8, width // 3))
    digits = max((len(str(state.rules[name].total)) for name in names), default=1)
    bar = max(4, min(20, width - left - 2 * digits - 26))
    lines: list[Line] = []
    for name in names:
        rule = state.rules[name]
        filled = bar * rule.done // rule.total if rule.total else 0
        shown = name if len(name) <= left else name[: left - 1] + look.cut
        line: Line = [
            ("", f"{shown:<{left}}  "),
            ("good", look.full * filled),
            ("dim", look.empty * (bar - filled)),
            ("", f"  {rule.done:>{digits}}/{rule.total}"),
        ]
        if rule.running:
            line.append(("", f"  {rule.running} running"))
        if rule.failed:
            line.append(("error", f"  {rule.failed} failed"))
        mean = rule.mean
        if mean is not None:
            line.append(("dim", f"  {look.mean}{duration(mean)}"))
        elif name in state.history:
            line.append(("dim", f"  earlier {duration(state.history[name])}"))
        lines.append(line)
    hidden = len(state.rules) - len(names)
    if hidden > 0 and names:
        finished = sum(1 for r in state.rules.values() if r.total and r.done >= r.total)
        lines[-1].append(("dim", f"  (+{hidden} rules, {finished} finished)"))
    return lines


def _jobs(
    state: RunState,
    running: Sequence[RunningJob],
    count: int,
    now: float,
    chosen: Chosen | None,
    look: Look,
) -> list[Line]:
    lines: list[Line] = []
    for job in running[:count]:
        mark = look.mark if chosen is not None and chosen.key == job.info.key else " "
        line: Line = [("bold" if mark != " " else "", f"{mark} {visible(job.info.key)}")]
        if job.attempt > 1:
            line.append(("warning", f" (attempt {job.attempt})"))
        took = f"  {duration(now - job.since)}"
        usual = state.expected(job.info.rule)
        if usual is not None and usual >= 1:
            took += f" of about {duration(usual)}"
        line.append(("", took))
        if job.threads > 1:
            line.append(("dim", f"  {job.threads} cores"))
        if job.memory_mb:
            line.append(("dim", f"  {memory(job.memory_mb)}"))
        lines.append(line)
    if len(running) > count:
        lines.append([("dim", f"  and {len(running) - count} more running")])
    return lines


def _log(chosen: Chosen, most: int, look: Look) -> list[Line]:
    title = f"{chosen.path} ({chosen.key})" if chosen.path else chosen.key
    lines: list[Line] = [[("place", f"{look.mark} {visible(title)}")]]
    lines += [[("", f"  {visible(text)}")] for text in chosen.lines[-most:]]
    return lines
