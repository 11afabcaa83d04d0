"""Options for stored files and Azure Batch → what storage and executor are told. Imported only when
one of them is given, or the rule file names stored files."""

from __future__ import annotations

import os

from rulekit.engine.stored import RunStorage
from rulekit.errors.tree import UsageError
from rulekit.frozen import replace
from rulekit.model.places import RESERVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rulekit.cli.parse import Options
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.rule import Workflow
    from rulekit.planning import PlanOptions
    from rulekit.staleness import Policy

DISK = ("fs",)  # the provider of files of this disk
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


def folder_of(options: Options) -> str:
    """The folder of all relative paths, with a final slash, for storage of this disk:
    ``--default-storage-provider fs --default-storage-prefix DIR``; "" for none. Raises `UsageError`
    for what is no folder."""
    provider, prefix = provider_of(options)
    if provider not in DISK or not prefix or is_azure_batch(options):
        return ""
    folder = os.path.normpath(prefix)
    if "://" in prefix:
        fault = "is a URL"
    elif "{" in prefix or "}" in prefix:
        fault = "holds braces, which would be wildcards"
    elif (folder + "/").startswith(RESERVED):
        fault = "is where rulekit keeps its own files"
    else:
        return "" if folder == "." else folder.rstrip("/") + "/"
    raise UsageError(
        f"the prefix `{prefix}` {fault}",
        code="RK0656",
        help="files of `fs` storage are on this disk: `--default-storage-prefix DIR`",
    )


def in_folder(workflow: Workflow, folder: str, words: Iterable[str]) -> tuple[str, ...]:
    """Targets as they are called in a plan whose relative paths are in `folder`. What stays: names
    of rules, absolute paths, what has the folder already, what rules call `local`, and outputs that
    only have that very name (``storage.fs("p")``)."""
    from rulekit.storage.azblob.remote import local_patterns

    local = local_patterns(workflow)
    made = [
        item.pattern
        for rule in workflow.rules
        for entry in rule.outputs
        for item in entry.items
        if item.pattern is not None
    ]

    def fits(word: str) -> bool:
        return any(pattern.match(word) is not None for pattern in made)

    def stays(word: str) -> bool:
        return (
            not word
            or word.startswith(("/", "..", folder))
            or "://" in word
            or workflow.rule(word) is not None
            or any(pattern.match(word) is not None for pattern in local)
            or (not fits(folder + word) and fits(word))
        )

    return tuple([word if stays(word) else folder + os.path.normpath(word) for word in words])


def names_in_folder(
    workflow: Workflow, folder: str, planned: PlanOptions, forced: Policy
) -> tuple[PlanOptions, Policy]:
    """As `in_folder`, for the files that other options name."""

    return _renamed(planned, forced, lambda words: in_folder(workflow, folder, words))


def names_of_stored(
    stored: RunStorage, planned: PlanOptions, forced: Policy
) -> tuple[PlanOptions, Policy]:
    """Options with the paths of stored files that are named by their full names."""
    return _renamed(planned, forced, lambda words: map(stored.target, words))


def _renamed(
    planned: PlanOptions, forced: Policy, change: Callable[[Iterable[str]], Iterable[str]]
) -> tuple[PlanOptions, Policy]:
    until, omit_from = frozenset(change(planned.until)), frozenset(change(planned.omit_from))
    return (
        replace(planned, also=tuple(change(planned.also)), until=until, omit_from=omit_from),
        replace(forced, force=frozenset(change(forced.force))),
    )


def check_envvars(options: Options) -> None:
    """Raises `UsageError` for names of `--envvars` that are not set."""
    unset = [name for name in options.envvars if name not in os.environ]
    if unset:
        raise UsageError(
            f"--envvars names what is not set: {', '.join(unset)}",
            code="RK0246",
            help=f"`export {unset[0]}=...`, or leave it out; a target stands before the options, or"
            " behind `--`",
        )


def open_storage(options: Options) -> tuple[RunStorage, AzureSettings | None]:
    """The storage of a run, and the settings of Azure Batch if jobs go there.

    Raises `UsageError` that tells all that is missing at once, before anything is asked of Azure.
    """
    provider, prefix = provider_of(options)
    azure = None
    check_envvars(options)
    if is_azure_batch(options):
        azure = _batch_settings(options, prefix)
    if provider in DISK and azure is None:
        prefix = None  # see `folder_of`
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
