"""Arguments of file directives: flattening them, their flags, their names."""

from __future__ import annotations

import os
import re

from rulekit.compiler.pathvars import PathvarError, uses_pathvars
from rulekit.language.call import accepted, takes
from rulekit.language.deferred import RuleItem
from rulekit.language.flags import INPUT_ONLY, OUTPUT_ONLY, flag
from rulekit.model.flags import FlaggedFunction, FlaggedStr, flags_of
from rulekit.model.places import WEB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rulekit.compiler.drafts import Directive, Draft, RawEntry
    from rulekit.compiler.pathvars import Pathvars
    from rulekit.compiler.problems import Problems
    from rulekit.compiler.space import Space

# Methods that a list cannot do without; an item of that name could not be reached.
_RESERVED = frozenset(("get", "keys", "items", "append", "extend", "insert", "remove", "pop", "clear",
                       "count", "reverse", "copy"))  # fmt: skip
_SIZES = r"size(_files|_tempfiles)?(_kb|_mb|_gb)?"


class EntryReader:
    """Reads one file directive of one rule: `kind` is input, output, log or benchmark."""

    def __init__(
        self, draft: Draft, kind: str, directive: Directive, pathvars: Pathvars, problems: Problems
    ) -> None:
        self.draft = draft
        self.kind = kind
        self.directive = directive
        self.pathvars = pathvars
        self.problems = problems
        space = directive.scope.space
        self.space: Space = space
        self.default_flags: tuple[Callable[..., Any], ...] = ()
        if kind == "input":
            self.default_flags = space.input_flags
        elif kind == "output":
            self.default_flags = space.output_flags
        settings = space.loader.settings
        # Plain text needs no work at all unless one of these says so.
        self.plain = not (
            space.modifies_paths
            or self.default_flags
            or settings.omit_flags
            or (settings.all_temp and kind == "output")
        )

    def entries(self) -> list[RawEntry]:
        """The entries of the directive, positional ones first."""
        found: list[RawEntry] = []
        for value in self.directive.args:
            if type(value) is str:
                found.append((None, [self.item(value)], False))
            else:
                self._add(found, None, value)
        for name, value in self.directive.kwargs.items():
            if name in _RESERVED or (
                name[:4] == "size" and self.kind == "input" and re.fullmatch(_SIZES, name)
            ):
                self._error(f"`{name}` cannot be the name of an item: lists have it already")
            if type(value) is str:
                found.append((name, [self.item(value)], False))
            else:
                self._add(found, name, value)
        return found

    def _add(self, found: list[RawEntry], name: str | None, value: Any) -> None:
        if isinstance(value, (str, os.PathLike)) or callable(value):
            found.append((name, [self.item(value)], False))
            return
        items: list[Any] = []
        if not self._flatten(value, items):
            return
        names = [(flags_of(item).get("multiext") or {}).get("name") for item in items]
        if name is None and names and all(names):
            for item_name, item in zip(names, items, strict=True):
                found.append((item_name, [self.item(item)], False))
            return
        found.append((name, [self.item(item) for item in items], True))

    def _flatten(self, value: Any, items: list[Any]) -> bool:
        if isinstance(value, RuleItem) or value is None or not hasattr(type(value), "__iter__"):
            self._error(
                f"a file of `{self.kind}` must be a text, a path, a function or a list of them, "
                f"not {value!r}",
                "RK0239",
                "no file at all is an empty list: `[]`" if value is None else None,
            )
            return False
        for one in value:
            if isinstance(one, (str, os.PathLike)) or callable(one):
                items.append(one)
            elif not self._flatten(one, items):
                return False
        return True

    def item(self, value: Any) -> Any:
        """One file: text, flagged text or a function."""
        if not isinstance(value, str):
            if callable(value):
                return self._function(value)
            value = os.fspath(value)
        text: str = value
        if "<" in text and uses_pathvars(text):
            self.space.loader.uses_pathvars = True
            try:
                text = self.pathvars.apply(text)
            except PathvarError as error:
                self._error(str(error), "RK0249", at=value)
            if type(value) is not str:
                text = FlaggedStr(text, flags_of(value))
        if text[:5] in ("az://", "ab://"):
            from rulekit.language.storagenames import table

            text = table().converted(text)
        if self.kind != "input" and text.startswith(WEB):
            self._error(
                f"`{text[len(WEB) :].replace('/', '://', 1)}` cannot be written: web servers are"
                " only read",
                "RK0467",
                at=value,
            )
        if text[-1:] == "/" and len(text) > 1:
            # A folder is the same with and without a slash at its end.
            flags = flags_of(text)
            text = text.rstrip("/") or "/"
            text = FlaggedStr(text, flags) if flags else text
        if "//" in text or text[:2] == "./" or not text or text != text.strip() or "\n" in text:
            self._odd(text)
        if type(text) is str and self.plain:
            return text
        return self._flagged(text)

    def _flagged(self, text: Any) -> Any:
        text = self.space.modified(text, self.kind)
        for default in self.default_flags:
            text = _with_default(text, default)
        settings = self.space.loader.settings
        if settings.all_temp and self.kind == "output":
            text = flag(text, "temp")
        flags = flags_of(text)
        if flags:
            wrong = INPUT_ONLY if self.kind == "output" else OUTPUT_ONLY
            if self.kind in ("input", "output") and not wrong.isdisjoint(flags):
                other = "an input" if self.kind == "output" else "an output"
                for name in wrong.intersection(flags):
                    self.problems.warning(
                        "RK0257",
                        f"the flag `{name}` in rule `{self.draft.name}` means something for "
                        f"{other} only",
                        self.directive.file,
                        self.directive.loc,
                        at=name,
                    )
            if settings.omit_flags:
                kept = {key: one for key, one in flags.items() if key not in settings.omit_flags}
                text = FlaggedStr(str(text), kept)
            self._finish_report(flags)
        return text

    def _finish_report(self, flags: dict[str, Any]) -> None:
        report = flags.get("report")
        if report and isinstance(report.get("caption"), (str, os.PathLike)):
            folder = self.directive.scope.basedir
            flags["report"] = {
                **report,
                "caption": os.path.join(folder, os.fspath(report["caption"])),
            }

    def _function(self, value: Any) -> Any:
        if self.kind in ("output", "benchmark"):
            self._error(
                f"a file of `{self.kind}` cannot be a function: it says which jobs there can be",
                "RK0252",
                "functions are for `input`, `params` and `log`",
            )
            return ""
        for default in self.default_flags:
            value = _with_default(value, default)
        if self.space.modifies_paths or (self.kind == "input" and self.space.loader.uses_pathvars):
            flags = flags_of(value)
            inner = value.function if isinstance(value, FlaggedFunction) else value
            value = _through(inner, self.space, self.kind, self.pathvars)
            if flags:
                value = FlaggedFunction(value, flags)
        return value

    def _odd(self, text: str) -> None:
        if text == "":
            what, help_ = "is empty", "no file at all is an empty list: `[]`"
        elif text.startswith("./"):
            what, help_ = "begins with `./`", "leave it out: files are compared as text"
        elif "\n" in text:
            what, help_ = "holds a line break", None
        elif text != text.strip():
            what, help_ = "begins or ends with a blank", None
        elif re.search(r"(?<!:)//", text) is not None:
            what, help_ = "holds `//`", "files are compared as text: write one `/`"
        else:
            return  # a URL
        self.problems.warning(
            "RK0255",
            f"the {self.kind} `{text}` of rule `{self.draft.name}` {what}",
            self.directive.file,
            self.directive.loc,
            help=help_,
            at=text,
        )

    def _error(
        self,
        message: str,
        code: str = "RK0239",
        help: str | None = None,  # noqa: A002
        at: str | None = None,
    ) -> None:
        self.problems.error(
            code,
            f"rule `{self.draft.name}`: {message}",
            self.directive.file,
            self.directive.loc,
            help=help,
            at=at,
        )


_CONTRADICTING = {"temp": "protected", "protected": "temp"}


def _with_default(value: Any, default: Callable[..., Any]) -> Any:
    """`value` with a default flag, unless it has that one or its opposite."""
    keys = flags_of(default("x")).keys()
    own = flags_of(value)
    if any(key in own or _CONTRADICTING.get(key) in own for key in keys):
        return value
    return default(value)


def _through(function: Any, space: Space, kind: str, pathvars: Pathvars) -> Any:
    """`function` with path variables and module prefixes put into the names that it gives."""

    def later(wildcards: Any, **available: Any) -> Any:
        return _each(function(wildcards, **available), change)

    def change(path: Any) -> Any:
        if not isinstance(path, str):
            path = os.fspath(path)
        if "<" in path and uses_pathvars(path):
            path = FlaggedStr(pathvars.apply(path), flags_of(path))
        return space.modified(path, kind)

    return takes(later, accepted(function))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (str, os.PathLike)):
        return change(value)
    if isinstance(value, dict):
        return {key: _each(one, change) for key, one in value.items()}
    if callable(value):

        def later(wildcards: Any, **available: Any) -> Any:
            return _each(value(wildcards, **available), change)

        return takes(later, accepted(value))
    if value is not None and hasattr(type(value), "__iter__"):
        return [_each(one, change) for one in value]
    return value


def flat(entries: Iterable[RawEntry]) -> list[Any]:
    """All items of entries in order."""
    return [item for _, items, _ in entries for item in items]
