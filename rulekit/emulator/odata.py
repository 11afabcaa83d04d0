"""The query options of a list: `$filter`, `$select`, `$expand`.

`compile_filter` turns the text of a filter into a predicate over wire dictionaries (what a list
would answer). The language is the part of OData that Azure Batch documents ("Create queries to
list Batch resources efficiently"): `eq ne lt le gt ge`, `and or not`, parentheses, `startswith`;
literals are numbers, `true`, `false`, `null`, `'text'` with `''` for a quote, and
`DateTime'2026-01-01T00:00:00Z'`. Names of properties are case-sensitive, values are not.
What is not understood raises `FilterError`, which the service answers with 400
`InvalidQueryParameterValue`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from rulekit.emulator.odata_fields import FIELDS as FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Predicate = Callable[[Mapping[str, Any]], bool]

_DEEPEST = 60

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<time>[Dd]ate[Tt]ime(?:[Oo]ffset)?'(?P<stamp>[^']*)')
    | (?P<text>'(?:[^']|'')*')
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[LlDdFfMm]?(?![\w.]))
    | (?P<word>[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"})
_FLIPPED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


class FilterError(ValueError):
    """A query option that the service would refuse. `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at position {position})")
        self.position = position


@lru_cache(maxsize=65536)
def ticks(stamp: str) -> int:
    """A time of the wire (ISO 8601, UTC if it names no zone) in units of 100 ns since 1970.

    Raises ValueError for anything else.
    """
    found = _STAMP.fullmatch(stamp)
    if found is None:
        raise ValueError(f"not a time: {stamp!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    zone = found[8]
    if zone and zone != "Z":
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        moment = moment - shift if zone[0] == "+" else moment + shift
    since = moment - _EPOCH
    fraction = int((found[7] or "").ljust(7, "0")[:7])
    return (since.days * 86400 + since.seconds) * 10_000_000 + fraction


def compile_filter(text: str, fields: Mapping[str, str]) -> Predicate:
    """The predicate that `text` stands for.

    `fields` maps the paths that may be asked for (`executionInfo/exitCode`) to their kind:
    `string`, `int`, `double`, `bool` or `datetime`; int64 values that travel as text are `int`.
    A missing value equals only `null`. Raises FilterError.
    """
    parser = _Parser(text, fields)
    made = parser.disjunction(0)
    parser.expect_end()
    return made


def compile_select(
    text: str, known: frozenset[str] | None = None
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A function that keeps of a wire dictionary what the comma list `text` names.

    `known` are the names on the first level that exist (None: any). `odata.*` keys stay, as they
    belong to the answer and not to the entity. Raises FilterError.
    """
    names: dict[str, list[str]] = {}
    whole: set[str] = set()
    for name, position in _names(text):
        first, _, rest = name.partition("/")
        if known is not None and first not in known:
            raise FilterError(f"there is no property `{name}` to select", position)
        if rest:
            names.setdefault(first, []).append(rest)
        else:
            whole.add(first)

    def select(entity: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in entity.items():
            if name in whole or name.startswith("odata."):
                kept[name] = value
            elif name in names:
                kept[name] = _part(value, names[name])
        return kept

    return select


def compile_expand(text: str, allowed: tuple[str, ...] = ("stats",)) -> frozenset[str]:
    """The names in the comma list of `$expand`. Raises FilterError for any not in `allowed`."""
    found = list(_names(text))
    for name, position in found:
        if name not in allowed:
            raise FilterError(f"`{name}` cannot be expanded", position)
    return frozenset(name for name, _ in found)


def _names(text: str) -> list[tuple[str, int]]:
    found = []
    position = 0
    for part in text.split(","):
        name = part.strip()
        if re.fullmatch(r"[A-Za-z_][\w.]*(/[A-Za-z_][\w.]*)*", name, re.ASCII) is None:
            raise FilterError(f"`{name}` is not the name of a property", position)
        found.append((name, position + len(part) - len(part.lstrip())))
        position += len(part) + 1
    return found


def _part(value: Any, paths: list[str]) -> Any:
    if isinstance(value, list):
        return [_part(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for name in value:
        below = [p[len(name) + 1 :] for p in paths if p.startswith(name + "/")]
        if name in paths:
            kept[name] = value[name]
        elif below:
            kept[name] = _part(value[name], below)
    return kept


class _Parser:
    """Recursive descent: or, and, not, comparison. Makes closures while it reads."""

    def __init__(self, text: str, fields: Mapping[str, str]) -> None:
        self.fields = fields
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.at]

    def take(self) -> tuple[str, str, int]:
        token = self.tokens[self.at]
        if token[0] != "end":
            self.at += 1
        return token

    def takes(self, kind: str, value: str) -> bool:
        if self.peek()[:2] != (kind, value):
            return False
        self.at += 1
        return True

    def expect(self, mark: str) -> None:
        kind, value, position = self.take()
        if (kind, value) != ("mark", mark):
            raise FilterError(f"`{mark}` is missing", position)

    def expect_end(self) -> None:
        kind, value, position = self.peek()
        if kind != "end":
            raise FilterError(f"`{value}` was not expected here", position)

    def disjunction(self, depth: int) -> Predicate:
        parts = [self.conjunction(depth)]
        while self.takes("word", "or"):
            parts.append(self.conjunction(depth))
        # A list, as a chain of closures would be as deep as the filter is long.
        return parts[0] if len(parts) == 1 else lambda entity: any(p(entity) for p in parts)

    def conjunction(self, depth: int) -> Predicate:
        parts = [self.negation(depth)]
        while self.takes("word", "and"):
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else lambda entity: all(p(entity) for p in parts)

    def negation(self, depth: int) -> Predicate:
        if depth > _DEEPEST:
            raise FilterError("the filter is nested too deeply", self.peek()[2])
        if self.takes("word", "not"):
            inner = self.negation(depth + 1)
            return lambda entity: not inner(entity)
        if self.takes("mark", "("):
            made = self.disjunction(depth + 1)
            self.expect(")")
            return made
        return self.comparison()

    def comparison(self) -> Predicate:
        kind, value, position = self.take()
        if kind == "word" and self.peek()[:2] == ("mark", "("):
            return self.function(value, position)
        if kind == "word" and value not in _WORDS and not _is_constant(value):
            path, sort = self.path(value, position)
            word, operator, place = self.peek()
            if word != "word" or operator not in _FLIPPED:
                if sort == "bool":
                    return lambda entity: _value(entity, path) is True
                raise FilterError("an operator (eq, ne, lt, le, gt, ge) is missing", place)
            self.at += 1
            return _compare(path, sort, operator, self.literal(sort))
        # A literal on the left: `'x' eq id`.
        self.at -= 1
        start = self.at
        self.take()
        word, operator, place = self.take()
        if word != "word" or operator not in _FLIPPED:
            raise FilterError("a comparison is missing", position)
        kind, value, place = self.take()
        if kind != "word":
            raise FilterError("the name of a property is missing", place)
        path, sort = self.path(value, place)
        after, self.at = self.at, start
        constant = self.literal(sort)
        self.at = after
        return _compare(path, sort, _FLIPPED[operator], constant)

    def function(self, name: str, position: int) -> Predicate:
        if name != "startswith":
            raise FilterError(f"there is no function `{name}`", position)
        self.expect("(")
        kind, value, place = self.take()
        if kind != "word":
            raise FilterError("the name of a property is missing", place)
        path, sort = self.path(value, place)
        if sort != "string":
            raise FilterError(f"`{value}` is not text", place)
        self.expect(",")
        prefix = self.literal("string")
        self.expect(")")
        start = "" if prefix is None else prefix.lower()

        def matches(entity: Mapping[str, Any]) -> bool:
            found = _value(entity, path)
            return isinstance(found, str) and found.lower().startswith(start)

        return matches

    def path(self, text: str, position: int) -> tuple[tuple[str, ...], str]:
        sort = self.fields.get(text)
        if sort is None:
            raise FilterError(f"`{text}` is not a property that can be filtered on", position)
        return tuple(text.split("/")), sort

    def literal(self, sort: str) -> Any:
        kind, value, position = self.take()
        if kind == "word" and value == "null":
            return None
        if kind == "word" and value in ("true", "false") and sort == "bool":
            return value == "true"
        if kind == "text" and sort == "string":
            return value
        if kind == "number" and sort in ("int", "double"):
            digits = value.rstrip("LlDdFfMm")
            return int(digits) if re.fullmatch(r"[+-]?\d+", digits) else float(digits)
        if kind in ("time", "text") and sort == "datetime":
            try:
                return ticks(value)
            except (ValueError, OverflowError):
                raise FilterError(f"'{value}' is not a time", position) from None
        if kind == "end":
            raise FilterError("a value is missing", position)
        raise FilterError(f"`{value}` is not a value of type {sort}", position)


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, value, position) of each token, `end` last."""
    found: list[tuple[str, str, int]] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise FilterError(f"`{text[start : start + 1]}` was not expected here", start)
        kind = "time" if match["time"] is not None else str(match.lastgroup)
        value, start = match[kind], match.start(kind)
        if kind == "text":
            value = value[1:-1].replace("''", "'")
        elif kind == "time":
            value = match["stamp"]
        found.append((kind, value, start))
        position = match.end()
    if not found:
        raise FilterError("the filter is empty", 0)
    found.append(("end", "", end))
    return found


def _is_constant(word: str) -> bool:
    return word in ("true", "false", "null")


def _value(entity: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(entity, dict):
            return None
        entity = entity.get(name)
    return entity


def _compare(path: tuple[str, ...], sort: str, operator: str, constant: Any) -> Predicate:
    if constant is None:
        if operator == "eq":
            return lambda entity: _value(entity, path) is None
        if operator == "ne":
            return lambda entity: _value(entity, path) is not None
        return lambda entity: False
    convert = _CONVERT[sort]
    wanted = constant.lower() if sort == "string" else constant
    test = _TESTS[operator]
    missing = operator == "ne"

    def holds(entity: Mapping[str, Any]) -> bool:
        found = _value(entity, path)
        if found is None:
            return missing
        return test(convert(found), wanted)

    return holds


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
_CONVERT: dict[str, Callable[[Any], Any]] = {
    "string": lambda value: str(value).lower(),
    "int": int,
    "double": float,
    "bool": bool,
    "datetime": lambda value: ticks(str(value)),
}
