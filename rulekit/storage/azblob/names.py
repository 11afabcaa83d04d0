"""Names that Blob Storage cannot hold, refused before anything runs.

Source: Microsoft's page "Naming and referencing containers, blobs, and metadata".
"""

from __future__ import annotations

import re

from rulekit.errors.tree import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.model.places import Places

LONGEST = 1024  # characters
MOST_FOLDERS = 254  # parts between slashes
_SURELY = re.compile(r"(?:[\w ~!@#$%&*()+={}\[\]:;'<>,?|^`\"-][\w .~!@#$%&*()+={}\[\]:;'<>,?|^`\"-]*"
                     r"(?<!\.)/)*[\w -][\w .-]*(?<!\.)", re.ASCII).fullmatch  # fmt: skip
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")


def fault_of_name(name: str) -> str | None:
    """Why no blob can have this name, None if one can."""
    # Nearly all names are so; plans may have very many of them.
    if _SURELY(name) is not None and len(name) <= MOST_FOLDERS:
        return None
    if not name:
        return "it is empty"
    # The service counts UTF-16 units.
    length = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if length > LONGEST:
        return f"it is {length} characters long, {LONGEST} are allowed"
    if name[0] == "/":
        return "it begins with `/`"
    if name[-1] == "/":
        return "it ends with `/`"
    parts = name.split("/")
    if "" in parts:
        return "it holds `//`"
    if len(parts) > MOST_FOLDERS:
        return f"it has {len(parts)} parts between slashes, {MOST_FOLDERS} are allowed"
    if "." in parts or ".." in parts:
        return "it has a part `.` or `..`"
    if any(part[-1] == "." for part in parts):
        return "a part of it ends with a dot, which the service takes away"
    for character in name:
        number = ord(character)
        if number < 32 or 127 <= number < 160 or number in (0xFFFE, 0xFFFF):
            return f"it holds the control character U+{number:04X}"
        if 0xD800 <= number <= 0xDFFF:
            return "it holds bytes that are no UTF-8"
        if character == "\\":
            return "it holds a backslash, which clients turn into `/`"
    return None


def fault_of_container(name: str) -> str | None:
    """Why no container can have this name, None if one can."""
    if name in ("$root", "$web", "$logs") or (
        3 <= len(name) <= 63 and _CONTAINER.fullmatch(name) is not None
    ):
        return None
    return "3 to 63 small letters, digits and single `-` between them are allowed"


def check_names(found: Iterable[tuple[str, str]]) -> None:
    """Refuse (path, blob name) pairs that cannot be stored. Raises `InfrastructureError` that
    names the first ones."""
    bad = [(path, fault) for path, name in found if (fault := fault_of_name(name)) is not None]
    if not bad:
        return
    path, fault = bad[0]
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    raise InfrastructureError(
        f"`{path}` cannot be the name of a stored file: {fault}{more}",
        code="RK0642",
        notes=tuple(f"`{path}`: {fault}" for path, fault in bad[1:4]),
        help='choose another name, or keep the file on this disk: `local("...")`',
    )


def check_places(places: Places, paths: Iterable[str]) -> None:
    """Refuse paths whose blobs, or containers, cannot be. Raises as `check_names`, and RK0644."""
    found = []
    containers: dict[str, str] = {}
    for path in paths:
        location = places.find(path)
        if location is not None:
            found.append((path, location.name))
            containers.setdefault(location.container, path)
    for container, path in containers.items():
        fault = fault_of_container(container)
        if fault is not None:
            raise InfrastructureError(
                f"`{path}` cannot be stored: `{container}` cannot be the name of a container: {fault}",
                code="RK0644",
            )
    check_names(found)
