"""Files that must not be lost are moved out of the way, not deleted."""

from __future__ import annotations

import os

FOLDER = "kept"


def move(state_dir: str, run: str, path: str) -> str | None:
    """Moves `path` below ``<state_dir>/kept/<run>/``; the new place.

    None if there was nothing, "" if it lies on another file system, where a move would be a copy:
    it then stays. Raises OSError if the folder cannot be made.
    """
    if not os.path.lexists(path):
        return None
    target = free_name(os.path.join(state_dir, FOLDER, run, flat(path)))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.rename(path, target)
    except FileNotFoundError:
        return None
    except OSError:
        return ""
    return target


def flat(path: str) -> str:
    """A path that stays below the folder it is put into."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "/".join("__" if part == ".." else part for part in parts)


def free_name(path: str) -> str:
    """`path`, with a number behind it if there is something already."""
    candidate, number = path, 0
    while os.path.lexists(candidate):
        number += 1
        candidate = f"{path}.{number}"
    return candidate
