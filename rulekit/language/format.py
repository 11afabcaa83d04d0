"""The `{}` mini-language of commands and messages, compiled once for each text.

A field is what Python's format language allows: ``{input[0]}``, ``{params.d[key]}``, ``{x!r}``,
``{x:>5}``; doubled braces are literal. Lists are filled in item by item, joined by a blank. A spec
that ends in ``q`` quotes each item for the shell, ``u`` says that it is not to be quoted.

With ``shell=True`` file names and wildcard values are never interpreted by the shell: harmless
ones are filled in as they are, others are quoted as the place demands, or refused (see
`rulekit.language.shellwords`). Values of `params`, `config` and other names may be shell code on
purpose and are filled in as they are; but where a file name or wildcard value of the job stands in
a value of `params`, it is treated as one.
"""

from __future__ import annotations

import re
from _string import formatter_field_name_split, formatter_parser  # type: ignore[import-not-found]

from rulekit.errors.tree import RuleFileError
from rulekit.model.namedlist import Namedlist, Wildcards

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.language.shellwords import ShellText

# Names whose values are file names or parts of them.
GUARDED = frozenset(("input", "output", "log", "benchmark", "wildcards"))
# Names whose values may hold some of those.
_MIXED = frozenset(("params", "resources"))

_SURELY_HARMLESS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-"
)


def quote(text: str) -> str:
    """`text` as one word of a POSIX shell; harmless text is not changed."""
    if text and re.search(r"[^\w@%+=:,./-]", text, re.ASCII) is None:
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


class _Field:
    """One field: a name, the way from its value to what is shown, and how that is shown."""

    __slots__ = (
        "conversion",
        "first",
        "guarded",
        "is_file",
        "plain",
        "rest",
        "spec",
        "text",
        "way",
    )

    first: str
    rest: tuple[tuple[bool, Any], ...]
    conversion: str | None
    spec: str | Template
    way: str  # "" | "q" | "u"
    plain: bool  # no conversion, no spec
    guarded: bool
    is_file: bool
    text: str  # as written, for messages


class Template:
    """A compiled text. Immutable; `render` may be called any number of times."""

    __slots__ = ("_is_mixed", "_parts", "_shell", "text")

    def __init__(self, text: str, shell: bool = False, quote_all: bool = False) -> None:
        self.text = text
        self._shell = shell
        self._parts = _compile(text, shell, quote_all)
        self._is_mixed = shell and any(
            not isinstance(part, str) and part.first in _MIXED for part in self._parts
        )

    @property
    def is_plain(self) -> bool:
        """True if there is no field, so that the result is always the same."""
        return all(isinstance(part, str) for part in self._parts)

    def roots(self) -> frozenset[str]:
        """The names that fields begin with."""
        return frozenset(part.first for part in self._parts if not isinstance(part, str))

    def render(self, names: Mapping[str, Any], namespace: Mapping[str, Any]) -> str:
        """The text with all fields filled from `names`, else from `namespace`.

        Raises `RuleFileError` for an unknown name, item or attribute, and `PlanError` for a file
        name or wildcard value that must not stand where its field is.
        """
        out: list[str] = []
        shell = self._shell
        if self._is_mixed and _hostile(names):
            return self._render_guarded(names, namespace)
        for part in self._parts:
            if isinstance(part, str):
                out.append(part)
                continue
            first = part.first
            if first in names:
                value = names[first]
            elif first in namespace:
                value = namespace[first]
            else:
                value = _unknown(part, names, namespace)
            for is_attribute, key in part.rest:
                value = _step(part, value, is_attribute, key)
            if part.guarded and not _is_harmless(value, part.is_file):
                return self._render_guarded(names, namespace)
            if part.plain:
                if type(value) is str:
                    out.append(value)
                    continue
                if isinstance(value, list) and type(value) is not Wildcards:
                    try:
                        out.append(" ".join(value))
                        continue
                    except TypeError:
                        pass
            out.append(_shown(part, value, names, namespace))
        text = "".join(out)
        if (
            shell
            and "<<" in text
            and any(not isinstance(p, str) and p.guarded for p in self._parts)
        ):
            return self._render_guarded(names, namespace)
        return text

    def _render_guarded(self, names: Mapping[str, Any], namespace: Mapping[str, Any]) -> str:
        from rulekit.language.shellwords import ShellText

        text = ShellText(self.text)
        hostile = _hostile(names) if self._is_mixed else []
        for part in self._parts:
            if isinstance(part, str):
                text.add(part)
                continue
            first = part.first
            if first in names:
                value = names[first]
            elif first in namespace:
                value = namespace[first]
            else:
                value = _unknown(part, names, namespace)
            for is_attribute, key in part.rest:
                value = _step(part, value, is_attribute, key)
            if not part.guarded:
                shown = _shown(part, value, names, namespace)
                if hostile and first in _MIXED and part.way != "u":
                    _add_mixed(text, shown, part, hostile)
                else:
                    text.add(shown)
                continue
            many = isinstance(value, (list, tuple, set, frozenset)) and not isinstance(
                value, Wildcards
            )
            items = list(value) if many and part.conversion is None else [value]
            for number, one in enumerate(items):
                if number:
                    text.add(" ")
                item = one
                if part.is_file and str(one)[:1] == "-" and text.at_word_start():
                    item = f"./{one}"  # the same file, and no option
                # A harmless value is shown with the braces and blanks that a spec asks for.
                shown = _shown(part, item, names, namespace)
                if _is_harmless(item):
                    text.add_harmless(shown, part.text)
                else:
                    text.add_value(shown, part.text, quoted=part.way == "q")
        return text.result()


def _is_harmless(value: Any, is_file: bool = False) -> bool:
    """True if no character of the value means anything to a shell, wherever it stands.

    `is_file`: and it does not look like an option of the command.
    """
    if isinstance(value, Namedlist) and len(value) == 1:
        value = list.__getitem__(value, 0)
    elif isinstance(value, (list, tuple, set, frozenset)):
        try:
            joined = " ".join(value)
        except TypeError:
            return all(_is_harmless_text(str(item), is_file) for item in value)
        if joined.count(" ") != max(len(value), 1) - 1:
            return False
        if is_file and " -" in joined:
            return False
        return _is_harmless_text(joined.replace(" ", ""), False) and not (
            is_file and joined[:1] == "-"
        )
    return _is_harmless_text(value if type(value) is str else str(value), is_file)


def _is_harmless_text(text: str, is_file: bool) -> bool:
    if is_file and text[:1] == "-":
        return False
    if _SURELY_HARMLESS.issuperset(text):
        return True
    # Letters and digits of other scripts; a regular expression takes long to build.
    return not text.isascii() and re.fullmatch(r"[\w./:=@%+,-]*", text) is not None


def _hostile(names: Mapping[str, Any]) -> list[str]:
    """The file names and wildcard values of a job that mean something to a shell."""
    found: list[str] = []
    for name in GUARDED:
        value = names.get(name)
        if value and not _is_harmless(value):
            items = value if isinstance(value, (list, tuple)) else [value]
            found += [str(item) for item in items if not _is_harmless(item)]
    return found


def _add_mixed(text: ShellText, shown: str, field: _Field, hostile: list[str]) -> None:
    """A value that may be shell code, with file names and wildcard values in it that are not."""
    if field.way == "q":
        text.add_value(shown, field.text, quoted=True)
        return
    # A single character may well be code: it counts only if it is all there is.
    wanted = [one for one in hostile if len(one) > 1 or one == shown]
    if not wanted:
        text.add(shown)
        return
    longest_first = sorted(set(wanted), key=len, reverse=True)
    pieces = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", shown)
    for number, piece in enumerate(pieces):
        if number % 2:
            text.add_value(piece, field.text, quoted=False)
        elif piece:
            text.add(piece)


def _step(field: _Field, value: Any, is_attribute: bool, key: Any) -> Any:
    try:
        if is_attribute:
            if isinstance(value, Namedlist) and key in value._names:
                return value._named(key)
            return getattr(value, key)
        return value[key]
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise _no_such_item(field, value, is_attribute, key, error) from None


def _no_such_item(
    field: _Field, value: Any, is_attribute: bool, key: Any, error: Exception
) -> RuleFileError:
    from rulekit.errors.diagnostic import closest

    known: list[str] = []
    if isinstance(value, Namedlist):
        known = list(value.keys())
        what = f"`{field.first}` has no item `{key}`"
    elif isinstance(value, dict):
        known = [str(one) for one in value]
        what = f"there is no key `{key}`"
    elif isinstance(error, IndexError):
        what = f"there is no item {key}, only {len(value)} of them"
    elif is_attribute:
        what = f"a value of type `{type(value).__name__}` has no attribute `{key}`"
    else:
        what = f"a value of type `{type(value).__name__}` has no item `{key}`"
    near = closest(str(key), known) if known else None
    if isinstance(key, str) and key[:1] in ("'", '"'):
        help_ = "keys in a field are written without quotes: `{x[key]}`"
    elif near is not None:
        help_ = f"there is an item with a similar name: `{near}`"
    elif known:
        help_ = "known here: " + ", ".join(f"`{one}`" for one in known[:12])
    else:
        help_ = None
    return RuleFileError(f"`{field.text}` cannot be filled in: {what}", code="RK0240", help=help_)


def _unknown(field: _Field, names: Mapping[str, Any], namespace: Mapping[str, Any]) -> Any:
    """A name that user code is given without asking for it, or an error that says what is meant."""
    from rulekit.language.names import standard_name

    first = field.first
    found = standard_name(first)
    if found is not None:
        return found[0]
    if first.isdigit():
        raise RuleFileError(
            f"the field `{field.text}` has no name",
            code="RK0240",
            help="fields are filled by name; braces that are meant literally are doubled: `{{}}`",
        )
    wildcards = names.get("wildcards")
    if isinstance(wildcards, Namedlist) and first in wildcards._names:
        help_ = f"did you mean `wildcards.{first}`?"
    else:
        from rulekit.errors.diagnostic import did_you_mean

        pool = [*names, *(name for name in namespace if not name.startswith("_"))]
        help_ = did_you_mean("name", first, pool) or (
            "if the braces are meant literally (awk, bash), double them: "
            f"`{{{{{field.text[1:-1]}}}}}`"
        )
    raise RuleFileError(f"the name `{first}` is unknown in this context", code="RK0240", help=help_)


def _shown(
    field: _Field, value: Any, names: Mapping[str, Any], namespace: Mapping[str, Any]
) -> str:
    conversion = field.conversion
    if conversion is not None:
        if conversion == "r":
            value = repr(value)
        elif conversion == "s":
            value = str(value)
        elif conversion == "a":
            value = ascii(value)
        else:
            raise RuleFileError(
                f"`{field.text}` has an unknown conversion `!{conversion}`", code="RK0241"
            )
    if isinstance(value, Wildcards):
        return value.with_names()
    spec, way = field.spec, field.way
    if type(spec) is not str:
        spec = spec.render(names, namespace)  # type: ignore[union-attr]
        if spec[-1:] in ("q", "u"):
            spec, way = spec[:-1], spec[-1]
    if isinstance(value, (list, tuple, set, frozenset)):
        return " ".join([_one(field, item, spec, way) for item in value])
    return _one(field, value, spec, way)


def _one(field: _Field, value: Any, spec: str, way: str) -> str:
    try:
        text = format(value, spec)
    except (TypeError, ValueError) as error:
        raise RuleFileError(
            f"`{field.text}` cannot be written with the format `{spec}`: {error}", code="RK0241"
        ) from None
    return quote(text) if way == "q" and text else text


def _compile(text: str, shell: bool, quote_all: bool) -> tuple[str | _Field, ...]:
    parts: list[str | _Field] = []
    automatic = 0  # `{}` is `{0}`, then `{1}`
    try:
        for literal, name, spec, conversion in formatter_parser(text):
            if literal:
                # Doubled braces split a literal; the halves are joined again.
                if parts and isinstance(last := parts[-1], str):
                    parts[-1] = last + literal
                else:
                    parts.append(literal)
            if name is not None:
                field = _field(name, spec, conversion, shell)
                if field.first == "":
                    field.first = str(automatic)
                    automatic += 1
                if quote_all and field.way != "u":
                    field.way, field.plain = "q", False
                parts.append(field)
    except ValueError as error:
        raise _malformed(text, str(error)) from None
    return tuple(parts)


def _malformed(text: str, reason: str) -> RuleFileError:
    reasons = {
        "Single '}' encountered in format string": "there is a `}` without a `{`",
        "Single '{' encountered in format string": "there is a `{` without a `}`",
        "expected '}' before end of string": "there is a `{` without a `}`",
    }
    first = text.strip().split("\n", 1)[0]
    shown = first if len(first) <= 60 else first[:57] + "..."
    return RuleFileError(
        f"the braces of `{shown}` do not fit: {reasons.get(reason, reason)}",
        code="RK0241",
        help="braces that are meant literally (awk, bash) are doubled: `{{print $1}}`, `${{x}}`",
    )


def _field(name: str, spec: str, conversion: str | None, shell: bool) -> _Field:
    field = _Field()
    field.text = (
        "{" + name + ("!" + conversion if conversion else "") + (":" + spec if spec else "") + "}"
    )
    first, rest = formatter_field_name_split(name)
    field.first = str(first)
    field.rest = tuple(rest)
    field.conversion = conversion
    field.way = ""
    field.spec = spec
    if spec:
        if "{" in spec:
            field.spec = Template(spec)
        elif spec[-1] in "qu":
            field.way = spec[-1]
            field.spec = spec[:-1]
    field.plain = not spec and conversion is None
    field.guarded = shell and field.way != "u" and field.first in GUARDED
    field.is_file = field.guarded and field.first != "wildcards"
    return field


_templates: dict[tuple[str, bool], Template] = {}


def compile_template(text: str, shell: bool = False) -> Template:
    """The template of `text`; equal texts give the same one. Raises `RuleFileError`."""
    key = (text, shell)
    found = _templates.get(key)
    if found is None:
        found = _templates[key] = Template(text, shell)
    return found


def format_text(
    pattern: str,
    names: Mapping[str, Any],
    namespace: Mapping[str, Any],
    quote_all: bool = False,
) -> str:
    """`pattern` filled in for user code, as `snakemake.utils.format` does it.

    Raises `NameError` for an unknown name and `ValueError` for a pattern that cannot be filled.
    """
    try:
        template = Template(pattern, quote_all=True) if quote_all else compile_template(pattern)
        return template.render(names, namespace)
    except RuleFileError as error:
        diagnostic = error.diagnostics[0]
        kind = NameError if diagnostic.code == "RK0240" else ValueError
        raise kind(
            diagnostic.message + (f"; {diagnostic.help}" if diagnostic.help else "")
        ) from None
