"""The values of a formula and its operators.

A double is a Python float, a doubleVec a tuple of floats, a string a str; timestamps (seconds
since 1970) and intervals (seconds) are wrapped.
"""

from __future__ import annotations

import math
import operator
import time

from rulekit.emulator.autoscale.problems import Failure
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


@frozen
class Timestamp:
    """A moment, in seconds since 1970."""

    seconds: float


@frozen
class Interval:
    """A length of time in seconds."""

    seconds: float


Value = float | tuple[float, ...] | str | Timestamp | Interval

INTERVALS = {
    "TimeInterval_Zero": 0.0,
    "TimeInterval_100ns": 1e-7,
    "TimeInterval_Microsecond": 1e-6,
    "TimeInterval_Millisecond": 1e-3,
    "TimeInterval_Second": 1.0,
    "TimeInterval_Minute": 60.0,
    "TimeInterval_Hour": 3600.0,
    "TimeInterval_Day": 86400.0,
    "TimeInterval_Week": 604800.0,
    "TimeInterval_Year": 31536000.0,
}


def kind(value: Value) -> str:
    """The name of a value's type in the language."""
    if isinstance(value, float):
        return "double"
    if isinstance(value, tuple):
        return "doubleVec"
    if isinstance(value, str):
        return "string"
    return "timestamp" if isinstance(value, Timestamp) else "timeinterval"


def divide(a: float, b: float) -> float:
    """a / b as IEEE 754 has it: no exception."""
    if b == 0.0:
        return (
            math.nan
            if a == 0.0 or math.isnan(a)
            else math.copysign(math.inf, a) * (math.copysign(1.0, b))
        )
    return a / b


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}
_COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "<": operator.lt,  # type: ignore[dict-item]
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
    "==": operator.eq,
    "!=": operator.ne,
}


def unary(sign: str, value: Value) -> Value:
    """`-x` or `!x`. Raises Failure for types that have no such operator."""
    if sign == "-":
        if isinstance(value, float):
            return -value
        if isinstance(value, Interval):
            return Interval(-value.seconds)
    elif isinstance(value, float):
        return float(value == 0.0)
    raise Failure(f"operator {sign} is not defined for {kind(value)}")


def binary(sign: str, left: Value, right: Value) -> Value:
    """`left sign right`. Raises Failure for types that have no such operator."""
    if sign in _ARITHMETIC:
        made = _calculate(sign, left, right)
    elif sign in _COMPARISONS:
        made = _compare(sign, left, right)
    elif isinstance(left, float) and isinstance(right, float):
        both = (left != 0.0, right != 0.0)
        made = float(all(both) if sign == "&&" else any(both))
    else:
        made = None
    if made is None:
        raise Failure(f"operator {sign} is not defined for {kind(left)} and {kind(right)}")
    return made


def _calculate(sign: str, left: Value, right: Value) -> Value | None:
    apply = _ARITHMETIC[sign]
    if isinstance(left, float):
        if isinstance(right, float):
            return apply(left, right)
        if isinstance(right, Interval) and sign == "*":
            return Interval(left * right.seconds)
    elif isinstance(left, tuple):
        if isinstance(right, float):
            return tuple([apply(item, right) for item in left])
        if isinstance(right, tuple):
            if len(left) != len(right):
                raise Failure(f"vectors of {len(left)} and {len(right)} elements with {sign}")
            return tuple([apply(a, b) for a, b in zip(left, right, strict=True)])
    elif isinstance(left, Interval):
        if isinstance(right, float) and sign in "*/":
            return Interval(apply(left.seconds, right))
        if isinstance(right, Interval) and sign in "+-":
            return Interval(apply(left.seconds, right.seconds))
        if isinstance(right, Timestamp) and sign == "+":
            return Timestamp(left.seconds + right.seconds)
    elif isinstance(left, Timestamp):
        if isinstance(right, Interval) and sign == "+":
            return Timestamp(left.seconds + right.seconds)
        if isinstance(right, Timestamp) and sign == "-":
            return Interval(left.seconds - right.seconds)
    return None


def _compare(sign: str, left: Value, right: Value) -> Value | None:
    if type(left) is not type(right) or isinstance(left, tuple):
        return None
    a = left.seconds if isinstance(left, Timestamp | Interval) else left
    b = right.seconds if isinstance(right, Timestamp | Interval) else right
    return float(_COMPARISONS[sign](a, b))


def member(value: Value, name: str) -> Value:
    """A part of a timestamp, in UTC. Raises Failure."""
    if not isinstance(value, Timestamp):
        raise Failure(f"{kind(value)} has no member {name}")
    try:
        t = time.gmtime(value.seconds)
    except (ValueError, OverflowError, OSError):
        raise Failure("the timestamp is out of range") from None
    parts = {
        "year": t.tm_year,
        "month": t.tm_mon,
        "day": t.tm_mday,
        "weekday": t.tm_wday + 1,
        "hour": t.tm_hour,
        "minute": t.tm_min,
        "second": t.tm_sec,
    }
    if name not in parts:
        raise Failure(f"timestamp has no member {name}")
    return float(parts[name])


def written(value: Value) -> str:
    """A value as it stands in the results of a run."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple):
        return "[" + ",".join([_number(item) for item in value]) + "]"
    if isinstance(value, str):
        return value
    if isinstance(value, Interval):
        whole, rest = divmod(abs(value.seconds), 1) if math.isfinite(value.seconds) else (0, 0)
        days, whole = divmod(int(whole), 86400)
        text = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
        text += f".{int(rest * 1e7):07}" if rest else ""
        return ("-" if value.seconds < 0 else "") + (f"{days}." if days else "") + text
    try:
        whole = math.floor(value.seconds)
        head = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    except (ValueError, OverflowError, OSError):
        raise Failure("the timestamp is out of range") from None
    return f"{head}.{int((value.seconds - whole) * 1000):03}Z"


def _number(value: float) -> str:
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
