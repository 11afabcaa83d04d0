"""`--archive FILE`: the workflow with all that it needs to run elsewhere, as one tar file.

Packed are the rule files and what they name (scripts, environments, notebooks, configuration,
captions), the files that git keeps below the working directory, and the inputs that no rule makes.
Two archives of the same files are equal byte for byte.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tarfile

from rulekit.cli import session
from rulekit.cli.commands.clean import readable
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from rulekit.cli.parse import Command
    from rulekit.engine.session import Prepared

_FORMS = {".tar": "", ".tar.gz": "gz", ".tgz": "gz", ".tar.bz2": "bz2", ".tar.xz": "xz"}
_NOT = (".git", ".rulekit", ".snakemake")


def execute(command: Command) -> int:
    options = command.options
    assert options.archive is not None
    path = os.path.abspath(options.archive)
    form = next((form for end, form in _FORMS.items() if path.endswith(end)), None)
    if form is None:
        raise UsageError(
            f"--archive: `{options.archive}` is of no known form",
            code="RK0103",
            help="the name ends in .tar, .tar.gz, .tar.bz2 or .tar.xz",
        )
    loaded = session.load(command)
    prepared = session.prepare(command, loaded, readonly=True)
    found, outside, missing = contents(prepared)
    found.pop(os.path.relpath(path), None)
    if missing:
        raise UsageError(
            f"--archive: `{missing[0]}` does not exist"
            + (f", nor do {len(missing) - 1} other files" if len(missing) > 1 else ""),
            code="RK0109",
            help="the workflow names them; it could not run from the archive",
        )
    for name in outside:
        sys.stderr.write(f"warning: {name} is not below the working directory: not packed\n")
    if options.dry_run:
        sys.stdout.write("".join(f"{name}\n" for name in sorted(found)))
        return 0
    try:
        with open(path, "wb") as file:
            _pack(file, form, sorted(found))
    except OSError as error:
        raise UsageError(
            f"--archive: `{options.archive}` cannot be written: {error.strerror}", code="RK0109"
        ) from error
    size = readable(os.path.getsize(path))
    sys.stderr.write(f"Packed {len(found)} files into {options.archive} ({size}).\n")
    return 0


def contents(prepared: Prepared) -> tuple[dict[str, None], list[str], list[str]]:
    """Paths to pack, relative to the working directory; those that are outside; those missing."""
    found: dict[str, None] = {}
    outside: list[str] = []
    missing: list[str] = []
    for path in dict.fromkeys((*_named(prepared), *_in_git())):
        name = os.path.relpath(path)
        if name.startswith(".." + os.sep):
            outside.append(path)
        elif not os.path.lexists(path):
            missing.append(path)
        elif name.partition(os.sep)[0] not in _NOT:
            found[name] = None
    return found, outside, missing


def _named(prepared: Prepared) -> Iterator[str]:
    workflow = prepared.workflow
    yield from workflow.source_files
    yield from workflow.configfiles
    if workflow.report is not None:
        yield workflow.report
    for rule in workflow.rules:
        names = [rule.body.text] if rule.body.kind in ("script", "notebook") else []
        if isinstance(rule.conda, str) and rule.conda.endswith((".yaml", ".yml")):
            names.append(rule.conda)
        for name in names:
            path = os.path.normpath(os.path.join(rule.basedir, name))
            if "{" not in name and "://" not in name and os.path.exists(path):
                yield path
    plan = prepared.stage.plan
    for inputs in plan.inputs:
        for path in inputs:
            if path not in plan.producer:
                yield path


def _in_git() -> list[str]:
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z"], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError:
        return []
    names = os.fsdecode(done.stdout).split("\0") if done.returncode == 0 else []
    return [name for name in names if name and os.path.lexists(name)]


def _pack(file: IO[bytes], form: str, names: list[str]) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    if form == "gz":
        # The time of packing is no part of what is packed.
        with (
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for name in names:
                archive.add(name, filter=plain)
        return
    with tarfile.open(fileobj=file, mode=f"w:{form}") as archive:  # type: ignore[call-overload]
        for name in names:
            archive.add(name, filter=plain)
