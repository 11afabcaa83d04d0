"""The formula of our pools: so many machines while the driver lives, none when it does not.

Every pool of ours scales by a formula, also those of a fixed size: the formula holds the end of a
lease that the driver moves on. When the driver is gone, the next evaluation after the end (every
five minutes) asks for no machine. Tasks that run may end: their results are kept for the next run.
"""

from __future__ import annotations

import re

from rulekit.frozen import frozen

INTERVAL_S = 300  # between two evaluations: the least that the service takes
LEAST_PAUSE_S = 35.0  # the service refuses two changes of a formula within 30 seconds

_END = re.compile(r'^lease = time\("([^"]+)"\);', re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@frozen
class Lease:
    """What a formula says: `nodes` machines until `end` (seconds of the epoch), then none."""

    nodes: int
    end: float
    spot: bool = False


def formula(lease: Lease) -> str:
    """The text for the service. Machines leave when their tasks have ended."""
    wanted, none = "$TargetDedicatedNodes", "$TargetLowPriorityNodes"
    if lease.spot:
        wanted, none = none, wanted
    return (
        "// rulekit: no driver, no machines\n"
        f'lease = time("{http_date(lease.end)}");\n'
        f"{wanted} = time() < lease ? {lease.nodes} : 0;\n"
        f"{none} = 0;\n"
        "$NodeDeallocationOption = taskcompletion;\n"
    )


def end_of(text: str | None) -> float | None:
    """When the lease in a formula ends, in seconds of the epoch; None if it is not one of ours."""
    found = _END.search(text or "")
    return None if found is None else _parse(found[1])


def is_spot(text: str) -> bool:
    """Whether a formula of ours is for spot machines."""
    return "$TargetLowPriorityNodes = time()" in text


def http_date(seconds: float) -> str:
    """A moment as the formula language and HTTP write it, in UTC whatever the locale."""
    import time

    t = time.gmtime(seconds)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {clock} GMT"


def _parse(text: str) -> float | None:
    import calendar

    parts = text.replace(":", " ").split()
    try:
        day, month, year, hour, minute, second = parts[1:7]
        moment = (int(year), _MONTHS.index(month) + 1, int(day))
        return float(calendar.timegm((*moment, int(hour), int(minute), int(second))))
    except (ValueError, IndexError):
        return None


class LeaseKeeper:
    """When to send which formula. Knows no service: `due` says, `sent` notes."""

    def __init__(self, minutes: int, spot: bool) -> None:
        self._length = minutes * 60.0
        self._spot = spot
        self._sent: Lease | None = None
        self._sent_at = -1e9

    def due(self, nodes: int, now: float) -> Lease | None:
        """The lease to send now, None if the last one still does. `now` in seconds of the epoch.

        A new number of machines goes at once (as far as the service lets us), the same number
        when a third of the lease is over.
        """
        last = self._sent
        if last is not None:
            if now - self._sent_at < LEAST_PAUSE_S:
                return None
            # Fewer machines are no hurry: more work may come.
            if nodes < last.nodes and now - self._sent_at < INTERVAL_S:
                nodes = last.nodes
            if nodes == last.nodes and last.end - now > self._length * 2 / 3:
                return None
        return Lease(nodes, now + self._length, self._spot)

    def sent(self, lease: Lease, now: float) -> None:
        """Note that the service has it."""
        self._sent = lease
        self._sent_at = now

    @property
    def last(self) -> Lease | None:
        """What the service was told last."""
        return self._sent
