"""Formula + samples → targets."""

from __future__ import annotations

import math

from rulekit.emulator.autoscale import functions, problems
from rulekit.emulator.autoscale.problems import Failure, FormulaError, place
from rulekit.emulator.autoscale.samples import METRICS, PERIOD_S
from rulekit.emulator.autoscale.syntax import parse
from rulekit.emulator.autoscale.values import (
    INTERVALS,
    Interval,
    Timestamp,
    binary,
    kind,
    member,
    unary,
    written,
)
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.emulator.autoscale.samples import SampleStore
    from rulekit.emulator.autoscale.syntax import Step
    from rulekit.emulator.autoscale.values import Value

DEDICATED = "$TargetDedicatedNodes"
SPOT = "$TargetLowPriorityNodes"
DEALLOCATION = "$NodeDeallocationOption"
_ALIASES = {"$TargetDedicated": DEDICATED, "$TargetLowPriority": SPOT}
_OPTIONS = frozenset({"requeue", "terminate", "taskcompletion", "retaineddata"})
_MOST_NODES = 2**31 - 1


@frozen
class AutoscaleRun:
    """What one evaluation gave.

    `dedicated`, `spot` and `deallocation` are the new targets; after an error they are what they
    were. `results` is the service's text of all variables. `error` is None or (code, message,
    detail).
    """

    timestamp: float
    dedicated: int
    spot: int
    deallocation: str
    results: str
    error: tuple[str, str, str] | None


@frozen
class _Metric:
    """A variable with samples; where a number is wanted, it is its latest value."""

    name: str


def evaluate(
    formula: str,
    samples: SampleStore,
    now: float,
    current: Mapping[str, float] | None = None,
) -> AutoscaleRun:
    """Evaluate a formula at `now` (seconds since 1970).

    `current` holds the targets in force (`$TargetDedicatedNodes`, `$TargetLowPriorityNodes`) and
    may hold present values of metrics (`$CurrentDedicatedNodes`), which a formula reads by the bare
    name. Does not raise for a formula: its error is in the result.
    """
    known = dict(current or {})
    before = _Variables(int(known.get(DEDICATED, 0)), int(known.get(SPOT, 0)), "requeue", {})
    run = _Run(formula, samples, now, known)
    error = None
    try:
        run.steps(parse(formula))
        after = run.variables()
        results = after.written()
    except FormulaError as wrong:
        error = (wrong.code, wrong.message, wrong.detail)
    except Failure as failure:  # a value that cannot be written
        error = (failure.code, problems.MESSAGES[failure.code], failure.detail)
    if error is not None:
        after, results = before, before.written()
    return AutoscaleRun(now, after.dedicated, after.spot, after.deallocation, results, error)


@frozen
class _Variables:
    dedicated: int
    spot: int
    deallocation: str
    others: dict[str, Value]

    def written(self) -> str:
        parts = [
            f"{DEDICATED}={self.dedicated}",
            f"{SPOT}={self.spot}",
            f"{DEALLOCATION}={self.deallocation}",
        ]
        # The service shows variables of users with the sign, whether they have it or not.
        parts += [f"${n.removeprefix('$')}={written(v)}" for n, v in self.others.items()]
        return ";".join(parts)


class _Run:
    def __init__(
        self, formula: str, samples: SampleStore, now: float, current: dict[str, float]
    ) -> None:
        self.formula = formula
        self.samples = samples
        self.now = now
        self.current = current
        self.position = 0
        self.names: dict[str, Value | _Metric] = {
            DEDICATED: float(current.get(DEDICATED, 0)),
            SPOT: float(current.get(SPOT, 0)),
            DEALLOCATION: "requeue",
        }

    def fail(self, failure: Failure) -> FormulaError:
        detail = f"{place(self.formula, self.position)}: {failure.detail}"
        return FormulaError(failure.code, detail)

    def steps(self, program: list[Step]) -> None:
        """Run the program to its end or to `stop()`."""
        stack: list[Value | _Metric] = []
        at = 0
        try:
            while at < len(program):
                step = program[at]
                at += 1
                self.position = step.position
                if step.action == "unless":
                    if self.number(stack.pop(), "?:") == 0.0:
                        at = step.count
                elif step.action == "jump":
                    at = step.count
                elif step.action == "call" and step.word == "stop":
                    return
                else:
                    self.step(step, stack)
        except Failure as failure:
            raise self.fail(failure) from None
        except ArithmeticError as beyond:
            raise self.fail(Failure(f"the result is out of range ({beyond})")) from None

    def step(self, step: Step, stack: list[Value | _Metric]) -> None:
        action, word = step.action, step.word
        if action == "number":
            stack.append(float(word))
        elif action == "text":
            stack.append(word)
        elif action == "name":
            stack.append(self.read(word))
        elif action == "store":
            self.store(word, stack.pop())
        elif action == "drop":
            stack.pop()
        elif action == "unary":
            stack.append(unary(word, self.plain(stack.pop())))
        elif action == "binary":
            right, left = self.plain(stack.pop()), self.plain(stack.pop())
            stack.append(binary(word, left, right))
        elif action == "member":
            stack.append(member(self.plain(stack.pop()), word))
        else:
            arguments = [self.plain(value) for value in stack[len(stack) - step.count :]]
            del stack[len(stack) - step.count :]
            if action == "call":
                stack.append(functions.call(word, arguments, self.now))
            else:
                stack.append(self.method(stack.pop(), word, arguments))

    def read(self, name: str) -> Value | _Metric:
        name = _ALIASES.get(name, name)
        if name in self.names:
            return self.names[name]
        if name in METRICS:
            return _Metric(name)
        if name in INTERVALS:
            return Interval(INTERVALS[name])
        if name in _OPTIONS:
            return name
        raise Failure(f"variable {name} is not defined")

    def store(self, name: str, value: Value | _Metric) -> None:
        name = _ALIASES.get(name, name)
        if name in METRICS or name in INTERVALS or name in _OPTIONS:
            raise Failure(f"{name} cannot be assigned")
        plain = self.plain(value)
        if name in (DEDICATED, SPOT):
            plain = self.number(plain, name)
            if not math.isfinite(plain) or plain > _MOST_NODES:
                raise Failure(f"{name} cannot be {plain:g}")
        elif name == DEALLOCATION and plain not in _OPTIONS:
            raise Failure(f"{name} cannot be {written(plain)}")
        self.names[name] = value if name not in (DEDICATED, SPOT) else plain

    def plain(self, value: Value | _Metric) -> Value:
        if not isinstance(value, _Metric):
            return value
        if value.name in self.current:
            return float(self.current[value.name])
        return self.enough(value.name, self.samples.latest(value.name, 1, self.now))[0]

    def number(self, value: Value | _Metric, what: str) -> float:
        plain = self.plain(value)
        if isinstance(plain, tuple) and len(plain) == 1:
            # `$TargetDedicatedNodes = $ActiveTasks.GetSample(1)` is in wide use.
            return plain[0]
        if not isinstance(plain, float):
            raise Failure(f"{what} needs a double, not a {kind(plain)}")
        return plain

    def enough(self, name: str, found: tuple[float, ...]) -> tuple[float, ...]:
        if not found:
            what = f"Insufficient data from data set: {name} wanted 1, received 0"
            raise Failure(what, problems.SAMPLES)
        return found

    def method(self, receiver: Value | _Metric, word: str, arguments: list[Value]) -> Value:
        if not isinstance(receiver, _Metric):
            raise Failure(f"{kind(receiver)} has no method {word}")
        name, method = receiver.name, word.lower()
        if method == "getsample":
            return self.get_sample(name, arguments)
        if method == "getsamplepercent":
            if not 1 <= len(arguments) <= 2:
                raise Failure(f"{word} takes one or two times")
            start, end = self.span(arguments)
            return self.samples.between(name, start, end, self.now)[1]
        if arguments:
            raise Failure(f"{word} takes no arguments")
        if method == "getsampleperiod":
            return Interval(PERIOD_S)
        if method == "count":
            return float(self.samples.count(self.now))
        if method == "historybegintime":
            begin = self.samples.begin()
            return Timestamp(self.now if begin is None else begin)
        raise Failure(f"{name} has no method {word}")

    def get_sample(self, name: str, arguments: list[Value]) -> Value:
        if len(arguments) == 1 and isinstance(arguments[0], float):
            count = arguments[0]
            if not 1 <= count < math.inf:
                raise Failure("GetSample needs a count of at least 1")
            return self.enough(name, self.samples.latest(name, int(count), self.now))
        if not 1 <= len(arguments) <= 3:
            raise Failure("GetSample takes one to three arguments")
        wanted = 0.0
        times = list(arguments)
        if len(times) > 1 and isinstance(times[-1], float):
            wanted = times.pop()  # type: ignore[assignment]
        start, end = self.span(times)
        found, percent = self.samples.between(name, start, end, self.now)
        if percent < wanted:
            what = f"{name} wanted {wanted:g}%, received {int(percent)}%"
            raise Failure(f"Insufficient data from data set: {what}", problems.SAMPLES)
        return self.enough(name, found)

    def span(self, times: list[Value]) -> tuple[float, float]:
        """Start and end of a time frame; an interval looks back from now, in either order."""
        moments = []
        for value in times:
            if isinstance(value, Interval):
                moments.append(self.now - value.seconds)
            elif isinstance(value, Timestamp):
                moments.append(value.seconds)
            else:
                raise Failure(f"a timestamp or timeinterval is needed, not a {kind(value)}")
        if len(moments) == 1:
            moments.append(self.now)
        if not all(math.isfinite(moment) for moment in moments):
            raise Failure("the time frame is not finite")
        return min(moments), max(moments)

    def variables(self) -> _Variables:
        """What the formula leaves behind."""
        others = dict(self.names)
        dedicated, spot = others.pop(DEDICATED), others.pop(SPOT)
        deallocation = others.pop(DEALLOCATION)
        try:
            return _Variables(
                max(0, int(self.number(dedicated, DEDICATED))),
                max(0, int(self.number(spot, SPOT))),
                str(deallocation),
                {name: self.plain(value) for name, value in others.items()},
            )
        except Failure as failure:
            raise self.fail(failure) from None
