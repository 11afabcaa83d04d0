"""Conda environments on a node: a pack from the storage becomes a folder, once for each machine.

The driver packs an environment (`rulekit.environments.packing` has the form of a pack) and an order
names it by its identity. Here it is fetched into the folder that all tasks of the machine share,
checked, unpacked and made to fit its new place: paths in it are those of the machine it was made on
until then. A folder that has its name is complete: all is done beside it and renamed at the end.
"""

from __future__ import annotations

import json
import os
import time

from rulekit.frozen import frozen
from rulekit.node.trouble import Cancelled, Trouble
from rulekit.runner.files import Refused, make_directory, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, BinaryIO

    from rulekit.node.depot import Depot

FORMAT = "rulekit-environment-1"
PACK = ".rulekit/pack.json"
MARK = ".rulekit/node.json"  # which pack it is of, and since which start of the machine
KEPT = 16  # letters of an identity that name its folder
_HEAD_MOST = 64 << 20  # bytes of `PACK`
_CHUNK = 1 << 20
_LISTEN_S = 0.2
_BOOT = "/proc/sys/kernel/random/boot_id"
_MACHINES = {"x86_64": "64"}  # conda's words for what the system says
_PREFIX_LEAST = 60  # bytes; shorter ones leave no room for ours


@frozen
class Pack:
    """Where the pack of an environment is stored, and its digest (``sha256:...``)."""

    identity: str
    place: Sequence[str]
    digest: str


def environment_here(
    depot: Depot,
    pack: Pack,
    shared: str,
    say: Callable[[str], None] = lambda _text: None,
    asked: Callable[[], bool] = lambda: False,
) -> str:
    """The folder of an environment below `shared`; fetched and unpacked if it is not there.

    Others who want the same wait for it. `asked()`: whether to give up. Raises `Refused`
    (``software``, ``storage``, ``access``, ``disk``, ``cancelled``).
    """
    import fcntl

    target = os.path.join(shared, pack.identity[:KEPT])
    if is_complete(target, pack.identity):
        return target
    try:
        os.makedirs(shared, mode=0o755, exist_ok=True)
        # The system opens the lock when its owner ends, however he does.
        lock = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise _disk(error) from None
    try:
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if asked():
                    raise Cancelled from None
                if not told:
                    say("waiting for the environment, which another task fetches")
                    told = True
                time.sleep(_LISTEN_S)
        if not is_complete(target, pack.identity):
            _bring(depot, pack, target, say)
    except OSError as error:
        raise _disk(error) from None
    finally:
        os.close(lock)
    return target


def is_complete(folder: str, identity: str) -> bool:
    """Whether a folder holds that environment whole. After a restart of the machine none does: what
    was written may not have reached the disk."""
    try:
        with open(os.path.join(folder, MARK), encoding="utf-8") as file:
            mark = json.load(file)
        return bool(mark["identity"] == identity and mark["boot"] == _boot())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _bring(depot: Depot, pack: Pack, target: str, say: Callable[[str], None]) -> None:
    """Fetch, check, unpack, rename. What an earlier owner of the lock left goes first."""
    from rulekit.node.fetch import Fetch

    began = time.monotonic()
    part, box = f"{target}.part", f"{target}.fetch"
    for left in (part, box, target):
        remove(left)
    try:
        fetch = Fetch(depot, box, os.path.join(box, "parts"))
        try:
            fetch.run({"pack": pack.place})
        except Refused as refused:
            if refused.problem != "missing-input":
                raise
            raise Trouble("software", f"the packed environment is gone: {refused.detail}") from None
        path = os.path.join(box, "pack")
        size = os.path.getsize(path)
        _check(path, pack.digest)
        fetched = time.monotonic()
        count = unpack(path, part, target, pack.identity)
        with open(os.path.join(part, MARK), "x", encoding="utf-8") as file:
            json.dump({"identity": pack.identity, "pack": pack.digest, "boot": _boot()}, file)
        os.rename(part, target)
    finally:
        for left in (part, box):
            try:
                remove(left)
            except OSError:
                pass  # the next one does it
    say(
        f"environment {pack.identity[:KEPT]}: {size / 1e6:.1f} MB fetched in"
        f" {fetched - began:.1f} s, {count} files in {time.monotonic() - fetched:.1f} s"
    )


def _check(path: str, digest: str) -> None:
    import hashlib

    kind, _, wanted = digest.partition(":")
    if kind != "sha256":
        raise Trouble("node", f"a digest of the kind `{kind}` is not known here")
    made = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    if made.hexdigest() != wanted:
        raise Trouble("software", "the packed environment is not the one that the run has stored")


# -- unpacking -------------------------------------------------------------------------------


def unpack(path: str, folder: str, target: str, identity: str) -> int:
    """Unpacks a pack into `folder`, which is not there yet, in the state in which it can be used at
    `target`; the number of files. Raises Refused; `folder` may be half made then."""
    import tarfile
    import zlib

    try:
        with tarfile.open(path, mode="r|gz") as tar:
            head = _head(tar, identity)
            maker = _Maker(head, folder, target)
            while (member := tar.next()) is not None:
                maker.add(tar, member)
            maker.finish()
            return maker.count
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _hostile(f"it cannot be read ({type(error).__name__})") from None
    except OSError as error:
        if error.errno is None:  # of gzip: not a file of its form
            raise _hostile("it cannot be read") from None
        raise _disk(error) from None


def _head(tar: Any, identity: str) -> Mapping[str, Any]:
    member = tar.next()
    if member is None or member.name != PACK or not member.isreg() or member.size > _HEAD_MOST:
        raise _hostile(f"it does not begin with `{PACK}`")
    try:
        head = json.loads(tar.extractfile(member).read())
    except ValueError:
        raise _hostile(f"its `{PACK}` is no JSON") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise _hostile("it has a form that is not known here")
    if head.get("identity") != identity:
        raise _hostile("it is of another environment")
    machine = os.uname().machine
    if head.get("platform") != "linux-" + _MACHINES.get(machine, machine):
        raise _hostile(f"it is for {head.get('platform')}, and this machine is {machine}")
    prefix = head.get("prefix")
    if not isinstance(prefix, str) or prefix[:1] != "/" or len(prefix) < _PREFIX_LEAST:
        raise _hostile("its prefix cannot be")
    for field in ("text", "binary", "links"):
        names = head.get(field)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _hostile(f"its `{field}` is no list of names")
    return head


class _Maker:
    """Writes the members of a pack below a folder, and nothing anywhere else."""

    def __init__(self, head: Mapping[str, Any], folder: str, target: str) -> None:
        self.count = 0
        self._folder = folder
        self._old = os.fsencode(head["prefix"])
        self._new = os.fsencode(target)
        if len(self._new) > len(self._old):
            raise Trouble(
                "software",
                f"the folder for environments has too long a name: {len(self._new)} bytes,"
                f" {len(self._old)} are possible",
            )
        self._text = set(head["text"])
        self._binary = set(head["binary"])
        self._links = set(head["links"])
        self._made: set[str] = set()  # folders
        self._names: set[str] = set()
        make_directory(folder)

    def add(self, tar: Any, member: Any) -> None:
        name = self._name(member.name)
        if member.isdir():
            self._parents(name + "/x")
            return
        if name in self._names or name in self._made:
            raise _hostile(f"`{name}` is in it twice")
        self._names.add(name)
        self._parents(name)
        path = os.path.join(self._folder, name)
        if member.issym():
            os.symlink(self._goal(name, member.linkname), path)
        elif member.isreg():
            self.count += 1
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            mode = 0o755 if member.mode & 0o111 else 0o644
            with os.fdopen(os.open(path, flags, mode), "wb") as file:
                self._write(tar.extractfile(member), name, file)
                file.flush()
                os.fchmod(file.fileno(), mode)
                # Compiled Python files are good for sources of a certain time only.
                os.utime(file.fileno(), (member.mtime, member.mtime))
        else:
            raise _hostile(f"`{name}` is neither file, folder nor link")

    def finish(self) -> None:
        """All that has to be changed must have come by."""
        left = (self._text | self._binary | self._links) - self._names
        if left:
            raise _hostile(f"`{min(left)}` is named and not in it")

    def _name(self, name: str) -> str:
        parts = name.split("/")
        if name[:1] == "/" or ".." in parts or "\0" in name:
            raise _hostile(f"`{name}` leads out of it")
        clean = "/".join(part for part in parts if part not in ("", "."))
        if not clean or clean == MARK:
            raise _hostile(f"`{name}` cannot be a name in it")
        return clean

    def _parents(self, name: str) -> None:
        """Makes the folders of a name; none of them may be a link or a file."""
        missing = []
        folder = name.rpartition("/")[0]
        while folder and folder not in self._made:
            if folder in self._names:
                raise _hostile(f"`{folder}` is a folder and something else")
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for folder in reversed(missing):
            os.mkdir(os.path.join(self._folder, folder), 0o755)
            self._made.add(folder)

    def _goal(self, name: str, goal: str) -> str:
        """What a link leads to."""
        if name in self._links:
            old = os.fsdecode(self._old)
            inside = goal[len(old) :]
            if goal[: len(old)] != old or inside[:1] not in ("", "/") or ".." in inside.split("/"):
                raise _hostile(f"the link `{name}` does not lead to where it says")
            return os.fsdecode(self._new) + inside
        inside = os.path.normpath(os.path.join(os.path.dirname(name), goal))
        if not goal or goal[0] == "/" or inside.split("/")[0] == "..":
            raise _hostile(f"the link `{name}` leads out of it")
        return goal

    def _write(self, source: BinaryIO, name: str, file: BinaryIO) -> None:
        if name in self._text:
            file.write(source.read().replace(self._old, self._new))
        elif name in self._binary:
            file.write(mended(source.read(), self._old, self._new))
        else:
            while chunk := source.read(_CHUNK):
                file.write(chunk)


def mended(data: bytes, old: bytes, new: bytes) -> bytes:
    """Binary content with `new` in the place of `old`, which is not shorter: in each text that ends
    with a NUL, what is saved becomes NULs at its end, so that nothing behind it moves."""
    made = bytearray(data)
    start = made.find(old)
    while start >= 0:
        end = made.find(b"\0", start)
        end = len(made) if end < 0 else end
        text = bytes(made[start:end]).replace(old, new)
        made[start:end] = text.ljust(end - start, b"\0")
        start = made.find(old, end)
    return bytes(made)


def _hostile(why: str) -> Trouble:
    return Trouble("software", f"the packed environment cannot be used: {why}")


def _disk(error: OSError) -> Trouble:
    return Trouble(
        "disk",
        f"the environment cannot be unpacked: {(error.strerror or str(error)).lower()}",
        True,
    )
