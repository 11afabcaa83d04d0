"""What happened: requests, changes of state, node time. For assertions and for `status` answers."""

from __future__ import annotations

import threading
from collections import deque

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.clock import Clock


@frozen
class RequestEntry:
    """One request. `when` in seconds, `operation` as in the contract, `fault` its planned fault."""

    when: float
    verb: str
    path: str
    query: str
    operation: str
    status: int
    code: str
    request_id: str
    client: str
    sent: int
    fault: str = ""


@frozen
class Change:
    """One change of state of a pool, node, job or task."""

    when: float
    kind: str
    name: str
    before: str
    after: str
    note: str = ""


@frozen
class NodeTime:
    """The life of one node. `end` is None while it is there; seconds of clock time."""

    node: str
    pool: str
    vm_size: str
    dedicated: bool
    start: float
    end: float | None
    seconds: float


class Ledger:
    """Keeps the last `keep` requests and changes, and the life of every node."""

    def __init__(self, clock: Clock, keep: int = 200_000) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: deque[RequestEntry] = deque(maxlen=keep)
        self._changes: deque[Change] = deque(maxlen=keep)
        self._nodes: dict[str, NodeTime] = {}

    def request(self, entry: RequestEntry) -> None:
        """Note a request that was answered."""
        with self._lock:
            self._requests.append(entry)

    def change(self, kind: str, name: str, before: str, after: str, note: str = "") -> None:
        """Note a change of state."""
        with self._lock:
            self._changes.append(Change(self._clock.now(), kind, name, before, after, note))

    def node_starts(self, node: str, pool: str, vm_size: str, dedicated: bool) -> None:
        """A node begins to cost money."""
        now = self._clock.now()
        with self._lock:
            earlier = self._nodes.get(node)
            seconds = earlier.seconds if earlier else 0.0
            self._nodes[node] = NodeTime(node, pool, vm_size, dedicated, now, None, seconds)

    def node_ends(self, node: str) -> None:
        """A node no longer costs money (removed or preempted)."""
        now = self._clock.now()
        with self._lock:
            entry = self._nodes.get(node)
            if entry is not None and entry.end is None:
                seconds = entry.seconds + now - entry.start
                self._nodes[node] = NodeTime(
                    entry.node,
                    entry.pool,
                    entry.vm_size,
                    entry.dedicated,
                    entry.start,
                    now,
                    seconds,
                )

    def requests(self, operation: str | None = None) -> list[RequestEntry]:
        """The requests so far, oldest first; those of one operation where it is named."""
        with self._lock:
            return [r for r in self._requests if operation is None or r.operation == operation]

    def changes(self, kind: str | None = None, name: str | None = None) -> list[Change]:
        """The changes of state so far, oldest first."""
        with self._lock:
            return [
                c
                for c in self._changes
                if (kind is None or c.kind == kind) and (name is None or c.name == name)
            ]

    def tasks(self) -> list[Change]:
        """The changes of state of tasks; their names are `job/task`."""
        return self.changes("task")

    def nodes(self) -> list[NodeTime]:
        """Every node there ever was, with the seconds it existed until now."""
        now = self._clock.now()
        with self._lock:
            entries = list(self._nodes.values())
        return [
            e
            if e.end is not None
            else NodeTime(
                e.node, e.pool, e.vm_size, e.dedicated, e.start, None, e.seconds + now - e.start
            )
            for e in entries
        ]

    def cost(self) -> float | None:
        """US dollars for the node time so far; None where a price is not known."""
        from rulekit.emulator import prices

        total = 0.0
        for entry in self.nodes():
            rate = prices.hourly(entry.vm_size, entry.dedicated)
            if rate is None:
                return None
            total += rate * entry.seconds / 3600
        return total

    def clear(self) -> None:
        """Forget requests and changes; the node time stays."""
        with self._lock:
            self._requests.clear()
            self._changes.clear()
