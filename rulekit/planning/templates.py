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
            if entry.name is not None:
                start = len(items)
                names[entry.name] = (start, start + len(entry.items)) if entry.is_list else start
            items += entry.items
        # Index and flags of the flagged items; index and rule of those only one rule may make.
        flags: list[tuple[int, Mapping[str, object]]] = []
        fixed: list[tuple[int, str]] = []
        formats: list[str] = []
        slots: list[int] = []
        for i, item in enumerate(items):
            if item.flags:
                flags.append((i, item.flags))
            if item.fixed_rule is not None:
                fixed.append((i, item.fixed_rule))
            pattern = item.pattern
            assert pattern is not None
            formats.append(pattern.template)
            for slot in pattern.slots:
                slots.append(wildcard_names.index(pattern.names[slot]))
        self.items = tuple(items)
        self.names: Names = names
        self.flags = tuple(flags)
        self.fixed = tuple(fixed)
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


_NONE = Paths((), ())


class RuleTemplate:
    """What planning needs of one rule, computed once.

    `inputs` is None if the rule has input functions, which are called for each job; `logs` if one
    of them is a function.
    """

    __slots__ = ("benchmark", "inputs", "logs", "outputs", "products", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        names = rule.wildcard_names
        self.inputs = _static(rule.inputs, names)
        outputs = _static(rule.outputs, names)
        assert outputs is not None  # outputs are no functions
        self.outputs = outputs
        self.logs = _static(rule.logs, names)
        self.benchmark: Paths | None = None
        if rule.benchmark is not None and rule.benchmark.pattern is not None:
            self.benchmark = _single(rule.benchmark, names)
        # In the order of declaration: outputs, logs, benchmark.
        products = [item.pattern for item in outputs.items]
        if self.logs is not None:
            products += [item.pattern for item in self.logs.items]
        if self.benchmark is not None:
            products += [item.pattern for item in self.benchmark.items]
        self.products: tuple[Pattern, ...] = tuple(products)  # type: ignore[arg-type]


def _static(entries: Sequence[Entry], names: Sequence[str]) -> Paths | None:
    """The items as `Paths`; None if there is a function among them."""
    if not entries:
        return _NONE
    for entry in entries:
        for item in entry.items:
            if item.function is not None:
                return None
    return Paths(entries, names)


def _single(item: FileItem, names: Sequence[str]) -> Paths:
    from rulekit.model.rule import Entry

    return Paths((Entry(None, (item,), False),), names)
