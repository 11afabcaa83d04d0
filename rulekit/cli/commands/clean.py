"""`rulekit clean`, `--delete-all-output`, `--delete-temp-output`: nothing unnamed is deleted."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.engine.stored import RunStorage
    from rulekit.planning.plan import Plan


def execute(command: Command) -> int:
    options = command.options
    loaded = session.load(command)
    if command.verb == "clean" and loaded.workflow.rule("clean") is not None:
        sys.stderr.write("note: the rule `clean` is reached by `rulekit run clean`\n")
    plan = session.prepare(command, loaded, readonly=True).stage.plan
    only_temp = options.only_temp or options.delete_temp_output
    stored = loaded.stored
    found = outputs(plan, only_temp=only_temp, stored=stored)
    # Snakemake's flags delete at once; the command shows first.
    really = not options.dry_run and (options.yes or command.verb != "clean")
    total = failed = count = 0
    for path in found:
        if stored is not None and stored.files.is_stored(path):
            size = stored.bytes_in(path)
            total += size
            count += 1
            words = "Deleting" if really else "Would delete"
            sys.stdout.write(f"{words} {stored.shown(path)} ({readable(size)})\n")
            stored.remove_later(path)
            continue
        if _protected(path):
            sys.stderr.write(f"Skipping write-protected file {path}.\n")
            continue
        size = size_of(path)
        total += size
        count += 1
        words = "Deleting" if really else "Would delete"
        sys.stdout.write(f"{words} {path} ({readable(size)})\n")
        if really and not _delete(path, whole=only_temp or _is_output_folder(plan, path)):
            failed += 1
    if stored is not None and really:
        stored.remove()  # with few requests
    noun = "file" if count == 1 else "files"
    if command.verb == "clean" or not count:
        done = "deleted" if really else "to delete"
        sys.stdout.write(f"{count} {noun}, {readable(total)} {done}\n")
    if command.verb == "clean" and count and not really:
        sys.stdout.write("Nothing was deleted: add --yes to do it.\n")
    return 1 if failed else 0


def outputs(plan: Plan, *, only_temp: bool = False, stored: RunStorage | None = None) -> list[str]:
    """Outputs that exist (dangling links too), in the order of jobs. `stored` knows those that are
    not on this disk."""

    def there(path: str) -> bool:
        if stored is not None and stored.files.is_stored(path):
            return stored.files.exists(path)
        return os.path.lexists(path)

    found: dict[str, None] = {}
    for job in range(len(plan)):
        temps = None
        if only_temp:
            temps = {i for i, flags in plan.output_flags(job) if "temp" in flags}
        for i, path in enumerate(plan.outputs[job]):
            if (temps is None or i in temps) and there(path):
                found[path] = None
    return list(found)


def _is_output_folder(plan: Plan, path: str) -> bool:
    job = plan.producer[path]
    at = plan.outputs[job].index(path)
    return any(i == at and "directory" in flags for i, flags in plan.output_flags(job))


def _protected(path: str) -> bool:
    return not os.path.islink(path) and os.path.exists(path) and not os.access(path, os.W_OK)


def size_of(path: str) -> int:
    """Bytes of a file, or of all files below a folder; 0 for what cannot be read."""
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            return os.lstat(path).st_size
        return sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, names in os.walk(path)
            for name in names
        )
    except OSError:
        return 0


def readable(size: float) -> str:
    """``512 B``, ``3.4 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _delete(path: str, *, whole: bool) -> bool:
    """Remove a file, link or folder; a folder that is no declared one only if it is empty."""
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            os.remove(path)
        elif whole:
            import shutil

            shutil.rmtree(path)
        else:
            os.rmdir(path)
    except OSError as error:
        sys.stderr.write(f"error: {path} could not be deleted: {error.strerror}\n")
        return False
    return True
