"""`__rulekit__`: what the statements of a rule file call while its code runs.

One `FileScope` for each file that is being read. Its methods are the calls that
`compiler.lowering` makes; `loc` is always (line, column, end line, end column).
"""

from __future__ import annotations

import os
import re
import sys

from rulekit.compiler import hooks
from rulekit.compiler.derive import overridden
from rulekit.compiler.drafts import Directive, Draft, Run
from rulekit.compiler.pathvars import RULE as RULE_LEVEL
from rulekit.compiler.pathvars import STATEMENT, PathvarError
from rulekit.compiler.problems import place
from rulekit.compiler.rules import read_files, wrong_value
from rulekit.errors.diagnostic import Label, did_you_mean
from rulekit.errors.tree import RuleFileError
from rulekit.model.rule import ContainerizedImage
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Never

    from rulekit.compiler.drafts import Loc
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.space import Space

    RawDirective = tuple[str, Loc, tuple[Any, ...], dict[str, Any]]


class FileScope:
    """One file being read. `leads` says whether its rules may become the default target."""

    def __init__(self, space: Space, file: str, leads: bool) -> None:
        self.space = space
        self.loader: Loader = space.loader
        self.file = file
        self.basedir = os.path.dirname(file)
        self.leads = leads

    # -- rules ---------------------------------------------------------------------------------

    def rule(
        self,
        kind: str,
        name: str | None,
        loc: Loc,
        docstring: str | None,
        directives: tuple[RawDirective, ...],
        run: tuple[Callable[..., Any], str, Loc, str] | None,
    ) -> None:
        """A `rule` or `checkpoint` statement."""
        # The code may be a function of another file than the one being read.
        file = sys._getframe(1).f_code.co_filename
        given = self._directives(directives, file, name)
        body = None if run is None else Run(run[0], run[1], run[2], run[3], file, self)
        self.add(kind, name, loc, file, docstring, given, body)

    def _directives(
        self, directives: tuple[RawDirective, ...], file: str, name: str | None
    ) -> dict[str, Directive]:
        given: dict[str, Directive] = {}
        for written, place_, args, kwargs in directives:
            keyword = _ALIASES.get(written, written)
            if keyword in given:
                self.loader.problems.warning(
                    "RK0253",
                    f"`{keyword}` is given twice in rule `{name}`: the first one counts",
                    file,
                    place_,
                )
                continue
            given[keyword] = Directive(place_, file, args, kwargs, self)
        return given

    def add(
        self,
        kind: str,
        name: str | None,
        loc: Loc,
        file: str,
        docstring: str | None,
        directives: dict[str, Directive],
        run: Run | None,
    ) -> Draft:
        """Take in a rule: give it its names, note its files, make it known."""
        loader, space = self.loader, self.space
        if "name" in directives:
            computed = directives["name"].args
            if len(computed) == 1 and isinstance(computed[0], str) and computed[0]:
                name = computed[0]
            else:
                self._problem("RK0239", "`name` of a rule must be one text", loc, file)
        own_name = name if name is not None else str(len(loader.drafts) + 1)
        public = space.public_name(own_name)
        if public is not None and space.overrides is not None:
            directives = overridden(directives, space.overrides, loader, own_name)
        final = public if public is not None else space.final_name(own_name)
        draft = Draft(
            final,
            own_name,
            kind,
            loc,
            file,
            docstring.strip() if docstring else None,
            directives,
            run,
            self,
        )
        draft.registered = public is not None
        pathvars = space.pathvars
        if "pathvars" in directives:
            pathvars = pathvars.copy()
            self._take_pathvars(pathvars, directives["pathvars"].kwargs, RULE_LEVEL, loc, file)
        read_files(draft, loader, pathvars)
        self._set_container(draft)
        space.rules[own_name] = draft
        if public is None:
            return draft
        known = loader.drafts.get(public)
        if known is not None and not self._may_replace():
            self._used_twice(draft, known)
            return draft
        loader.drafts[public] = draft
        if kind == "checkpoint":
            space.checkpoints[own_name] = draft
            space.checkpoints[public] = draft
        for keyword in ("localrule", "handover"):
            if keyword in directives and directives[keyword].args == (True,):
                loader.localrules[public] = (loc, file)
        self._maybe_default(draft)
        return draft

    def _may_replace(self) -> bool:
        space: Space | None = self.space
        while space is not None:
            if space.may_replace:
                return True
            space = space.parent
        return False

    def _used_twice(self, draft: Draft, known: Draft) -> None:
        self.loader.problems.error(
            "RK0234",
            f"the name `{draft.name}` is used by two rules",
            draft.file,
            draft.loc,
            labels=(Label(place(known.file, known.loc), "the first one"),),
            help="names of rules are unique in a workflow, over all included files",
        )

    def _maybe_default(self, draft: Draft) -> None:
        loader = self.loader
        directive = draft.directives.get("default_target")
        if directive is not None:
            value = directive.args[0] if len(directive.args) == 1 else None
            if value is True:
                if self.leads:
                    loader.default_target = draft.name
                return
            if value is not False:
                wrong_value(
                    loader,
                    draft,
                    "default_target",
                    f"can only be `True`, not {value!r}",
                    "leave it out for rules that are not the default target",
                )
        if self.leads and loader.default_target is None:
            loader.default_target = draft.name

    def _set_container(self, draft: Draft) -> None:
        directives = draft.directives
        directive = directives.get("container") or directives.get("containerized")
        if directive is not None:
            value = directive.args[0] if len(directive.args) == 1 else None
            if (
                value is not None
                and not isinstance(value, (str, os.PathLike))
                and not callable(value)
            ):
                wrong_value(self.loader, draft, "container", f"must be an image, not {value!r}")
            draft.container = os.fspath(value) if isinstance(value, os.PathLike) else value
            if "container" not in directives and isinstance(draft.container, str):
                draft.container = ContainerizedImage(draft.container)
        elif "template_engine" not in directives:
            draft.container = self.space.container

    # -- global statements -----------------------------------------------------------------------

    def statement(
        self, keyword: str, loc: Loc, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Any statement of the form ``keyword: arguments``."""
        file = sys._getframe(1).f_code.co_filename
        handler = _STATEMENTS.get(keyword)
        if handler is None:
            self._fail("RK0247", f"the statement `{keyword}` is not supported yet", loc, file)
        handler(self, loc, file, args, kwargs)

    def _only(
        self, keyword: str, loc: Loc, file: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """The one argument of a statement, a path as text."""
        if len(args) != 1 or kwargs:
            self._fail(
                "RK0239", f"`{keyword}` takes one value, not {len(args) + len(kwargs)}", loc, file
            )
        value = args[0]
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    def _path(
        self, keyword: str, loc: Loc, file: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> str:
        value = self._only(keyword, loc, file, args, kwargs)
        if not isinstance(value, str) or not value:
            self._fail("RK0239", f"`{keyword}` takes a path, not {value!r}", loc, file)
        return str(value)

    def _include(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        value = self._only("include", loc, file, args, kwargs)
        path = self.loader.source_file(value, self.basedir, "include", loc, file)
        if path in self.loader.included and not self.space.is_module:
            self.loader.note(f"the second `include` of `{path}` is ignored")
            return
        self.loader.execute(FileScope(self.space, path, leads=False))

    def _configfile(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        path = self._path("configfile", loc, file, args, kwargs)
        space = self.space
        if space.skip_configfile:
            return
        namespace = space.namespace
        config = namespace.get("config")
        if not isinstance(config, dict):
            config = {}
        try:
            namespace["config"] = self.loader.config.load(config, path)
        except RuleFileError as error:
            diagnostic = error.diagnostics[0]
            if diagnostic.span is not None:
                raise
            self._fail(
                diagnostic.code, diagnostic.message, loc, file, help=diagnostic.help, at=path
            )
        self.loader.take_config_pathvars(space, loc, file)

    def _workdir(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        path = self._path("workdir", loc, file, args, kwargs)
        loader = self.loader
        if loader.settings.directory is not None:
            return
        try:
            os.makedirs(path, exist_ok=True)
            os.chdir(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._fail(
                "RK0243",
                f"the working directory `{path}` cannot be used: {reason}",
                loc,
                file,
                at=path,
            )
        loader.workdir = os.getcwd()

    def _wildcard_constraints(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if args:
            self._problem(
                "RK0239", '`wildcard_constraints` takes named ones: `x="[a-z]+"`', loc, file
            )
        for name, given in kwargs.items():
            # A number comes out of a config.
            constraint = str(given) if isinstance(given, int | float) else given
            if not isinstance(constraint, str):
                self._problem(
                    "RK0239",
                    f"the constraint of `{name}` must be a text, not {constraint!r}",
                    loc,
                    file,
                )
                continue
            try:
                re.compile(constraint)
            except re.error as error:
                self._problem(
                    "RK0238",
                    f"the constraint `{constraint}` of wildcard `{name}` is not a regular "
                    f"expression: {error}",
                    loc,
                    file,
                    at=constraint,
                )
                continue
            self.space.constraints[name] = constraint

    def _envvars(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for value in args:
            for name in (value,) if isinstance(value, str) else value:
                if not isinstance(name, str) or not re.fullmatch(r"\w+", name, re.ASCII):
                    self._problem(
                        "RK0239", f"{name!r} is no name of an environment variable", loc, file
                    )
                    continue
                self.loader.envvars[name] = None
                if name not in os.environ and self.loader.settings.check_envvars:
                    self._problem(
                        "RK0246",
                        f"the environment variable `{name}` is not set",
                        loc,
                        file,
                        at=name,
                        help=f"the workflow needs it: `export {name}=...`",
                    )

    def _container(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        value = self._only("container", loc, file, args, kwargs)
        if value is not None and not isinstance(value, str):
            self._problem("RK0239", f"`container` takes an image, not {value!r}", loc, file)
        self.space.container = value

    def _containerized(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._container(loc, file, args, kwargs)
        if isinstance(self.space.container, str):
            self.space.container = ContainerizedImage(self.space.container)

    def _conda(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._only("conda", loc, file, args, kwargs)
        if "conda" in self.loader.settings.software:
            self.loader.problems.warning(
                "RK0247",
                "the global `conda:` statement is not supported yet: its packages are taken from "
                "the environment that rulekit runs in",
                file,
                loc,
            )

    def _report(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        path = self._path("report", loc, file, args, kwargs)
        if not self.space.is_module or self.loader.report is None:
            self.loader.report = os.path.join(self.basedir, path)

    def _scattergather(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        for name, count in kwargs.items():
            if not isinstance(count, int) or count < 1:
                self._problem(
                    "RK0239", f"`{name}` must be a number of parts, not {count!r}", loc, file
                )
                continue
            self.loader.scatter[name] = self.loader.settings.set_scatter.get(name, count)
            function = hooks.scatter_function(self.loader, name)
            self.space.namespace["scatter"].__dict__[name] = function
            self.space.namespace["gather"].__dict__[name] = function
        self.space.constraints["scatteritem"] = r"\d+-of-\d+"

    def _resource_scopes(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        for name, value in kwargs.items():
            if value not in ("local", "global", "excluded"):
                self._problem(
                    "RK0239",
                    f"the scope of `{name}` is `local`, `global` or `excluded`, not {value!r}",
                    loc,
                    file,
                )
                continue
            self.loader.resource_scopes[name] = value

    def _pathvars(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.loader.uses_pathvars = True
        self._take_pathvars(self.space.pathvars, kwargs, STATEMENT, loc, file)

    def _take_pathvars(
        self, pathvars: Any, given: Mapping[str, Any], level: int, loc: Loc, file: str
    ) -> None:
        try:
            pathvars.update(dict(given), level)
        except PathvarError as error:
            self._problem("RK0249", str(error), loc, file)

    def _inputflags(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.space.input_flags = self._flag_functions("inputflags", loc, file, args)

    def _outputflags(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.space.output_flags = self._flag_functions("outputflags", loc, file, args)

    def _flag_functions(
        self, keyword: str, loc: Loc, file: str, args: tuple[Any, ...]
    ) -> tuple[Callable[..., Any], ...]:
        for value in args:
            if not callable(value):
                self._problem(
                    "RK0239", f"`{keyword}` takes flags such as `temp`, not {value!r}", loc, file
                )
                return ()
        return args

    def _pepfile(self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        path = self._path("pepfile", loc, file, args, kwargs)
        try:
            import peppy
        except ImportError:
            self._fail(
                "RK0247", "`pepfile` needs the package `peppy`", loc, file, help="pip install peppy"
            )
        self.space.namespace["pep"] = peppy.Project(path)

    def _pepschema(
        self, loc: Loc, file: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        path = self._path("pepschema", loc, file, args, kwargs)
        try:
            import eido
        except ImportError:
            self._fail(
                "RK0247", "`pepschema` needs the package `eido`", loc, file, help="pip install eido"
            )
        if "pep" not in self.space.namespace:
            self._fail("RK0247", "`pepschema` needs a `pepfile` before it", loc, file)
        if "://" not in path:
            path = os.path.join(self.basedir, path)
        eido.validate_project(project=self.space.namespace["pep"], schema=path)

    def ruleorder(self, loc: Loc, names: tuple[str, ...]) -> None:
        """``ruleorder: a > b``."""
        file = sys._getframe(1).f_code.co_filename
        public = tuple(self.space.final_name(name) for name in names)
        self.loader.ruleorder.append((public, loc, file))

    def localrules(self, loc: Loc, names: tuple[str, ...]) -> None:
        """``localrules: a, b``."""
        file = sys._getframe(1).f_code.co_filename
        for name in names:
            self.loader.localrules[self.space.final_name(name)] = (loc, file)

    def hook(self, kind: str, loc: Loc, function: Callable[[Any], Any]) -> None:
        """`onstart`, `onsuccess` or `onerror`. A module's are only run when they are called."""
        hooks.take_hook(self, kind, loc, function, sys._getframe(1).f_code.co_filename)

    # -- modules -------------------------------------------------------------------------------

    def module(self, name: str | None, loc: Loc, directives: tuple[RawDirective, ...]) -> None:
        """A `module` statement."""
        from rulekit.compiler.modules import declare

        file = sys._getframe(1).f_code.co_filename
        declare(self, name, loc, file, self._directives(directives, file, name))

    def use_rule(
        self,
        loc: Loc,
        rules: tuple[str, ...] | None,
        exclude: tuple[str, ...],
        module: str | None,
        pattern: str | None,
        directives: tuple[RawDirective, ...] | None,
    ) -> None:
        """A `use rule` statement; `rules` None is ``*``."""
        from rulekit.compiler.modules import inherit, use

        frame = sys._getframe(1)
        file = frame.f_code.co_filename
        given = None if directives is None else self._directives(directives, file, pattern)
        if module is None:
            inherit(self, loc, file, rules, pattern, given)
        else:
            use(self, loc, file, rules, exclude, module, pattern, given)

    def storage(
        self, loc: Loc, tag: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """A `storage` statement."""
        file = sys._getframe(1).f_code.co_filename
        try:
            self.loader.storage.names().declare(tag, args, kwargs)
        except RuleFileError as error:
            found = error.diagnostics[0]
            self._fail(found.code, found.message, loc, file, help=found.help)

    def refused(self, keyword: str, loc: Loc, name: str | None = None) -> None:
        """A statement of older versions that has no meaning any more."""
        name = name or "other"
        self._fail(
            "RK0247",
            f"`{keyword}` is gone since version 8",
            loc,
            sys._getframe(1).f_code.co_filename,
            help=f"use a module: `module {name}: snakefile: ...` and "
            f"`use rule * from {name} as {name}_*`",
        )

    # -- errors --------------------------------------------------------------------------------

    def _problem(
        self,
        code: str,
        message: str,
        loc: Loc,
        file: str,
        *,
        help: str | None = None,  # noqa: A002
        at: str | None = None,
    ) -> None:
        self.loader.problems.error(code, message, file, loc, help=help, at=at)

    def _fail(
        self,
        code: str,
        message: str,
        loc: Loc,
        file: str,
        *,
        help: str | None = None,  # noqa: A002
        at: str | None = None,
    ) -> Never:
        """A mistake that makes it useless to go on."""
        self._problem(code, message, loc, file, help=help, at=at)
        self.loader.problems.raise_if_any()
        raise AssertionError("there is an error")


_ALIASES = {"singularity": "container"}
_STATEMENTS: Mapping[
    str, Callable[[FileScope, Loc, str, tuple[Any, ...], dict[str, Any]], None]
] = {
    "include": FileScope._include,
    "configfile": FileScope._configfile,
    "workdir": FileScope._workdir,
    "wildcard_constraints": FileScope._wildcard_constraints,
    "envvars": FileScope._envvars,
    "container": FileScope._container,
    "singularity": FileScope._container,
    "containerized": FileScope._containerized,
    "conda": FileScope._conda,
    "report": FileScope._report,
    "scattergather": FileScope._scattergather,
    "resource_scopes": FileScope._resource_scopes,
    "pathvars": FileScope._pathvars,
    "inputflags": FileScope._inputflags,
    "outputflags": FileScope._outputflags,
    "pepfile": FileScope._pepfile,
    "pepschema": FileScope._pepschema,
}


def warn_unknown_names(loader: Loader) -> None:
    """Warn about names in `ruleorder` and `localrules` that no rule has."""
    known = loader.drafts
    for names, loc, file in loader.ruleorder:
        for name in names:
            if name not in known:
                _warn_unknown(loader, "ruleorder", name, loc, file)
    for name, (loc, file) in loader.localrules.items():
        if name not in known:
            _warn_unknown(loader, "localrules", name, loc, file)


def _warn_unknown(loader: Loader, statement: str, name: str, loc: Loc, file: str) -> None:
    loader.problems.warning(
        "RK0254",
        f"`{statement}` names the rule `{name}`, which does not exist",
        file,
        loc,
        help=did_you_mean("rule", name, loader.drafts),
        at=name,
    )


__all__ = ["FileScope", "Span", "warn_unknown_names"]
