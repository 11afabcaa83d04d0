"""Which machine a job needs, and how many of its slots it takes.

A *shape* is a kind of pool: machine size, slots a machine, spot or not. With BATCH_POOL_VM_SIZE
all jobs share one shape; without, a job that the usual size holds goes there, and a larger one to
the smallest size that holds it, so that there are few pools.
"""

from __future__ import annotations

import math

from rulekit.errors import PlanError
from rulekit.errors.diagnostic import Diagnostic, did_you_mean
from rulekit.frozen import frozen
from rulekit.model import vmsizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.vmsizes import VmSize

# What jobs get is what the size has less what system and node program take.
_MEMORY_SHARE = 0.94
_DISK_SHARE = 0.9
_MOST_SLOTS = 256
_SYSTEM_DISK_MIB = 30 * 1024  # the least that an image of Batch comes with
# Sizes to choose from: with a local disk, on sale everywhere; small to large in each family.
USUAL = "Standard_D4ds_v5"
_CORES = (2, 4, 8, 16, 32, 48, 64, 96)
_LADDER = tuple(f"Standard_{family}{n}ds_v5" for n in _CORES for family in ("D", "E"))
_GPUS = {
    "Standard_NC24ads_A100_v4": 1,
    "Standard_NC48ads_A100_v4": 2,
    "Standard_NC96ads_A100_v4": 4,
}
_GPU_LADDER = (
    "Standard_NC4as_T4_v3",
    "Standard_NC8as_T4_v3",
    "Standard_NC16as_T4_v3",
    "Standard_NC64as_T4_v3",
    "Standard_NC24ads_A100_v4",
    "Standard_NC48ads_A100_v4",
    "Standard_NC96ads_A100_v4",
)


@frozen
class Need:
    """What one task takes: processors, memory and disk in MiB, accelerators."""

    threads: int = 1
    memory_mib: float = 0
    disk_mib: float = 0
    gpus: int = 0


@frozen
class Shape:
    """A kind of pool. `size` is None for a size that no table has; then only slots count."""

    vm_size: str
    slots: int
    spot: bool
    size: VmSize | None

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.vm_size.lower()}-{self.slots}-{'spot' if self.spot else 'dedicated'}"


def need_of(threads: int, resources: Mapping[str, Any]) -> Need:
    """What the resources of a job mean: `mem_mb` and `disk_mb` in 10^6 bytes, `mem_mib` and
    `disk_mib` in 2^20, `gpu`. What is no number counts as not given."""
    memory = _amount(resources, "mem")
    disk = _amount(resources, "disk")
    gpus = resources.get("gpu", resources.get("nvidia_gpu", 0))
    return Need(max(int(threads), 1), memory, disk, int(gpus) if _is_number(gpus) else 0)


def together(needs: Iterable[Need]) -> Need:
    """What a task of several jobs takes that run one after the other."""
    rows = list(needs)
    return Need(
        max((n.threads for n in rows), default=1),
        max((n.memory_mib for n in rows), default=0),
        sum(n.disk_mib for n in rows),  # what one leaves the next one finds
        max((n.gpus for n in rows), default=0),
    )


def _amount(resources: Mapping[str, Any], name: str) -> float:
    exact: Any = resources.get(f"{name}_mib")
    plain: Any = resources.get(f"{name}_mb")
    if _is_number(exact):
        return max(float(exact), 0.0)
    return max(plain * 1e6 / 2**20, 0.0) if _is_number(plain) else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def slots_for(need: Need, shape: Shape) -> int | None:
    """Slots that the task takes on a machine of the shape; None if it does not fit at all."""
    size = shape.size
    if size is None:
        return need.threads if need.threads <= shape.slots else None
    shares = [need.threads / size.vcpus, need.memory_mib / (size.memory_mib * _MEMORY_SHARE)]
    if need.disk_mib:
        shares.append(need.disk_mib / (disk_of(size) * _DISK_SHARE))
    if need.gpus:
        gpus = gpus_of(size)
        if not gpus:
            return None
        shares.append(need.gpus / gpus)
    share = max(shares)
    if share > 1:
        return None
    return max(1, math.ceil(round(share * shape.slots, 6)))


def disk_of(size: VmSize) -> int:
    """The disk in MiB that tasks work on: the local one, else that of the system."""
    return max(size.temp_disk_mib, size.nvme_disk_mib or 0) or _SYSTEM_DISK_MIB


def gpus_of(size: VmSize) -> int:
    """Accelerators of a size; the table does not know those of the newest."""
    return _GPUS.get(size.name, 0) if size.gpus is None else size.gpus


class Sizes:
    """Chooses shapes by the settings. `fixed` is the shape of an existing pool."""

    def __init__(self, settings: AzureSettings, fixed: Shape | None = None) -> None:
        self._settings = settings
        self._fixed = fixed
        self._shapes: dict[str, Shape] = {}
        if fixed is None and settings.vm_size:
            self._fixed = self._shape(settings.vm_size)

    def place(self, need: Need) -> tuple[Shape, int] | None:
        """Shape and slots for a task; None if nothing holds it."""
        for name in self._candidates(need):
            shape = self._fixed or self._shape(name)
            slots = slots_for(need, shape)
            if slots is not None:
                return shape, slots
        return None

    def _candidates(self, need: Need) -> tuple[str, ...]:
        if self._fixed is not None:
            return (self._fixed.vm_size,)
        return _GPU_LADDER if need.gpus else (USUAL, *_LADDER)

    def _shape(self, name: str) -> Shape:
        shape = self._shapes.get(name)
        if shape is None:
            size = vmsizes.size(name)
            cores = size.vcpus if size is not None else 1
            slots = min(self._settings.tasks_per_node or cores, _MOST_SLOTS, 4 * cores)
            name = size.name if size is not None else name
            shape = self._shapes[name] = Shape(name, slots, self._settings.spot, size)
        return shape

    @property
    def unknown(self) -> str | None:
        """What is to be said about a named size that the table does not have."""
        fixed = self._fixed
        if fixed is None or fixed.size is not None or self._settings.pool:
            return None
        hint = did_you_mean("size", fixed.vm_size, vmsizes.vm_sizes())
        text = f"the machine size {fixed.vm_size} is unknown here, its memory is not looked at"
        return f"{text}; {hint}" if hint else text


def check_requests(
    sizes: Sizes, requests: Iterable[tuple[str, int, Mapping[str, Any]]]
) -> tuple[Diagnostic, ...]:
    """A diagnostic (RK0614) for each kind of job that nothing holds.

    `requests` are (name of the job, threads, resources); of jobs that ask for the same, the
    first is named.
    """
    found: dict[Need, tuple[str, int]] = {}
    for name, threads, resources in requests:
        need = need_of(threads, resources)
        first, count = found.get(need, (name, 0))
        found[need] = (first, count + 1)
    return tuple(
        _too_big(sizes, need, name, count)
        for need, (name, count) in found.items()
        if sizes.place(need) is None
    )


def require(sizes: Sizes, requests: Iterable[tuple[str, int, Mapping[str, Any]]]) -> None:
    """Raises PlanError with what `check_requests` finds."""
    found = check_requests(sizes, requests)
    if found:
        raise PlanError(diagnostics=found)


def described(need: Need) -> str:
    """`4 threads, 16 GiB of memory` for a message."""
    words = [f"{need.threads} thread{'s' if need.threads > 1 else ''}"]
    if need.memory_mib:
        words.append(f"{need.memory_mib / 1024:.4g} GiB of memory")
    if need.disk_mib:
        words.append(f"{need.disk_mib / 1024:.4g} GiB of disk")
    if need.gpus:
        words.append(f"{need.gpus} GPU{'s' if need.gpus > 1 else ''}")
    return ", ".join(words)


def _too_big(sizes: Sizes, need: Need, name: str, count: int) -> Diagnostic:
    others = f" (and {count - 1} more jobs)" if count > 1 else ""
    fixed = sizes._fixed
    if fixed is None:
        message = f"no machine size holds job `{name}`{others}: it asks for {described(need)}"
        return Diagnostic(
            "RK0614", message, help="ask for less, or name a size: BATCH_POOL_VM_SIZE"
        )
    has = f"{fixed.slots} slots"
    if fixed.size is not None:
        size = fixed.size
        memory = size.memory_mib * _MEMORY_SHARE
        has = described(Need(size.vcpus, memory, disk_of(size) * _DISK_SHARE, gpus_of(size)))
    message = (
        f"{fixed.vm_size} cannot hold job `{name}`{others}: it asks for {described(need)},"
        f" a machine has {has} for jobs"
    )
    other = _smallest(need)
    help_ = f"BATCH_POOL_VM_SIZE={other} holds it" if other else "no size that we know holds it"
    if sizes._settings.pool:
        help_ = f"the pool `{sizes._settings.pool}` is too small for it; use another one"
    elif other:
        help_ += ", or leave BATCH_POOL_VM_SIZE away and each job gets a size that fits"
    return Diagnostic("RK0614", message, help=help_)


def _smallest(need: Need) -> str | None:
    for name in _GPU_LADDER if need.gpus else _LADDER:
        size = vmsizes.size(name)
        if size is not None and slots_for(need, Shape(name, size.vcpus, False, size)) is not None:
            return name
    return None
