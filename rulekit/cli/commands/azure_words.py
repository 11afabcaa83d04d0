"""What the commands of `rulekit azure` have in common: options, settings, storage, colours."""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.places import Root
    from rulekit.storage.azblob.client import AzBlobStorage

COMMANDS: dict[str, str] = {
    "doctor": "check account, login, quota, image, storage and clock, before money is spent",
    "gc": "remove what dead runs have left: pools, jobs, files",
    "jobs": "runs on the Batch account, and their tasks",
    "logs": "what a task wrote, also while it runs",
    "ls": "stored files and their sizes",
    "upload": "copy files or folders to the storage",
    "download": "copy stored files or folders to this machine",
    "emulate": "an Azure Batch service on this machine, to try it without an account",
}


def parser(name: str, *, prefix: bool = True) -> argparse.ArgumentParser:
    """A parser with the options that all commands have; its mistakes are UsageErrors. What a line
    does not say is taken from the profiles that a run here would use."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def parse_args(self, *words: Any) -> Any:  # type: ignore[override]
            return _filled(super().parse_args(*words))

        def error(self, message: str) -> Any:
            raise UsageError(message, help=f"rulekit azure {name} --help")

    made = Parser(prog=f"rulekit azure {name}", description=COMMANDS[name], allow_abbrev=False)
    made.add_argument(
        "--az-batch-account-url",
        metavar="URL",
        help="the Batch account (default: AZ_BATCH_ACCOUNT_URL)",
    )
    if prefix:
        made.add_argument(
            "--default-remote-prefix",
            "--default-storage-prefix",
            dest="prefix",
            metavar="CONTAINER[/PATH]",
            help="where the files of runs are",
        )
        made.add_argument(
            "--default-remote-provider",
            "--default-storage-provider",
            dest="provider",
            metavar="NAME",
            help="as for a run: AzBlob, azure",
        )
    made.add_argument("--profile", action="append", metavar="NAME", help="as for a run")
    made.add_argument("--workflow-profile", metavar="NAME", help="as for a run")
    # Whoever puts `azure doctor` into the command line of a run has these, too.
    made.add_argument("--az-batch", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--az-batch-enable-autoscale", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--container-image", metavar="IMAGE", help=argparse.SUPPRESS)
    return made


def _filled(given: argparse.Namespace) -> argparse.Namespace:
    """The words of a line, with those of profiles for what is not given. `azure` is the section of
    that name. Raises UsageError, RuleFileError."""
    from rulekit.cli.parse import convert
    from rulekit.cli.profiles import values_for

    asked: dict[str, list[list[str]]] = {}
    if given.profile:
        asked["profile"] = [given.profile]
    if given.workflow_profile is not None:
        asked["workflow_profile"] = [[given.workflow_profile]]
    values, _ = values_for(asked)
    options = convert({name: value for name, value in values.items() if name in _OF_PROFILES}, ())
    given.azure = options.azure
    given.az_batch_account_url = given.az_batch_account_url or options.az_batch_account_url
    given.az_batch_enable_autoscale |= options.az_batch_enable_autoscale
    given.container_image = given.container_image or options.container_image
    provider = options.default_storage_provider or options.default_remote_provider
    if getattr(given, "prefix", "") is None and provider != "fs":  # that is a folder of this disk
        given.prefix = options.default_storage_prefix or options.default_remote_prefix
        given.provider = given.provider or provider
    return given


_OF_PROFILES = frozenset(
    {
        "azure",
        "az_batch_account_url",
        "az_batch_enable_autoscale",
        "container_image",
        "default_storage_prefix",
        "default_remote_prefix",
        "default_storage_provider",
        "default_remote_provider",
    }
)


def settings_of(given: argparse.Namespace) -> AzureSettings:
    """Settings from the options, profiles and the environment. Raises UsageError; tells notices."""
    from rulekit.executors.azure import settings

    made = settings.read(
        {
            "account_url": given.az_batch_account_url,
            "autoscale": given.az_batch_enable_autoscale or None,
            "container_image": given.container_image,
        },
        given.azure,
    )
    for notice in made.notices:
        sys.stderr.write(f"note: {notice}\n")
    return made


def service_of(settings: AzureSettings, deadline_s: float = 30.0) -> BatchService:
    """A client that does not wait long: somebody sits in front of it."""
    from rulekit.executors.azure.client import BatchService

    return BatchService(settings, deadline_s=deadline_s)


def storage_of(environ: Mapping[str, str] | None = None) -> AzBlobStorage | None:
    """The storage of the environment; None if it tells none. Raises UsageError."""
    from rulekit.model.stores import NO_STORES
    from rulekit.storage.azblob.account import accounts_of
    from rulekit.storage.azblob.client import AzBlobStorage
    from rulekit.storage.azblob.connect import Patience

    accounts = accounts_of(NO_STORES, os.environ if environ is None else environ)
    return AzBlobStorage(accounts, patience=Patience(attempts=4)) if accounts else None


def root_of(storage: AzBlobStorage | None, given: argparse.Namespace) -> Root | None:
    """The default root of the options; None without a prefix. Raises UsageError."""
    prefix: str | None = given.prefix
    if storage is None or not prefix:
        return None
    from rulekit.model.stores import DEFAULT_ACCOUNT
    from rulekit.storage.azblob.remote import default_root

    return default_root(given.provider or "azure", prefix, storage.accounts.get(DEFAULT_ACCOUNT))


def painter() -> Any:
    """Colours for levels on a terminal, plain text elsewhere."""
    on = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    codes = {"ok": "32", "warn": "33", "fail": "31"}

    def paint(level: str, text: str) -> str:
        return f"\x1b[{codes[level]}m{text}\x1b[0m" if on and level in codes else text

    return paint
