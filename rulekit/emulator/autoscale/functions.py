"""The functions of the language."""

from __future__ import annotations

import math
import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rulekit.emulator.autoscale.problems import Failure
from rulekit.emulator.autoscale.values import Timestamp, kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.emulator.autoscale.values import Value

# The W3C's profile of ISO 8601.
_W3C = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?"
    r"(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def call(name: str, arguments: list[Value], now: float) -> Value:
    """The value of `name(arguments)`; `now` is in seconds since 1970. Raises Failure."""
    if name == "time":
        return _time(arguments, now)
    if name == "rand":
        _count(name, arguments, 0)
        return random.random()  # noqa: S311  no secret
    if name in ("percentile", "val"):
        _count(name, arguments, 2)
        vector, number = arguments
        if isinstance(vector, float):
            vector = (vector,)
        if not isinstance(vector, tuple) or not isinstance(number, float):
            raise Failure(f"{name}(doubleVec, double) is given other types")
        return (_percentile if name == "percentile" else _element)(vector, number)
    if name in _EACH:
        if len(arguments) == 1 and isinstance(arguments[0], float):
            return _EACH[name](arguments[0])
        return tuple([_EACH[name](item) for item in _flat(name, arguments)])
    if name in _WHOLE:
        return _WHOLE[name](_flat(name, arguments))
    raise Failure(f"there is no function {name}")


def known(name: str) -> bool:
    """Whether there is a function of that name."""
    return name in _EACH or name in _WHOLE or name in ("time", "rand", "percentile", "val", "stop")


def _count(name: str, arguments: list[Value], wanted: int) -> None:
    if len(arguments) != wanted:
        raise Failure(f"{name} takes {wanted} arguments, {len(arguments)} were given")


def _flat(name: str, arguments: list[Value]) -> list[float]:
    """A doubleVecList as one vector."""
    flat: list[float] = []
    for value in arguments:
        if isinstance(value, float):
            flat.append(value)
        elif isinstance(value, tuple):
            flat.extend(value)
        else:
            raise Failure(f"{name} does not take a {kind(value)}")
    return flat


def _filled(name: str, work: Callable[[list[float]], float]) -> Callable[[list[float]], float]:
    def checked(items: list[float]) -> float:
        if not items:
            raise Failure(f"{name} of an empty vector")
        return work(items)

    return checked


def _std(items: list[float]) -> float:
    if len(items) < 2:
        return 0.0
    mean = sum(items) / len(items)
    return math.sqrt(sum([(item - mean) * (item - mean) for item in items]) / (len(items) - 1))


def _percentile(items: tuple[float, ...], percent: float) -> float:
    if not items:
        raise Failure("percentile of an empty vector")
    if not 0 <= percent <= 100:
        raise Failure("a percentile lies between 0 and 100")
    rank = math.ceil(percent / 100 * len(items))
    return sorted(items)[max(rank, 1) - 1]


def _element(items: tuple[float, ...], index: float) -> float:
    if not 0 <= index < len(items):
        raise Failure(f"there is no element {index:g} in a vector of {len(items)}")
    return items[int(index)]


def _logarithm(work: Callable[[float], float]) -> Callable[[float], float]:
    def checked(item: float) -> float:
        if item == 0.0:
            return -math.inf
        return work(item) if item > 0 else math.nan

    return checked


def _rounding(work: Callable[[float], int]) -> Callable[[float], float]:
    return lambda item: float(work(item)) if math.isfinite(item) else item


_EACH: dict[str, Callable[[float], float]] = {
    "lg": _logarithm(math.log2),
    "ln": _logarithm(math.log),
    "log": _logarithm(math.log10),
    "ceil": _rounding(math.ceil),
    "floor": _rounding(math.floor),
    "round": _rounding(round),
}
_WHOLE: dict[str, Callable[[list[float]], float]] = {
    "avg": _filled("avg", lambda items: sum(items) / len(items)),
    "len": lambda items: float(len(items)),
    "max": _filled("max", max),
    "min": _filled("min", min),
    "norm": lambda items: math.hypot(*items),
    "range": _filled("range", lambda items: max(items) - min(items)),
    "std": _filled("std", _std),
    "sum": lambda items: float(sum(items)),
}


def _time(arguments: list[Value], now: float) -> Value:
    if not arguments:
        return Timestamp(now)
    _count("time", arguments, 1)
    text = arguments[0]
    if not isinstance(text, str):
        raise Failure(f"time does not take a {kind(text)}")
    if not text.strip():
        return Timestamp(now)
    moment = parse_time(text.strip())
    if moment is None:
        raise Failure(f'"{text}" is not a time in W3C-DTF or RFC 1123')
    return Timestamp(moment)


def parse_time(text: str) -> float | None:
    """Seconds since 1970 of a time as W3C-DTF or RFC 1123 write it (UTC without a zone), or None."""
    found = _W3C.fullmatch(text)
    try:
        if found is None:
            moment = parsedate_to_datetime(text)
            return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
        hour, minute, second = (int(part or 0) for part in found.group(4, 5, 6))
        seconds = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    seconds += float("0." + (found[7] or "0"))
    zone = found[8]
    if zone and zone != "Z":
        shift = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds += -shift if zone[0] == "+" else shift
    return seconds
