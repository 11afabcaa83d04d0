"""Whether the machines of a pool do their work, and why not.

Asked seldom: every two minutes while tasks run, more often while nothing moves. What is seen is
told once; what cannot get better by waiting ends the run.
"""

from __future__ import annotations

import time

from rulekit.errors import InfrastructureError, RulekitError
from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.failures import tail
from rulekit.executors.azure.remedies import remedy
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.pools import OpenPool
    from rulekit.executors.azure.staging import RunFiles

_POOL = "id,allocationState,resizeErrors,currentDedicatedNodes,currentLowPriorityNodes"
_POOL += ",targetDedicatedNodes,targetLowPriorityNodes,enableAutoScale,autoScaleRun"
_NODE = "id,state,errors,startTaskInfo"
_BAD = "state eq 'unusable' or state eq 'starttaskfailed'"
# Waiting does not mend these: no such size, no quota.
_HARD = ("unsupportedvmsize", "communicationenabledpoolreachedmaxvmcount")
_LOG_BYTES = 200_000


@frozen
class Limits:
    """Seconds between looks, while tasks run and while nothing moves; seconds without any machine
    before it is given up; broken machines in a row that end the run."""

    calm_s: float = 120.0
    still_s: float = 30.0
    patience_s: float = 1800.0
    losses: int = 3
    meter_s: float = 20.0  # between looks at what there is (`rulekit.executors.azure.meter`)


class Health:
    """Looks at one pool. `moved` is to be called whenever a task begins or ends."""

    def __init__(
        self,
        service: BatchService,
        opened: OpenPool,
        files: RunFiles,
        say: Callable[[str, str], None],
        limits: Limits,
    ) -> None:
        self._service = service
        self._opened = opened
        self._files = files
        self._say = say
        self._limits = limits
        now = time.monotonic()
        self._moved = now
        self._looked = now
        self._without = now  # since when there is no machine that works
        self._losses = 0
        self._told: set[str] = set()
        self._dead: set[str] = set()

    def moved(self) -> None:
        """A task began or ended: there is a machine that works."""
        self._moved = self._without = time.monotonic()
        self._losses = 0

    def look(self) -> None:
        """Ask, if it is time to. Raises InfrastructureError when the pool cannot do its work."""
        limits, now = self._limits, time.monotonic()
        still = now - self._moved > limits.still_s
        if now - self._looked < (limits.still_s if still else limits.calm_s):
            return
        self._looked = now
        if not self._opened.tasks:
            self._without = now
            return
        self._bad_nodes()
        if still:
            self._pool(now)

    # --- machines -------------------------------------------------------------------------

    def _bad_nodes(self) -> None:
        pool = self._opened.pool_id
        rows = self._service.rows(f"/pools/{pool}/nodes", {"$filter": _BAD, "$select": _NODE})
        bad = []
        for row in rows:
            if row["id"] in self._dead:
                continue
            # Without errors Batch has lost contact and keeps trying; that may pass.
            if row.get("state") == "unusable" and not row.get("errors"):
                continue
            bad.append(row)
        for row in bad:
            self._lost(row)
        if bad and self._opened.ours:
            self._remove([row["id"] for row in bad])

    def _lost(self, row: dict[str, Any]) -> None:
        node = row["id"]
        self._dead.add(node)
        self._losses += 1
        reason, ending = self._reason(row)
        notes = ["the last lines of its log:", *ending] if ending else []
        if self._losses >= self._limits.losses:
            raise InfrastructureError(
                f"{self._losses} machines of the pool {self._opened.pool_id} broke one after the"
                f" other, and none worked: {reason}",
                code="RK0618",
                notes=tuple(notes),
                help=_help_for(row),
            )
        kept = "" if not self._opened.ours else "; it is taken away"
        said = "".join(f"\n  {line}" for line in notes)
        self._say("warning", f"machine {node}: {reason}{kept}{said}")

    def _reason(self, row: dict[str, Any]) -> tuple[str, list[str]]:
        if row.get("state") == "starttaskfailed":
            info = row.get("startTaskInfo") or {}
            code = info.get("exitCode")
            failure = info.get("failureInfo") or {}
            text = f"exit code {code}" if code is not None else str(failure.get("message") or "")
            return f"its start task failed ({text.strip()})", self._node_log(row["id"])
        parts = []
        for error in row.get("errors") or ():
            details = ", ".join(
                f"{one.get('name')}: {one.get('value')}" for one in error.get("errorDetails") or ()
            )
            parts.append(f"{error.get('code')}: {error.get('message')} {details}".strip())
        return self._service.masked("it is out of order: " + "; ".join(parts)), []

    def _node_log(self, node: str) -> list[str]:
        """The end of the start task's errors; the whole is kept among the files of the run."""
        texts: list[bytes] = []
        for name in ("startup/stdout.txt", "startup/stderr.txt"):
            try:
                texts.append(download(self._service, self._opened.pool_id, node, name))
            except ServiceError:
                texts.append(b"")
        try:
            self._files.put(f"nodes/{node}.txt", b"\n".join(texts))
        except RulekitError:
            pass  # it was only for a look
        lines = tail(texts[1]) or tail(texts[0])
        return [self._service.masked(line) for line in lines]

    def _remove(self, nodes: list[str]) -> None:
        body = {"nodeList": nodes, "nodeDeallocationOption": "requeue"}
        try:
            path = f"/pools/{self._opened.pool_id}/removenodes"
            self._service.send("remove_nodes", "POST", path, body)
        except ServiceError:
            self._dead.difference_update(nodes)  # the pool is being resized: next time
            self._losses -= len(nodes)

    # --- the pool -------------------------------------------------------------------------

    def _pool(self, now: float) -> None:
        pool = self._service.raw(f"/pools/{self._opened.pool_id}", {"$select": _POOL})
        nodes = (pool.get("currentDedicatedNodes") or 0) + (
            pool.get("currentLowPriorityNodes") or 0
        )
        errors = [
            (str(e.get("code") or ""), str(e.get("message") or "").partition("\n")[0], e)
            for e in pool.get("resizeErrors") or ()
        ]
        steady = pool.get("allocationState") == "steady"
        run_error = (pool.get("autoScaleRun") or {}).get("error")
        if nodes:
            self._without = now
            for code, message, _ in errors:
                self._tell(f"the pool gets no more machines: {code}: {message}")
            return
        for code, message, error in errors:
            low = code.lower()
            if steady and (low in _HARD or ("quota" in low and self._opened.ours)):
                raise self._hopeless(f"{code}: {message}", code, _values(error))
            self._tell(f"no machine yet: {code}: {message}")
        wanted = (pool.get("targetDedicatedNodes") or 0) + (pool.get("targetLowPriorityNodes") or 0)
        if steady and not wanted and not pool.get("enableAutoScale"):
            raise self._hopeless(
                "it has no machine and does not scale",
                "",
                (),
                "resize it: `az batch pool resize`, or let it scale",
            )
        if run_error and self._opened.ours:
            code = str(run_error.get("code"))
            raise self._hopeless(
                f"its formula failed: {code}: {run_error.get('message')}", code, ()
            )
        if now - self._without > self._limits.patience_s:
            why = f"{errors[0][0]}: {errors[0][1]}" if errors else "no reason is given"
            minutes = int((now - self._without) / 60)
            raise self._hopeless(
                f"no machine for {minutes} minutes: {why}", errors[0][0] if errors else "", ()
            )

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say("warning", f"{self._opened.pool_id}: {self._service.masked(text)}")

    def _hopeless(
        self, reason: str, code: str, notes: tuple[str, ...], next_step: str | None = None
    ) -> InfrastructureError:
        ours, found = remedy(_usual(code), 0)
        opened = self._opened
        return InfrastructureError(
            f"{opened.tasks} task{'s' if opened.tasks > 1 else ''} wait for the pool"
            f" {opened.pool_id}: {self._service.masked(reason)}",
            code=ours if ours in ("RK0614", "RK0616", "RK0617") else "RK0617",
            notes=notes,
            help=next_step or found or "see the pool in the portal",
        )


def _usual(code: str) -> str:
    """The code in the letters of our table: both forms are seen."""
    return "AllocationTimedout" if code.lower() == "allocationtimedout" else code


def _values(error: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{v.get('name')}: {v.get('value')}" for v in error.get("values") or ())


def _help_for(row: dict[str, Any]) -> str:
    if row.get("state") == "starttaskfailed":
        return "mend the script of BATCH_NODE_START_TASK_SAS_URL; its log is in the notes"
    codes = " ".join(str(error.get("code")) for error in row.get("errors") or ()).lower()
    if "disk" in codes:
        return "a larger BATCH_POOL_VM_SIZE has a larger disk; `disk_mb` of a rule asks for it"
    if "image" in codes or "container" in codes:
        return "check the container image and BATCH_CONTAINER_REGISTRY_URL, _USER and _PASS"
    return "see the machine in the portal; another BATCH_POOL_VM_SIZE or image may do better"


def download(service: BatchService, pool: str, node: str, name: str) -> bytes:
    """A file of a node, at most its last 200,000 bytes. Raises ServiceError."""

    def fetch() -> bytes:
        return b"".join(service.sdk.download_node_file(pool, node, name))[-_LOG_BYTES:]

    return service.attempt("download_node_file", fetch)
