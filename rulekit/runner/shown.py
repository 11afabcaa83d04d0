"""What of this machine is seen in a container: the folders that a job may touch."""

from __future__ import annotations

import os

from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulekit.model.spec import JobSpec

# Of these folders an image has its own: only single files of this machine's can be shown in them.
_OF_THE_SYSTEM = """
    / /bin /boot /dev /etc /lib /lib32 /lib64 /proc /run /sbin /sys /usr /usr/bin /usr/lib
    /usr/local /usr/local/bin /var
"""
_SYSTEM = frozenset(_OF_THE_SYSTEM.split())
PARTS = ("tmp", "scripts", "shadow")  # of the state directory, written by jobs
HOME = "home"  # folder in the state directory


def folders(spec: JobSpec, state: str, more: Iterable[Sequence[str]]) -> list[list[str]]:
    """What is shown: folder and how (``ro``, ``rw``), outer ones before inner ones."""
    workdir = spec.workdir
    found: dict[str, str] = {workdir: "rw"}
    found |= {str(folder): str(how) for folder, how in more}
    here = os.getcwd()
    for folder in (here, spec.environment.get("TMPDIR")):
        if folder:
            _add(found, folder, "rw")
    body = spec.body
    if body["kind"] in ("script", "notebook"):
        _add(found, os.path.dirname(str(body["path"])), "ro")
    for path in spec.inputs:
        for place in {os.path.abspath(path), os.path.realpath(path)}:
            _add(found, _folder_of(place), "ro")
    written = [output.path for output in spec.outputs]
    written += [path for path in (*spec.logs, spec.benchmark) if path]
    for path in written:
        folder = os.path.dirname(os.path.abspath(path))
        for place in {folder, os.path.realpath(folder)}:
            _add(found, place, "rw")
    prefix = (spec.software or {}).get("conda")
    if prefix and os.path.isdir(prefix):
        found[str(prefix)] = "ro"
    # The memory of the runs is not for jobs.
    found[state] = "ro"
    for part in (*PARTS, HOME):
        found[os.path.join(state, part)] = "rw"
    for path in written:
        folder = os.path.dirname(os.path.abspath(path))
        if folder.startswith(f"{state}/") and f"{folder}/" != f"{state}/":
            found[folder] = "rw"
        if folder in _SYSTEM:
            raise Refused("container", f"`{folder}` of this machine cannot be shown in a container")
    return [[folder, found[folder]] for folder in sorted(found) if os.path.exists(folder)]


def _add(found: dict[str, str], folder: str, how: str) -> None:
    """Unless it is seen already, in that way or a better one."""
    above = folder
    while True:
        known = found.get(above)
        if known is not None:
            if known == "rw" or how == "ro":
                return
            break
        parent = os.path.dirname(above)
        if parent == above:
            break
        above = parent
    found[folder] = how


def _folder_of(path: str) -> str:
    """What is shown for an input: its folder, for what lies beside it; itself, if the folder is
    one of the system's."""
    if os.path.isdir(path):
        return path
    folder = os.path.dirname(path)
    return path if folder in _SYSTEM else folder
