"""What a machine size holds and costs, from the package's table of sizes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def size_of(name: str) -> Any | None:
    """The entry of `model.vmsizes` for a size (any case), or None."""
    try:
        from rulekit.model import vmsizes
    except ImportError:
        return None
    return vmsizes.size(name)


def cores(name: str) -> int:
    """vCPUs of a size; an unknown size counts as one with two."""
    found = size_of(name)
    return int(found.vcpus) if found is not None else 2


def hourly(name: str, dedicated: bool) -> float | None:
    """US dollars an hour, or None where the table has no price."""
    found = size_of(name)
    if found is None:
        return None
    value = found.usd_per_hour if dedicated else found.usd_per_hour_low_priority
    return None if value is None else float(value)


def family(name: str) -> str:
    """The quota family of a size; an unknown size is its own family."""
    found = size_of(name)
    return str(found.family or name) if found is not None else name
