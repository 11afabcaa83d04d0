"""From drafts to `Rule`s: checking values, parsing patterns, comparing wildcards."""

from __future__ import annotations

import os
import re

from rulekit.compiler.entries import EntryReader
from rulekit.compiler.problems import place
from rulekit.errors.diagnostic import Diagnostic, Label, did_you_mean
from rulekit.errors.tree import PlanError
from rulekit.language.flags import ORIGIN_FLAGS
from rulekit.language.resources import standard_table
from rulekit.model.flags import FlaggedFunction, FlaggedStr, flags_of
from rulekit.model.rule import Body, Entry, FileItem, Rule, Value
from rulekit.model.span import Span
from rulekit.patterns import Pattern, PatternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Never

    from rulekit.compiler.drafts import Directive, Draft, RawEntry
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.pathvars import Pathvars

ACTIONS = ("shell", "script", "notebook", "wrapper", "template_engine", "cwl")
SHADOWS = ("minimal", "copy-minimal", "shallow", "full")
_NO_FLAGS: Mapping[str, Any] = {}
# Constraints that need no check: words and well known classes.
_SURELY_REGEX = r"(?:\w|[-|]|\\[dwsDWS]|\.|\[\^?[\w/]+\]|(?<=[\])wd.])[+*])*"


def read_files(draft: Draft, loader: Loader, pathvars: Pathvars) -> None:
    """Read the draft's file directives, so that `rules.NAME.output` is there at once."""
    problems = loader.problems
    directives = draft.directives
    for keyword in ("input", "output", "log"):
        directive = directives.get(keyword)
        if directive is None:
            continue
        entries = EntryReader(draft, keyword, directive, pathvars, problems).entries()
        if keyword == "input":
            draft.inputs = entries
        elif keyword == "output":
            draft.outputs = entries
        else:
            draft.logs = entries
    directive = directives.get("benchmark")
    if directive is not None:
        entries = EntryReader(draft, "benchmark", directive, pathvars, problems).entries()
        if len(entries) == 1 and len(entries[0][1]) == 1:
            draft.benchmark = entries[0][1][0]
        elif not problems.errors:
            wrong_value(loader, draft, "benchmark", "takes one file")
    directive = directives.get("params")
    if directive is not None:
        draft.params = [(None, value) for value in directive.args]
        draft.params += directive.kwargs.items()
    if draft.name in loader.settings.consider_ancient:
        _mark_ancient(draft, loader.settings.consider_ancient[draft.name])


def _mark_ancient(draft: Draft, which: frozenset[str | int]) -> None:
    from rulekit.language.flags import ancient

    marked: list[RawEntry] = []
    for i, (name, items, is_list) in enumerate(draft.inputs):
        chosen = i in which or name in which
        marked.append((name, [ancient(item) for item in items] if chosen else items, is_list))
    draft.inputs = marked


def wrong_value(
    loader: Loader,
    draft: Draft,
    keyword: str,
    message: str,
    help: str | None = None,  # noqa: A002
) -> None:
    """Note that a directive's value cannot be used."""
    directive = draft.directives[keyword]
    loader.problems.error(
        "RK0239",
        f"`{keyword}` of rule `{draft.name}` {message}",
        directive.file,
        directive.loc,
        help=help,
    )


class Finisher:
    """Turns drafts into rules. Equal patterns are parsed once."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.problems = loader.problems
        self._items: dict[int, dict[str, FileItem]] = {}
        self._checked: set[str] = set()

    def finish(self, draft: Draft, index: int) -> Rule | None:
        """The rule of a draft; None if it has errors, which are noted."""
        directives = draft.directives
        space = draft.scope.space
        outer = space.constraints
        constraints: Mapping[str, str] = outer
        own = directives.get("wildcard_constraints")
        if own is not None:
            constraints = {**outer, **self._own_constraints(draft, own)}
        key = id(outer) if constraints is outer else -1
        # Rules with constraints of their own share nothing with others.
        items: dict[str, FileItem] = {} if key == -1 else self._items.setdefault(key, {})

        before = len(self.problems.errors)
        outputs = self._entries(draft, "output", draft.outputs, constraints, items)
        logs = self._entries(draft, "log", draft.logs, constraints, items)
        benchmark = None
        if draft.benchmark is not None:
            benchmark = self._item(draft, "benchmark", draft.benchmark, constraints, items)
        if outputs is None or logs is None:
            return None
        names = self._wildcard_names(draft, outputs, logs, benchmark)
        if len(outputs) > 1 or (outputs and outputs[0].is_list):
            self._check_repeated(draft, outputs)
        # Constraints in inputs mean nothing, so inputs of all rules share their items.
        inputs = self._entries(
            draft, "input", draft.inputs, outer, self._items.setdefault(id(outer), {})
        )
        if inputs is None:
            return None
        inputs = self._check_inputs(draft, inputs, names)
        if len(self.problems.errors) != before:
            return None
        loc = draft.loc
        body = self._body(draft)
        action_scope = draft.run.scope if draft.run is not None else draft.scope
        for keyword in ACTIONS:
            if keyword in directives:
                action_scope = directives[keyword].scope
        plain = self._plain(draft)
        return Rule(
            draft.name,
            index,
            draft.kind,
            Span(draft.file, *loc),
            draft.docstring,
            inputs,
            outputs,
            logs,
            benchmark,
            tuple([Value(name, value) for name, value in draft.params]),
            names,
            constraints,
            plain["threads"],
            plain["resources"],
            plain["priority"],
            plain["message"],
            plain["retries"],
            plain["group"],
            plain["shadow"],
            plain["conda"],
            draft.container,
            plain["envmodules"],
            plain["cache"],
            plain["localrule"],
            plain["handover"],
            body,
            action_scope.space.namespace,
            action_scope.basedir,
        )

    # -- files ---------------------------------------------------------------------------------

    def _entries(
        self,
        draft: Draft,
        kind: str,
        raw: list[RawEntry],
        constraints: Mapping[str, str],
        items: dict[str, FileItem],
    ) -> tuple[Entry, ...] | None:
        found = []
        for name, values, is_list in raw:
            made = []
            for value in values:
                item = items.get(value) if type(value) is str else None
                if item is None:
                    item = self._item(draft, kind, value, constraints, items)
                    if item is None:
                        return None
                made.append(item)
            found.append(Entry(name, tuple(made), is_list))
        return tuple(found)

    def _item(
        self,
        draft: Draft,
        kind: str,
        value: Any,
        constraints: Mapping[str, str],
        items: dict[str, FileItem],
    ) -> FileItem | None:
        if not isinstance(value, str):
            if isinstance(value, FlaggedFunction):
                return FileItem("", None, value.function, value.flags)
            return FileItem("", None, value, _NO_FLAGS)
        text = str(value)
        try:
            known = items.get(text)
            if known is not None and known.pattern is not None:
                pattern = known.pattern
            else:
                pattern = Pattern(text, constraints)
                if pattern.names and (constraints or "," in text):
                    self._check_constraints(pattern)
        except PatternError as error:
            directive = draft.directives[kind]
            self.problems.error(
                "RK0238",
                f"the {kind} of rule `{draft.name}` is no pattern: {error}",
                directive.file,
                directive.loc,
                at=text,
            )
            return None
        template = pattern.template
        if "{" in template or "}" in template:
            self._warn_braces(draft, kind, text)
        if type(value) is str:
            item = items[text] = FileItem(text, pattern, None, _NO_FLAGS)
            return item
        flags = flags_of(value)
        fixed = flags.get("fixed_rule")
        if not ORIGIN_FLAGS.isdisjoint(flags):
            flags = {key: one for key, one in flags.items() if key not in ORIGIN_FLAGS}
        return FileItem(text, pattern, None, flags, fixed if kind == "input" else None)

    def _check_constraints(self, pattern: Pattern) -> None:
        for constraint in pattern.constraints:
            if constraint is None or constraint in self._checked:
                continue
            self._checked.add(constraint)
            # The look that saves compiling many costs as much as compiling some.
            if len(self._checked) < 8 or re.fullmatch(_SURELY_REGEX, constraint) is None:
                try:
                    re.compile(constraint)
                except re.error as error:
                    raise PatternError(
                        f"the constraint `{constraint}` is not a regular expression: {error}"
                    ) from None

    def _warn_braces(self, draft: Draft, kind: str, text: str) -> None:
        directive = draft.directives.get(kind)
        if directive is not None:
            self.problems.warning(
                "RK0255",
                f"the {kind} `{text}` of rule `{draft.name}` has braces that are no wildcard",
                directive.file,
                directive.loc,
                help="the name of a wildcard is made of letters, digits and `_`",
                at=text,
            )

    def _own_constraints(self, draft: Draft, directive: Directive) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, constraint in directive.kwargs.items():
            if isinstance(constraint, str):
                found[name] = constraint
            else:
                wrong_value(
                    self.loader,
                    draft,
                    "wildcard_constraints",
                    f"needs texts: `{name}` is {constraint!r}",
                )
        if directive.args:
            wrong_value(
                self.loader, draft, "wildcard_constraints", 'takes named ones: `x="[a-z]+"`'
            )
        return found

    # -- wildcards -----------------------------------------------------------------------------

    def _wildcard_names(
        self,
        draft: Draft,
        outputs: tuple[Entry, ...],
        logs: tuple[Entry, ...],
        benchmark: FileItem | None,
    ) -> tuple[str, ...]:
        names: tuple[str, ...] | None = None
        first: tuple[str, FileItem] | None = None
        for kind, entries in (("output", outputs), ("log", logs)):
            for entry in entries:
                for item in entry.items:
                    pattern = item.pattern
                    if pattern is None:
                        continue
                    if names is None:
                        names, first = pattern.names, (kind, item)
                    elif pattern.names != names and set(pattern.names) != set(names):
                        self._other_wildcards(draft, kind, item, first, names)
                        return names
        if benchmark is not None and benchmark.pattern is not None:
            found = benchmark.pattern.names
            if names is None:
                names = found
            elif found != names and set(found) != set(names):
                self._other_wildcards(draft, "benchmark", benchmark, first, names)
        return names or ()

    def _other_wildcards(
        self,
        draft: Draft,
        kind: str,
        item: FileItem,
        first: tuple[str, FileItem] | None,
        names: tuple[str, ...],
    ) -> None:
        assert item.pattern is not None and first is not None
        lacking = [name for name in names if name not in item.pattern.names]
        extra = [name for name in item.pattern.names if name not in names]
        caret = ", ".join(
            [f"`{name}` is missing" for name in lacking]
            + [f"`{name}` is only here" for name in extra]
        )
        directive = draft.directives[kind]
        other = draft.directives[first[0]]
        near = None
        if extra and lacking:
            near = did_you_mean("wildcard", extra[0], lacking)
        self.problems.error(
            "RK0236",
            f"not all outputs, logs and benchmarks of rule `{draft.name}` have the same wildcards",
            directive.file,
            directive.loc,
            at=item.text,
            caret=caret,
            labels=(
                Label(
                    place(other.file, other.loc, first[1].text),
                    "has " + (", ".join(f"`{name}`" for name in names) or "none"),
                ),
            ),
            help=near
            or "otherwise several jobs would write to the same file; put the wildcard into each name",
        )

    def _check_repeated(self, draft: Draft, outputs: tuple[Entry, ...]) -> None:
        seen: set[str] = set()
        for entry in outputs:
            for item in entry.items:
                if item.text and item.text in seen:
                    directive = draft.directives["output"]
                    self.problems.error(
                        "RK0251",
                        f"rule `{draft.name}` has the output `{item.text}` twice",
                        directive.file,
                        directive.loc,
                        at=item.text,
                    )
                seen.add(item.text)

    def _check_inputs(
        self, draft: Draft, inputs: tuple[Entry, ...], names: tuple[str, ...]
    ) -> tuple[Entry, ...]:
        bad = False
        for entry in inputs:
            for item in entry.items:
                if item.pattern is not None and item.pattern.names:
                    for name in item.pattern.names:
                        if name not in names:
                            bad = True
        if not bad:
            return inputs
        return tuple(
            Entry(
                entry.name,
                tuple(self._defused(draft, item, names) for item in entry.items),
                entry.is_list,
            )
            for entry in inputs
        )

    def _defused(self, draft: Draft, item: FileItem, names: tuple[str, ...]) -> FileItem:
        """An input with a wildcard that no output has: an error as soon as the rule is used.

        A rule that nobody uses may be wrong; existing workflows have such rules.
        """
        unknown = [name for name in item.pattern.names if name not in names] if item.pattern else []
        if not unknown:
            return item
        directive = draft.directives["input"]
        help_ = did_you_mean("wildcard", unknown[0], names)
        if help_ is None:
            help_ = (
                "known are " + ", ".join(f"`{name}`" for name in names)
                if names
                else "a rule without wildcards in its output has one job; `expand` fills in values"
            )
        diagnostic = Diagnostic(
            "RK0237",
            f"the wildcard `{unknown[0]}` in the input of rule `{draft.name}` is in none of its outputs",
            place(directive.file, directive.loc, item.text),
            caret=f"no value for `{unknown[0]}`",
            help=help_,
        )
        self.loader.defects.append(diagnostic)
        return FileItem(item.text, None, _Defect(diagnostic), item.flags, item.fixed_rule)

    # -- plain values --------------------------------------------------------------------------

    def _one(self, draft: Draft, keyword: str, default: Any = None) -> Any:
        directive = draft.directives.get(keyword)
        if directive is None:
            return default
        if len(directive.args) != 1 or directive.kwargs:
            count = len(directive.args) + len(directive.kwargs)
            wrong_value(self.loader, draft, keyword, f"takes one value, not {count}")
            return default
        return directive.args[0]

    def _plain(self, draft: Draft) -> dict[str, Any]:
        directives = draft.directives
        found: dict[str, Any] = dict(_DEFAULTS)
        for keyword in directives:
            reader = _READERS.get(keyword)
            if reader is not None:
                found[keyword] = reader(self, draft, keyword)
        if "handover" in directives and found["handover"]:
            found["localrule"] = True
        return found

    def _threads(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword, 1)
        if isinstance(value, float):
            return round(value)
        if not (callable(value) or (isinstance(value, int) and value >= 0)):
            if isinstance(value, str) and value.strip().isdecimal():
                return int(value)
            if hasattr(value, "item") and getattr(value, "shape", None) == ():
                return int(value)
            wrong_value(
                self.loader, draft, keyword, f"must be a whole number or a function, not {value!r}"
            )
            return 1
        return value

    def _resources(self, draft: Draft, keyword: str) -> Any:
        directive = draft.directives[keyword]
        if directive.args:
            wrong_value(self.loader, draft, keyword, "takes named ones: `mem_mb=4000`")
        try:
            return standard_table(directive.kwargs)
        except (ValueError, TypeError) as error:
            self.problems.error(
                "RK0256",
                f"the resources of rule `{draft.name}` cannot be used: {error}",
                directive.file,
                directive.loc,
            )
            return {}

    def _priority(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword, 0)
        if not callable(value) and not isinstance(value, (int, float)):
            wrong_value(
                self.loader, draft, keyword, f"must be a number or a function, not {value!r}"
            )
            return 0
        return value

    def _retries(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword)
        if value is not None and (not isinstance(value, int) or value < 0):
            wrong_value(
                self.loader, draft, keyword, f"must be a whole number from 0, not {value!r}"
            )
            return None
        return value

    def _message(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword)
        if value is not None and not isinstance(value, str):
            wrong_value(self.loader, draft, keyword, f"must be a text, not {value!r}")
            return None
        if value is not None and "version" in draft.directives:
            value = _with_version(value, self._version(draft))
        return value

    def _group(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword)
        if isinstance(value, int):
            return str(value)
        if value is not None and not isinstance(value, str) and not callable(value):
            wrong_value(self.loader, draft, keyword, f"must be a name or a function, not {value!r}")
            return None
        return value

    def _shadow(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword)
        if not value:
            return None
        if value is True:
            return "full"
        if value not in SHADOWS:
            near = did_you_mean("kind of shadow", str(value), SHADOWS)
            known = ", ".join(f"`{one}`" for one in SHADOWS)
            wrong_value(
                self.loader, draft, keyword, f"cannot be {value!r}", near or f"one of {known}"
            )
            return None
        return value

    def _conda(self, draft: Draft, keyword: str) -> Any:
        value = self._one(draft, keyword)
        if value is None or callable(value):
            return value
        if not isinstance(value, (str, os.PathLike)):
            if hasattr(value, "get_path_or_uri"):
                directive = draft.directives[keyword]
                return self.loader.copied_source(value, directive.loc, directive.file)
            wrong_value(
                self.loader, draft, keyword, f"must be a file, a name or a function, not {value!r}"
            )
            return None
        text = os.fspath(value)
        directive = draft.directives[keyword]
        if text.endswith((".yaml", ".yml")) and not os.path.isabs(text) and "://" not in text:
            # Relative to the file that says it, which need not be the one with the action.
            folder = directive.scope.basedir
            if folder != self._action_folder(draft):
                return os.path.join(folder, text)
        return text

    def _action_folder(self, draft: Draft) -> str:
        if draft.run is not None:
            return draft.run.scope.basedir
        for keyword in ACTIONS:
            if keyword in draft.directives:
                return draft.directives[keyword].scope.basedir
        return draft.scope.basedir

    def _envmodules(self, draft: Draft, keyword: str) -> Any:
        directive = draft.directives[keyword]
        names: list[str] = []
        for value in directive.args:
            names += [value] if isinstance(value, str) else list(value or ())
        if not all(isinstance(name, str) for name in names) or directive.kwargs:
            wrong_value(self.loader, draft, keyword, "takes the names of modules")
            return ()
        return tuple(names)

    def _cache(self, draft: Draft, keyword: str) -> Any:
        return self._one(draft, keyword, False)

    def _switch(self, draft: Draft, keyword: str) -> bool:
        return bool(self._one(draft, keyword, False))

    # -- actions -------------------------------------------------------------------------------

    def _body(self, draft: Draft) -> Body:
        run = draft.run
        version = self._version(draft) if "version" in draft.directives else None
        if run is not None:
            function = run.function
            if version is not None and "version" in run.source:
                function = _with_global(function, "version", version)
            return Body("run", run.source, Span(run.file, *run.loc), function, run.code)
        for keyword in ACTIONS:
            directive = draft.directives.get(keyword)
            if directive is None:
                continue
            value = self._one(draft, keyword, "")
            if not isinstance(value, str) and hasattr(value, "get_path_or_uri"):
                value = self.loader.copied_source(value, directive.loc, directive.file)
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            if not isinstance(value, str):
                wrong_value(
                    self.loader, draft, keyword, f"must be one text, not {value!r}",
                    "texts that stand beside each other are joined; a comma makes them two",
                )  # fmt: skip
                value = ""
            text = str(value)
            tag = directive.scope.space.wrapper_tag
            if keyword == "wrapper" and tag is not None and text.startswith("master/"):
                text = tag + text[len("master") :]
            span = Span(directive.file, *directive.loc)
            if keyword == "cwl":
                self.problems.error(
                    "RK0286",
                    f"rule `{draft.name}`: tools described in CWL are not run",
                    directive.file,
                    directive.loc,
                    help='call a CWL runner from a command: shell: "cwltool ..."',
                )
            code = self.loader.shell_code(text) if keyword == "shell" else text
            if keyword == "shell" and version is not None:
                text = _with_version(text, version)
            return Body(keyword, text, span, None, code)
        return _NO_BODY

    def _version(self, draft: Draft) -> str:
        """`version:` of old files: a text that commands can show. It makes no job stale."""
        self.loader.note("`version:` of rules is gone since version 8; it is only shown")
        return str(self._one(draft, "version", ""))


def _with_version(text: str, version: str) -> str:
    """A command or message of an old file with the rule's version in it."""
    shown = version.replace("{", "{{").replace("}", "}}")
    return re.sub(r"(?<!\{)\{version\}", lambda _: shown, text)


def _with_global(function: Callable[..., Any], name: str, value: Any) -> Callable[..., Any]:
    """The function with one more global name; it sees the others as they are now."""
    kind: Any = type(function)
    names = {**function.__globals__, name: value}
    made: Any = kind(function.__code__, names, function.__name__, None, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made  # type: ignore[no-any-return]


_NO_BODY = Body("none", "", None, None, "")
_DEFAULTS: Mapping[str, Any] = {
    "threads": 1,
    "resources": {},
    "priority": 0,
    "message": None,
    "retries": None,
    "group": None,
    "shadow": None,
    "conda": None,
    "envmodules": (),
    "cache": False,
    "localrule": False,
    "handover": False,
}
_READERS: Mapping[str, Callable[[Finisher, Draft, str], Any]] = {
    "threads": Finisher._threads,
    "resources": Finisher._resources,
    "priority": Finisher._priority,
    "message": Finisher._message,
    "retries": Finisher._retries,
    "group": Finisher._group,
    "shadow": Finisher._shadow,
    "conda": Finisher._conda,
    "envmodules": Finisher._envmodules,
    "cache": Finisher._cache,
    "localrule": Finisher._switch,
    "handover": Finisher._switch,
}


class _Defect:
    """An input function that says what is wrong with its rule."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic

    def __call__(self, wildcards: Any) -> Never:
        raise PlanError(diagnostics=(self.diagnostic,))


def stripped(value: Any) -> Any:
    """A file of `rules.NAME` as others see it: without the constraints of its wildcards."""
    from rulekit.patterns import strip_constraints

    if not isinstance(value, str) or "{" not in value:
        return value
    text = strip_constraints(str(value))
    return FlaggedStr(text, flags_of(value)) if type(value) is not str else text
