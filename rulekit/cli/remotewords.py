"""Options for stored files and Azure Batch → what storage and executor are told. Imported only when
one of them is given, or the rule file names stored files."""

from __future__ import annotations

import os

from rulekit.engine.stored import RunStorage
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Options
    from rulekit.executors.azure.settings import AzureSettings

EXECUTORS = ("azure-batch", "az-batch")


def is_azure_batch(options: Options) -> bool:
    """Whether jobs go to Azure Batch."""
    return bool(options.az_batch or options.executor in EXECUTORS)


def provider_of(options: Options) -> tuple[str | None, str | None]:
    """Provider and prefix of the place of all relative paths. Raises `UsageError` if the options of
    Snakemake 7 and 8 contradict each other."""
    found: list[str | None] = []
    for new, old, name in (
        (options.default_storage_provider, options.default_remote_provider, "provider"),
        (options.default_storage_prefix, options.default_remote_prefix, "prefix"),
    ):
        if new and old and new != old:
            raise UsageError(
                f"--default-storage-{name} and --default-remote-{name} contradict each other",
                code="RK0108",
                help="they are two names of the same option: give one of them",
            )
        found.append(new or old or None)
    provider, prefix = found
    if provider is None and is_azure_batch(options):
        provider = "azure"
    return provider, prefix


def open_storage(options: Options) -> tuple[RunStorage, AzureSettings | None]:
    """The storage of a run, and the settings of Azure Batch if jobs go there.

    Raises `UsageError` that tells all that is missing at once, before anything is asked of Azure.
    """
    provider, prefix = provider_of(options)
    azure = None
    unset = [name for name in options.envvars if name not in os.environ]
    if unset:
        raise UsageError(
            f"--envvars names what is not set: {', '.join(unset)}",
            code="RK0246",
            help=f"`export {unset[0]}=...`, or leave it out",
        )
    if is_azure_batch(options):
        azure = _batch_settings(options, prefix)
    return RunStorage(provider, prefix, digest_limit=options.max_checksum_file_size), azure


def _batch_settings(options: Options, prefix: str | None) -> AzureSettings:
    from rulekit.executors.azure.settings import read
    from rulekit.storage.azblob.account import account_from_environment

    missing = []
    if not prefix:
        missing.append("where the files are: --default-remote-prefix CONTAINER/path")
    if account_from_environment(os.environ) is None:
        missing.append("the storage account: the variable AZ_BLOB_ACCOUNT_URL")
    flags = {
        "account_url": options.az_batch_account_url,
        "autoscale": options.az_batch_enable_autoscale or None,
        "container_image": options.container_image,
    }
    return read(flags, options.azure, missing=tuple(missing))
