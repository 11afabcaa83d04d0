"""`--unlock`, `--cleanup-metadata`, `--cleanup-shadow`."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command


def execute(command: Command) -> int:
    options = command.options
    if options.directory is not None:
        session.enter(options.directory)
    if options.unlock:
        unlock()
    elif options.cleanup_metadata:
        return forget(options.cleanup_metadata)
    else:
        cleanup_shadow(options.shadow_prefix)
    return 0


def unlock() -> None:
    """Dead locks are recognised by every run; those of Snakemake are removed if there are any."""
    removed = 0
    folder = os.path.join(".snakemake", "locks")
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            try:
                os.remove(os.path.join(folder, name))
                removed += 1
            except OSError as error:
                sys.stderr.write(f"error: {folder}/{name} could not be removed: {error.strerror}\n")
    if removed:
        sys.stderr.write(f"Removed {removed} lock files of Snakemake.\n")
    sys.stderr.write("Unlocking is not needed: a lock whose owner has ended is recognised.\n")


def forget(paths: tuple[str, ...]) -> int:
    """Forget how files were made; 1 if nothing was known of one of them."""
    from rulekit.engine.session import open_store

    store = None
    if os.path.exists(os.path.join(session.STATE_DIR, "provenance.sqlite")):
        store = open_store(session.STATE_DIR, readonly=False)
    unknown = []
    for path in paths:
        if store is None or not store.forget([os.path.normpath(path)]):
            unknown.append(path)
    if store is not None:
        store.close()
    for path in unknown:
        sys.stderr.write(f"nothing is known of {path}\n")
    return 1 if unknown else 0


def cleanup_shadow(prefix: str | None) -> None:
    """Remove what killed jobs left in the shadow directory."""
    import shutil

    folder = os.path.join(prefix or session.STATE_DIR, "shadow")
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)
