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
    from typing import Any

# The constraint may hold braces in pairs (`\d{2}`, `(a{1,2}){3}`). Nothing is given back once it is
# taken (`++`): the time is linear in the length of any text.
_FIELD = r"\{\s*+(?P<name>\w++)(?:\s*+,\s*+(?P<constraint>(?:[^{}]++|\{[^{}]*+\})*+))?+\s*+\}"
DEFAULT_CONSTRAINT = ".+"


class PatternError(ValueError):
    """A pattern that cannot be used; the message says why, the caller knows where."""


def _split(text: str) -> list[str | None]:
    """Literal, name, constraint, literal, name, ..., literal."""
    pieces = _plain_pieces(text)
    return re.split(_FIELD, text) if pieces is None else pieces


def _plain_pieces(text: str) -> list[str | None] | None:
    """The same where all braces are of plain fields, as in most patterns; else None. The regular
    expression takes half a millisecond to build."""
    first, *others = text.split("{")
    pieces: list[str | None] = [first]
    if "}" in first:
        return None
    for other in others:
        name, brace, literal = other.partition("}")
        if not brace or not name.isidentifier() or not name.isascii() or "}" in literal:
            return None
        pieces += (name, None, literal)
    return pieces


def wildcard_names(text: str) -> tuple[str, ...]:
    """Names of the wildcards in `text`, each once, in order of first occurrence."""
    if "{" not in text:
        return ()
    return tuple(dict.fromkeys(_split(text)[1::3]))  # type: ignore[arg-type]


def strip_constraints(text: str) -> str:
    """`text` with ``{name,regex}`` turned into ``{name}``."""
    if "{" not in text:
        return text
    if _plain_pieces(text) is not None:
        return text
    return re.sub(_FIELD, lambda m: "{" + m["name"] + "}", text)


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

    return re.sub(_FIELD, value, text)


class Pattern:
    """One parsed pattern. Immutable; compare and hash by text and constraints.

    `template` is the path as a ``%``-format with one ``%s`` for each field, `slots` says which
    wildcard (an index into `names`) goes into each of them.
    """

    __slots__ = (
        "_literals", "_regex", "constraints", "names", "prefix", "slots", "suffix", "template", "text",
    )  # fmt: skip

    text: str
    names: tuple[str, ...]
    template: str
    slots: tuple[int, ...]
    prefix: str
    suffix: str
    constraints: tuple[str | None, ...]
    _literals: tuple[str, ...]  # the text between the fields, one more than there are fields
    _regex: re.Pattern[str] | None  # made when it is asked for

    def __init__(self, text: str, constraints: Mapping[str, str] | None = None) -> None:
        if "\0" in text:
            raise PatternError(f"the file name {text!r} has a NUL character in it")
        _set_text(self, text)
        _set_regex(self, None)
        if "{" not in text:
            _set_names(self, ())
            _set_slots(self, ())
            _set_template(self, text.replace("%", "%%") if "%" in text else text)
            _set_prefix(self, text)
            _set_suffix(self, "")
            _set_constraints(self, ())
            _set_literals(self, (text,))
            return
        # The pieces are literal, name, constraint, literal, name, ... , literal.
        pieces: list[Any] = _split(text)
        literals = pieces[::3]
        fields = pieces[1::3]
        inline = pieces[2::3]
        names: dict[str, int] = {}
        slots = [names.setdefault(name, len(names)) for name in fields]
        chosen: list[str | None] = [None] * len(names)
        if constraints:
            chosen = [constraints.get(name) for name in names]
        if inline.count(None) != len(inline):
            seen: set[str] = set()
            for name, constraint in zip(fields, inline, strict=True):
                if constraint is not None:
                    if name in seen:
                        raise PatternError(
                            f"the constraint of wildcard `{name}` must stand at its first occurrence"
                        )
                    chosen[names[name]] = constraint.strip() or None
                seen.add(name)
        _set_names(self, tuple(names))
        _set_slots(self, tuple(slots))
        template = "%s".join(literals)
        if "%" in text:
            template = "%s".join([part.replace("%", "%%") for part in literals])
        _set_template(self, template)
        _set_prefix(self, literals[0])
        _set_suffix(self, literals[-1] if slots else "")
        _set_constraints(self, tuple(chosen))
        _set_literals(self, tuple(literals))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Pattern is frozen: `{name}` cannot be set")

    def _regex_source(self) -> str:
        literals = self._literals
        parts = [re.escape(literals[0])]
        seen: set[int] = set()
        for slot, literal in zip(self.slots, literals[1:], strict=True):
            # The group is named by index: a wildcard's name may start with a digit.
            if slot in seen:
                parts.append(f"(?P=w{slot}_)")
            else:
                seen.add(slot)
                parts.append(f"(?P<w{slot}_>{self.constraints[slot] or DEFAULT_CONSTRAINT})")
            parts.append(re.escape(literal))
        return "".join(parts)

    @property
    def regex(self) -> re.Pattern[str]:
        """The regular expression a whole path must match. Raises `PatternError`."""
        found = self._regex
        if found is None:
            try:
                found = re.compile(self._regex_source(), re.DOTALL)
            except re.error as error:
                bad = next(
                    (c for c in self.constraints if c is not None and not _compiles(c)), None
                )
                what = f"constraint `{bad}`" if bad is not None else "constraints"
                raise PatternError(
                    f"the {what} of pattern `{self.text}` is not a regular expression: {error}"
                ) from error
            _set_regex(self, found)
        return found

    def match(self, path: str) -> tuple[str, ...] | None:
        """The wildcards' values in the order of `names`, or None if `path` does not fit."""
        slots = self.slots
        if not slots:
            return () if path == self.text else None
        prefix, suffix = self.prefix, self.suffix
        if not (path.startswith(prefix) and path.endswith(suffix)):
            return None
        if len(slots) == 1:
            # What stands between the ends; an expression is asked only where one was given.
            value = path[len(prefix) : len(path) - len(suffix)]
            if self.constraints[0] is None:
                return (value,) if value else None
            return (value,) if self.regex.fullmatch(path) is not None else None
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


# The slots' own setters do not go through the refusing `__setattr__`.
_slots: Any = Pattern.__dict__
_set_text = _slots["text"].__set__
_set_names = _slots["names"].__set__
_set_slots = _slots["slots"].__set__
_set_template = _slots["template"].__set__
_set_prefix = _slots["prefix"].__set__
_set_suffix = _slots["suffix"].__set__
_set_constraints = _slots["constraints"].__set__
_set_literals = _slots["_literals"].__set__
_set_regex = _slots["_regex"].__set__


def _compiles(regex: str) -> bool:
    try:
        re.compile(regex)
    except re.error:
        return False
    return True


def parse(text: str, constraints: Mapping[str, str] | None = None) -> Pattern:
    """The `Pattern` for `text`; `constraints` (name to regex) hold where `text` gives none.

    Raises `PatternError` for a constraint that is not at a wildcard's first occurrence, and for a
    NUL character.
    """
    return Pattern(text, constraints)


def unknown_names(pattern: Pattern, known: Iterable[str]) -> tuple[str, ...]:
    """Wildcards of `pattern` that are not in `known`, in order."""
    allowed = set(known)
    return tuple(name for name in pattern.names if name not in allowed)
