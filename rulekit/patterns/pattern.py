"""A path with wildcard fields: ``bam/{sample}.{kind,bam|cram}``.

A field is ``{name}`` or ``{name,regex}``; the name is word characters, blanks around it are
allowed, and braces inside the regex must balance. There are no escapes: every brace pair that
forms a field is one, any other brace is literal text. A wildcard without a constraint matches
``.+``, which crosses ``/`` and takes as much as it can, from the left. A name that comes twice
must match the same text both times.

The regular expression is only built when a path passes the literal prefix and suffix.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# The constraint may hold balanced braces two levels deep (`\d{2}`, `(a{1,2}){3}` need one).
_FIELD = re.compile(
    r"\{\s*(?P<name>\w+)(?:\s*,\s*(?P<constraint>(?:[^{}]|\{[^{}]*\})*))?\s*\}",
)
DEFAULT_CONSTRAINT = ".+"


class PatternError(ValueError):
    """A pattern that cannot be used; the message says why, the caller knows where."""


def wildcard_names(text: str) -> tuple[str, ...]:
    """Names of the wildcards in `text`, each once, in order of first occurrence."""
    if "{" not in text:
        return ()
    return tuple(dict.fromkeys(m["name"] for m in _FIELD.finditer(text)))


def strip_constraints(text: str) -> str:
    """`text` with ``{name,regex}`` turned into ``{name}``."""
    if "{" not in text:
        return text
    return _FIELD.sub(lambda m: "{" + m["name"] + "}", text)


def fill_names(text: str, values: Mapping[str, object], *, keep_missing: bool = False) -> str:
    """`text` with each wildcard replaced by its value.

    Raises `KeyError` with the wildcard's name if a value is missing, unless `keep_missing`.
    """
    if "{" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        if name in values:
            return str(values[name])
        if keep_missing:
            return match[0]
        raise KeyError(name)

    return _FIELD.sub(value, text)


class Pattern:
    """One parsed pattern. Immutable; compare and hash by text and constraints.

    `template` is the path as a ``%``-format with one ``%s`` for each field, `slots` says which
    wildcard (an index into `names`) goes into each of them.
    """

    __slots__ = ("_regex", "_source", "constraints", "names", "prefix", "slots", "suffix", "template", "text")

    text: str
    names: tuple[str, ...]
    template: str
    slots: tuple[int, ...]
    prefix: str
    suffix: str
    constraints: tuple[str | None, ...]

    def __init__(self, text: str, constraints: Mapping[str, str] | None = None) -> None:
        set_ = object.__setattr__
        set_(self, "text", text)
        names: dict[str, int] = {}
        inline: dict[str, str] = {}
        literals: list[str] = []
        slots: list[int] = []
        end = 0
        for match in _FIELD.finditer(text) if "{" in text else ():
            literals.append(text[end : match.start()])
            end = match.end()
            name = match["name"]
            constraint = match["constraint"]
            if constraint is not None:
                if name in names:
                    raise PatternError(
                        f"the constraint of wildcard `{name}` must stand at its first occurrence"
                    )
                inline[name] = constraint.strip()
            slots.append(names.setdefault(name, len(names)))
        literals.append(text[end:])
        outer = constraints or {}
        chosen = tuple(inline.get(name, outer.get(name)) for name in names)
        set_(self, "names", tuple(names))
        set_(self, "slots", tuple(slots))
        set_(self, "template", "%s".join(part.replace("%", "%%") for part in literals))
        set_(self, "prefix", literals[0])
        set_(self, "suffix", literals[-1] if slots else "")
        set_(self, "constraints", chosen)
        set_(self, "_source", self._regex_source(literals, tuple(slots), tuple(names), chosen))
        set_(self, "_regex", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Pattern is frozen: `{name}` cannot be set")

    @staticmethod
    def _regex_source(
        literals: Sequence[str],
        slots: Sequence[int],
        names: Sequence[str],
        constraints: Sequence[str | None],
    ) -> str:
        parts = [re.escape(literals[0])]
        seen: set[int] = set()
        for slot, literal in zip(slots, literals[1:], strict=True):
            # The group is named by index: a wildcard's name may start with a digit.
            if slot in seen:
                parts.append(f"(?P=w{slot}_)")
            else:
                seen.add(slot)
                parts.append(f"(?P<w{slot}_>{constraints[slot] or DEFAULT_CONSTRAINT})")
            parts.append(re.escape(literal))
        return "".join(parts)

    @property
    def regex(self) -> re.Pattern[str]:
        """The regular expression a whole path must match. Raises `PatternError`."""
        found = self._regex
        if found is None:
            try:
                found = re.compile(self._source, re.DOTALL)
            except re.error as error:
                bad = next(
                    (c for c in self.constraints if c is not None and not _compiles(c)), None
                )
                what = f"constraint `{bad}`" if bad is not None else "constraints"
                raise PatternError(f"the {what} of pattern `{self.text}` is not a regular expression: {error}") from error
            object.__setattr__(self, "_regex", found)
        return found

    def match(self, path: str) -> tuple[str, ...] | None:
        """The wildcards' values in the order of `names`, or None if `path` does not fit."""
        if not self.slots:
            return () if path == self.text else None
        if not (path.startswith(self.prefix) and path.endswith(self.suffix)):
            return None
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        return tuple([found[f"w{i}_"] for i in range(len(self.names))])

    def fill(self, values: Sequence[str]) -> str:
        """The path for `values`, given in the order of `names`."""
        return self.template % tuple([values[i] for i in self.slots])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern):
            return NotImplemented
        return self.text == other.text and self.constraints == other.constraints

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def _compiles(regex: str) -> bool:
    try:
        re.compile(regex)
    except re.error:
        return False
    return True


def parse(text: str, constraints: Mapping[str, str] | None = None) -> Pattern:
    """The `Pattern` for `text`; `constraints` (name to regex) hold where `text` gives none.

    Raises `PatternError` for a constraint that is not at a wildcard's first occurrence.
    """
    return Pattern(text, constraints)


def unknown_names(pattern: Pattern, known: Iterable[str]) -> tuple[str, ...]:
    """Wildcards of `pattern` that are not in `known`, in order."""
    allowed = set(known)
    return tuple(name for name in pattern.names if name not in allowed)
