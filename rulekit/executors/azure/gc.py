"""Leftovers of dead runs: which pools, jobs and files they are, and their removal; and packed
environments that nobody has used for long.

Ours is what has the metadata item `rulekit`. Dead is a run whose lease is over: that of its pool's
formula, or in a foreign pool that of the job's metadata. What has a living driver is left alone.
"""

from __future__ import annotations

from rulekit.executors.azure import lease, names
from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.failures import moment
from rulekit.executors.azure.staging import FOLDER
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.model.places import Root

_POOL = "id,state,creationTime,autoScaleFormula,metadata,currentDedicatedNodes"
_POOL += ",currentLowPriorityNodes,vmSize"
_JOB = "id,state,creationTime,metadata,poolInfo"


@frozen
class Leftover:
    """kind: ``pool`` | ``job`` | ``files`` | ``environment``. `made` in seconds of the epoch, None if unknown."""

    kind: str
    name: str
    run: str
    why: str
    made: float | None = None
    container: str = ""


def metadata_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a pool or job by name."""
    return {str(m.get("name")): str(m.get("value")) for m in row.get("metadata") or ()}


def find(
    service: BatchService,
    now: float,
    *,
    older_h: float = 0.0,
    runs: Iterable[str] = (),
    everything: bool = False,
) -> list[Leftover]:
    """Pools and jobs that nobody looks after, and where the files of their runs are.

    `older_h`: only what was made so many hours ago. `runs`: only of these. `everything`: also
    those of living drivers. Raises ServiceError.
    """
    wanted = set(runs)
    living: set[str] = set()
    pools: list[Leftover] = []
    for row in service.rows("/pools", {"$select": _POOL}):
        own = metadata_of(row)
        run = own.get(names.MARK)
        if run is None or row.get("state") == "deleting":
            continue
        end = lease.end_of(row.get("autoScaleFormula"))
        alive = end is not None and end > now
        if alive and not everything:
            living.add(run)
            continue
        nodes = (row.get("currentDedicatedNodes") or 0) + (row.get("currentLowPriorityNodes") or 0)
        why = "its lease is over" if not alive else "its driver may live"
        if nodes:
            why += f", {nodes} machines {row.get('vmSize')} are still there"
        pools.append(Leftover("pool", row["id"], run, why, moment(row.get("creationTime"), now)))
    found: list[Leftover] = []
    folders: dict[str, Leftover] = {}
    for row in service.rows("/jobs", {"$select": _JOB}):
        own = metadata_of(row)
        run = own.get(names.MARK)
        if run is None or row.get("state") == "deleting":
            continue
        held = own.get(names.LEASE)
        alive = run in living or (held is not None and held.isdigit() and int(held) > now)
        if alive and not everything:
            living.add(run)
            continue
        made = moment(row.get("creationTime"), now)
        found.append(Leftover("job", row["id"], run, "its driver is gone", made))
        container, _, folder = own.get(names.STORAGE, "").partition("/")
        if FOLDER in folder:
            one = Leftover("files", folder, run, "of that run", made, container)
            folders[f"{container}/{folder}"] = one
    found += [one for one in pools if one.run not in living]
    found += folders.values()
    limit = now - older_h * 3600
    return [
        one
        for one in found
        if (not wanted or one.run in wanted) and (one.made is None or one.made <= limit)
    ]


def remove(service: BatchService, leftovers: Iterable[Leftover]) -> Iterator[tuple[Leftover, str]]:
    """Delete pools and jobs one by one; what went wrong with each, empty if nothing did."""
    for one in leftovers:
        if one.kind not in ("pool", "job"):
            continue
        try:
            service.send(f"delete_{one.kind}", "DELETE", f"/{one.kind}s/{one.name}")
        except ServiceError as error:
            gone = error.name.endswith(("NotFound", "BeingDeleted"))
            yield one, "" if gone else str(error)
        else:
            yield one, ""


def environments(storage: Any, root: Root, now: float, unused_d: float) -> list[Leftover]:
    """Packed environments below a prefix that no run has used for so many days. Raises
    InfrastructureError."""
    from rulekit.executors.azure import packs
    from rulekit.model.places import Location

    at = Location(root.account, root.container, root.below + packs.FOLDER)
    found = []
    for name, _, stamp in storage.list_results(at):
        used = stamp.mtime_ns / 1e9  # of the last marking, at most a day before the last use
        days = (now - used) / 86_400
        if days >= unused_d:
            why = f"not used for {days:.0f} days, {stamp.size / 1e6:.0f} MB"
            found.append(Leftover("environment", name, "", why, used, root.container))
    return found


def remove_files(storage: Any, account: str, leftover: Leftover) -> int:
    """Delete the files of a run, or a packed environment; how many. Raises InfrastructureError."""
    from rulekit.model.places import Location

    at = Location(account, leftover.container, leftover.name)
    gone = [Location(account, leftover.container, name) for name, _, _ in storage.list_results(at)]
    return int(storage.delete(gone)) if gone else 0
