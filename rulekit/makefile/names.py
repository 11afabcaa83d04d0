"""Names of Python for what has a name in a Makefile."""

from __future__ import annotations

import builtins
import keyword
import re

_TAKEN = frozenset(
    "input output params log threads resources wildcards rule rules checkpoint checkpoints config "  # noqa: SIM905
    "shell script workflow expand temp touch protected directory ancient os re glob stem target "
    "include module use storage report container conda envvars PREREQUISITES jobid message".split()
)


class Names:
    """The names that were given; each only once."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._rules: set[str] = set()

    def variable(self, name: str) -> str:
        """The Python name of a variable of make."""
        found = self._variables.get(name)
        if found is None:
            found = re.sub(r"\W", "_", name) or "_"
            if found[0].isdigit():
                found = f"_{found}"
            while (
                keyword.iskeyword(found)
                or hasattr(builtins, found)
                or found in _TAKEN
                or found in self._variables.values()
            ):
                found += "_"
            self._variables[name] = found
        return found

    def rule(self, target: str) -> str:
        """A new name for the rule of a target."""
        name = re.sub(r"\W+", "_", target.replace("%", "any")).strip("_") or "make"
        if name[0].isdigit() or keyword.iskeyword(name):
            name = f"make_{name}"
        plain, number = name, 2
        while name in self._rules:
            name = f"{plain}_{number}"
            number += 1
        self._rules.add(name)
        return name
