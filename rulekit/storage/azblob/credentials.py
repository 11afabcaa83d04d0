"""What nodes get to open storage: as little as does the work, and nothing where an identity can.

Source: Microsoft's pages "Create a service SAS", "Create a user delegation SAS" (a delegation key
lives seven days at most).
"""

from __future__ import annotations

import time

from rulekit.errors.tree import InfrastructureError
from rulekit.frozen import frozen
from rulekit.storage.azblob.connect import Patience, connected
from rulekit.storage.azblob.failures import translated
from rulekit.storage.azblob.sas import parse_sas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rulekit.storage.azblob.account import Account

# Read, add, create, write, delete, list: what an order does.
NODE_RIGHTS = "racwdl"
DAY_S = 86_400
LONGEST_DELEGATION_S = 7 * DAY_S
_EARLIER_S = 15 * 60  # clocks differ


@frozen
class NodeAccess:
    """How a node opens one account. auth: ``sas`` | ``identity`` | ``none``. sas: the token without
    ``?``, a secret. expires: seconds since the epoch, None if it does not end or is not known."""

    url: str
    auth: str
    client_id: str | None = None
    sas: str = ""
    expires: float | None = None

    def __repr__(self) -> str:
        shown = "***" if self.sas else ""
        return (
            f"NodeAccess(url={self.url!r}, auth={self.auth!r}, client_id={self.client_id!r}, "
            f"sas={shown!r}, expires={self.expires!r})"
        )


def node_access(
    account: Account,
    containers: Iterable[str],
    *,
    lifetime_s: float,
    identity: str | None = None,
    rights: str = NODE_RIGHTS,
    patience: Patience | None = None,
) -> NodeAccess:
    """What a node gets for the containers of an account that its orders name.

    identity: the client id of an identity that the nodes have; then no secret travels. Else a key
    becomes a SAS for the container (for several: for the blobs of the account), a token credential
    a user delegation SAS, and the user's own SAS is passed on as it is. `lifetime_s` is how long it
    has to live, in seconds. Raises `InfrastructureError`.
    """
    wanted = sorted(set(containers))
    if identity is not None:
        return NodeAccess(account.url, "identity", identity or None)
    if account.kind == "none":
        return NodeAccess(account.url, "none")
    if account.kind == "sas":
        return NodeAccess(
            account.url, "sas", None, account.secret, parse_sas(account.secret).expires
        )
    now = time.time()
    if account.kind == "key":
        return _from_key(account, wanted, now, lifetime_s, rights)
    return _delegated(account, wanted, now, lifetime_s, rights, patience or Patience())


def _moment(seconds: float) -> datetime:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(seconds), UTC)


def _from_key(
    account: Account, containers: list[str], now: float, lifetime_s: float, rights: str
) -> NodeAccess:
    from azure.storage.blob import (
        AccountSasPermissions,
        ContainerSasPermissions,
        ResourceTypes,
        generate_account_sas,
        generate_container_sas,
    )

    expires = float(int(now + lifetime_s))
    protocol = "https" if account.url.startswith("https:") else None
    if len(containers) == 1:
        token = generate_container_sas(
            account.name,
            containers[0],
            account_key=account.secret,
            permission=ContainerSasPermissions.from_string(rights),
            start=_moment(now - _EARLIER_S),
            expiry=_moment(expires),
            protocol=protocol,
        )
    else:
        token = generate_account_sas(
            account.name,
            account.secret,
            ResourceTypes(container=True, object=True),
            AccountSasPermissions.from_string(rights),  # type: ignore[no-untyped-call]
            start=_moment(now - _EARLIER_S),
            expiry=_moment(expires),
            protocol=protocol,
        )
    return NodeAccess(account.url, "sas", None, token, expires)


def _delegated(
    account: Account,
    containers: list[str],
    now: float,
    lifetime_s: float,
    rights: str,
    patience: Patience,
) -> NodeAccess:
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    if len(containers) != 1:
        raise InfrastructureError(
            f"nodes cannot get one token for {len(containers)} containers of the account "
            f"`{account.name}` from a login",
            code="RK0658",
            help="give the pool an identity (BATCH_MANAGED_IDENTITY_CLIENT_ID), or set "
            "AZ_BLOB_CREDENTIAL to a key",
        )
    expires = float(int(now + min(lifetime_s, LONGEST_DELEGATION_S - _EARLIER_S - 60)))
    start = _moment(now - _EARLIER_S)
    client = connected(account, patience)
    try:
        key = client.get_user_delegation_key(start, _moment(expires))
    except Exception as error:
        found = translated(error, account, "", "create")
        if found.diagnostics[0].code != "RK0643":
            raise found from None
        raise InfrastructureError(
            f"the login may not make tokens for the storage account `{account.name}`",
            code="RK0658",
            help="it needs the role `Storage Blob Delegator` on the account (`Storage Blob Data "
            "Contributor`\non the account has it, one on a container only has not); or give the "
            "pool an identity",
        ) from None
    finally:
        client.close()
    token = generate_container_sas(
        account.name,
        containers[0],
        user_delegation_key=key,
        permission=ContainerSasPermissions.from_string(rights),
        start=start,
        expiry=_moment(expires),
        protocol="https" if account.url.startswith("https:") else None,
    )
    return NodeAccess(account.url, "sas", None, token, expires)
