"""`--unlock`, `--cleanup-metadata`, `--cleanup-shadow`."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.provenance.owner import Owner


def execute(command: Command) -> int:
    options = command.options
    _enter_workdir(command)
    if options.unlock:
        return unlock()
    if options.cleanup_metadata:
        return forget(options.cleanup_metadata)
    cleanup_shadow(options.shadow_prefix)
    return 0


def _enter_workdir(command: Command) -> None:
    """The state lies in the working directory, which the rule file may name."""
    from rulekit.syntax.locate import find

    if find(command.options.rulefile) is not None:
        session.load(command)
    elif command.options.directory is not None:
        session.enter(command.options.directory)


def unlock() -> int:
    """Clears locks of runs that have ended here, or that run elsewhere, and those of Snakemake."""
    from rulekit.provenance.owner import ALIVE

    write = sys.stderr.write
    kept = 0
    for path, owner in _locks(os.path.join(session.STATE_DIR, "locks")):
        if owner is not None and owner.state() == ALIVE:
            write(f"{path} belongs to {owner}, which is running: it is kept\n")
            kept += 1
        elif _removed(path):
            write(f"Removed the lock of {owner or 'an unknown run'}.\n")
    folder = os.path.join(".snakemake", "locks")
    if os.path.isdir(folder):
        removed = sum(_removed(os.path.join(folder, name)) for name in os.listdir(folder))
        if removed:
            write(f"Removed {removed} lock files of Snakemake.\n")
    if not kept:
        write("Unlocking is hardly ever needed: a lock whose owner has ended is recognised.\n")
    return 7 if kept else 0


def _locks(folder: str) -> list[tuple[str, Owner | None]]:
    """The lock files of runs, each with its owner (None if it cannot be read)."""
    import json

    from rulekit.provenance.owner import owner_from_json

    found: list[tuple[str, Owner | None]] = []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".lock"))
    except OSError:
        return found
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as stream:
                found.append((path, owner_from_json(json.loads(stream.readline())["owner"])))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            found.append((path, None))
    return found


def _removed(path: str) -> bool:
    try:
        os.remove(path)
    except OSError as error:
        sys.stderr.write(f"error: {path} could not be removed: {error.strerror}\n")
        return False
    return True


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
