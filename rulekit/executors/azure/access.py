"""What nodes may do with the storage, and links to single blobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.places import Location, Places, Root


@frozen
class Granted:
    """accounts: for orders, without secrets. sas: tokens by account, for the sealed bundle."""

    accounts: dict[str, Any]
    sas: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def grant(storage: Any, places: Places, root: Root, settings: AzureSettings) -> Granted:
    """Access for the nodes of a run, as little as possible. Raises InfrastructureError."""
    containers: dict[str, set[str]] = {root.account: {root.container}}
    for other in places.roots:
        containers.setdefault(other.account, set()).add(other.container)
    accounts: dict[str, Any] = {}
    tokens: dict[str, str] = {}
    until = datetime.now(UTC) + timedelta(hours=settings.job_hours)
    for key, names in containers.items():
        account = storage.account(key)
        identity = settings.identity_client_id
        auth = "identity" if identity else "none" if account.kind == "none" else "sas"
        accounts[key] = {"url": account.url, "auth": auth, "client_id": identity}
        if auth == "sas":
            tokens[key] = _token(account, sorted(names), until)
    return Granted(accounts, tokens)


def _token(account: Any, containers: list[str], until: datetime) -> str:
    from azure.storage.blob import (
        AccountSasPermissions,
        ContainerSasPermissions,
        ResourceTypes,
        generate_account_sas,
        generate_container_sas,
    )

    if account.kind == "sas":
        return str(account.secret)
    rights = "racwdl"
    if len(containers) == 1:
        return generate_container_sas(
            account.name,
            containers[0],
            account_key=account.secret,
            permission=ContainerSasPermissions.from_string(rights),
            expiry=until,
        )
    return generate_account_sas(
        account.name,
        account.secret,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, add=True, create=True, write=True, delete=True, list=True),
        expiry=until,
    )


def link(storage: Any, location: Location, settings: AzureSettings) -> str:
    """A URL that reads one blob and nothing else; without a signature where an identity reads."""
    from urllib.parse import quote

    account = storage.account(location.account)
    url = f"{account.url}/{location.container}/{quote(location.name)}"
    if settings.identity_client_id or account.kind == "none":
        return url
    if account.kind == "sas":
        return f"{url}?{account.secret}"
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas

    token = generate_blob_sas(
        account.name,
        location.container,
        location.name,
        account_key=account.secret,
        permission=BlobSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(hours=settings.job_hours),
    )
    return f"{url}?{token}"
