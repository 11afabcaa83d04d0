"""`rulekit azure ls`, `upload` and `download`: stored files, by the paths that a run has for them."""

from __future__ import annotations

import sys
import time

from rulekit.cli.commands import azure_words as azure
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from rulekit.model.places import Location
    from rulekit.storage.azblob.client import AzBlobStorage
    from rulekit.storage.azblob.transfer import Progress, Transferred


def main(name: str, argv: list[str]) -> int:
    """The exit code."""
    parser = _parser(name)
    given = parser.parse_args(argv)
    storage = azure.storage_of()
    if storage is None:
        raise UsageError(
            "no storage account is set",
            code="RK0610",
            help="set AZ_BLOB_ACCOUNT_URL, and AZ_BLOB_CREDENTIAL unless a login does",
        )
    try:
        if name == "ls":
            return _ls(storage, given)
        return _upload(storage, given) if name == "upload" else _download(storage, given)
    finally:
        storage.close()


def _parser(name: str) -> argparse.ArgumentParser:
    parser = azure.parser(name)
    if name == "upload":
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
        parser.add_argument(
            "--to", default="", metavar="WHERE", help="az://CONTAINER/FOLDER, or below the prefix"
        )
    elif name == "download":
        parser.add_argument("source", metavar="WHERE", help="az://CONTAINER/NAME, or a path")
        parser.add_argument("--to", default=".", metavar="FOLDER", help="default: here")
    else:
        parser.add_argument("source", nargs="?", default="", metavar="WHERE")
        parser.add_argument("--recursive", "-r", action="store_true", help="all that is below")
    if name != "ls":
        parser.add_argument("--force", action="store_true", help="also what is the same")
    return parser


def _location(storage: AzBlobStorage, given: argparse.Namespace, text: str) -> Location:
    """`az://CONTAINER/NAME`, or a path below the prefix. Raises UsageError."""
    from rulekit.model.places import Location
    from rulekit.model.stores import DEFAULT_ACCOUNT

    if text.startswith(("az://", "ab://")):
        container, _, name = text[5:].partition("/")
        if container:
            return Location(DEFAULT_ACCOUNT, container, name)
    root = azure.root_of(storage, given)
    if root is None:
        raise UsageError(
            f"`{text}` does not say which container" if text else "which container is not said",
            help="az://CONTAINER/NAME, or --default-remote-prefix CONTAINER/PATH",
        )
    return Location(root.account, root.container, root.below + text.lstrip("/"))


def _ls(storage: AzBlobStorage, given: argparse.Namespace) -> int:
    from rulekit.storage.azblob.transfer import listing, require_container

    at = _location(storage, given, given.source)
    count = total = 0
    found = list(listing(storage, at, recursive=given.recursive))
    if not found:
        require_container(storage, at)
    for name, stamp in found:
        if stamp is None:
            sys.stdout.write(f"{'':>12}  {'':16}  {name}\n")
            continue
        count += 1
        total += stamp.size
        moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(stamp.mtime_ns / 1e9))
        sys.stdout.write(f"{stamp.size:>12}  {moment}  {name}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{count} file{'' if count == 1 else 's'}, {_bytes(total)}\n")
    return 0


def _upload(storage: AzBlobStorage, given: argparse.Namespace) -> int:
    from rulekit.storage.azblob.transfer import upload

    target = _location(storage, given, given.to)
    done = upload(storage, given.paths, target, force=given.force, report=_report())
    return _told("uploaded", done)


def _download(storage: AzBlobStorage, given: argparse.Namespace) -> int:
    from rulekit.storage.azblob.transfer import download

    source = _location(storage, given, given.source)
    done = download(storage, source, given.to, force=given.force, report=_report())
    return _told("downloaded", done)


class _Line:
    """One line on a terminal that is written over, at most five times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now < self._next and progress.files < progress.of_files:
            return
        self._next = now + 0.2
        share = 100 * progress.done // max(progress.total, 1)
        sys.stderr.write(
            f"\r{share:>3} %  {_bytes(progress.done)} of {_bytes(progress.total)}"
            f"  {progress.files} of {progress.of_files} files\x1b[K"
        )
        sys.stderr.flush()


def _report() -> _Line | None:
    return _Line() if sys.stderr.isatty() else None


def _told(verb: str, done: Transferred) -> int:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    same = f", {len(done.same)} were the same" if done.same else ""
    plural = "" if len(done.moved) == 1 else "s"
    sys.stdout.write(f"{verb} {len(done.moved)} file{plural}, {_bytes(done.size)}{same}\n")
    return 0


def _bytes(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
