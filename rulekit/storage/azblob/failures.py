"""Exceptions of the SDK as errors for users: what is refused, why, and what to do.

Source of the codes: Microsoft's pages "Blob service error codes" and "Common REST API error codes".
The SDK is asked by attribute names, so that this module imports nothing of it.
"""

from __future__ import annotations

from rulekit.errors.diagnostic import Diagnostic
from rulekit.errors.tree import InfrastructureError
from rulekit.storage.azblob.masking import masked
from rulekit.storage.azblob.sas import parse_sas, spoken_time, trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.storage.azblob.account import Account

# What was being done -> (the verb in messages, the right a SAS needs for it).
DOINGS: Mapping[str, tuple[str, str]] = {
    "list": ("listing", "l"),
    "read": ("reading", "r"),
    "write": ("writing to", "w"),
    "delete": ("deleting in", "d"),
    "create": ("creating", "c"),
}
_ROLE = "Storage Blob Data Contributor"


class Refusal(Exception):
    """An answer that says no, without the SDK. `headers` have names in lower case."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str], message: str) -> None:
        super().__init__(message or code or str(status))
        self.status_code = status
        self.error_code = code
        self.message = message
        self.response = self
        self.headers = headers


class Silence(OSError):
    """No answer at all."""


_SKEW = 15 * 60  # seconds; the service refuses signatures that are further off


def translated(
    error: Exception, account: Account, container: str, doing: str, name: str = "", now: float = 0.0
) -> InfrastructureError:
    """The error for an exception of a request. `doing` is a key of `DOINGS`; `name` the blob, if it
    was about one; `now` the time in seconds since the epoch, 0 for the clock's.

    What is neither the SDK's nor the system's is a bug of ours and raised as it is.
    """
    import time

    if isinstance(error, InfrastructureError):
        return error
    if (
        not isinstance(error, (OSError, Refusal))
        and type(error).__module__.partition(".")[0] != "azure"
    ):
        raise error

    now = now or time.time()
    status = getattr(error, "status_code", None)
    kind = type(error).__name__
    if any(one.__name__ == "ClientAuthenticationError" for one in type(error).__mro__) and (
        not code_of(error)  # of the login, not of the storage service
    ):
        return _no_token(error, account)
    if status is None:
        if kind in ("ServiceRequestError", "ServiceResponseError", "IncompleteReadError") or (
            isinstance(error, OSError)
        ):
            return _unreachable(error, account)
        return _other(error, account, container, doing)
    code = code_of(error)
    if status == 404 or code in ("ContainerNotFound", "BlobNotFound"):
        return _not_found(account, container, name, code)
    if status in (401, 403):
        return _refused(error, account, container, doing, code, now)
    if code == "PublicAccessNotPermitted":
        return _refused(error, account, container, doing, code, now)
    if status == 412 or code == "ConditionNotMet":
        return InfrastructureError(
            f"the blob `{container}/{name}` was changed while it was being read",
            code="RK0651",
            help="another run writes to the same container; run again when it has ended",
        )
    return _other(error, account, container, doing, code)


def code_of(error: Exception) -> str:
    """The service's code for an error, such as ``ContainerNotFound``; empty if it has none."""
    found = getattr(error, "error_code", None)
    if found:
        return str(getattr(found, "value", found))  # an enumeration, where the SDK knows it
    return _header(getattr(error, "response", None), "x-ms-error-code") or ""


def _header(response: Any, name: str) -> str | None:
    headers = getattr(response, "headers", None)
    found = (headers.get(name) or headers.get(name.lower())) if headers is not None else None
    return None if found is None else str(found)


def _said(error: Exception, account: Account) -> str:
    """The first line of the service's own words."""
    text = masked(str(getattr(error, "message", None) or error), (account.secret,))
    first = text.strip().split("\n")[0].strip()
    return first[:300]


def _where(account: Account, container: str) -> str:
    whose = f"the storage account `{account.name}`"
    return f"the container `{container}` of {whose}" if container else whose


def _not_found(account: Account, container: str, name: str, code: str) -> InfrastructureError:
    if name and code != "ContainerNotFound":
        return InfrastructureError(
            f"there is no blob `{name}` in {_where(account, container)}", code="RK0650"
        )
    if code == "ResourceNotFound":
        return InfrastructureError(
            f"there is no storage account `{account.name}`, or it does not show the container "
            f"`{container}`",
            code="RK0644",
            notes=(f"the account is at {account.url}",),
            help="check the name; containers that are not public need AZ_BLOB_CREDENTIAL",
        )
    return InfrastructureError(
        f"there is no container `{container}` in the storage account `{account.name}`",
        code="RK0644",
        notes=(f"the account is at {account.url}",),
        help=f"make it: `az storage container create --account-name {account.name} "
        f"--name {container}`",
    )


def _refused(
    error: Exception, account: Account, container: str, doing: str, code: str, now: float
) -> InfrastructureError:
    verb, right = DOINGS[doing]
    message = f"{verb} {_where(account, container)} is refused"
    if code == "AuthorizationFailure" and "failed to authenticate" in str(error):
        code = "AuthenticationFailed"  # as emulators call it
    skewed = _skew(error, now)
    if skewed is not None:
        return _clock(account, skewed)
    if account.kind == "sas":
        return refused_sas(account, container, doing, now, code)
    if code == "AuthenticationFailed" and account.kind == "key":
        return InfrastructureError(
            f"{message}: the key is not the one of this account",
            code="RK0648",
            help="take the key from the portal (Access keys) or from\n"
            f"`az storage account keys list --account-name {account.name}`, and put it into\n"
            "AZ_BLOB_CREDENTIAL. A key that was rotated is refused like this, too",
        )
    if code == "KeyBasedAuthenticationNotPermitted":
        return InfrastructureError(
            f"{message}: the account allows no keys",
            code="RK0643",
            help="unset AZ_BLOB_CREDENTIAL and use an identity: `az login`, or a managed identity",
        )
    if code == "AuthorizationFailure":
        return InfrastructureError(
            f"{message}: the account's network rules do not let this machine in",
            code="RK0643",
            help="allow its address under Networking, or run inside the allowed network",
        )
    if code == "AccountIsDisabled":
        return InfrastructureError(f"{message}: the account is disabled", code="RK0643")
    if account.kind == "identity":
        needed = "Reader" if right in "rl" else "Contributor"
        return InfrastructureError(
            f"{message}: the identity has no right for it",
            code="RK0643",
            notes=(f"the service says {code or 'no more'}",),
            help=f"it needs the role `Storage Blob Data {needed}` on the account or the container\n"
            f"(a run that writes needs `{_ROLE}`; `Owner` is not enough). A new role takes some\n"
            "minutes",
        )
    if account.kind == "none":
        return InfrastructureError(
            f"{message}: it is not public", code="RK0643", help="set AZ_BLOB_CREDENTIAL"
        )
    return InfrastructureError(
        f"{message} ({code or 'without a reason'})",
        code="RK0643",
        notes=(_said(error, account),),
    )


def refused_sas(
    account: Account, container: str, doing: str, now: float, code: str = ""
) -> InfrastructureError:
    """The error for a SAS that was, or will be, refused."""
    verb, right = DOINGS[doing]
    message = f"{verb} {_where(account, container)} is refused"
    sas = parse_sas(account.secret)
    found = trouble(sas, account.url, now, right)
    again = (
        "make one, and put it into AZ_BLOB_CREDENTIAL:\n"
        f"az storage container generate-sas --account-name {account.name} \\\n"
        f"    --name {container or 'CONTAINER'} --permissions racwdl --expiry DATE"
    )
    for dates in ("expired", "early"):
        if dates in found:
            return InfrastructureError(
                f"the SAS of the storage account `{account.name}` cannot be used: {found[dates]}",
                code="RK0645",
                help=again,
            )
    for what in ("scheme", "service", "reach", "rights"):
        if what in found:
            return InfrastructureError(
                f"{message}: {found[what].replace('it ', 'the SAS ', 1)}",
                code="RK0643",
                help=f"a run needs Read, Add, Create, Write, Delete and List (racwdl): {again}",
            )
    if code == "AuthenticationFailed":
        return InfrastructureError(
            f"{message}: the SAS does not fit",
            code="RK0648",
            help="it is for another account or container, was cut (put it into quotes in the shell),\n"
            f"or its key was rotated: {again}",
        )
    return InfrastructureError(
        f"{message}: the SAS does not allow it ({code or 'without a reason'})",
        code="RK0643",
        help=f"a run needs Read, Add, Create, Write, Delete and List (racwdl): {again}",
    )


def ends_soon(account: Account, expires: float, now: float) -> Diagnostic:
    """The warning for a SAS that may end before the run does."""
    minutes = max(0, round((expires - now) / 60))
    left = f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
    return Diagnostic(
        "RK0655",
        f"the SAS of the storage account `{account.name}` ends in {left}, at "
        f"{spoken_time(expires)}",
        help="what is not uploaded by then is lost, and nothing can be made in its place: use one\n"
        "that lives longer, a key or an identity",
        severity="warning",
    )


def _skew(error: Exception, now: float) -> float | None:
    """By how many seconds the clock here is ahead, if that is why a signature is refused."""
    date = _header(getattr(error, "response", None), "Date")
    if not date:
        return None
    from email.utils import parsedate_to_datetime

    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
    return ahead if abs(ahead) > _SKEW else None


def _clock(account: Account, ahead: float) -> InfrastructureError:
    minutes = round(abs(ahead) / 60)
    way = "ahead" if ahead > 0 else "behind"
    return InfrastructureError(
        f"the clock of this machine is {minutes} minutes {way} of the one of the storage service",
        code="RK0649",
        notes=(f"the storage account is `{account.name}`; signatures of requests hold the time",),
        help="set the clock, for example `timedatectl set-ntp true`",
    )


def _unreachable(error: Exception, account: Account) -> InfrastructureError:
    text = str(error).lower()
    host = account.url.partition("://")[2].partition("/")[0]
    if any(word in text for word in ("name or service", "resolve", "nodename", "getaddrinfo")):
        why = "its name is not known"
        help_ = f"is `{account.name}` the right name? Is there a network?"
    elif "certificate" in text or "ssl" in text:
        why = "its certificate is not trusted, or it does not speak https"
        help_ = "REQUESTS_CA_BUNDLE names a file with the certificates of your network"
    elif "refused" in text:
        why = "it refuses the connection"
        help_ = "is the emulator running, and on this port?"
    elif "timed out" in text or "timeout" in text or "in time" in text:
        why = "it does not answer in time"
        help_ = "is there a firewall or proxy? HTTPS_PROXY names a proxy"
    else:
        why = "the connection breaks"
        help_ = "run again: what was finished is recorded"
    return InfrastructureError(
        f"the storage service at `{host}` cannot be reached: {why}", code="RK0646", help=help_
    )


def _no_token(error: Exception, account: Account) -> InfrastructureError:
    notes = [
        line.strip()
        for line in masked(str(error), (account.secret,)).split("\n")
        if line.strip().startswith(
            ("Environment", "ManagedIdentity", "AzureCli", "WorkloadIdentity")
        )
    ]
    if not notes:
        notes = [_said(error, account)]
    return InfrastructureError(
        f"no identity opens the storage account `{account.name}`",
        code="RK0647",
        notes=tuple(note[:200] for note in notes[:4]),
        help="`az login`; or AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET of a service\n"
        "principal; or AZ_BLOB_CREDENTIAL with the key of the account or a SAS",
    )


def _other(
    error: Exception, account: Account, container: str, doing: str, code: str = ""
) -> InfrastructureError:
    reason = code or type(error).__name__
    return InfrastructureError(
        f"{DOINGS[doing][0]} {_where(account, container)} failed ({reason})",
        code="RK0652",
        notes=(_said(error, account),),
    )
