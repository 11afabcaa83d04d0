"""Planned failures: which request or event fails, how, and how often.

A fault is a dictionary, the same in-process and over the control endpoint:

``{"verb": "POST", "path": "*/addtaskcollection", "kind": "status", "status": 503,
"retry_after": 1, "times": 3}`` for requests, or ``{"event": "preempt", "pool": "*",
"chance": 0.3, "after": [0.1, 2]}`` for events. `verb`, `path` and `operation` are shell patterns; `chance` is a
probability, `skip` lets that many pass first, `times` is how often it may happen (absent: always).
`after` are seconds from a node being ready to its preemption, or a range to draw from.
"""

from __future__ import annotations

import fnmatch
import itertools
import random
import threading

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.clock import Clock

# For requests. `status`: refuse before anything is done; `after`: do it, then answer with the
# status; `drop`: no answer, nothing done; `drop-after`: done, no answer; `half`: done, half the
# answer; `slow`: answer after `seconds`; `stale`: a read answered as it was `seconds` ago.
# `expired-link`: a next page is refused.
REQUEST_KINDS = (
    "status",
    "after",
    "drop",
    "drop-after",
    "half",
    "slow",
    "stale",
    "expired-link",
)

# For events. The matching names are the pool (`pool`) or the job and task (`job`, `task`).
EVENT_KINDS = (
    "preempt",
    "unusable",
    "start-task",
    "image-pull",
    "allocation",
    "disk-full",
    "quota",
    "resource-file",
    "output-file",
)

_KNOWN = frozenset(
    {"verb", "path", "operation", "kind", "status", "code", "retry_after", "seconds", "times"}
    | {"skip", "chance", "event", "pool", "node", "job", "task", "message", "after", "errors"}
)


@frozen
class Fault:
    """One planned failure as it was matched."""

    number: int
    kind: str
    plan: dict[str, Any]


class Faults:
    """The planned failures. `add` returns a number for `remove`."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._plans: dict[int, dict[str, Any]] = {}
        self._left: dict[int, list[int]] = {}
        self._random = random.Random(seed)  # noqa: S311  repeatable on purpose

    def add(self, plan: dict[str, Any] | None = None, **more: Any) -> int:
        """Plan a failure. Raises ValueError for a plan that cannot be understood."""
        plan = {**(plan or {}), **more}
        unknown = sorted(set(plan) - _KNOWN)
        if unknown:
            raise ValueError(
                f"a fault knows no `{unknown[0]}`; it knows {', '.join(sorted(_KNOWN))}"
            )
        if "event" in plan:
            if plan["event"] not in EVENT_KINDS:
                raise ValueError(f"no event `{plan['event']}`; there are {', '.join(EVENT_KINDS)}")
        else:
            plan.setdefault("kind", "status")
            if plan["kind"] not in REQUEST_KINDS:
                raise ValueError(f"no kind `{plan['kind']}`; there are {', '.join(REQUEST_KINDS)}")
        with self._lock:
            number = next(self._numbers)
            self._plans[number] = plan
            times = plan.get("times")
            self._left[number] = [int(plan.get("skip", 0)), -1 if times is None else int(times)]
        return number

    def remove(self, number: int | None = None) -> None:
        """Forget one planned failure, or all."""
        with self._lock:
            if number is None:
                self._plans.clear()
                self._left.clear()
            else:
                self._plans.pop(number, None)
                self._left.pop(number, None)

    def seed(self, value: int) -> None:
        """Start the random numbers again."""
        with self._lock:
            self._random.seed(value)

    def delay(self, fault: Fault) -> float:
        """The seconds of `after`: a number, or drawn from a range."""
        value = fault.plan.get("after", 0.0)
        if isinstance(value, (list, tuple)):
            with self._lock:
                return self._random.uniform(float(value[0]), float(value[1]))
        return float(value)

    def plans(self) -> dict[int, dict[str, Any]]:
        """What is planned."""
        with self._lock:
            return {number: dict(plan) for number, plan in self._plans.items()}

    def request(self, verb: str, path: str, operation: str) -> Fault | None:
        """The failure for this request, if one is due."""
        if not self._plans:
            return None
        asked = {"verb": verb, "path": path, "operation": operation}
        return self._match(lambda plan: "event" not in plan, asked)

    def event(self, event: str, **names: str) -> Fault | None:
        """The failure for this event, if one is due."""
        if not self._plans:
            return None
        return self._match(lambda plan: plan.get("event") == event, names)

    def _match(self, wanted: Any, names: dict[str, str]) -> Fault | None:
        with self._lock:
            for number, plan in self._plans.items():
                if not wanted(plan):
                    continue
                left = self._left[number]
                if left[1] == 0:
                    continue
                if not all(
                    fnmatch.fnmatchcase(names.get(key, "").lower(), str(plan[key]).lower())
                    for key in ("verb", "path", "operation", "pool", "node", "job", "task")
                    if key in plan
                ):
                    continue
                if left[0] > 0:
                    left[0] -= 1
                    continue
                if "chance" in plan and self._random.random() >= float(plan["chance"]):
                    continue
                if left[1] > 0:
                    left[1] -= 1
                return Fault(number, str(plan.get("event") or plan["kind"]), plan)
        return None
