"""How the Batch service writes times, durations, entity tags and names.

Source: Microsoft's reference of the Batch REST API and the answers it shows. Times inside the
emulator are floats: seconds since 1970.
"""

from __future__ import annotations

import calendar
import itertools
import re
import secrets
import time

# What stands for "no limit": the longest time span of .NET.
UNLIMITED = "P10675199DT2H48M5.4775807S"
UNLIMITED_S = 10675199 * 86400 + 2 * 3600 + 48 * 60 + 5.4775807

_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_counter = itertools.count()


def stamp(when: float) -> str:
    """`when` as the service writes it: UTC with seven digits of a second."""
    whole = int(when // 1)
    ticks = int((when - whole) * 10_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{ticks:07d}Z"


def http_date(when: float) -> str:
    """`when` as an HTTP date (RFC 1123), independent of the locale."""
    t = time.gmtime(when)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[t.tm_wday]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return (
        f"{day}, {t.tm_mday:02d} {month[t.tm_mon - 1]} {t.tm_year:04d} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
    )


def parse_http_date(text: str) -> float:
    """Seconds of an HTTP date. Raises ValueError."""
    from email.utils import parsedate_tz

    found = parsedate_tz(text)
    if found is None:
        raise ValueError(f"no HTTP date: {text!r}")
    return calendar.timegm(found[:6]) - float(found[9] or 0)


def parse_stamp(text: str) -> float:
    """Seconds of an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"no ISO 8601 time: {text!r}")
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise ValueError(f"no such time: {text!r}")
    result = calendar.timegm((year, month, day, hour, minute, second)) + float(found[7] or 0)
    zone = found[8]
    if zone and zone.upper() != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        result -= offset if zone[0] == "+" else -offset
    return result


def parse_duration(text: str) -> float:
    """Seconds of an ISO 8601 duration. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        raise ValueError(f"no ISO 8601 duration: {text!r}")
    part = {name: float(value or 0) for name, value in found.groupdict().items() if name != "sign"}
    total = (
        part["weeks"] * 604800
        + part["days"] * 86400
        + part["hours"] * 3600
        + part["minutes"] * 60
        + part["seconds"]
    )
    return -total if found["sign"] else total


def duration(seconds: float) -> str:
    """`seconds` in the shortest ISO 8601 form, as the service answers."""
    if seconds >= UNLIMITED_S - 1:
        return UNLIMITED
    whole = int(seconds)
    fraction = f"{seconds - whole:.7f}"[1:].rstrip("0").rstrip(".")
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, last = divmod(rest, 60)
    text = "P" + (f"{days}D" if days else "")
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if last or fraction:
        clock += f"{last}{fraction}S"
    if clock:
        return f"{text}T{clock}"
    return text if days else "PT0S"


def new_etag(when: float) -> str:
    """A fresh entity tag: grows with time and is never given twice."""
    ticks = int((when + 62135596800) * 10_000_000) + next(_counter)
    return f"0x{ticks:X}"[:17]


def new_guid() -> str:
    """A random identifier in the usual form with hyphens."""
    digits = secrets.token_hex(16)
    return "-".join(
        (digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:])
    )
