"""What rules need beside their inputs: scripts, included rule files, configuration.

The driver packs it, a node unpacks it once, and each order gets links to it in its working
directory.
"""

from __future__ import annotations

import os

from rulekit.node.trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from rulekit.node.depot import Depot

OUTSIDE = (
    "_rulekit_sources"  # below the working directory: what is elsewhere on the driver's machine
)


def pack_sources(
    workdir: str, paths: Iterable[str], roots: Iterable[str] = ()
) -> tuple[bytes, str, dict[str, str]]:
    """A tar.gz of files, its digest (``sha256:…``), and the `moved` of orders.

    `paths` are files and folders (with all in them but hidden ones and ``__pycache__``), relative
    to `workdir` or absolute. `roots`: folders outside of `workdir` in which absolute ones lie,
    such as that of the rule file; another file's root is its own folder. The same files give the
    same bytes. Raises OSError.
    """
    import gzip
    import hashlib
    import io
    import tarfile

    workdir = os.path.abspath(workdir)
    known = sorted({os.path.abspath(root) for root in roots}, key=len, reverse=True)
    moved: dict[str, str] = {}
    found: dict[str, str] = {}
    for path in sorted(os.path.abspath(os.path.join(workdir, path)) for path in paths):
        for file in _files_in(path):
            if file.startswith(workdir + os.sep):
                found[os.path.relpath(file, workdir)] = file
                continue
            home = next((root for root in known if file.startswith(root + os.sep)), None)
            home = home or os.path.dirname(file)
            place = moved.setdefault(home, f"{OUTSIDE}/{len(moved)}")
            found[f"{place}/{os.path.relpath(file, home)}"] = file
    made = io.BytesIO()
    # Times would make other bytes of the same files.
    with (
        gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, file in sorted(found.items()):
            with open(file, "rb") as content:
                data = content.read()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755 if os.stat(file).st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(data))
    data = made.getvalue()
    return data, "sha256:" + hashlib.sha256(data).hexdigest(), moved


def _files_in(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    found = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(one for one in folders if one[0] != "." and one != "__pycache__")
        found += [os.path.join(folder, name) for name in sorted(files) if name[0] != "."]
    return [one for one in found if os.path.isfile(one)]


def sources_here(depot: Depot, place: Sequence[str], digest: str, shared: str) -> str:
    """The folder of the unpacked sources, fetched if they are not there: once for a machine.

    Raises `Refused`.
    """
    import fcntl

    target = os.path.join(shared, "sources", digest.replace(":", "-"))
    if os.path.isdir(target):
        return target
    try:
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        lock = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(target):
                _fetch_sources(depot, place, digest, target)
        finally:
            os.close(lock)
    except OSError as error:
        raise Trouble("disk", f"the sources cannot be unpacked: {_short(error)}", True) from None
    return target


def _fetch_sources(depot: Depot, place: Sequence[str], digest: str, target: str) -> None:
    import hashlib
    import io
    import tarfile

    from rulekit.node.fetch import PART

    key, container, name = place
    account = depot.account(key)
    data, blob = account.read(container, name, 0, PART)
    while len(data) < blob.size:
        more, _ = account.read(container, name, len(data), PART, blob.etag)
        data += more
    kind, _, wanted = digest.partition(":")
    if kind == "sha256" and hashlib.sha256(data).hexdigest() != wanted:
        raise Trouble("storage", f"the sources in `{container}/{name}` are not those of the run")
    part = f"{target}.{os.getpid()}.part"
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
            for member in tar:
                _unpack(tar, member, part)
    except (tarfile.TarError, EOFError) as error:
        raise Trouble("node", f"the sources cannot be unpacked: {_short(error)}") from None
    os.makedirs(part, exist_ok=True)
    os.rename(part, target)


def _unpack(tar: Any, member: Any, below: str) -> None:
    """Files and folders only, and only inside of the folder."""
    parts = member.name.split("/")
    if member.name.startswith("/") or ".." in parts:
        raise Trouble("node", f"the sources hold a name that leads out of them: `{member.name}`")
    path = os.path.join(below, *[part for part in parts if part not in ("", ".")])
    if member.isdir():
        os.makedirs(path, mode=0o755, exist_ok=True)
        return
    if not member.isreg():
        raise Trouble("node", f"the sources hold something that is no file: `{member.name}`")
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    content = tar.extractfile(member)
    with open(path, "wb") as file:
        while chunk := content.read(1 << 20):
            file.write(chunk)
    os.chmod(path, 0o755 if member.mode & 0o111 else 0o644)


def _short(error: BaseException) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return type(error).__name__
