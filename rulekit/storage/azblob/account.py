"""Accounts: where the blobs are and what opens them, from variables, URLs and rule files.

Sources of the names of variables: Snakemake 7.32 (`AZ_BLOB_ACCOUNT_URL`, `AZ_BLOB_CREDENTIAL`), its
storage plugins (`SNAKEMAKE_STORAGE_AZURE_...`), the Azure command line (`AZURE_STORAGE_...`).
"""

from __future__ import annotations

import binascii

from rulekit.errors.tree import InfrastructureError, UsageError
from rulekit.frozen import frozen, replace
from rulekit.model.bloburl import BadUrl, clean_sas, parse_account_url
from rulekit.model.stores import DEFAULT_ACCOUNT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.model.stores import Stores

_HOW = (
    "`export AZ_BLOB_ACCOUNT_URL=https://NAME.blob.core.windows.net` and, unless `az login` or an\n"
    "identity opens it, `export AZ_BLOB_CREDENTIAL=` the key of the account or a SAS"
)
_PUBLIC = "core.windows.net"


@frozen
class Account:
    """One storage account. `key` is what Locations call it, `name` what the service calls it.

    kind: ``key`` | ``sas`` | ``identity`` (whatever `DefaultAzureCredential` finds) | ``none``
    (public containers). secret: the account key, or the token without ``?``.
    """

    key: str
    name: str
    url: str
    kind: str
    secret: str = ""
    client_id: str | None = None

    def __repr__(self) -> str:
        shown = "***" if self.secret else ""
        return (
            f"Account(key={self.key!r}, name={self.name!r}, url={self.url!r}, kind={self.kind!r}, "
            f"secret={shown!r}, client_id={self.client_id!r})"
        )


def account_of(
    url: str,
    credential: str = "",
    *,
    name: str = "",
    key: str = "",
    client_id: str | None = None,
    said: str = "AZ_BLOB_CREDENTIAL",
    said_url: str = "AZ_BLOB_ACCOUNT_URL",
) -> Account:
    """The account of a URL and a credential: a key, a SAS, a connection string, or nothing (then the
    URL's own SAS, else an identity). `name` is the account's where the host does not tell it.
    `said` names the sources for messages. Raises `UsageError`."""
    try:
        parsed = parse_account_url(url)
    except BadUrl as error:
        raise UsageError(
            f"`{said_url}` is no URL of a storage account: {error}",
            code="RK0641",
            help="for example `https://NAME.blob.core.windows.net`, or\n"
            "`http://127.0.0.1:10000/devstoreaccount1` for an emulator",
        ) from None
    name = name or parsed.account
    made = Account(key or name, name, parsed.url, "identity", "", client_id)
    credential = credential.strip()
    if "AccountKey=" in credential or "SharedAccessSignature=" in credential:
        inner = from_connection_string(credential, said=said)
        return replace(made, kind=inner.kind, secret=inner.secret)
    token = clean_sas(credential)
    if token:
        return replace(made, kind="sas", secret=token)
    if credential:
        if not _is_key(credential):
            raise UsageError(
                f"`{said}` is neither the key of an account nor a SAS",
                code="RK0641",
                help="a key is 88 characters of base64; a SAS has the parts `sv=`, `se=`, `sp=` and "
                "`sig=`.\nWas it cut at a `&`? Put it into quotes in the shell",
            )
        return replace(made, kind="key", secret=credential)
    if parsed.sas:
        return replace(made, kind="sas", secret=parsed.sas)
    if parsed.url.startswith("http://"):
        if name == "devstoreaccount1":
            return replace(made, kind="key", secret=DEVELOPMENT_KEY)
        raise UsageError(
            f"the storage account `{name}` has no credential, and identities are for https only",
            code="RK0641",
            help=f"put its key or a SAS into {said}, or give `{said_url}` with `https://`",
        )
    return made


def _is_key(text: str) -> bool:
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) >= 16
    except (binascii.Error, ValueError):
        return False


def from_connection_string(text: str, *, said: str = "AZURE_STORAGE_CONNECTION_STRING") -> Account:
    """The account of a connection string. Raises `UsageError`."""
    parts: dict[str, str] = {}
    for piece in text.strip().strip("\"'").split(";"):
        word, separator, value = piece.strip().partition("=")
        if separator:
            parts[word.lower()] = value
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        parts = {
            "accountname": "devstoreaccount1",
            "accountkey": DEVELOPMENT_KEY,
            "blobendpoint": "http://127.0.0.1:10000/devstoreaccount1",
        }
    name = parts.get("accountname", "")
    url = parts.get("blobendpoint", "")
    if not url and name:
        scheme = parts.get("defaultendpointsprotocol", "https")
        url = f"{scheme}://{name}.blob.{parts.get('endpointsuffix', _PUBLIC)}"
    secret = parts.get("accountkey", "") or parts.get("sharedaccesssignature", "")
    if not url:
        raise UsageError(
            f"`{said}` tells no account",
            code="RK0641",
            help="it has the parts `AccountName=` and `AccountKey=`, or `BlobEndpoint=` and "
            "`SharedAccessSignature=`",
        )
    return account_of(url, secret, name=name, said=said, said_url=said)


# Published by Microsoft for every emulator: no secret.
DEVELOPMENT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def account_from_environment(environ: Mapping[str, str]) -> Account | None:
    """The account that variables tell, None if they tell none. Raises `UsageError` for those that
    cannot be used."""
    client_id = (
        environ.get("AZ_BLOB_CLIENT_ID") or environ.get("BATCH_MANAGED_IDENTITY_CLIENT_ID") or None
    )
    for url_name, credential_names in _PAIRS:
        url = environ.get(url_name, "").strip()
        if not url:
            continue
        said = next((one for one in credential_names if environ.get(one, "").strip()), "")
        credential = environ.get(said, "") if said else ""
        account = account_of(
            url,
            credential,
            client_id=client_id,
            said=said or credential_names[0],
            said_url=url_name,
        )
        told = environ.get("AZURE_STORAGE_ACCOUNT") or environ.get("AZURE_STORAGE_ACCOUNT_NAME")
        if told and account.name != told and "." in account.name:
            account = replace(account, name=told)  # a custom domain does not tell it
        if account.kind == "identity" and (not told or told == account.name):
            account = _with_cli_secret(account, environ, bool(told))
        return account
    if environ.get("AZURE_STORAGE_CONNECTION_STRING", "").strip():
        return from_connection_string(environ["AZURE_STORAGE_CONNECTION_STRING"])
    name = environ.get("AZURE_STORAGE_ACCOUNT") or environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    if name:
        url = f"https://{name.strip()}.blob.{environ.get('AZURE_STORAGE_ENDPOINT_SUFFIX', _PUBLIC)}"
        plain = account_of(url, client_id=client_id, said_url="AZURE_STORAGE_ACCOUNT")
        return _with_cli_secret(plain, environ, True)
    return None


_PAIRS = (
    ("AZ_BLOB_ACCOUNT_URL", ("AZ_BLOB_CREDENTIAL",)),
    (
        "SNAKEMAKE_STORAGE_AZURE_ENDPOINT_URL",
        ("SNAKEMAKE_STORAGE_AZURE_ACCESS_KEY", "SNAKEMAKE_STORAGE_AZURE_SAS_TOKEN"),
    ),
    ("AZURE_STORAGE_BLOB_ENDPOINT", ("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN")),
)


def _with_cli_secret(account: Account, environ: Mapping[str, str], named: bool) -> Account:
    """With what the Azure command line uses, if it is meant for this account."""
    text = environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    if text.strip():
        other = from_connection_string(text)
        if other.url == account.url:
            return replace(account, kind=other.kind, secret=other.secret, name=other.name)
    if named:
        for variable in (
            "AZURE_STORAGE_KEY",
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
        ):
            secret = environ.get(variable, "").strip()
            if secret:
                found = account_of(account.url, secret, name=account.name, said=variable)
                return replace(account, kind=found.kind, secret=found.secret)
    return account


def accounts_of(stores: Stores, environ: Mapping[str, str]) -> dict[str, Account]:
    """The accounts that a workflow and the environment tell, by key.

    The environment's account is there under its own name and as `DEFAULT_ACCOUNT`. An account that
    a rule file names without a credential is opened by the environment's secret if it is the same
    account, else by an identity. Raises `UsageError`.
    """
    found: dict[str, Account] = {}
    default = account_from_environment(environ)
    if default is not None:
        found[default.key] = default
        found[DEFAULT_ACCOUNT] = replace(default, key=DEFAULT_ACCOUNT)
    for one in stores.settings:
        if not one.url:
            if default is not None:
                found[one.key] = replace(
                    account_of(default.url, one.credential, name=default.name)
                    if one.credential
                    else default,
                    key=one.key,
                )
            continue
        made = account_of(
            one.url, one.credential, key=one.key, said="credential", said_url="account_url"
        )
        if made.kind == "identity" and default is not None and default.url == made.url:
            made = replace(default, key=one.key)
        found[one.key] = made
    return found


def unknown_account(key: str) -> InfrastructureError:
    """The error for stored files of an account that nothing tells."""
    whose = "stored files" if key == DEFAULT_ACCOUNT else f"stored files of the account `{key}`"
    return InfrastructureError(
        f"{whose} are asked for, but nothing says where they are", code="RK0640", help=_HOW
    )
