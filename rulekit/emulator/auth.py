"""Who asks: SharedKey signatures and bearer tokens.

Source: Microsoft Learn, "Authenticate requests to the Azure Batch service".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time

from rulekit.emulator.formats import parse_http_date
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.emulator.messages import Call

_WINDOW = 15 * 60
_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
AUDIENCE = "https://batch.core.windows.net"


def string_to_sign(call: Call, account: str) -> str:
    """The text over which a SharedKey signature of this request is made."""
    headers = call.headers
    parts = [call.verb]
    for name in _SIGNED:
        value = headers.get(name, "")
        if name == "content-length" and not value and call.verb not in ("GET", "HEAD"):
            value = "0"
        parts.append(value)
    parts += [f"{k}:{v}" for k, v in sorted(headers.items()) if k.startswith("ocp-")]
    resource = f"/{account}{call.path}"
    for name in sorted(call.query):
        resource += f"\n{name}:{call.query[name]}"
    return "\n".join(parts) + "\n" + resource


def signature(text: str, key: str) -> str:
    """The signature of `text` with an account key (base64)."""
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def check(call: Call, accounts: Mapping[str, str], modes: frozenset[str], skew_s: float) -> str:
    """The account that the request speaks for. Raises Problem."""
    header = call.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "sharedkey" and "key" in modes:
        return _shared_key(call, rest.strip(), accounts, skew_s)
    if scheme.lower() == "bearer" and "token" in modes:
        return _bearer(rest.strip(), accounts)
    if scheme.lower() in ("sharedkey", "bearer"):
        raise _refused(f"The account does not allow authentication by {scheme}.")
    raise Problem("AuthenticationFailed", status=401)


def _refused(detail: str) -> Problem:
    return Problem("AuthenticationFailed", values={"AuthenticationErrorDetail": detail})


def _shared_key(call: Call, text: str, accounts: Mapping[str, str], skew_s: float) -> str:
    account, colon, given = text.partition(":")
    known = {name.lower(): name for name in accounts}
    if not colon or account.lower() not in known:
        raise _refused("The account is not known.")
    dated = call.headers.get("ocp-date") or call.headers.get("date") or ""
    try:
        when = parse_http_date(dated)
    except ValueError:
        raise _refused("The request has no valid date header.") from None
    if abs(time.time() + skew_s - when) > _WINDOW:
        raise _refused(f"The date of the request, '{dated}', is not within 15 minutes of now.")
    key = accounts[known[account.lower()]]
    right = signature(string_to_sign(call, account), key)
    if not hmac.compare_digest(right, given):
        # The blank-free form is what the SDK of Microsoft signs.
        plain = signature(_without_blanks(call, account), key)
        if not hmac.compare_digest(plain, given):
            raise _refused("The signature of the request is not the expected one.")
    return known[account.lower()]


def _without_blanks(call: Call, account: str) -> str:
    kept = dict(call.query)
    try:
        call.query = {k: v.replace(" ", "") for k, v in kept.items()}
        return string_to_sign(call, account)
    finally:
        call.query = kept


def _bearer(token: str, accounts: Mapping[str, str]) -> str:
    check_token(token, (AUDIENCE,))
    return next(iter(accounts))


def check_token(token: str, audiences: tuple[str, ...]) -> None:
    """Hold an access token against audiences and the time. Raises Problem (401)."""
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
        audience = str(claims["aud"]).rstrip("/")
        expiry = float(claims["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise Problem(
            "AuthenticationFailed", "The access token has a wrong form.", status=401
        ) from None
    if audience not in audiences:
        detail = f"The audience of the token is not {audiences[0]}."
        raise Problem("AuthenticationFailed", detail, status=401)
    if expiry < time.time():
        raise Problem("AuthenticationFailed", "The access token has expired.", status=401)


def make_token(audience: str = AUDIENCE, lifetime_s: float = 3600.0, **claims: object) -> str:
    """A token in the form of a real one, unsigned, for tests and for the identity endpoint."""
    now = time.time()
    body = {"aud": audience, "iat": int(now), "nbf": int(now), "exp": int(now + lifetime_s)}
    body.update(claims)  # type: ignore[arg-type]
    return ".".join(_part(p) for p in ({"alg": "none", "typ": "JWT"}, body)) + ".emulated"


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
