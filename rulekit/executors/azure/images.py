"""Which machine image: the list of the service decides, not a constant that grows old."""

from __future__ import annotations

import re

from rulekit.errors import InfrastructureError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings

_SOON_S = 60 * 86400.0  # an image that goes so soon is not chosen if there is another
_VERSION = re.compile(r"(\d\d)[._-]?(04|10)")


@frozen
class Image:
    """A machine image and the node agent that goes with it. `end` in seconds of the epoch."""

    publisher: str
    offer: str
    sku: str
    agent: str
    verified: bool = True
    docker: bool = False
    end: float | None = None
    os: str = "linux"
    id: str | None = None  # resource id, in place of the first three

    def to_wire(self) -> dict[str, Any]:
        """The reference as the service takes it."""
        if self.id is not None:
            return {"virtualMachineImageId": self.id}
        return {
            "publisher": self.publisher,
            "offer": self.offer,
            "sku": self.sku,
            "version": "latest",
        }

    def __str__(self) -> str:
        return self.id or f"{self.publisher}/{self.offer}/{self.sku}"


def image_from_wire(row: dict[str, Any]) -> Image:
    """An item of the list of supported images."""
    reference = row.get("imageReference") or {}
    capabilities = [str(one).lower() for one in row.get("capabilities") or ()]
    return Image(
        reference.get("publisher") or "",
        reference.get("offer") or "",
        reference.get("sku") or "",
        row.get("nodeAgentSKUId") or "",
        str(row.get("verificationType") or "").lower() == "verified",
        "dockercompatible" in capabilities,
        _moment(row.get("batchSupportEndOfLife")),
        str(row.get("osType") or "linux").lower(),
    )


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    from datetime import datetime

    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def choose(
    images: Iterable[Image], settings: AzureSettings, now: float, arch: str = "x64"
) -> tuple[Image, tuple[str, ...]]:
    """The image for our pools and what is to be said about it.

    An image that was named is looked up for its node agent. Else: verified, Linux, with a
    container engine, not near its end, for this processor; `microsoft-dsvm ubuntu-hpc` first
    (it has docker), the newest release with long support.

    Raises InfrastructureError (RK0615).
    """
    if settings.image_id:
        assert settings.node_agent is not None
        return Image("", "", "", settings.node_agent, id=settings.image_id), ()
    pool = list(images)
    if settings.image_publisher:
        return _named(pool, settings, now)
    fit = [i for i in pool if i.verified and i.docker and i.os == "linux" and _arch(i) == arch]
    alive = [i for i in fit if i.end is None or i.end > now]
    lasting = [i for i in alive if i.end is None or i.end > now + _SOON_S]
    notes: tuple[str, ...] = ()
    if alive and not lasting:
        notes = ("every machine image on offer is near the end of its support",)
    best = max(lasting or alive, key=_rank, default=None)
    if best is None:
        raise InfrastructureError(
            "Batch offers no verified Linux image that runs containers"
            + (" and is not out of support" if fit else ""),
            code="RK0615",
            notes=(f"{len(pool)} images are on offer, {len(fit)} of them fit",),
            help="name one: BATCH_POOL_IMAGE_PUBLISHER, _OFFER, _SKU and"
            " BATCH_POOL_VM_NODE_AGENT_SKU_ID",
        )
    return best, notes


def _named(pool: list[Image], settings: AzureSettings, now: float) -> tuple[Image, tuple[str, ...]]:
    from rulekit.errors.diagnostic import did_you_mean

    wanted = (settings.image_publisher, settings.image_offer, settings.image_sku)
    low = tuple(str(word).lower() for word in wanted)
    for image in pool:
        if (image.publisher.lower(), image.offer.lower(), image.sku.lower()) == low:
            notes: list[str] = []
            if image.end is not None and image.end < now + _SOON_S:
                from rulekit.executors.azure.lease import http_date

                notes.append(f"Batch supports the image {image} until {http_date(image.end)} only")
            if not image.docker:
                notes.append(f"the image {image} has no container engine of its own")
            agent = settings.node_agent or image.agent
            made = Image(*wanted, agent, docker=image.docker, end=image.end)  # type: ignore[arg-type]
            return made, tuple(notes)
    name = "/".join(map(str, wanted))
    if settings.node_agent:
        made = Image(*wanted, settings.node_agent)  # type: ignore[arg-type]
        return made, (f"the image {name} is not on the list of the service",)
    raise InfrastructureError(
        f"Batch does not offer the machine image `{name}`",
        code="RK0615",
        help=did_you_mean("machine image", name, map(str, pool))
        or "leave BATCH_POOL_IMAGE_* away and a good one is chosen",
    )


def _arch(image: Image) -> str:
    text = f"{image.offer} {image.sku}".lower()
    return "arm64" if "arm64" in text or "aarch64" in text else "x64"


def _rank(image: Image) -> tuple[bool, bool, float, bool, str]:
    text = f"{image.offer} {image.sku}".lower()
    hpc = image.publisher.lower() == "microsoft-dsvm" and image.offer.lower() == "ubuntu-hpc"
    found = _VERSION.search(image.sku) or _VERSION.search(image.offer)
    release = float(f"{found[1]}.{found[2]}") if found else 0.0
    long = bool(found) and found[2] == "04" and int(found[1]) % 2 == 0 if found else False
    return hpc, "ubuntu" in text and long, release, "gen1" not in text, image.sku
