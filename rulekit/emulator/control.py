"""The control endpoint: planned faults, time, and what the ledger knows, over HTTP.

Below `/_emulator`, without authentication: the emulator listens on loopback only. JSON in and out.

=======  ================================  =====================================================
GET      ``/_emulator``                    what is there: counts and figures
GET      ``/_emulator/faults``             planned faults; POST adds one, DELETE forgets all
GET      ``/_emulator/requests``           the ledger's requests; also ``/changes``, ``/nodes``
GET      ``/_emulator/cost``               US dollars so far
POST     ``/_emulator/advance``            ``{"seconds": 600}``: let time pass
POST     ``/_emulator/preempt``            ``{"pool": "*", "count": 1}``: take spot nodes now
POST     ``/_emulator/unusable``           the same for nodes that become unusable
=======  ================================  =====================================================
"""

from __future__ import annotations

import fnmatch
import json

from rulekit.emulator import nodelife
from rulekit.emulator.messages import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.ledger import Ledger
    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import Node, World


class Control:
    """What tests and users may do to the emulator; the same in-process and over HTTP."""

    def __init__(self, world: World) -> None:
        self._world = world

    def advance(self, seconds: float) -> None:
        """Let `seconds` of clock time pass at once."""
        self._world.clock.advance(seconds)

    def preempt(self, pool: str = "*", count: int | None = None) -> list[str]:
        """Take spot nodes that are in use or idle, at most `count`; their ids."""
        return self._strike(pool, count, False, nodelife.preempt)

    def make_unusable(self, pool: str = "*", count: int | None = None) -> list[str]:
        """Make nodes unusable, at most `count`; their ids."""
        errors = [{"code": "NodeUnusable", "message": "The node was made unusable by control"}]
        return self._strike(pool, count, None, lambda n: nodelife.make_unusable(n, errors))

    def _strike(self, pool: str, count: int | None, dedicated: bool | None, what: Any) -> list[str]:
        struck: list[str] = []
        with self._world.lock:
            for found in list(self._world.pools.values()):
                if not fnmatch.fnmatchcase(found.id.lower(), pool.lower()):
                    continue
                for node in list(found.nodes.values()):
                    if count is not None and len(struck) >= count:
                        return struck
                    if self._fits(node, dedicated):
                        what(node)
                        struck.append(node.id)
        return struck

    def _fits(self, node: Node, dedicated: bool | None) -> bool:
        return node.state in ("idle", "running") and dedicated in (None, node.dedicated)

    def summary(self) -> dict[str, Any]:
        """How much there is of everything."""
        world = self._world
        with world.lock:
            return {
                "url": world.url,
                "account": world.account,
                "speed": world.clock.speed,
                "pools": len(world.pools),
                "nodes": sum(len(p.nodes) for p in world.pools.values()),
                "jobs": len(world.jobs),
                "tasks": sum(len(j.tasks) for j in world.jobs.values()),
                "requests": len(world.ledger.requests()),
                "errors": list(world.clock.errors),
            }

    def answer(self, call: Call) -> Answer:
        """A request to the control endpoint."""
        if call.headers.get("origin") or call.headers.get("sec-fetch-site"):
            return Answer(403, {"error": "not for web pages"})
        what = call.segments[1] if len(call.segments) > 1 else ""
        try:
            given = json.loads(call.raw) if call.raw else {}
            if not isinstance(given, dict):
                raise ValueError("a JSON object is expected")
            if call.verb == "GET":
                return self._get(what)
            return self._do(call.verb, what, given)
        except (ValueError, TypeError, KeyError) as error:
            return Answer(400, {"error": str(error)})

    def _get(self, what: str) -> Answer:
        world = self._world
        ledger: Ledger = world.ledger
        if what == "":
            return Answer(200, self.summary())
        if what == "faults":
            return Answer(200, {"value": {str(k): v for k, v in world.faults.plans().items()}})
        if what == "cost":
            return Answer(200, {"usd": ledger.cost()})
        if what in ("requests", "changes", "nodes"):
            rows: dict[str, Any] = {
                "requests": ledger.requests,
                "changes": ledger.changes,
                "nodes": ledger.nodes,
            }
            found = [{k: getattr(r, k) for k in r.__slots__} for r in rows[what]()]
            return Answer(200, {"value": found})
        return Answer(404, {"error": f"there is no `{what}` here"})

    def _do(self, verb: str, what: str, given: dict[str, Any]) -> Answer:
        world = self._world
        if what == "faults" and verb == "POST":
            return Answer(201, {"number": world.faults.add(given)})
        if what == "faults" and verb == "DELETE":
            number = given.get("number")
            world.faults.remove(None if number is None else int(number))
            return Answer(200, {})
        if what == "advance" and verb == "POST":
            self.advance(float(given["seconds"]))
            return Answer(200, {})
        if what in ("preempt", "unusable") and verb == "POST":
            act = self.preempt if what == "preempt" else self.make_unusable
            count = given.get("count")
            nodes = act(str(given.get("pool", "*")), None if count is None else int(count))
            return Answer(200, {"nodes": nodes})
        return Answer(404, {"error": f"there is no `{verb} {what}` here"})
