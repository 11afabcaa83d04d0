"""Which rules could make a file: patterns found by their literal beginnings and ends."""

from __future__ import annotations

from bisect import bisect_left

from rulekit.planning.templates import picker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.model.rule import Workflow
    from rulekit.patterns import Pattern
    from rulekit.planning.templates import RuleTemplate

    Values = tuple[str, ...]
    Candidate = tuple[int, Values]  # rule index, wildcard values
    Pick = Callable[[Values], Values]
    # A product: rule index, position among the rule's products, pattern
    Product = tuple[int, int, Pattern]
    # Who makes an input: rule index (-1: nobody), how its values come out of the reader's (None:
    # they are the same), whether the file is the maker's only output
    Way = tuple[int, Pick | None, bool]

NOBODY = -1


class ProducerIndex:
    """Finds the candidates for a path, best first where rules are ordered.

    Patterns are filed under the folder part of their literal prefix. The list for a folder is
    made once: a path then costs one dict look-up, two string comparisons for each pattern filed
    on the way, and a regular expression only where those fit. For the inputs of rules that many
    jobs have, `ways` does away with even that.
    """

    def __init__(
        self, workflow: Workflow, templates: Sequence[RuleTemplate], allowed: frozenset[str]
    ) -> None:
        self._rules = workflow.rules
        self._templates = templates
        self._exact: dict[str, list[int]] = {}
        self._by_folder: dict[str, list[Product]] = {}
        self._lists: dict[str, list[tuple[str, str, Pattern, int, bool]]] = {}
        for template in templates:
            rule = template.rule
            if allowed and rule.name not in allowed:
                continue
            for position, pattern in enumerate(template.products):
                if pattern.slots:
                    folder = pattern.prefix[: pattern.prefix.rfind("/") + 1]
                    entry = (rule.index, position, pattern)
                    self._by_folder.setdefault(folder, []).append(entry)
                else:
                    makers = self._exact.setdefault(pattern.text, [])
                    if rule.index not in makers:
                        makers.append(rule.index)
        self._borrowing: dict[tuple[int, int], tuple[Pick | None, bool] | None] = {}
        self._order = _order_table(workflow.ruleorder)
        self._sorted: tuple[list[str], list[Product]] | None = None

    # -- one path ----------------------------------------------------------------------------

    def candidates(self, path: str, asker: int, asker_values: Values) -> list[Candidate]:
        """Rules and wildcard values that would make `path`, not ordered, one for each rule.

        `asker` is the index of the rule that asks (-1: a target) with its wildcard values: if
        those, filled into a pattern, give exactly `path`, they are taken; else of a rule's
        patterns that match the one with the shortest wildcard text counts.
        Raises `PatternError` for a constraint that is no regular expression.
        """
        folder = path[: path.rfind("/") + 1]
        listed = self._lists.get(folder)
        if listed is None:
            listed = self._list(folder)
        found: list[Candidate] = []
        if path in self._exact:
            found = [(index, ()) for index in self._exact[path]]
        borrower = -1  # the rule that took over the asker's values
        for prefix, suffix, pattern, index, in_order in listed:
            if not (path.startswith(prefix) and path.endswith(suffix)) or index == borrower:
                continue
            # An asker without wildcards has none to give.
            values = self._borrowed(pattern, path, asker, asker_values) if asker_values else None
            if values is not None:
                borrower = index
                if found and found[-1][0] == index:
                    found.pop()
            else:
                values = pattern.match(path)
                if values is None:
                    continue
            if ".." in path and leads_outside(pattern, path):
                continue
            if not in_order:
                names = self._rules[index].wildcard_names
                by_name = dict(zip(pattern.names, values, strict=True))
                values = tuple([by_name[name] for name in names])
            if found and found[-1][0] == index:
                if sum(map(len, values)) < sum(map(len, found[-1][1])):
                    found[-1] = (index, values)
            else:
                found.append((index, values))
        return found

    def _list(self, folder: str) -> list[tuple[str, str, Pattern, int, bool]]:
        """All patterns with wildcards that could match a file in `folder`, in order of reading;
        for each its ends, its rule, and whether its wildcards come in the rule's order."""
        found: list[Product] = []
        end = len(folder)
        while True:
            found += self._by_folder.get(folder[:end], ())
            if end <= 0:
                break
            end = folder.rfind("/", 0, end - 1) + 1
        found.sort(key=lambda product: product[:2])
        rules = self._rules
        listed = [
            (one.prefix, one.suffix, one, i, one.names == rules[i].wildcard_names)
            for i, _, one in found
        ]
        self._lists[folder] = listed
        return listed

    def _borrowed(
        self, pattern: Pattern, path: str, asker: int, asker_values: Values
    ) -> Values | None:
        """The asking job's own values, if they give exactly `path` and satisfy the constraints."""
        key = (asker, id(pattern))
        try:
            way = self._borrowing[key]
        except KeyError:
            way = self._borrowing[key] = self._borrow_way(pattern, asker)
        if way is None:
            return None
        pick, checked = way
        values = asker_values if pick is None else pick(asker_values)
        if pattern.fill(values) != path:
            return None
        if not checked:
            import re

            for value, constraint in zip(values, pattern.constraints, strict=True):
                if re.fullmatch(constraint or ".+", value, re.DOTALL) is None:
                    return None
        return values

    def _borrow_way(self, pattern: Pattern, asker: int) -> tuple[Pick | None, bool] | None:
        """How a pattern's values come out of the asker's, and whether they are known to satisfy
        the constraints. None if the asker has not all of them."""
        names = self._rules[asker].wildcard_names
        if not set(pattern.names) <= set(names):
            return None
        pick = None if pattern.names == names else picker([names.index(n) for n in pattern.names])
        return pick, self._known_to_fit(pattern, asker)

    def _known_to_fit(self, pattern: Pattern, asker: int) -> bool:
        """Whether any values of the asker satisfy the pattern's constraints: its own patterns,
        through which the values came, have the same ones."""
        wanted = dict(zip(pattern.names, pattern.constraints, strict=True))
        for own in self._templates[asker].products:
            given = dict(zip(own.names, own.constraints, strict=True))
            for name, constraint in wanted.items():
                mine = given.get(name)
                if mine != constraint and (constraint is not None or _may_be_empty(mine)):
                    return False
        return True

    # -- all paths of an input ---------------------------------------------------------------

    def ways(self, rule: int) -> tuple[Way | None, ...]:
        """For each static input of a rule who makes it, whatever the wildcard values.

        None where that needs a look at the path: several products could match, or the values
        would have to be read off the path.
        """
        inputs = self._templates[rule].inputs
        if inputs is None:
            return ()
        return tuple(
            self._way(rule, item.pattern, item.fixed_rule)
            if item.pattern is not None and item.pattern.slots
            else None
            for item in inputs.items
        )

    def _way(self, rule: int, pattern: Pattern, fixed_rule: str | None) -> Way | None:
        found = self._meeting(pattern)
        if fixed_rule is not None:
            found = [product for product in found if self._rules[product[0]].name == fixed_rule]
        if not found:
            return NOBODY, None, False
        if len(found) > 1:
            return None
        maker, position, product = found[0]
        own = [pattern.names[slot] for slot in pattern.slots]
        theirs = [product.names[slot] for slot in product.slots]
        if product.template != pattern.template or own != theirs:
            return None
        if not self._known_to_fit(product, rule):
            return None
        names, mine = self._rules[maker].wildcard_names, self._rules[rule].wildcard_names
        if set(names) != set(product.names):
            return None
        pick = None if names == mine else picker([mine.index(name) for name in names])
        only = position == 0 and len(self._templates[maker].outputs.items) == 1
        return maker, pick, only

    def _meeting(self, pattern: Pattern) -> list[Product]:
        """All products that could be a file of `pattern`, judged by literal beginnings and ends."""
        prefix, suffix = pattern.prefix, pattern.suffix
        found = [
            product for product in self._beginning_with(prefix) if _ends_meet(product[2], suffix)
        ]
        end = prefix.rfind("/") + 1
        while True:
            for product in self._by_folder.get(prefix[:end], ()):
                other = product[2]
                shorter = len(other.prefix) < len(prefix) and prefix.startswith(other.prefix)
                if shorter and _ends_meet(other, suffix):
                    found.append(product)
            if end <= 0:
                return found
            end = prefix.rfind("/", 0, end - 1) + 1

    def _beginning_with(self, prefix: str) -> list[Product]:
        """Products whose literal beginning begins with `prefix`."""
        if self._sorted is None:
            products = [product for filed in self._by_folder.values() for product in filed]
            for text, makers in self._exact.items():
                for maker in makers:
                    patterns = self._templates[maker].products
                    position = next(i for i, one in enumerate(patterns) if one.text == text)
                    products.append((maker, position, patterns[position]))
            products.sort(key=lambda product: product[2].prefix)
            self._sorted = ([product[2].prefix for product in products], products)
        prefixes, products = self._sorted
        start = end = bisect_left(prefixes, prefix)
        while end < len(prefixes) and prefixes[end].startswith(prefix):
            end += 1
        return products[start:end]

    # -- preference --------------------------------------------------------------------------

    def higher(self, first: int, second: int) -> bool:
        """Whether rule `first` is strictly preferred to rule `second` for the same file."""
        one, two = self._rules[first], self._rules[second]
        ordered = self._order.get((one.name, two.name))
        if ordered is not None:
            return ordered
        return not one.wildcard_names and bool(two.wildcard_names)

    def ordered(self, found: list[Candidate]) -> list[Candidate]:
        """The candidates, each before those that are lower; else in the order of the rules."""
        left = sorted(found, key=lambda candidate: candidate[0])
        done = []
        while left:
            # A circle of rule orders has no best one: then the first in the file goes first.
            best = next(
                (one for one in left if not any(self.higher(other[0], one[0]) for other in left)),
                left[0],
            )
            left.remove(best)
            done.append(best)
        return done


def _ends_meet(product: Pattern, suffix: str) -> bool:
    """Whether a file that ends in `suffix` could be this product."""
    if not product.slots:
        return product.text.endswith(suffix)
    return suffix.endswith(product.suffix) or product.suffix.endswith(suffix)


def _may_be_empty(constraint: str | None) -> bool:
    """Whether a wildcard under this constraint can have no text at all."""
    if constraint is None:
        return False
    import re

    try:
        return re.fullmatch(constraint, "") is not None
    except re.error:
        return True  # reported when the pattern is used


def _order_table(statements: Sequence[tuple[str, ...]]) -> dict[tuple[str, str], bool]:
    """(a, b) to whether a comes before b; the last statement that names both decides."""
    table: dict[tuple[str, str], bool] = {}
    for names in statements:
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                table[first, second] = True
                table[second, first] = False
    return table


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
        return real.split("/").count("..") > anchor.split("/").count("..")
    return not (real == anchor or real.startswith(anchor.rstrip("/") + "/"))
