"""What the scripts of a report know of jobs, files, runs: one JSON object of columns.

Texts and paths stand in tables and are named by number, so that ten thousand jobs take a few
megabytes. `docs/howto/report.md` tells people what the page shows; the columns are nobody's
interface.
"""

from __future__ import annotations

import os

from rulekit.errors.tree import RulekitError
from rulekit.history.runs import cpu_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from rulekit.history.jobs import JobHistory
    from rulekit.planning.plan import Plan
    from rulekit.provenance.store import AttemptRow
    from rulekit.staleness import Forecast

    class Values(Protocol):
        """What is asked of the values of jobs (`rulekit.engine.values.JobValues`)."""

        def threads(self, number: int, /) -> int: ...
        def params(self, number: int, /) -> Any: ...


LOG_TAIL = 4_000  # bytes of the end of a log that are shown
LOG_BUDGET = 1_500_000  # bytes of all logs together
TEXT_LIMIT = 20_000  # letters of a command, a code, a value
MOST_INPUTS = 200  # of a job that are listed; their number is always told


class Table:
    """Texts by number."""

    __slots__ = ("_numbers", "rows")

    def __init__(self) -> None:
        self.rows: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text; it gets one if it has none."""
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.rows)
            self.rows.append(text)
        return found


def job_data(
    plan: Plan,
    forecast: Forecast,
    values: Values,
    history: JobHistory,
    hide: Callable[[str], str],
) -> dict[str, Any]:
    """Files, texts, attempts and jobs of the page's data. `hide` takes secrets out of a text."""
    files, texts = Table(), Table()
    facts: dict[int, list[Any]] = {}
    attempts = _Attempts(plan, history, hide)
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    index = history.index
    put = {name: column.append for name, column in columns.items()}
    for job in plan.numbers():
        record = history.record[job]
        put["rule"](plan.rule[job])
        put["wild"](list(plan.wildcards[job]))
        outputs = plan.outputs[job]
        put["out"]([files.number(path) for path in outputs])
        inputs: Sequence[str] = plan.inputs[job]
        command, environment = "", ""
        if index is not None and record is not None:
            for path in outputs:
                row = index.outputs.get(path)
                if row is not None:
                    facts[files.number(path)] = [row[2], round(row[1] / 1e9, 3), row[3]]
            known = index.inputs(record)
            inputs = tuple(known) or inputs
            for fact in list(known.values())[:MOST_INPUTS]:
                number = files.number(fact.path)
                if number not in facts:
                    facts[number] = [fact.size, round(fact.mtime_ns / 1e9, 3), fact.digest]
            command = index.command(record) or ""
            environment = index.environment(record)
        put["in"]([files.number(path) for path in inputs[:MOST_INPUTS]])
        put["more"](max(0, len(inputs) - MOST_INPUTS))
        put["needs"](list(plan.needs[job][:MOST_INPUTS]))
        put["state"](history.state[job])
        put["why"](texts.number(forecast.text(job)) if forecast.run[job] else -1)
        put["made"](attempts.number(history.made[job]))
        put["cmd"](_text(texts, hide(command)))
        put["params"](_text(texts, hide(_params(values, job, history))))
        put["env"](_text(texts, hide(environment)))
        put["threads"](_threads(values, job))
        put["log"]([files.number(path) for path in _logs(plan, job)])
        bad = [attempts.number(row) for row in history.failures.get(job, ())[:5]]
        put["bad"](bad)
    return {
        "files": files.rows,
        "facts": facts,
        "texts": texts.rows,
        "jobs": _compact(columns),
        "attempts": attempts.columns(),
        "runs": [
            [
                run["name"],
                run["started"],
                run["ended"],
                run["ok"],
                run["host"],
                hide(run["command"]),
            ]
            for run in history.runs[: attempts.most_runs]
        ],
    }


_COLUMNS = (
    "rule",
    "wild",
    "out",
    "in",
    "more",
    "needs",
    "state",
    "why",
    "made",
    "cmd",
    "params",
    "env",
    "threads",
    "log",
    "bad",
)


def log_tails(
    plan: Plan, history: JobHistory, first: Iterable[int], hide: Callable[[str], str]
) -> dict[str, str]:
    """The ends of log files, by path: of jobs that failed, of the jobs `first`, then of all others
    as far as there is room."""
    failed = [job for job in plan.numbers() if history.failures.get(job)]
    order = dict.fromkeys([*failed, *first, *plan.numbers()])
    found: dict[str, str] = {}
    left = LOG_BUDGET
    for job in order:
        if left <= 0:
            break
        for path in _logs(plan, job):
            if path not in found:
                tail = _tail(path)
                if tail:
                    found[path] = hide(tail)
                    left -= len(tail)
    return found


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LOG_TAIL))
            text = file.read(LOG_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""
    return f"… ({size:,} bytes in all)\n{text}" if size > LOG_TAIL else text


def _logs(plan: Plan, job: int) -> tuple[str, ...]:
    try:
        return plan.logs(job)
    except RulekitError:
        return ()


def _threads(values: Values, job: int) -> int | None:
    try:
        return values.threads(job)
    except RulekitError:
        return None


def _params(values: Values, job: int, history: JobHistory) -> str:
    """One line a parameter: with its name where the rule file is still the one that was run."""
    try:
        params = values.params(job)
        named = {at: name for name, at in params._names.items() if isinstance(at, int)}
        return "\n".join(
            f"{named[at]} = {value!r}" if at in named else repr(value)
            for at, value in enumerate(params)
        )
    except (RulekitError, AttributeError):
        record = history.record[job]
        if history.index is None or record is None:
            return ""
        return "\n".join(history.index.params(record))


def _text(texts: Table, text: str) -> int:
    if not text:
        return -1
    if len(text) > TEXT_LIMIT:
        text = f"{text[:TEXT_LIMIT]}\n… ({len(text):,} letters in all)"
    return texts.number(text)


def _compact(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Columns that are the same all the way are told once, as ``{"all": value}``."""
    made: dict[str, Any] = {}
    for name, column in columns.items():
        if len(column) > 1 and all(value == column[0] for value in column):
            made[name] = {"all": column[0], "n": len(column)}
        else:
            made[name] = column
    return made


class _Attempts:
    """Attempts as columns; those that jobs were made by, those of the last runs, and failures."""

    most_runs = 20
    _most = 30_000

    def __init__(self, plan: Plan, history: JobHistory, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._history = history
        self._runs = {run["name"]: at for at, run in enumerate(history.runs[: self.most_runs])}
        self._rules = {rule.name: rule.index for rule in plan.workflow.rules}
        self._rows: list[AttemptRow] = []
        self._numbers: dict[int, int] = {}
        for row in history.attempts[: self._most]:
            if row.run in self._runs:
                self.number(row)

    def number(self, row: AttemptRow | None) -> int:
        """The number of an attempt, -1 for none."""
        if row is None:
            return -1
        found = self._numbers.get(row.id)
        if found is None:
            found = self._numbers[row.id] = len(self._rows)
            self._rows.append(row)
        return found

    def columns(self) -> dict[str, Any]:
        from rulekit.history.jobs import identity

        numbers = self._history.numbers
        rows = self._rows
        return {
            "run": [self._runs.get(row.run or "", -1) for row in rows],
            "rule": [self._rules.get(row.rule, row.rule) for row in rows],
            "job": [numbers.get(identity(row.rule, row.wildcards), -1) for row in rows],
            "start": [round(row.started, 3) for row in rows],
            "sec": [round(row.ended - row.started, 3) for row in rows],
            "n": [row.number for row in rows],
            "cpu": [_round(cpu_of(row.usage)) for row in rows],
            "rss": [_round(row.usage.get("max_rss_kb")) for row in rows],
            "bad": {
                at: [row.exit_code, row.problem, self._hide(row.detail)[:2000]]
                for at, row in enumerate(rows)
                if not row.ok
            },
        }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
