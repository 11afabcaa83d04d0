"""`rulekit azure gc`: removes what runs have left whose drivers are gone."""

from __future__ import annotations

import sys
import time

from rulekit.cli.commands import azure_words as azure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.executors.azure.gc import Leftover
    from rulekit.storage.azblob.client import AzBlobStorage


def main(name: str, argv: list[str]) -> int:
    """The exit code: 0 if nothing is left, 1 if something could not be removed."""
    from rulekit.executors.azure import gc

    parser = azure.parser(name)
    parser.add_argument("--dry-run", "-n", action="store_true", help="only tell what would go")
    parser.add_argument(
        "--older", type=float, default=0.0, metavar="HOURS", help="only what is so old"
    )
    parser.add_argument("--run", action="append", default=[], help="only of this run")
    parser.add_argument(
        "--even-alive",
        action="store_true",
        help="also of runs whose driver may live (with --run only)",
    )
    parser.add_argument(
        "--environments",
        type=float,
        default=30.0,
        metavar="DAYS",
        help="packed environments below the prefix that were not used for so long (default: 30)",
    )
    given = parser.parse_args(argv)
    if given.even_alive and not given.run:
        parser.error("--even-alive needs --run: it ends runs that go on")
    settings = azure.settings_of(given)
    service = azure.service_of(settings)
    storage = azure.storage_of()
    try:
        found = gc.find(
            service,
            time.time(),
            older_h=given.older,
            runs=given.run,
            everything=given.even_alive,
        )
        root = azure.root_of(storage, given)
        if storage is not None and root is not None and not given.run:
            found += gc.environments(storage, root, time.time(), given.environments)
        if not found:
            sys.stdout.write("nothing is left of dead runs\n")
            return 0
        verb = "would remove" if given.dry_run else "removed"
        if given.dry_run:
            for one in found:
                sys.stdout.write(f"{verb} {_shown(one)}\n")
            return 0
        failed = 0
        for one, trouble in gc.remove(service, found):
            failed += bool(trouble)
            sys.stdout.write(f"not removed: {trouble}\n" if trouble else f"{verb} {_shown(one)}\n")
        for one in found:
            if one.kind in ("files", "environment"):
                failed += not _files(storage, one)
        return 1 if failed else 0
    finally:
        service.close()
        if storage is not None:
            storage.close()


def _shown(one: Leftover) -> str:
    if one.kind == "environment":
        return f"environment {one.container}/{one.name} ({one.why})"
    where = f"{one.container}/{one.name}" if one.kind == "files" else one.name
    return f"{one.kind} {where} of run {one.run} ({one.why})"


def _files(storage: AzBlobStorage | None, one: Leftover) -> bool:
    from rulekit.errors.tree import RulekitError
    from rulekit.executors.azure import gc
    from rulekit.model.stores import DEFAULT_ACCOUNT

    if storage is None:
        sys.stdout.write(f"not removed: {_shown(one)}; AZ_BLOB_ACCOUNT_URL is not set\n")
        return True
    try:
        count = gc.remove_files(storage, DEFAULT_ACCOUNT, one)
    except RulekitError as error:
        sys.stdout.write(f"not removed: {_shown(one)}: {error}\n")
        return False
    blobs = "1 blob" if count == 1 else f"{count} blobs"
    sys.stdout.write(f"removed {_shown(one)}: {blobs}\n")
    return True
