"""Looks at everything a run on Azure needs, before money is spent. Each check says what to do next."""

from __future__ import annotations

import time

from rulekit.errors import RulekitError
from rulekit.executors.azure import images
from rulekit.executors.azure.client import BatchService, ServiceError
from rulekit.executors.azure.sizes import Sizes
from rulekit.frozen import frozen
from rulekit.model import vmsizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.places import Root

OK, WARN, FAIL = "ok", "warn", "fail"
_SKEW_WARN_S = 120.0
_SKEW_FAIL_S = 900.0  # the service refuses signatures that are so old


@frozen
class Finding:
    """One line of the report: `level` is ``ok``, ``warn`` or ``fail``."""

    level: str
    what: str
    text: str
    help: str = ""


class Doctor:
    """The checks, one after the other; one that fails hides those that need what it looked at."""

    def __init__(
        self, settings: AzureSettings, service: BatchService, storage: Any, root: Root | None
    ) -> None:
        """`storage` is an AzBlobStorage or None, `root` the default prefix of a run."""
        self._settings = settings
        self._service = service
        self._storage = storage
        self._root = root
        self._clock: float | None = None

    def findings(self) -> Iterator[Finding]:
        """All of them, as they are found. Raises nothing for what is wrong out there."""
        for notice in self._settings.notices:
            yield Finding(WARN, "settings", notice)
        account = list(self._guarded("account", self._account))
        yield from account
        if all(one.level != FAIL for one in account):
            for what, check in (
                ("image", self._image),
                ("size", self._size),
                ("pool", self._pool),
                ("quota", self._quota),
                ("leftovers", self._leftovers),
            ):
                yield from self._guarded(what, check)
        yield from self._guarded("storage", self._blobs)
        if self._clock is not None:
            yield self._clock_finding(self._clock)

    def _guarded(self, what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        try:
            yield from check()
        except RulekitError as error:
            for one in error.diagnostics:
                yield Finding(FAIL, what, one.message, one.help or "")

    # --- the Batch account ----------------------------------------------------------------

    def _account(self) -> Iterator[Finding]:
        settings = self._settings
        seen: list[Any] = []
        before = time.time()

        def ask() -> Any:
            pages = self._service.sdk.list_pools(
                select=["id"], max_results=1, raw_response_hook=seen.append
            )
            return next(pages.by_page(), None)

        try:
            self._service.attempt("list_pools", ask)
        except ServiceError:
            self._clock = _skew(seen, before)
            raise
        self._clock = _skew(seen, before)
        how = "by its key" if settings.account_key is not None else "by the login of this machine"
        yield Finding(OK, "account", f"{settings.account_url} lets us in {how}")
        if settings.account_key is not None and (
            settings.subnet_id or settings.identity_resource_id
        ):
            yield Finding(
                WARN,
                "account",
                "pools with a subnet or an identity need a login, not a key",
                "unset AZ_BATCH_ACCOUNT_KEY and use `az login` or a managed identity",
            )

    def _clock_finding(self, skew: float) -> Finding:
        size = abs(skew)
        text = f"this machine's clock differs from the service's by {size:.0f} s"
        if size > _SKEW_FAIL_S:
            return Finding(FAIL, "clock", text, "set the clock: the service refuses such requests")
        if size > _SKEW_WARN_S:
            return Finding(WARN, "clock", text, "set the clock; at 15 minutes requests are refused")
        return Finding(OK, "clock", f"right to {max(size, 1):.0f} s")

    def _image(self) -> Iterator[Finding]:
        settings = self._settings
        if settings.pool:
            return
        rows = [] if settings.image_id else list(self._service.rows("/supportedimages", {}))
        known = [images.image_from_wire(row) for row in rows]
        image, notes = images.choose(known, settings, time.time(), self._arch())
        for note in notes:
            yield Finding(WARN, "image", note)
        if not notes:
            yield Finding(OK, "image", f"{image} with {image.agent}")

    def _arch(self) -> str:
        size = vmsizes.size(self._settings.vm_size or "")
        return size.arch if size is not None else "x64"

    def _size(self) -> Iterator[Finding]:
        if self._settings.pool:
            return
        chosen = Sizes(self._settings)
        if chosen.unknown:
            yield Finding(WARN, "size", chosen.unknown, "see BATCH_POOL_VM_SIZE")
            return
        if not self._settings.vm_size:
            yield Finding(OK, "size", "chosen for each job by what it asks for")
            return
        size = vmsizes.size(self._settings.vm_size)
        assert size is not None
        price = f", about {size.usd_per_hour} USD an hour" if size.usd_per_hour else ""
        text = f"{size.name}: {size.vcpus} processors, {size.memory_mib // 1024} GiB{price}"
        yield Finding(OK, "size", text)
        if not size.batch_validated:
            yield Finding(WARN, "size", f"nobody is known to have seen {size.name} on Batch")

    def _pool(self) -> Iterator[Finding]:
        name = self._settings.pool
        if not name:
            return
        from rulekit.executors.azure.pools import Pools

        said: list[str] = []
        pools = Pools(self._service, self._settings, "doctor", lambda _l, t: said.append(t))
        pools.sizes()
        found = self._service.raw(f"/pools/{name}", {})
        nodes = (found.get("currentDedicatedNodes") or 0) + (
            found.get("currentLowPriorityNodes") or 0
        )
        text = (
            f"{name}: {nodes} machines {found.get('vmSize')}, {found.get('taskSlotsPerNode')} slots"
        )
        if not nodes and not found.get("enableAutoScale"):
            yield Finding(FAIL, "pool", f"{text}; it does not scale", "resize it before the run")
            return
        yield Finding(OK, "pool", text)
        machine = found.get("virtualMachineConfiguration") or {}
        if machine.get("containerConfiguration") and not self._settings.container_image:
            yield Finding(
                WARN,
                "pool",
                "every task in this pool must run in a container",
                "give `--container-image` with an image that has Python 3",
            )

    def _quota(self) -> Iterator[Finding]:
        settings = self._settings
        if not (settings.subscription_id and settings.resource_group):
            yield Finding(
                WARN,
                "quota",
                "not looked at: only the resource manager tells it",
                "set AZURE_SUBSCRIPTION_ID and AZURE_RESOURCE_GROUP, or look in the portal: Quotas",
            )
            return
        from rulekit.executors.azure import quotas

        for level, text, help_ in quotas.check(settings):
            yield Finding(level, "quota", text, help_)

    def _leftovers(self) -> Iterator[Finding]:
        from rulekit.executors.azure import gc

        found = [one for one in gc.find(self._service, time.time()) if one.kind != "files"]
        if found:
            yield Finding(
                WARN,
                "leftovers",
                f"{len(found)} pools and jobs of dead runs",
                "`rulekit azure gc` removes them",
            )
        else:
            yield Finding(OK, "leftovers", "no pool or job of a dead run")

    # --- the storage ----------------------------------------------------------------------

    def _blobs(self) -> Iterator[Finding]:
        if self._storage is None or self._root is None:
            yield Finding(
                FAIL if self._storage is None else WARN,
                "storage",
                "no storage account is set" if self._storage is None else "no prefix is given",
                "AZ_BLOB_ACCOUNT_URL and AZ_BLOB_CREDENTIAL"
                if self._storage is None
                else "rulekit azure doctor --default-remote-prefix CONTAINER/path",
            )
            return
        root = self._root
        account = self._storage.account(root.account)
        for warning in self._storage.check(root.account, root.container, lifetime_s=0.0):
            yield Finding(WARN, "storage", warning.message, warning.help or "")
        if (root.account, root.container) in self._storage.gone:
            yield Finding(
                WARN,
                "storage",
                f"{account.url} has no container `{root.container}`: the first run will make it",
                "is the name right?",
            )
            yield from self._sas(account)
            return
        yield Finding(
            OK, "storage", f"{account.url}/{root.container} can be listed ({account.kind})"
        )
        yield from self._sas(account)
        yield from self._probe(root)

    def _sas(self, account: Any) -> Iterator[Finding]:
        if account.kind != "sas":
            return
        from rulekit.storage.azblob.sas import parse_sas, spoken_time

        sas = parse_sas(account.secret)
        if sas.expires is not None:
            text = f"it ends {spoken_time(sas.expires)}"
            if sas.expires < time.time() + 86_400:
                yield Finding(WARN, "SAS", text, "a run that takes longer cannot store its outputs")
            else:
                yield Finding(OK, "SAS", text)
        if not sas.may("d"):
            yield Finding(
                WARN, "SAS", "it may not delete", "temporary files stay; add the right `d`"
            )
        yield Finding(
            WARN,
            "SAS",
            "machines get it as it is, nothing narrower can be made of it",
            "a key (AZ_BLOB_CREDENTIAL), a login or an identity of the pool is safer",
        )

    def _probe(self, root: Root) -> Iterator[Finding]:
        """Write, read and remove a small blob."""
        import os

        from rulekit.model.places import Location

        name = f"{root.below}.rulekit/doctor-{os.urandom(6).hex()}"
        at = Location(root.account, root.container, name)
        self._storage.put(at, b"rulekit")
        try:
            right = self._storage.get(at) == b"rulekit"
        finally:
            self._storage.delete([at])
        if right:
            yield Finding(OK, "storage", "a blob can be written, read and removed")
        else:
            yield Finding(FAIL, "storage", "a blob that was written reads differently")


def _skew(seen: list[Any], before: float) -> float | None:
    """Seconds by which this machine's clock is ahead, by the Date of the answer."""
    from email.utils import parsedate_to_datetime

    for answer in seen:
        text = answer.http_response.headers.get("Date")
        try:
            there = parsedate_to_datetime(text).timestamp()
        except (TypeError, ValueError):
            continue
        middle = (before + time.time()) / 2
        return 0.0 if abs(middle - there) < 1.5 else middle - there
    return None
