"""What nodes may do with the storage, and how they get the first files of a run.

Definitions of jobs can be read by whoever may read the Batch account, so no credential of the user
is ever in one: with a key or a login, links carry a signature for one blob that only reads; with
an identity on the machines they carry none; with a SAS of the user, from which nothing narrower can
be made, the preparation task gets it sealed (`bootstrap`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rulekit.frozen import frozen
from rulekit.storage.azblob.credentials import LONGEST_DELEGATION_S, node_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.places import Location, Places, Root

_EARLIER_S = 900.0  # clocks differ


@frozen
class Granted:
    """accounts: for orders, without secrets. sas: tokens by account, for the sealed bundle. ends:
    when the first of the tokens that we made ends, in seconds of the epoch; None if none does. What
    the user gave ends when it ends: nothing can be made in its place."""

    accounts: Mapping[str, Any]
    sas: Mapping[str, str]
    ends: float | None = None

    def __repr__(self) -> str:
        return f"Granted(accounts={self.accounts!r}, sas=***, ends={self.ends!r})"


def lifetime_s(settings: AzureSettings) -> float:
    """How long what machines get shall live."""
    return settings.job_hours * 3600.0


def grant(storage: Any, places: Places, root: Root, settings: AzureSettings) -> Granted:
    """Access for the nodes of a run, as little as does. Raises InfrastructureError."""
    containers: dict[str, set[str]] = {root.account: {root.container}}
    for other in places.roots:
        containers.setdefault(other.account, set()).add(other.container)
    accounts: dict[str, Any] = {}
    tokens: dict[str, str] = {}
    ends: list[float] = []
    for key, names in containers.items():
        account = storage.account(key)
        given = node_access(
            account,
            names,
            lifetime_s=lifetime_s(settings),
            identity=settings.identity_client_id,
        )
        accounts[key] = {"url": given.url, "auth": given.auth, "client_id": given.client_id}
        if given.sas:
            tokens[key] = given.sas
        if given.expires is not None and account.kind != "sas":
            ends.append(given.expires)
    return Granted(accounts, tokens, min(ends, default=None))


def needs_bootstrap(storage: Any, account: str, settings: AzureSettings) -> bool:
    """Whether no link to a single blob can be made: the user's only credential is a SAS."""
    kind = storage.account(account).kind
    return kind == "sas" and settings.identity_client_id is None


def plain_link(storage: Any, location: Location) -> str:
    """The URL of a blob, without a signature."""
    from urllib.parse import quote

    return f"{storage.account(location.account).url}/{location.container}/{quote(location.name)}"


def links(storage: Any, locations: list[Location], settings: AzureSettings) -> list[str]:
    """URLs that read one blob each and nothing else; without a signature where an identity reads.

    Raises InfrastructureError.
    """
    account = storage.account(locations[0].account)
    plain = [plain_link(storage, location) for location in locations]
    if settings.identity_client_id is not None or account.kind == "none":
        return plain
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas

    now = time.time()
    lifetime = lifetime_s(settings)
    more: dict[str, Any] = {"account_key": account.secret}
    if account.kind != "key":
        lifetime = min(lifetime, LONGEST_DELEGATION_S - _EARLIER_S - 60)
        more = {"user_delegation_key": _delegation(storage, account, now, lifetime)}
    return [
        f"{url}?"
        + generate_blob_sas(
            account.name,
            location.container,
            location.name,
            permission=BlobSasPermissions(read=True),
            start=_moment(now - _EARLIER_S),
            expiry=_moment(now + lifetime),
            **more,
        )
        for url, location in zip(plain, locations, strict=True)
    ]


def _delegation(storage: Any, account: Any, now: float, lifetime: float) -> Any:
    from rulekit.storage.azblob.failures import translated

    start, end = _moment(now - _EARLIER_S), _moment(now + lifetime)
    try:
        return storage.service(account.key).get_user_delegation_key(start, end)
    except Exception as error:
        raise translated(error, account, "", "create") from None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
