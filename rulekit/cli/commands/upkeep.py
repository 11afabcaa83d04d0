"""`--unlock`, `--cleanup-metadata`, `--cleanup-shadow`; with `-n` they say what they would do."""

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
    dry = options.dry_run
    if options.unlock:
        return unlock(dry=dry)
    if options.cleanup_metadata:
        return forget(options.cleanup_metadata, dry=dry)
    cleanup_shadow(options.shadow_prefix, dry=dry)
    return 0


def _enter_workdir(command: Command) -> None:
    """The state lies in the working directory, which the rule file may name."""
    from rulekit.syntax.locate import find

    if find(command.options.rulefile) is not None:
        session.load(command)
    elif command.options.directory is not None:
        session.enter(command.options.directory)


def unlock(*, dry: bool = False) -> int:
    """Clears locks of runs that have ended here, or that run elsewhere, and those of Snakemake."""
    from rulekit.provenance.owner import ALIVE

    write = sys.stderr.write
    kept = 0
    for path, owner in _locks(os.path.join(session.STATE_DIR, "locks")):
        if owner is not None and owner.state() == ALIVE:
            write(f"{path} belongs to {owner}, which is running: it is kept\n")
            kept += 1
        elif dry:
            write(f"Would remove the lock of {owner or 'an unknown run'}.\n")
        elif _removed(path):
            write(f"Removed the lock of {owner or 'an unknown run'}.\n")
    folder = os.path.join(".snakemake", "locks")
    if os.path.isdir(folder) and not dry:
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


def forget(paths: tuple[str, ...], *, dry: bool = False) -> int:
    """Forget how files were made; 1 if nothing was known of one of them."""
    from rulekit.engine.session import open_store

    store = None
    if os.path.exists(os.path.join(session.STATE_DIR, "provenance.sqlite")):
        store = open_store(session.STATE_DIR, readonly=dry)
    unknown = []
    for path in paths:
        name = os.path.normpath(path)
        if store is None:
            unknown.append(path)
        elif dry and store.record(name) is not None:
            sys.stderr.write(f"Would forget how {path} was made.\n")
        elif dry or not store.forget([name]):
            unknown.append(path)
    if store is not None:
        store.close()
    for path in unknown:
        sys.stderr.write(f"nothing is known of {path}\n")
    return 1 if unknown else 0


def cleanup_shadow(prefix: str | None, *, dry: bool = False) -> None:
    """Remove what killed jobs left in the shadow directory, but nothing of runs that go on."""
    import shutil

    folder = prefix or os.path.join(session.STATE_DIR, "shadow")
    if not os.path.isdir(folder):
        return
    live = _live_runs()
    for name in sorted(os.listdir(folder)):
        if name.partition(".")[0] in live or (prefix is not None and name.count(".") != 3):
            continue
        path = os.path.join(folder, name)
        if dry:
            sys.stderr.write(f"Would remove {path}\n")
        else:
            shutil.rmtree(path, ignore_errors=True)


def _live_runs() -> set[str]:
    from rulekit.provenance import journal
    from rulekit.provenance.owner import DEAD, is_running

    found: set[str] = set()
    for path in journal.left_behind(session.STATE_DIR):
        try:
            past = journal.read(path)
        except OSError:
            continue
        host_lives = past.host is not None and is_running(*past.host)
        if host_lives or (past.owner is not None and past.owner.state() != DEAD):
            found.add(past.run)
    return found
