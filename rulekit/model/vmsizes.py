"""The virtual machine sizes of Azure: what each holds, and its list price.

The data is `vm_sizes.json` beside this file (sources and licences: `vm_sizes.txt`), read on the
first question. Prices are indicative: Linux, West Europe, US dollars an hour.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class VmSize:
    """One size. Memory and disks in MiB; None where the sources do not say."""

    name: str
    family: str | None  # the quota family of Batch, such as standardDDSv5Family
    vcpus: int
    memory_mib: int
    temp_disk_mib: int  # the local temporary disk, 0 where there is none
    nvme_disk_mib: int | None
    gpus: int | None
    max_data_disks: int
    arch: str  # x64, arm64
    batch_validated: bool  # somebody has seen Batch allocate it
    usd_per_hour: float | None
    usd_per_hour_low_priority: float | None
    region_count: int


_sizes: dict[str, VmSize] | None = None
_lower: dict[str, str] = {}


def vm_sizes() -> Mapping[str, VmSize]:
    """All sizes by their name as Azure writes it (`Standard_D4s_v5`), sorted by name."""
    global _sizes
    if _sizes is None:
        import json
        import os

        path = os.path.join(os.path.dirname(__file__), "vm_sizes.json")
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        # By name, so that the order of the columns is the file's own affair.
        fields = data["fields"]
        made = {}
        for row in data["rows"]:
            one = VmSize(**dict(zip(fields, row, strict=True)))
            made[one.name] = one
            _lower[one.name.lower()] = one.name
        _sizes = made
    return _sizes


def size(name: str) -> VmSize | None:
    """The size of that name in any case of letters, None if the table has none."""
    sizes = vm_sizes()
    known = _lower.get(name.lower())
    return None if known is None else sizes[known]
