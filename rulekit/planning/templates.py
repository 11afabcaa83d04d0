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
    Values = tuple[str, ...]

_SPLIT = "\0"  # no path can hold it


def picker(positions: Sequence[int]) -> Callable[[Values], Values]:
    """A function that takes the items at `positions` (at least one) out of a tuple, as a tuple."""
    if len(positions) == 1:
        only = positions[0]
        return itemgetter(slice(only, only + 1))
    return itemgetter(*positions)


class Paths:
    """Some static file items of one rule, ready to be filled with wildcard values.

    `fill(values)` gives the paths for values in the order of the rule's wildcard names.
    """

    __slots__ = ("fill", "fixed", "flags", "items", "names")

    fill: Callable[[Values], Values]

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
        # Index and flags of the flagged items; index and rule of those only one rule may make.
        self.flags = tuple((i, item.flags) for i, item in enumerate(items) if item.flags)
        self.fixed = tuple(
            (i, item.fixed_rule) for i, item in enumerate(items) if item.fixed_rule is not None
        )
        where = {name: i for i, name in enumerate(wildcard_names)}
        formats: list[str] = []
        slots: list[int] = []
        for item in items:
            assert item.pattern is not None
            formats.append(item.pattern.template)
            slots.extend(where[item.pattern.names[slot]] for slot in item.pattern.slots)
        self.fill = _filler(formats, slots, len(wildcard_names))


def _filler(formats: Sequence[str], slots: Sequence[int], count: int) -> Callable[[Values], Values]:
    """A function from wildcard values to paths. `slots`: which value goes into each field."""
    joined = _SPLIT.join(formats)
    if not slots:
        constant = tuple((joined % ()).split(_SPLIT)) if formats else ()
        return lambda values: constant
    if list(slots) == list(range(count)):
        if len(formats) == 1:
            return lambda values: (joined % values,)
        return lambda values: tuple((joined % values).split(_SPLIT))
    pick = picker(slots)
    if len(formats) == 1:
        return lambda values: (joined % pick(values),)
    return lambda values: tuple((joined % pick(values)).split(_SPLIT))


class RuleTemplate:
    """What planning needs of one rule, computed once.

    `inputs` is None if the rule has input functions, which are called for each job; `logs` if one
    of them is a function.
    """

    __slots__ = ("benchmark", "inputs", "logs", "outputs", "products", "rule")

    def __init__(self, rule: Rule) -> None:
        names = rule.wildcard_names
        self.rule = rule
        dynamic = any(item.function is not None for entry in rule.inputs for item in entry.items)
        self.inputs: Paths | None = None if dynamic else Paths(rule.inputs, names)
        self.outputs = Paths(rule.outputs, names)
        dynamic_log = any(item.function is not None for entry in rule.logs for item in entry.items)
        self.logs: Paths | None = None if dynamic_log else Paths(rule.logs, names)
        self.benchmark: Paths | None = None
        if rule.benchmark is not None and rule.benchmark.pattern is not None:
            self.benchmark = _single(rule.benchmark, names)
        made = [self.outputs, self.logs, self.benchmark]
        # In the order of declaration: outputs, logs, benchmark.
        self.products: tuple[Pattern, ...] = tuple(
            item.pattern
            for paths in made
            if paths is not None
            for item in paths.items
            if item.pattern is not None
        )


def _single(item: FileItem, names: Sequence[str]) -> Paths:
    from rulekit.model.rule import Entry

    return Paths((Entry(None, (item,), False),), names)
