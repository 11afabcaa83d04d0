"""Which rules could make a file: patterns found by their literal beginnings and ends."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.model.rule import Workflow
    from rulekit.patterns import Pattern
    from rulekit.planning.templates import RuleTemplate

    Candidate = tuple[int, tuple[str, ...]]  # rule index, wildcard values


class ProducerIndex:
    """Finds the candidates for a path, best first where rules are ordered.

    Patterns are filed under the folder part of their literal prefix. The list for a folder is
    made once: a path then costs one dict look-up, two string comparisons for each pattern filed
    on the way, and a regular expression only where those fit.
    """

    def __init__(
        self, workflow: Workflow, templates: Sequence[RuleTemplate], allowed: frozenset[str]
    ) -> None:
        self._rules = workflow.rules
        self._exact: dict[str, list[tuple[int, Pattern]]] = {}
        self._by_folder: dict[str, list[tuple[int, Pattern]]] = {}
        self._lists: dict[str, list[tuple[str, str, Pattern, int]]] = {}
        for template in templates:
            rule = template.rule
            if allowed and rule.name not in allowed:
                continue
            for pattern in template.products:
                entry = (rule.index, pattern)
                if pattern.slots:
                    folder = pattern.prefix[: pattern.prefix.rfind("/") + 1]
                    self._by_folder.setdefault(folder, []).append(entry)
                else:
                    self._exact.setdefault(pattern.text, []).append(entry)
        self._templates = templates
        self._ways: dict[tuple[int, int], Any] = {}
        self._order = _order_table(workflow.ruleorder)

    def _list(self, folder: str) -> list[tuple[str, str, Pattern, int]]:
        found: list[tuple[str, str, Pattern, int]] = []
        end = len(folder)
        while True:
            for index, pattern in self._by_folder.get(folder[:end], ()):
                found.append((pattern.prefix, pattern.suffix, pattern, index))
            if end <= 0:
                break
            end = folder.rfind("/", 0, end - 1) + 1
        found.sort(key=lambda item: item[3])
        self._lists[folder] = found
        return found

    def candidates(self, path: str, asker: int, asker_values: tuple[str, ...]) -> list[Candidate]:
        """Rules and wildcard values that would make `path`, not ordered.

        `asker` is the index of the rule that asks (-1: a target) with its wildcard values: if
        those, filled into a pattern, give exactly `path`, they are taken.
        Raises `PatternError` for a constraint that is no regular expression.
        """
        folder = path[: path.rfind("/") + 1]
        listed = self._lists.get(folder)
        if listed is None:
            listed = self._list(folder)
        found: list[Candidate] = []
        if path in self._exact:
            found = [(index, ()) for index in dict.fromkeys(i for i, _ in self._exact[path])]
        for prefix, suffix, pattern, index in listed:
            if path.startswith(prefix) and path.endswith(suffix):
                values = None
                if asker >= 0:
                    values = self._borrowed(pattern, path, asker, asker_values)
                if values is None:
                    values = pattern.match(path)
                    if values is None:
                        continue
                if ".." in path and leads_outside(pattern, path):
                    continue
                names = self._rules[index].wildcard_names
                if pattern.names != names:
                    by_name = dict(zip(pattern.names, values, strict=True))
                    values = tuple([by_name[name] for name in names])
                found.append((index, values))
        if len(found) > 1:
            return _shortest_for_rule(found)
        return found

    def _borrowed(
        self, pattern: Pattern, path: str, asker: int, asker_values: tuple[str, ...]
    ) -> tuple[str, ...] | None:
        """The asking job's own values, if they give exactly `path` and satisfy the constraints."""
        key = (asker, id(pattern))
        way = self._ways.get(key, 0)
        if way == 0:
            way = self._ways[key] = self._way(pattern, asker)
        if way is None:
            return None
        pick, checked = way
        values = asker_values if pick is None else tuple([asker_values[i] for i in pick])
        if pattern.fill(values) != path:
            return None
        if not checked:
            import re

            for value, constraint in zip(values, pattern.constraints, strict=True):
                if constraint is not None and re.fullmatch(constraint, value, re.DOTALL) is None:
                    return None
        return values

    def _way(self, pattern: Pattern, asker: int) -> tuple[tuple[int, ...] | None, bool] | None:
        """How a pattern's values come out of the asker's: positions, and whether they are known
        to satisfy the constraints (those of the asker's own patterns are the same)."""
        names = self._rules[asker].wildcard_names
        if not set(pattern.names) <= set(names):
            return None
        pick = None if pattern.names == names else tuple(names.index(n) for n in pattern.names)
        wanted = dict(zip(pattern.names, pattern.constraints, strict=True))
        checked = not any(wanted.values()) or all(
            dict(zip(own.names, own.constraints, strict=True)).get(name) == constraint
            for own in self._templates[asker].products
            for name, constraint in wanted.items()
            if constraint is not None
        )
        return pick, checked

    def higher(self, first: int, second: int) -> bool:
        """Whether rule `first` is strictly preferred to rule `second` for the same file."""
        one, two = self._rules[first], self._rules[second]
        ordered = self._order.get((one.name, two.name))
        if ordered is not None:
            return ordered
        return not one.wildcard_names and bool(two.wildcard_names)

    def ordered(self, found: list[Candidate]) -> list[Candidate]:
        """The candidates so that none stands after one that is strictly lower."""
        if len(found) < 2:
            return found
        beaten = [
            sum(1 for other in found if other is not one and self.higher(other[0], one[0]))
            for one in found
        ]
        return [found[i] for i in sorted(range(len(found)), key=lambda i: (beaten[i], found[i][0]))]


def _order_table(statements: Sequence[tuple[str, ...]]) -> dict[tuple[str, str], bool]:
    """(a, b) to whether a comes before b; the last statement that names both decides."""
    table: dict[tuple[str, str], bool] = {}
    for names in statements:
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                table[first, second] = True
                table[second, first] = False
    return table


def _shortest_for_rule(found: list[Candidate]) -> list[Candidate]:
    """One candidate for each rule: the one with the shortest wildcard text."""
    best: dict[int, Candidate] = {}
    for candidate in found:
        index, values = candidate
        known = best.get(index)
        if known is None or sum(map(len, values)) < sum(map(len, known[1])):
            best[index] = candidate
    return list(best.values())


def leads_outside(pattern: Pattern, path: str) -> bool:
    """Whether the wildcards take `path` out of the folder that the pattern's own text names.

    A pattern that begins with ``..`` or ``/`` itself may go where it says; a wildcard value with
    ``..`` in it may not climb above that (a sample sheet must not write elsewhere).
    """
    from posixpath import normpath

    anchor = normpath(pattern.prefix[: pattern.prefix.rfind("/") + 1] or ".")
    real = normpath(path)
    if anchor == ".":
        return real == ".." or real.startswith("../")
    if anchor == ".." or anchor.endswith("/.."):
        return real.count("..") > anchor.count("..")
    return not (real == anchor or real.startswith(anchor.rstrip("/") + "/"))
