"""Where the files of a plan are: on this disk, or in which blob of which account.

Paths in a plan are plain relative paths. `Places` is the only thing that knows which of them stand
for stored files; it is made once for each run and never changes.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.patterns import Pattern

# Paths below it are ours. What follows `STORED` is ACCOUNT/CONTAINER/name of the blob.
RESERVED = ".rulekit/"
STORED = ".rulekit/storage/azblob/"
# Copies of files of web servers; what follows is SCHEME/HOST/path.
WEB = ".rulekit/storage/web/"


@frozen
class Location:
    """One blob, or the folder of that name. `account` is a key into the accounts of the run."""

    account: str
    container: str
    name: str


@frozen
class Root:
    """Paths that begin with `prefix` are blobs of one container whose names begin with `below`.

    `prefix` and `below` end with ``/`` or are empty. An empty prefix stands for every relative
    path: the root of the whole run.
    """

    prefix: str
    account: str
    container: str
    below: str = ""


@frozen
class Places:
    """The mapping between paths and blobs.

    roots: prefixes of explicit stored names (``az://...``), used for one bulk listing each.
    default: where every other relative path is; None if that is this disk.
    local: names and patterns that stay on this disk (``local("p")``).
    """

    roots: tuple[Root, ...] = ()
    default: Root | None = None
    local: tuple[Pattern, ...] = ()

    def find(self, path: str) -> Location | None:
        """The blob of a path; None if the file is on this disk, or cannot be stored: an absolute
        path, one with ``..``, or one of rulekit's own in ``.rulekit``."""
        if path.startswith(RESERVED):
            return _explicit(path)
        default = self.default
        if default is None:
            return None
        plain = normal(path)
        if plain is None or self._is_local(path):
            return None
        return Location(default.account, default.container, default.below + plain)

    def root_of(self, path: str) -> Root | None:
        """The root whose listing tells about a path: of several that fit the one that holds most.

        An explicit stored name without a root has its own folder as one.
        """
        if not path.startswith(RESERVED):
            return self.default if self.find(path) is not None else None
        found = _explicit(path)
        if found is None:
            return None
        fitting = [root for root in self.roots if path.startswith(root.prefix)]
        if fitting:
            return min(fitting, key=lambda root: len(root.prefix))
        folder = found.name.rpartition("/")[0]
        below = folder + "/" if folder else ""
        return Root(
            f"{STORED}{found.account}/{found.container}/{below}",
            found.account,
            found.container,
            below,
        )

    def path_of(self, location: Location) -> str | None:
        """The path of a blob: the plain one if it is below the default root. None if a path could
        not lead back to it (``a//b``, ``../x``, ours below ``.rulekit/``)."""
        default = self.default
        if (
            default is not None
            and (location.account, location.container) == (default.account, default.container)
            and location.name.startswith(default.below)
        ):
            path = location.name[len(default.below) :]
            if path and normal(path) == path and not self._is_local(path):
                return path
        return stored_path(location)

    def target(self, text: str) -> str:
        """A target as the user gives it: the path, also if it is written with the prefix of the
        default root (``container/prefix/p``)."""
        default = self.default
        if default is None:
            return text
        start = f"{default.container}/{default.below}"
        return text[len(start) :] if text.startswith(start) and text != start else text

    def _is_local(self, path: str) -> bool:
        return any(pattern.match(path) is not None for pattern in self.local)


NOWHERE = Places()


def normal(path: str) -> str | None:
    """A relative path without ``./`` and doubled or final slashes; None if it cannot be stored."""
    if not path or path[0] == "/" or "\0" in path:
        return None
    if "./" not in path and "//" not in path and path[-1] not in "./":
        return path if not path.startswith(RESERVED) else None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or parts[0] == ".rulekit":
        return None
    return "/".join(parts)


def stored_path(location: Location) -> str | None:
    """The path that stands for a blob by its full name; None if there is none."""
    name = location.name
    if not name or name[0] == "/" or "\0" in name or normal("x/" + name) != "x/" + name:
        return None
    return f"{STORED}{location.account}/{location.container}/{name}"


def _explicit(path: str) -> Location | None:
    if not path.startswith(STORED):
        return None
    account, _, rest = path[len(STORED) :].partition("/")
    container, _, name = rest.partition("/")
    plain = normal("x/" + name)
    if not account or not container or plain is None or plain == "x":
        return None
    return Location(account, container, plain[2:])


def merged(roots: Iterable[Root]) -> tuple[Root, ...]:
    """Each root once, without those that lie inside of another one; sorted by prefix."""
    kept: list[Root] = []
    for root in sorted(set(roots), key=lambda root: root.prefix):
        if not kept or not root.prefix.startswith(kept[-1].prefix):
            kept.append(root)
    return tuple(kept)


def root_of_pattern(location: Location) -> Root:
    """The root for a stored name that may have wildcards: its folders before the first one."""
    literal = location.name.partition("{")[0]
    folder = literal.rpartition("/")[0]
    below = folder + "/" if folder else ""
    return Root(
        f"{STORED}{location.account}/{location.container}/{below}",
        location.account,
        location.container,
        below,
    )
