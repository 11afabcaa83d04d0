"""URLs of Blob accounts: which account, which endpoint, which token. Text only, no network.

Sources: Microsoft's pages "Naming and referencing containers, blobs, and metadata" (hosts, names) and
Azurite's reference (the account as the first part of the path).
"""

from __future__ import annotations

from rulekit.frozen import frozen


class BadUrl(ValueError):
    """The text is no URL of a Blob account; the message says why and shows no secret."""


@frozen
class AccountUrl:
    """url: the endpoint without a final slash and without a query. account: the account's name, for
    a custom domain the host. container, name: what the path says beyond the account, or empty.
    sas: the token of the query without ``?``, or empty."""

    url: str
    account: str
    container: str
    name: str
    sas: str

    def __repr__(self) -> str:
        shown = "***" if self.sas else ""
        return (
            f"AccountUrl(url={self.url!r}, account={self.account!r}, "
            f"container={self.container!r}, name={self.name!r}, sas={shown!r})"
        )


def parse_account_url(text: str) -> AccountUrl:
    """What a URL says: ``https://NAME.blob.core.windows.net``, other clouds and custom domains, an
    emulator (``http://127.0.0.1:10000/devstoreaccount1``); with a container, a blob and a token or
    without. Raises `BadUrl`."""
    whole = text.strip()
    scheme, separator, rest = whole.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise BadUrl("it does not begin with `https://` or `http://`")
    rest, _, query = rest.partition("?")
    host, _, path = rest.partition("/")
    if "@" in host:
        raise BadUrl("it holds a user name")
    host = host.lower()
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if not bare or any(not (c.isalnum() or c in "-._[]:") for c in bare):
        raise BadUrl("it has no host")
    parts = [part for part in path.split("/") if part]
    url = f"{scheme.lower()}://{host}"
    if _account_in_path(host, bare):
        if not parts:
            raise BadUrl(f"the account's name is missing: `{url}/devstoreaccount1`")
        account = parts.pop(0)
        if not account.isascii() or not account.replace("-", "a").isalnum():
            raise BadUrl(f"`{account}` cannot be the name of an account")
        url += "/" + account
    elif ".blob." in bare or bare.endswith(".blob"):
        account = bare.partition(".")[0].removesuffix("-secondary")
    else:
        account = host.replace(":", "-")
    from urllib.parse import unquote

    container = unquote(parts[0]) if parts else ""
    return AccountUrl(url, account, container, unquote("/".join(parts[1:])), clean_sas(query))


def _account_in_path(host: str, bare: str) -> bool:
    """Emulators and proxies: an address, a name without dots, or a port of its own."""
    digits = bare.replace(".", "")
    return digits.isdigit() or bare.startswith("[") or "." not in bare or host != bare


def clean_sas(text: str) -> str:
    """A token without ``?`` and blanks; empty if the text is no SAS."""
    token = text.strip().lstrip("?&").strip()
    return token if is_sas(token) else ""


def is_sas(text: str) -> bool:
    """Whether a text is a shared access signature, in any order of its parts."""
    parts = text.strip().lstrip("?&").split("&")
    return any(part.lower().startswith("sig=") for part in parts)
