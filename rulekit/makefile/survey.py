"""What a Makefile says as a whole, found by reading it as Make would: values, targets, what is phony."""

from __future__ import annotations

import os
import re

from rulekit.makefile import parts as cutting
from rulekit.makefile.functions import DEFAULTS, mk_stem
from rulekit.makefile.reader import Assign, Condition, Made, Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.makefile.reader import Item

_SUFFIXES = re.compile(r"\.([\w+-]+)\.([\w+-]+)\Z")
_LOOKS = re.compile(r"[$][({](?:wildcard|shell|filter|filter-out|foreach)\s")
_DEFINE = re.compile(r"define\s+([^\s:=+?]+)")
_MOST_DEPTH = 50


class Ruled:
    """A rule with the values of its texts where it stands."""

    __slots__ = ("made", "order_only", "pattern", "prerequisites", "targets")

    def __init__(
        self, made: Made, targets: list[str], prerequisites: list[str], order_only: list[str]
    ) -> None:
        self.made = made
        self.targets = targets
        self.prerequisites = prerequisites
        self.order_only = order_only
        # A rule for all files that fit.
        self.pattern = made.pattern is None and any("%" in target for target in targets)


class Survey:
    """All that is known of a Makefile before anything is written."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.values: dict[str, tuple[str, bool]] = {}  # text; whether it is worked out when asked
        self.rules: dict[int, Ruled] = {}  # by id() of the item
        self.marks: dict[str, list[str]] = {}  # special targets, as .PHONY
        self.first_asked: set[str] = set()  # variables that are asked for before they are set
        self._set: set[str] = set()
        self._depth = 0
        self.kept = list(items)
        self.assigned: set[str] = set()  # anywhere
        self.changing: set[str] = set()  # worked out at once from files or commands
        self.joined: set[int] = set()  # `+=` to a text that is not empty, whatever it comes to
        self.lost: set[str] = set()  # variables whose values cannot be translated
        self._refs: set[str] = set()  # by commands, and by what is worked out late
        self._walk(self.kept, top=True)
        # Set nowhere, or not in every case: what the environment says, or nothing.
        self.first_asked |= self._refs - self.assigned
        self.first_asked |= self.assigned - self._set
        self.phony = set(self.marks.get(".PHONY", ()))
        self.main: dict[str, Ruled] = {}
        self.adding: dict[str, list[Ruled]] = {}
        self._sort_rules()
        self.phony |= {name for name, rule in self.main.items() if _makes_nothing(name, rule.made)}
        self.default = self._default()

    # Reading ---------------------------------------------------------------------------------

    def variable(self, name: str) -> str:
        """The value of a variable as it is now."""
        found = self.values.get(name)
        if found is None:
            return os.environ.get(name, DEFAULTS.get(name, ""))
        if not found[1] or self._depth > _MOST_DEPTH:
            return found[0]
        self._depth += 1
        try:
            return self.value(found[0])
        finally:
            self._depth -= 1

    def value(self, text: str) -> str:
        """The value of a text as it is now."""
        return cutting.value(cutting.cut(text), self.variable)

    def _asks(self, text: str) -> None:
        for name in cutting.names(cutting.cut(text)):
            if name not in self._set:
                self.first_asked.add(name)

    def _walk(self, items: Iterable[Item], *, top: bool) -> None:
        for item in items:
            if isinstance(item, Assign):
                self._assign(item, top=top)
            elif isinstance(item, Made):
                self._rule(item)
            elif isinstance(item, Unknown):
                self.lost.update(_DEFINE.findall(item.text))
            elif isinstance(item, Condition):
                for arg in item.args:
                    self._asks(f"$({arg})" if item.kind in ("def", "ndef") else arg)
                taken = self.holds(item)
                before = dict(self.values)
                # Both branches are looked at; values come from the one that is taken.
                self._walk(item.orelse if taken else item.body, top=False)
                self.values = before
                self._walk(item.body if taken else item.orelse, top=False)

    def holds(self, item: Condition) -> bool:
        """Whether a condition is true, as things are now."""
        if item.kind in ("def", "ndef"):
            return bool(self.variable(self.value(item.args[0]))) == (item.kind == "def")
        return (self.value(item.args[0]) == self.value(item.args[1])) == (item.kind == "eq")

    def _assign(self, item: Assign, *, top: bool) -> None:
        name = item.name
        if item.op == "export":
            self._asks(f"$({name})")
            return
        if name == ".DEFAULT_GOAL":
            self.marks[name] = [self.value(item.text).strip()]
            return
        self.assigned.add(name)
        parts = cutting.cut(item.text)
        if cutting.bad(parts) is not None or cutting.has(parts, "auto"):
            self.lost.add(name)
        self._refs.update(cutting.names(parts))
        if item.op in (":=", "!=", "+="):
            self._asks(item.text)
        if item.op == "?=":
            if name in self.values:
                return
            given = os.environ.get(name)
            self.values[name] = (item.text, True) if given is None else (given, False)
        elif item.op == "+=":
            if name not in self._set:
                self.first_asked.add(name)
            old, late = self.values.get(name, (self.variable(name), True))
            text = item.text if late else self.value(item.text)
            self.values[name] = (f"{old} {text}" if old else text, late)
            if old and late:
                self.joined.add(id(item))
        elif item.op == "!=":
            self.changing.add(name)
            self.values[name] = (self.value(f"$(shell {item.text})"), False)
        elif item.op == ":=":
            if _LOOKS.search(item.text) or self.changing & set(
                cutting.names(cutting.cut(item.text))
            ):
                self.changing.add(name)
            self.values[name] = (self.value(item.text), False)
        else:
            self.values[name] = (item.text, True)
        if top:
            self._set.add(name)

    def _rule(self, made: Made) -> None:
        for text in (made.targets, made.prerequisites, made.order_only, made.pattern or ""):
            self._asks(text)
        for line in made.recipe or ():
            self._refs.update(cutting.names(cutting.cut(line)))
        targets = self.value(made.targets).split()
        prerequisites = self.value(made.prerequisites).split()
        if len(targets) == 1 and targets[0] in _SPECIAL:
            self.marks.setdefault(targets[0], []).extend(prerequisites)
            return
        if len(targets) == 1 and not prerequisites and made.recipe is not None:
            found = _SUFFIXES.match(targets[0])
            if found is not None:
                from rulekit.frozen import replace

                changed = replace(
                    made, targets=f"%.{found[2]}", prerequisites=f"%.{found[1]}", pattern=None
                )
                targets, prerequisites = [changed.targets], [changed.prerequisites]
                self.rules[id(made)] = Ruled(changed, targets, prerequisites, [])
                return
        order_only = self.value(made.order_only).split()
        self.rules[id(made)] = Ruled(made, targets, prerequisites, order_only)

    # The whole -------------------------------------------------------------------------------

    def _sort_rules(self) -> None:
        for rule in self.rules.values():
            if rule.pattern:
                continue
            for target in rule.targets:
                if rule.made.recipe is not None:
                    self.main[target] = rule  # the last one counts, as for make
                else:
                    self.adding.setdefault(target, []).append(rule)

    def _default(self) -> str | None:
        if self.marks.get(".DEFAULT_GOAL"):
            return self.marks[".DEFAULT_GOAL"][0]
        for rule in self.rules.values():
            if not rule.pattern:
                for target in rule.targets:
                    if not target.startswith(".") or "/" in target:
                        return target
        return None

    def patterns(self) -> list[Ruled]:
        """The pattern rules that do something."""
        return [
            rule for rule in self.rules.values() if rule.pattern and rule.made.recipe is not None
        ]

    def made_by_pattern(self, target: str) -> bool:
        """Whether a pattern rule makes a file."""
        return any(fits(one, target) for rule in self.patterns() for one in rule.targets)

    def is_virtual(self, target: str) -> bool:
        """A name for other targets: nothing is done for it."""
        if target in self.main or target not in self.adding:
            return False
        return target in self.phony or not self.made_by_pattern(target)

    def is_task(self, target: str) -> bool:
        """A name for commands that make no file of that name."""
        return target in self.phony and target in self.main

    def is_folder(self, target: str) -> bool:
        """A rule that only makes a folder: rulekit makes those itself."""
        rule = self.main.get(target)
        if rule is None or rule.made.recipe is None or target in self.phony:
            return False
        return all(
            re.fullmatch(r"[@-]*mkdir\s+(-p\s+)?(\$@|\$\(@\)|\$\{@\}|[\w./$(){}-]+)", line)
            for line in rule.made.recipe
        ) and bool(rule.made.recipe)

    def is_wanted(self, target: str) -> bool:
        """Whether a rule has this as a prerequisite."""
        return any(
            target in rule.prerequisites or target in rule.order_only
            for rule in self.rules.values()
        )


_SPECIAL = frozenset(
    {
        ".PHONY",
        ".PRECIOUS",
        ".SECONDARY",
        ".INTERMEDIATE",
        ".SUFFIXES",
        ".DELETE_ON_ERROR",
        ".ONESHELL",
        ".SILENT",
        ".IGNORE",
        ".NOTPARALLEL",
        ".POSIX",
        ".EXPORT_ALL_VARIABLES",
        ".DEFAULT",
        ".LOW_RESOLUTION_TIME",
    }
)


def _makes_nothing(target: str, made: Made) -> bool:
    """Whether a target is surely phony though nobody said so: `clean:` and its like."""
    if "." in target or "/" in target or not made.recipe or made.pattern is not None:
        return False
    text = "\n".join(made.recipe)
    return not re.search(rf"\$@|\$[({{]@|\b{re.escape(target)}\b", text)


def fits(pattern: str, target: str) -> bool:
    """Whether a pattern of make fits a file: one without a slash is for files in any folder."""
    if "%" not in pattern:
        return pattern == target
    if mk_stem(pattern, target):
        return True
    return "/" not in pattern and bool(mk_stem(pattern, target.rpartition("/")[2]))


def unknowns(items: Iterable[Item]) -> list[Unknown]:
    """All that was not understood, in order."""
    found: list[Unknown] = []
    for item in items:
        if isinstance(item, Unknown):
            found.append(item)
        elif isinstance(item, Condition):
            found += unknowns(item.body) + unknowns(item.orelse)
    return found
