"""`snakemake.remote.S3` and the like: providers of version 7, which say what is possible."""

from __future__ import annotations

from rulekit.language.exceptions import WorkflowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Never


class RemoteProvider:
    """Stands for a provider; using it says that remote files are not supported yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.settings = kwargs

    def _refuse(self) -> Never:
        raise WorkflowError(
            "remote files of `snakemake.remote` are not supported yet",
            "download the file in a rule of its own, for example with curl",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()


class RemoteObject:
    """Only a name."""


def __getattr__(name: str) -> Any:
    # `from snakemake.remote.HTTP import HTTPRemoteProvider`
    if name.endswith("RemoteProvider"):
        return RemoteProvider
    if name.endswith("RemoteObject"):
        return RemoteObject
    raise AttributeError(name)
