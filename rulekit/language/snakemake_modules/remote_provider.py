"""`snakemake.remote.AzBlob` and its like: providers of version 7."""

from __future__ import annotations

from rulekit.language.storageproviders import AutoProvider, AzBlobProvider, refused_provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BY_NAME: dict[str, Any] = {"AzBlob": AzBlobProvider, "AUTO": AutoProvider}


class RemoteObject:
    """Only a name."""


def provider(module: str) -> Any:
    """The `RemoteProvider` of ``snakemake.remote.<module>``."""
    if module == "HTTP":
        from rulekit.language.webnames import HttpProvider7

        return HttpProvider7
    return _BY_NAME.get(module) or refused_provider(module)


def names(module: str, name: str) -> Any:
    """A name of that module: ``from snakemake.remote.HTTP import HTTPRemoteProvider``."""
    if name.endswith("RemoteProvider"):
        return provider(module)
    if name.endswith("RemoteObject"):
        return RemoteObject
    raise AttributeError(name)
