"""Requests about images, applications and usage."""

from __future__ import annotations

from rulekit.emulator import lists, prices
from rulekit.emulator.formats import stamp
from rulekit.emulator.messages import Answer
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.ledger import NodeTime
    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import World

# (publisher, offer, sku, agent, system, capabilities, end of support, verified)
_CONTAINERS = ["DockerCompatible", "NvidiaTeslaDriverInstalled"]
_IMAGES: tuple[tuple[str, str, str, str, str, list[str], str | None, bool], ...] = (
    (
        "microsoft-dsvm",
        "ubuntu-hpc",
        "2204",
        "batch.node.ubuntu 22.04",
        "linux",
        _CONTAINERS,
        "2027-04-01",
        True,
    ),
    (
        "microsoft-dsvm",
        "ubuntu-hpc",
        "2404",
        "batch.node.ubuntu 24.04",
        "linux",
        _CONTAINERS,
        "2029-04-01",
        True,
    ),
    (
        "canonical",
        "ubuntu-24_04-lts",
        "server",
        "batch.node.ubuntu 24.04",
        "linux",
        [],
        "2029-04-01",
        True,
    ),
    (
        "canonical",
        "0001-com-ubuntu-server-jammy",
        "22_04-lts",
        "batch.node.ubuntu 22.04",
        "linux",
        [],
        "2027-04-01",
        True,
    ),
    (
        "almalinux",
        "almalinux-x86_64",
        "9-gen2",
        "batch.node.el 9",
        "linux",
        [],
        "2032-05-31",
        True,
    ),
    (
        "debian",
        "debian-12",
        "12",
        "batch.node.debian 12",
        "linux",
        [],
        "2028-06-30",
        False,
    ),
    (
        "microsoftwindowsserver",
        "windowsserver",
        "2022-datacenter",
        "batch.node.windows amd64",
        "windows",
        [],
        None,
        True,
    ),
)


def images(world: World, call: Call) -> Answer:
    """GET /supportedimages."""

    def view(image: tuple[Any, ...]) -> dict[str, Any]:
        publisher, offer, sku, agent, system, capabilities, end, verified = image
        shown: dict[str, Any] = {
            "nodeAgentSKUId": agent,
            "imageReference": {
                "publisher": publisher,
                "offer": offer,
                "sku": sku,
                "version": "latest",
            },
            "osType": system,
            "verificationType": "verified" if verified else "unverified",
        }
        if capabilities:
            shown["capabilities"] = capabilities
        if end is not None:
            shown["batchSupportEndOfLife"] = f"{end}T00:00:00Z"
        return shown

    entities = [(f"{i:04d}", image) for i, image in enumerate(_IMAGES)]
    fields = FIELDS["supportedimages"]
    return lists.answer(call, fields, entities, view, "supportedimages")


def applications(world: World, call: Call) -> Answer:
    """GET /applications: there are none."""
    return lists.answer(call, FIELDS["applications"], [], dict, "applications")


def application(world: World, call: Call) -> Answer:
    """GET /applications/{applicationId}."""
    raise Problem("ApplicationNotFound", "The specified application does not exist.")


def usage(world: World, call: Call) -> Answer:
    """GET /poolusagemetrics, from the ledger, one entry for each pool."""
    found: dict[str, list[NodeTime]] = {}
    for entry in world.ledger.nodes():
        found.setdefault(entry.pool, []).append(entry)
    now = world.clock.now()

    def view(entries: list[NodeTime]) -> dict[str, Any]:
        size = entries[0].vm_size
        hours = sum(e.seconds for e in entries) / 3600
        return {
            "poolId": entries[0].pool,
            "startTime": stamp(min(e.start for e in entries)),
            "endTime": stamp(max(e.end or now for e in entries)),
            "vmSize": size,
            "totalCoreHours": hours * prices.cores(size),
        }

    entities = sorted(found.items())
    return lists.answer(call, FIELDS["poolusagemetrics"], entities, view, "poolusagemetrics")
