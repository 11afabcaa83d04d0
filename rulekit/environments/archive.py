"""Writes the archive that `packing` describes from a folder that was built at a long path."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile

from rulekit.environments import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = "rulekit-environment-1"
# What stands in the archive's files, whatever path it was built at: 200 bytes, so that binaries
# have room for any shorter path.
PREFIX = "/opt/rulekit-environment-".ljust(200, "-")
_TIME = 1_000_000_000  # seconds since 1970, for members whose time says nothing

# conda-meta/*.json: what only says how this copy came to be.
_LOCAL_KEYS = ("link", "extracted_package_dir", "package_tarball_full_path", "requested_specs")
# Of our own folder only the activation goes along.
_KEPT_META = f"{layout.META}/activate.sh"


def write_archive(prefix: str, target: str, identity: str, platform: str) -> None:
    """Write the archive of the environment at `prefix` (as many bytes long as PREFIX). Raises
    OSError."""
    here, there = os.fsencode(prefix), PREFIX.encode()
    assert len(here) == len(there)
    compiled = _compiled(prefix, here)
    times = {_source(name): time for name, time in compiled.items() if time is not None}
    lists: dict[str, list[str]] = {"text": [], "binary": [], "links": []}
    os.makedirs(os.path.dirname(target), exist_ok=True)
    # The list comes first in the archive, but is known last: two passes, the first only reads.
    for name, path in _members(prefix, compiled):
        if os.path.islink(path):
            if os.readlink(path).startswith(prefix + "/"):
                lists["links"].append(name)
        elif not os.path.isdir(path):
            data = _content(name, path)
            if here in data:
                lists["binary" if b"\0" in data else "text"].append(name)
    about = {
        "format": FORMAT,
        "identity": identity,
        "platform": platform,
        "prefix": PREFIX,
        **lists,
        "activate": _KEPT_META,
    }
    part = f"{target}.{os.getpid()}.part"
    with open(part, "wb") as raw:
        with (
            gzip.GzipFile("", "wb", 4, raw, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            _add(tar, f"{layout.META}/pack.json", json.dumps(about, indent=1).encode())
            for name, path in _members(prefix, compiled):
                _add_member(tar, name, path, here, times)
        raw.flush()
        os.fsync(raw.fileno())
    os.replace(part, target)


def _members(prefix: str, compiled: dict[str, int | None]) -> Iterator[tuple[str, str]]:
    """Names in the archive with their paths, sorted."""
    for base, folders, files in os.walk(prefix):
        folders.sort()
        inside = os.path.relpath(base, prefix)
        names = files + [name for name in folders if os.path.islink(os.path.join(base, name))]
        if inside != ".":
            yield inside, base
        for name in sorted(names):
            path = os.path.join(base, name)
            member = name if inside == "." else f"{inside}/{name}"
            if member.startswith(f"{layout.META}/") and member != _KEPT_META:
                continue
            if member in compiled and compiled[member] is None:
                continue
            if os.path.islink(path) and not _stays_inside(path, prefix):
                continue
            yield member, path


def _compiled(prefix: str, here: bytes) -> dict[str, int | None]:
    """Compiled Python files, each with the time of its source that it was made for; None for those
    that are left out as they hold the prefix, or say no time."""
    found: dict[str, int | None] = {}
    for base, _, files in os.walk(prefix):
        for name in files:
            if not name.endswith(".pyc"):
                continue
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                data = file.read()
            inside = os.path.relpath(path, prefix)
            by_time = data[4:8] == b"\0\0\0\0"  # else by hash: any time of the source will do
            time = int.from_bytes(data[8:12], "little") if by_time else _TIME
            found[inside] = None if here in data else time
    return found


def _source(compiled: str) -> str:
    """The Python file that a compiled one was made from; it must keep its time."""
    folder, _, base = compiled.rpartition("/")
    folder = folder.removesuffix("__pycache__").rstrip("/")
    name = base.partition(".")[0] + ".py"
    return f"{folder}/{name}" if folder else name


def _stays_inside(path: str, prefix: str) -> bool:
    target = os.readlink(path)
    whole = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return whole.startswith(prefix + "/")


def _content(name: str, path: str) -> bytes:
    """The bytes of a file as they are packed, still with the path it was built at."""
    with open(path, "rb") as file:
        data = file.read()
    if name == "conda-meta/history":
        return b""  # that it is there makes it an environment; what it says are times
    if name.startswith("conda-meta/") and name.endswith(".json"):
        values = json.loads(data)
        for key in _LOCAL_KEYS:
            values.pop(key, None)
        paths = (values.get("paths_data") or {}).get("paths") or []
        for one in paths:
            one.pop("sha256_in_prefix", None)
            if one.get("path_type") in ("unix_python_entry_point", "pyc_file"):
                one.pop("sha256", None)  # made here, with the path in it
                one.pop("size_in_bytes", None)
        paths.sort(key=lambda one: str(one["_path"]))  # the installer's threads decide else
        values.get("files", []).sort()
        return json.dumps(values, indent=1, sort_keys=True).encode()
    return data


def _add_member(
    tar: tarfile.TarFile, name: str, path: str, here: bytes, times: dict[str, int]
) -> None:
    there = PREFIX.encode()
    member = tarfile.TarInfo(name)
    member.mtime = _TIME
    if os.path.islink(path):
        member.type, member.mode = tarfile.SYMTYPE, 0o777
        member.linkname = os.readlink(path).replace(os.fsdecode(here), PREFIX)
        tar.addfile(member)
    elif os.path.isdir(path):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
    else:
        executable = os.stat(path).st_mode & 0o111
        data = _content(name, path).replace(here, there)
        _add(tar, name, data, 0o755 if executable else 0o644, times.get(name, _TIME))


def _add(
    tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644, time: int = _TIME
) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), mode, time
    tar.addfile(member, io.BytesIO(data))
