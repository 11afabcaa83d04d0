"""A rule's files as prepared formats, so that a job's paths cost one string operation.

All static items of a directive are joined into one ``%``-format, filled once for a job and
split again: filling ten paths costs little more than filling one.
"""

from __future__ import annotations

from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rulekit.model.rule import Entry, FileItem, Rule
    from rulekit.patterns import Pattern

    Names = Mapping[str, int | tuple[int, int]]

_SPLIT = "\0"  # no path can hold it


class Paths:
    """Some static file items of one rule, ready to be filled with wildcard values."""

    __slots__ = ("_constant", "_format", "_pick", "flags", "items", "names", "plain")

    def __init__(self, entries: Sequence[Entry], wildcard_names: Sequence[str]) -> None:
        items: list[FileItem] = []
        names: dict[str, int | tuple[int, int]] = {}
        for entry in entries:
            start = len(items)
            items.extend(entry.items)
            if entry.name is not None:
                names[entry.name] = (start, len(items)) if entry.is_list else start
        self.items: tuple[FileItem, ...] = tuple(items)
        self.names: Names = names
        # Index and flags of the flagged items, and those that only one rule may make.
        self.flags = tuple((i, item.flags) for i, item in enumerate(items) if item.flags)
        self.plain = not self.flags and all(item.fixed_rule is None for item in items)
        where = {name: i for i, name in enumerate(wildcard_names)}
        formats: list[str] = []
        slots: list[int] = []
        for item in items:
            assert item.pattern is not None
            formats.append(item.pattern.template)
            slots.extend(where[item.pattern.names[slot]] for slot in item.pattern.slots)
        self._format = _SPLIT.join(formats)
        self._constant: tuple[str, ...] | None = None
        self._pick: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None
        if not slots:
            self._constant = tuple((self._format % ()).split(_SPLIT)) if items else ()
        elif len(slots) == 1:
            only = slots[0]
            self._pick = itemgetter(slice(only, only + 1))
        else:
            self._pick = itemgetter(*slots)

    def fill(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The paths for wildcard values in the order of the rule's names."""
        if self._constant is not None:
            return self._constant
        assert self._pick is not None
        return tuple((self._format % self._pick(values)).split(_SPLIT))


class RuleTemplate:
    """What planning needs of one rule, computed once."""

    __slots__ = ("benchmark", "inputs", "logs", "outputs", "products", "rule")

    def __init__(self, rule: Rule) -> None:
        names = rule.wildcard_names
        self.rule = rule
        dynamic = any(item.function is not None for entry in rule.inputs for item in entry.items)
        # None: the rule has input functions, which are called for each job.
        self.inputs: Paths | None = None if dynamic else Paths(rule.inputs, names)
        self.outputs = Paths(rule.outputs, names)
        dynamic_log = any(item.function is not None for entry in rule.logs for item in entry.items)
        self.logs: Paths | None = None if dynamic_log else Paths(rule.logs, names)
        self.benchmark = None
        if rule.benchmark is not None and rule.benchmark.pattern is not None:
            self.benchmark = _single(rule.benchmark, names)
        products: list[Pattern] = [item.pattern for item in self.outputs.items if item.pattern]
        if self.logs is not None:
            products += [item.pattern for item in self.logs.items if item.pattern]
        if self.benchmark is not None and rule.benchmark is not None and rule.benchmark.pattern:
            products.append(rule.benchmark.pattern)
        self.products = tuple(products)


def _single(item: FileItem, names: Sequence[str]) -> Paths:
    from rulekit.model.rule import Entry

    return Paths((Entry(None, (item,), False),), names)
