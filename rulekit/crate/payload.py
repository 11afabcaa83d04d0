"""Which files a crate holds, and where in it: by the names they have in the working directory."""

from __future__ import annotations

import os

from rulekit.frozen import frozen
from rulekit.runner.files import MARKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rulekit.crate.facts import RunFacts

MOST_EACH = 50_000_000  # bytes of a data file that goes into the crate
MOST_ALL = 1_000_000_000  # bytes of all


@frozen
class Payload:
    """`places` maps a path, as the run names it, to its place in the crate (folders end with /);
    what is not in it is only described. `left_out` are data files that were too large."""

    places: Mapping[str, str]
    left_out: tuple[str, ...]


def choose(facts: RunFacts) -> Payload:
    """Rule files, scripts, environments, configuration; then results, then sources, then what else
    there is on disk, as long as there is room."""
    here = os.getcwd()
    places: dict[str, str] = {}
    taken: set[str] = set()
    for path in (*facts.rule_files, *facts.config_files, *facts.other_files):
        if not os.path.isfile(path) or path in places:
            continue
        place = _inside(path, here) or f"workflow/{os.path.basename(path)}"
        number = 1
        while place in taken:
            number += 1
            place = f"workflow/{number}/{os.path.basename(path)}"
        taken.add(place)
        places[path] = place
    left = MOST_ALL
    left_out = []
    names = dict.fromkeys((*facts.results, *facts.sources))
    for job in facts.jobs:
        names.update(dict.fromkeys((*job.outputs, *job.work.logs)))
    for path in names:
        inside = _inside(path, here)
        if inside is None or inside in taken or not os.path.exists(path):
            continue
        size = _size(path)
        if size > MOST_EACH or size > left:
            left_out.append(path)
            continue
        left -= size
        taken.add(inside)
        places[path] = f"{inside}/" if os.path.isdir(path) else inside
    return Payload(places, tuple(left_out))


def members(payload: Payload) -> Iterator[tuple[str, str]]:
    """Each file on disk and its place in the crate, folders opened up."""
    seen: set[str] = set()
    for path, place in payload.places.items():
        if not place.endswith("/"):
            if place not in seen:
                seen.add(place)
                yield path, place
            continue
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                full = os.path.join(folder, name)
                inside = place + os.path.relpath(full, path)
                if name == MARKER or inside in seen:
                    continue
                if os.path.isfile(full) and _is_text(inside):
                    seen.add(inside)
                    yield full, inside


def _inside(path: str, here: str) -> str | None:
    """The path relative to the working directory; None if it is outside of it, is rulekit's, or has
    a name that no archive could hold."""
    if "://" in path or not _is_text(path):
        return None
    found = os.path.relpath(os.path.join(here, path), here)
    if found.startswith("..") or found == "." or found.split(os.sep, 1)[0] == ".rulekit":
        return None
    return found


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(folder, name))
            except OSError:
                pass
    return total
