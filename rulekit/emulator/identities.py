"""Tokens for the identities of a pool."""

from __future__ import annotations

from rulekit.emulator.transfer import TransferError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.state import Pool


def storage_token(pool: Pool, resource: str) -> str:
    """A token for storage in the name of a user-assigned identity. Raises TransferError."""
    from rulekit.emulator import imds  # type: ignore[attr-defined,unused-ignore]

    known = {name.lower(): name for name in pool.identities}
    if resource.lower() not in known:
        raise TransferError(403, "IdentityNotOnPool", f"{resource} is not an identity of the pool")
    return str(imds.storage_token(known[resource.lower()]))
