"""Where programs are, by a search path."""

from __future__ import annotations

import os

from rulekit.runner.files import Refused

_programs: dict[tuple[str, str], str] = {}


def program_of(name: str, search: str) -> str:
    """The path of a program by the PATH `search`. Raises Refused if there is none."""
    if "/" in name:
        return name
    found = _programs.get((name, search))
    if found is None:
        for folder in search.split(os.pathsep):
            path = os.path.join(folder or ".", name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                found = path
                break
        else:
            raise Refused("spawn", f"there is no program `{name}` in the search path")
        _programs[name, search] = found
    return found
