"""`storage`, `storage.TAG` and `snakemake.remote.AzBlob`: what makes stored names in rule files."""

from __future__ import annotations

import os

from rulekit.errors.diagnostic import did_you_mean
from rulekit.errors.tree import RuleFileError
from rulekit.language.storagebase import Provider
from rulekit.language.storagenames import FLAG, FLAG_7, other_scheme, table
from rulekit.language.storagestate import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

AZURE = ("azure", "az", "azblob", "AzBlob")
# Settings of `storage:` that have no effect here, as retries and rates are ours.
_SILENT = frozenset(
    ("max_requests_per_second", "retries", "managed_identity_client_id", "is_default", "provider",
     "stay_on_remote", "keep_local", "retrieve", "enable_cache", "rate_limiter", "account_url",
     "endpoint_url", "account_name", "access_key", "account_key", "credential", "sas_token",
     "connection_string", "protocol")
)  # fmt: skip
DISK = ("fs",)
WEB = ("http", "https")
_OF_DISK = frozenset(
    ("provider", "keep_local", "retrieve", "local_prefix", "max_requests_per_second", "retries",
     "is_default")
)  # fmt: skip


class DiskProvider(Provider):
    """Files of this disk: the name is the path. Commands read and write it where it is, so that
    nothing is fetched, and no copy is kept."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        unknown = [name for name in options if name not in _OF_DISK]
        if unknown:
            raise RuleFileError(
                f"the storage setting `{unknown[0]}` is not known for files of this disk",
                code="RK0656",
                help=did_you_mean("setting", unknown[0], sorted(_OF_DISK)),
            )
        super().__init__(None, options)

    def __repr__(self) -> str:
        return "<storage provider of this disk>"

    def path(self, text: str) -> str:
        """The path, without ``./`` and doubled slashes. Raises `RuleFileError` for a URL."""
        if "://" in text:
            raise RuleFileError(
                f"`{self.shown(text)}` is no path of this disk",
                code="RK0653",
                help="`storage.fs` takes paths, absolute or relative to the working directory",
            )
        return text if "{" in text or not text else os.path.normpath(text)

    def shown(self, text: str) -> str:
        return text if "://" not in text else super().shown(text)


def provider_of(options: Mapping[str, Any], flag_name: str = FLAG) -> Provider:
    """The provider for settings of `storage:` or of `RemoteProvider(...)`."""
    unknown = [name for name in options if name not in _SILENT]
    if unknown:
        raise RuleFileError(
            f"the storage setting `{unknown[0]}` is not known",
            code="RK0656",
            help=did_you_mean("setting", unknown[0], sorted(_SILENT))
            or "settings are `endpoint_url`, `account_name`, `access_key` and `sas_token`",
        )
    url = _text(options, "endpoint_url", "account_url")
    credential = _text(
        options, "access_key", "account_key", "credential", "sas_token", "connection_string"
    )
    key = None
    name = _text(options, "account_name")
    if url or credential or name:
        key = table().use_account(url, credential, name)
    return Provider(key, options, flag_name)


def _text(options: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = options.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str):
            return value
        # Credential objects of the SDK that hold a text.
        for attribute in ("signature", "account_key", "key"):
            inner = getattr(value, attribute, None)
            if isinstance(inner, str):
                return inner
        named = getattr(value, "named_key", None)
        if named is not None:
            return str(named.key)
        if name == "credential" and hasattr(value, "get_token"):
            continue  # an identity: what is used without a credential, too
        raise RuleFileError(f"the storage setting `{name}` must be a text", code="RK0656")
    return ""


def _is_web(text: str) -> bool:
    """Whether a name is an http(s) address, of another server than those of Azure."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in WEB:
        return False
    return ".blob.core." not in rest.partition("/")[0]


class StorageNames:
    """`storage`: a function for any name, and the providers by their tags."""

    def __init__(self) -> None:
        self._tags: dict[str, Provider] = {}
        # Of names without a scheme; those of Azure have one.
        self._disk: DiskProvider | None = DiskProvider({}) if State.prefix else None

    def declare(self, tag: str | None, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """A ``storage [TAG]:`` statement. Raises `RuleFileError`."""
        provider = options.get("provider", args[0] if args else tag)
        if not isinstance(provider, str):
            raise RuleFileError(
                "`storage` needs a provider",
                code="RK0656",
                help='write `storage: provider="azure"`',
            )
        if provider in DISK:
            disk = DiskProvider(options)
            self._tags[tag or provider] = disk
            self._disk = self._disk or disk
            return
        if provider in WEB:
            from rulekit.language.webnames import WebProvider

            self._tags[tag or provider] = WebProvider(options)
            return
        if provider not in AZURE:
            raise RuleFileError(
                f"the storage provider `{provider}` is not available",
                code="RK0654",
                help=did_you_mean("provider", provider, (*AZURE[:1], *DISK, *WEB[:1]))
                or 'Azure Blob Storage is: `provider="azure"`',
            )
        made = provider_of(options)
        self._tags[tag or "azure"] = made
        if tag is None:
            self._tags[""] = made  # of `storage("az://...")`

    def __call__(self, query: Any = None, retrieve: bool = True, keep_local: bool = False,
                 **options: Any) -> Any:  # fmt: skip
        options = {"retrieve": retrieve, "keep_local": keep_local, **options}
        if isinstance(query, list | tuple):
            return [self(one, **options) for one in query]
        if isinstance(query, str) and "://" not in query:
            if self._disk is not None:
                return self._disk.named(query, **options)
            raise RuleFileError(
                f"`storage` takes a name with its scheme, not `{query}`",
                code="RK0653",
                help=f'write `az://{query}`, or `storage.fs("{query}")` for a file of this disk',
            )
        if isinstance(query, str) and _is_web(query):
            from rulekit.language.webnames import WebProvider

            return (self._tags.get("http") or WebProvider({})).named(query, **options)
        return (self._tags.get("") or Provider(None, {})).named(query, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._tags.get(name)
        if found is None and name in AZURE:
            found = Provider(None, {})
        if found is None and name in DISK:
            found = DiskProvider({})
        if found is None and name in WEB:
            from rulekit.language.webnames import WebProvider

            found = WebProvider({})
        if found is not None:
            provider = found

            def named(query: Any = None, retrieve: bool = True, keep_local: bool = False,
                      **options: Any) -> Any:  # fmt: skip
                return provider.named(query, retrieve=retrieve, keep_local=keep_local, **options)

            named.glob_wildcards = provider.glob_wildcards  # type: ignore[attr-defined]
            return named
        if name.lower() in ("s3", "gcs", "gs", "ftp", "sftp", "webdav", "zenodo"):
            raise RuleFileError(
                f"the storage provider `{name}` is not available",
                code="RK0654",
                help="fetch the file in a rule of its own, for example with curl",
            )
        raise RuleFileError(
            f"there is no storage with the tag `{name}`",
            code="RK0656",
            help=did_you_mean("storage", name, [one for one in self._tags if one])
            or f'`storage {name}: provider="azure", ...` declares one',
        )

    def __repr__(self) -> str:
        return "<storage>"


class AzBlobProvider:
    """`snakemake.remote.AzBlob.RemoteProvider`, as version 7 has it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        names = ("keep_local", "stay_on_remote", "is_default")
        self._provider = provider_of({**dict(zip(names, args, strict=False)), **options}, FLAG_7)

    def __repr__(self) -> str:
        return repr(self._provider)

    def remote(self, value: Any, *args: Any, **options: Any) -> Any:
        """The path of ``container/blob``, or of each in a list."""
        made = {}
        if "keep_local" in options:
            made["keep_local"] = bool(options["keep_local"])
        if options.get("stay_on_remote"):
            made["retrieve"] = False
        return self._provider.named(value, **made)

    def glob_wildcards(self, pattern: str, *args: Any, **options: Any) -> Any:
        """As the function of that name, for ``container/{sample}.txt``."""
        return self._provider.glob_wildcards(pattern)

    @property
    def default_protocol(self) -> str:
        return "ab://"

    @property
    def available_protocols(self) -> list[str]:
        return ["ab://", "az://"]

    def remote_interface(self) -> Any:
        """The client of the SDK, for rule files that use it directly."""
        raise RuleFileError(
            "the client behind a remote provider is not handed out",
            code="RK0654",
            help="make one of your own: `azure.storage.blob.BlobServiceClient(...)`",
        )


class AutoProvider:
    """`snakemake.remote.AUTO`: the provider that a name's scheme says."""

    def remote(self, value: Any, *args: Any, **options: Any) -> Any:
        if isinstance(value, str):
            scheme, separator, _ = value.partition("://")
            if _is_web(value):
                from rulekit.language.webnames import HttpProvider7

                return HttpProvider7().remote(value, *args, **options)
            if separator and scheme not in ("az", "ab"):
                raise other_scheme(scheme, value)
        options.pop("provider_kws", None)
        return AzBlobProvider().remote(value, *args, **options)

    def glob_wildcards(self, pattern: str, *args: Any, **options: Any) -> Any:
        return AzBlobProvider().glob_wildcards(pattern)


def refused_provider(name: str) -> Callable[..., Any]:
    """Stands for a provider that is not available: making one, or using it, says so."""

    class RefusedProvider:
        def __init__(self, *args: Any, **options: Any) -> None:
            pass

        def __getattr__(self, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise RuleFileError(
                f"remote files of `snakemake.remote.{name}` are not available",
                code="RK0654",
                help="fetch the file in a rule of its own, for example with curl; Azure Blob "
                "Storage is available:\n`from snakemake.remote.AzBlob import RemoteProvider`",
            )

    return RefusedProvider
