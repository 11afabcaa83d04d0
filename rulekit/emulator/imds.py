"""The instance metadata endpoint of a node: tokens for managed identities.

Source: Microsoft Learn, "How to use managed identities on an Azure VM to acquire an access token"
and "Azure Instance Metadata Service". A client reaches it by
`AZURE_POD_IDENTITY_AUTHORITY_HOST=<address of the emulator>` (azure-identity), as 169.254.169.254
is not ours. Tokens have the form of real ones; their signature is noise, which Azurite's
`--oauth basic` and the emulator accept and nobody else does.
"""

from __future__ import annotations

import hashlib
import time

from rulekit.emulator import auth
from rulekit.emulator.messages import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.emulator.messages import Call

PREFIX = "metadata"
STORAGE = "https://storage.azure.com"
TENANT = "00000000-0000-4000-8000-00000000cafe"
_LIFETIME_S = 86400
_VERSIONS = ("2018-02-01", "2019-08-01", "2020-06-01", "2021-02-01", "2021-12-13", "2023-07-01")


def client_id(resource_id: str) -> str:
    """The client id that stands for a user-assigned identity: the same each time."""
    digest = hashlib.sha256(resource_id.lower().encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def token(audience: str, resource_id: str, lifetime_s: float = _LIFETIME_S) -> str:
    """An access token for `audience` in the name of an identity."""
    known = client_id(resource_id)
    return auth.make_token(
        audience,
        lifetime_s,
        iss=f"https://sts.windows.net/{TENANT}/",
        tid=TENANT,
        appid=known,
        oid=known,
        sub=known,
        ver="1.0",
        xms_mirid=resource_id,
    )


def storage_token(resource_id: str) -> str:
    """An access token for blobs in the name of an identity."""
    return token(STORAGE, resource_id)


def variables(url: str, identities: Iterable[str]) -> dict[str, str]:
    """The variables by which a task finds this endpoint at `url`; none without an identity."""
    if not list(identities):
        return {}
    return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": url, "RULEKIT_IMDS": url}


def handle(call: Call, identities: Iterable[str], location: str = "emulated") -> Answer | None:
    """The answer to a request below `/metadata`, None for any other.

    `identities` are the resource ids of the user-assigned identities of the node.
    """
    if not call.segments or call.segments[0] != PREFIX:
        return None
    if call.headers.get("metadata", "").lower() != "true":
        return _wrong("invalid_request", "Required metadata header not specified")
    if "x-forwarded-for" in call.headers:
        return _wrong("invalid_request", "The request was forwarded")
    if call.verb != "GET":
        return _wrong("method_not_allowed", "Only GET is known here", 405)
    version = call.query.get("api-version", "")
    if version not in _VERSIONS:
        return Answer(400, {"error": "Bad request", "newest-versions": list(_VERSIONS[-3:])})
    if call.segments[1:] == ["identity", "oauth2", "token"]:
        return _token(call, list(identities))
    if call.segments[1:] == ["instance"]:
        compute = {"location": location, "provider": "Microsoft.Compute", "osType": "Linux"}
        return Answer(200, {"compute": compute}, _JSON)
    return _wrong("not_found", "There is nothing here", 404)


_JSON = {"Content-Type": "application/json; charset=utf-8"}


def _wrong(code: str, text: str, status: int = 400) -> Answer:
    return Answer(status, {"error": code, "error_description": text}, _JSON)


def _token(call: Call, identities: list[str]) -> Answer:
    audience = call.query.get("resource", "")
    if not audience:
        return _wrong("invalid_request", "The parameter 'resource' is missing")
    named = [call.query[n] for n in ("client_id", "object_id", "principal_id") if n in call.query]
    paths = [call.query[n] for n in ("msi_res_id", "mi_res_id") if n in call.query]
    if len(named) + len(paths) > 1:
        return _wrong("invalid_request", "More than one identity is named")
    found = [
        identity
        for identity in identities
        if all(client_id(identity) == name.lower() for name in named)
        and all(identity.lower() == path.lower() for path in paths)
    ]
    if not found:
        return _wrong("invalid_request", "Identity not found")
    if len(found) > 1:
        text = "Multiple user assigned identities exist, please specify the clientId / resourceId"
        return _wrong("invalid_request", text)
    now = int(time.time())
    body = {
        "access_token": token(audience.rstrip("/"), found[0]),
        "client_id": client_id(found[0]),
        "expires_in": str(_LIFETIME_S - 1),
        "ext_expires_in": str(_LIFETIME_S - 1),
        "expires_on": str(now + _LIFETIME_S),
        "not_before": str(now),
        "resource": audience,
        "token_type": "Bearer",
    }
    return Answer(200, body, _JSON)
