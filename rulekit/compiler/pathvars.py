"""``<name>`` in paths: who defines it, and filling it in."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Who gave a value; a lower level wins.
RULE, MODULE, CONFIG, STATEMENT, DEFAULT = range(5)

_NAME = r"[a-z][a-z0-9_]*"
_FIELD = f"<({_NAME})>"
_DEFAULTS = ("results", "stats", "reports", "temp", "resources", "logs", "benchmarks")


class PathvarError(ValueError):
    """A path variable that is unknown, malformed or defined by itself."""


class Pathvars:
    """Values by name, each with the level of whoever gave it."""

    def __init__(self, values: Mapping[str, tuple[str, int]] | None = None) -> None:
        if values is None:
            values = {name: (name, DEFAULT) for name in _DEFAULTS}
        self.values = dict(values)

    def copy(self) -> Pathvars:
        return Pathvars(self.values)

    def update(self, given: object, level: int) -> None:
        """Take over `given` (a dict of text) where nobody of a lower level has spoken.

        Raises `PathvarError`.
        """
        if not isinstance(given, dict):
            raise PathvarError(f"path variables are names with texts, not {given!r}")
        for name, value in given.items():
            if not isinstance(name, str) or not re.fullmatch(_NAME, name):
                raise PathvarError(
                    f"`{name}` is no name of a path variable: it needs small letters, digits and `_`"
                )
            if not isinstance(value, str):
                raise PathvarError(f"the path variable `{name}` must be a text, not {value!r}")
            if name not in self.values or level <= self.values[name][1]:
                self.values[name] = (value, level)
        for name in given:
            self._check_cycle(name)

    def _check_cycle(self, name: str) -> None:
        seen = [name]
        todo = [name]
        while todo:
            for inner in re.findall(_FIELD, self.values.get(todo.pop(), ("", 0))[0]):
                if inner == name:
                    chain = " and ".join(f"`{one}`" for one in dict.fromkeys(seen))
                    raise PathvarError(f"the path variables {chain} are defined by each other")
                if inner not in seen:
                    seen.append(inner)
                    todo.append(inner)

    def apply(self, path: str) -> str:
        """`path` with every ``<name>`` replaced. Raises `PathvarError` for an unknown one."""
        for _ in range(100):
            if re.search(_FIELD, path) is None:
                return path
            path = re.sub(_FIELD, self._value, path)
        raise PathvarError(f"the path variables in `{path}` have no end")

    def _value(self, match: re.Match[str]) -> str:
        found = self.values.get(match[1])
        if found is None:
            from rulekit.errors.diagnostic import closest

            near = closest(match[1], self.values)
            hint = f"; there is `<{near}>`" if near else ""
            raise PathvarError(f"the path variable `<{match[1]}>` is not defined{hint}")
        return found[0]


def uses_pathvars(text: str) -> bool:
    """True if there is a ``<name>`` in the text."""
    return re.search(_FIELD, text) is not None
