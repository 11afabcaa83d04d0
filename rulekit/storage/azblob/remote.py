"""From options and rule files to the places of a run: what `--default-remote-prefix` and its like
mean. Engine-neutral: the caller says what it found."""

from __future__ import annotations

from rulekit.errors.diagnostic import did_you_mean
from rulekit.errors.tree import UsageError
from rulekit.model.places import STORED, Places, Root
from rulekit.storage.azblob.account import Account, unknown_account
from rulekit.storage.azblob.names import fault_of_container, fault_of_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rulekit.model.rule import FileItem, Rule, Workflow
    from rulekit.patterns import Pattern

PROVIDERS = ("azure", "az", "azblob", "AzBlob", "blob")
NONE = ("", "none", "fs", "local")
_OTHERS = ("s3", "gs", "gcs", "http", "https", "ftp", "sftp", "webdav", "zenodo", "irods", "egi",
           "gfal", "gridftp", "dropbox", "xrootd", "ncbi", "ega", "auto", "rucio", "pelican",
           "iRODS", "cached-http", "S3", "GS", "HTTP", "FTP", "SFTP", "XRootD", "GFAL", "GridFTP")  # fmt: skip


def default_root(provider: str | None, prefix: str | None, account: Account | None) -> Root | None:
    """The root of all relative paths; None if they are on this disk.

    provider: ``azure`` (8+), ``AzBlob`` (7). prefix: ``az://container/prefix`` or
    ``container/prefix``, with the account before the container where it is the run's. account: the
    run's. Raises `UsageError`, and `InfrastructureError` without an account.
    """
    name = (provider or "").strip()
    if name in NONE or name.lower() in NONE:
        if prefix:
            raise UsageError(
                "a prefix for stored files is given, but no provider",
                code="RK0656",
                help="add `--default-storage-provider azure`, or `fs` for a folder of this disk",
            )
        return None
    if name not in PROVIDERS and name.lower() not in PROVIDERS:
        known = name in _OTHERS or name.lower() in _OTHERS
        raise UsageError(
            f"the storage provider `{name}` is {'not available' if known else 'not known'}",
            code="RK0654",
            help=did_you_mean("provider", name, ("azure", "AzBlob"))
            or "Azure Blob Storage is: `--default-storage-provider azure`",
        )
    if not prefix or not prefix.strip("/ "):
        raise UsageError(
            "the default storage needs a prefix: the container, perhaps with a path in it",
            code="RK0656",
            help="`--default-storage-prefix az://CONTAINER/path`, or as in Snakemake 7\n"
            "`--default-remote-prefix CONTAINER/path`",
        )
    if account is None:
        raise unknown_account("default")
    return _root_of(prefix.strip(), account)


def _root_of(prefix: str, account: Account) -> Root:
    text = prefix
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme.lower() not in ("az", "ab"):
            raise UsageError(
                f"the prefix `{_without_query(prefix)}` is not one of Azure Blob Storage",
                code="RK0656",
                help="it is `az://CONTAINER/path`",
            )
        text = rest
    if "?" in text or "sig=" in text:
        raise UsageError(
            "a prefix takes no SAS",
            code="RK0656",
            help="AZ_BLOB_CREDENTIAL holds it, or AZ_BLOB_ACCOUNT_URL behind a `?`",
        )
    parts = [part for part in text.split("/") if part]
    if len(parts) > 1 and parts[0] == account.name and separator:
        parts.pop(0)  # az://account/container/path
    if not parts:
        raise UsageError(f"the prefix `{prefix}` names no container", code="RK0656")
    container = parts.pop(0)
    fault = fault_of_container(container)
    if fault is not None:
        raise UsageError(f"`{container}` cannot be the name of a container: {fault}", code="RK0656")
    below = "/".join(parts)
    fault = fault_of_name(below) if below else None
    if fault is not None:
        raise UsageError(f"the prefix `{prefix}` cannot be used: {fault}", code="RK0656")
    return Root("", account.key, container, below + "/" if below else "")


def _without_query(text: str) -> str:
    return text.partition("?")[0]


def local_patterns(workflow: Workflow) -> tuple[Pattern, ...]:
    """Patterns of files that are flagged `local`, each once."""
    found: dict[Pattern, None] = {}
    for rule in workflow.rules:
        for item in _items(rule):
            if item.pattern is not None and item.flags.get("local"):
                found[item.pattern] = None
    return tuple(found)


def kept_patterns(workflow: Workflow) -> tuple[Pattern, ...]:
    """Patterns of inputs of which copies stay on this machine (``keep_local=True``), each once."""
    found: dict[Pattern, None] = {}
    for rule in workflow.rules:
        for entry in rule.inputs:
            for item in entry.items:
                made = item.flags.get("storage_object") or item.flags.get("remote_object")
                if item.pattern is not None and isinstance(made, dict) and made.get("keep_local"):
                    found[item.pattern] = None
    return tuple(found)


def written_containers(workflow: Workflow) -> frozenset[tuple[str, str]]:
    """(account, container) of explicit stored names that jobs write."""
    found: set[tuple[str, str]] = set()
    for rule in workflow.rules:
        for item in _items(rule, written=True):
            if item.text.startswith(STORED):
                account, container = item.text[len(STORED) :].split("/", 2)[:2]
                found.add((account, container))
    return frozenset(found)


def _items(rule: Rule, written: bool = False) -> Iterator[FileItem]:
    for entries in (() if written else rule.inputs, rule.outputs, rule.logs):
        for entry in entries:
            yield from entry.items
    if rule.benchmark is not None:
        yield rule.benchmark


def needed_accounts(places: Places, accounts: Mapping[str, Account]) -> tuple[Account, ...]:
    """The accounts of the roots. Raises `InfrastructureError` for one that nothing tells."""
    keys = {root.account for root in places.roots}
    if places.default is not None:
        keys.add(places.default.account)
    for key in sorted(keys):
        if key not in accounts:
            raise unknown_account(key)
    return tuple(accounts[key] for key in sorted(keys))
