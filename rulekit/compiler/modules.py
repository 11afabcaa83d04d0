"""`module` and `use rule`: rules of other files, and rules derived from others."""

from __future__ import annotations

from rulekit.compiler.derive import overridden
from rulekit.compiler.drafts import Directive, Draft
from rulekit.compiler.pathvars import CONFIG, MODULE, PathvarError
from rulekit.compiler.space import Prefix, Space
from rulekit.errors.diagnostic import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.compiler.drafts import Loc
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.pathvars import Pathvars
    from rulekit.compiler.scope import FileScope

_DIRECTIVES = (
    "name", "snakefile", "meta_wrapper", "config", "skip_validation", "replace_prefix", "prefix",
    "pathvars",
)  # fmt: skip


class ModuleDeclaration:
    """A `module` statement. Its file is read anew for each `use rule`."""

    def __init__(
        self,
        name: str,
        scope: FileScope,
        loc: Loc,
        file: str,
        snakefile: Any,
        meta_wrapper: str | None,
        config: Any,
        prefix: Prefix | None,
        pathvars: Pathvars,
        skip_validation: bool,
    ) -> None:
        self.name = name
        self.scope = scope
        self.loc = loc
        self.file = file
        self.snakefile = snakefile
        self.meta_wrapper = meta_wrapper
        self.config = config
        self.prefix = prefix
        self.pathvars = pathvars
        self.skip_validation = skip_validation
        # Rules of the module by their names inside, from all `use rule` statements so far.
        self.rules: dict[str, Draft] = {}
        # Ways in which all rules were imported, with the names specialised afterwards.
        self.imported: list[tuple[Callable[[str], str] | None, set[str]]] = []


def _value(directives: dict[str, Directive], keyword: str) -> Any:
    directive = directives.get(keyword)
    return directive.args[0] if directive is not None and directive.args else None


def declare(
    scope: FileScope, name: str | None, loc: Loc, file: str, directives: dict[str, Directive]
) -> None:
    """Take in a `module` statement."""
    for keyword, directive in directives.items():
        if keyword not in _DIRECTIVES:
            scope._problem(
                "RK0245",
                f"a module has no `{keyword}`",
                directive.loc,
                directive.file,
                help=did_you_mean("directive", keyword, _DIRECTIVES),
            )
    if "name" in directives:
        name = _value(directives, "name")
    if not isinstance(name, str) or not name:
        scope._fail("RK0245", "the module has no name", loc, file)
    snakefile = _value(directives, "snakefile")
    meta_wrapper = _value(directives, "meta_wrapper")
    if snakefile is None and meta_wrapper is None:
        scope._fail(
            "RK0245", f"the module `{name}` has no `snakefile`", loc, file,
            help="say which file it is: `snakefile: \"path\"`",
        )  # fmt: skip
    config = _value(directives, "config")
    prefix = _prefix(scope, name, directives)
    pathvars = scope.space.pathvars.copy()
    try:
        given = directives.get("pathvars")
        if given is not None:
            scope.loader.uses_pathvars = True
            pathvars.update(dict(given.kwargs) or _value(directives, "pathvars"), MODULE)
        if isinstance(config, dict) and config.get("pathvars"):
            scope.loader.uses_pathvars = True
            pathvars.update(config["pathvars"], MODULE)
    except PathvarError as error:
        scope._problem("RK0249", str(error), loc, file)
    scope.space.modules[name] = ModuleDeclaration(
        name,
        scope,
        loc,
        file,
        snakefile,
        meta_wrapper,
        config,
        prefix,
        pathvars,
        bool(_value(directives, "skip_validation")),
    )


def _prefix(scope: FileScope, name: str, directives: dict[str, Directive]) -> Prefix | None:
    import os

    prefix = _value(directives, "prefix")
    table = _value(directives, "replace_prefix")
    if prefix is None and table is None:
        return None
    directive = directives["prefix" if prefix is not None else "replace_prefix"]
    if prefix is not None and table is not None:
        scope._fail(
            "RK0245", f"the module `{name}` has both `prefix` and `replace_prefix`",
            directive.loc, directive.file,
        )  # fmt: skip
    if isinstance(prefix, os.PathLike):
        prefix = os.fspath(prefix)
    if prefix is not None and not isinstance(prefix, str):
        scope._fail(
            "RK0245", f"`prefix` of module `{name}` must be a text", directive.loc, directive.file
        )
    if table is not None and not isinstance(table, dict):
        scope._fail(
            "RK0245", f"`replace_prefix` of module `{name}` must be a dict",
            directive.loc, directive.file,
        )  # fmt: skip
    return Prefix(prefix or None, table)


def _renamer(
    scope: FileScope, loc: Loc, file: str, rules: tuple[str, ...] | None, pattern: str | None
) -> Callable[[str], str] | None:
    if pattern is None:
        return None
    if "*" in pattern:
        text = pattern
        return lambda name: text.replace("*", name)
    if rules is None or len(rules) > 1:
        scope._fail(
            "RK0245",
            f"several rules cannot all be called `{pattern}`",
            loc,
            file,
            help=f"`*` stands for each rule's own name: `as {pattern}_*`",
        )
    only = pattern
    return lambda _name: only


def _find(
    scope: FileScope, loc: Loc, file: str, name: str, pattern: str | None
) -> tuple[ModuleDeclaration, str | None]:
    """The module `name`, or the one whose name a variable `name` holds."""
    modules = scope.space.modules
    found = modules.get(name)
    if found is not None:
        return found, pattern
    namespace = scope.space.namespace
    dynamic = namespace.get(name)
    if not isinstance(dynamic, str):
        scope._fail(
            "RK0245",
            f"there is no module `{name}`",
            loc,
            file,
            at=name,
            help=did_you_mean("module", name, modules)
            or f"declare it: `module {name}: snakefile: ...`",
        )
    if dynamic not in modules:
        scope._fail(
            "RK0245", f"there is no module `{dynamic}`, which is the value of `{name}`", loc, file
        )
    if pattern is not None:
        stem = pattern.removesuffix("*")
        if stem in namespace:
            pattern = f"{namespace[stem]}" + ("*" if pattern.endswith("*") else "")
    return modules[dynamic], pattern


def use(
    scope: FileScope,
    loc: Loc,
    file: str,
    rules: tuple[str, ...] | None,
    exclude: tuple[str, ...],
    module_name: str,
    pattern: str | None,
    changes: dict[str, Directive] | None,
) -> None:
    """``use rule ... from MODULE``: reads the module's file and takes rules of it."""
    loader = scope.loader
    module, pattern = _find(scope, loc, file, module_name, pattern)
    rename = _renamer(scope, loc, file, rules, pattern)
    if rules is None and changes:
        scope._fail("RK0245", "`with` changes one rule, not `*`", loc, file)
    path = _module_file(loader, module)
    space = loader.new_space(module.pathvars.copy(), scope.space, module)
    namespace = space.namespace
    namespace["__name__"] = module.name
    if module.config is not None:
        namespace["config"] = module.config
        space.skip_configfile = True
    else:
        namespace["config"] = {}
    if module.meta_wrapper is not None:
        space.wrapper_tag = _wrapper_tag(module.meta_wrapper)
    space.skip_validation = module.skip_validation or scope.space.skip_validation
    space.rename = rename
    space.only = None if rules is None else frozenset(rules)
    space.exclude = frozenset(exclude)
    space.overrides = changes
    outer = scope.space.prefixes
    space.prefixes = outer if module.prefix is None else (module.prefix, *outer)
    space.may_replace = _may_replace(scope, loc, file, module, rules, rename)
    if changes is not None:
        space.overrides = _with_parents(scope.space, changes)
    elif scope.space.overrides is not None:
        space.overrides = scope.space.overrides
    loader.execute(type(scope)(space, path, leads=scope.leads))
    for name in rules or ():
        if name not in space.rules:
            scope._problem(
                "RK0235",
                f"the module `{module.name}` has no rule `{name}`",
                loc,
                file,
                at=name,
                help=did_you_mean("rule", name, space.rules),
            )
    module.rules.update(space.rules)
    for name, draft in space.rules.items():
        outside = rename(name) if rename is not None else name
        if draft.registered or outside not in scope.space.rules:
            scope.space.rules[outside] = draft
        if draft.kind == "checkpoint" and draft.registered:
            scope.space.checkpoints[outside] = draft
    exposed = type(__import__("sys"))(module.name)
    exposed.__dict__.update(namespace)
    scope.space.namespace[module.name] = exposed


WRAPPERS = "https://github.com/snakemake/snakemake-wrappers/raw/"


def _module_file(loader: Loader, module: ModuleDeclaration) -> str:
    """The path of a module's rule file."""
    where = (module.scope.basedir, "module", module.loc, module.file)
    if module.meta_wrapper is None:
        return loader.source_file(module.snakefile, *where)
    base = module.meta_wrapper
    if "://" not in base:
        base = (loader.settings.wrapper_prefix or WRAPPERS).rstrip("/") + "/" + base
    newer, older = f"{base}/meta_wrapper.smk", f"{base}/test/Snakefile"
    if "://" not in base or base.startswith("file://"):
        import os

        here = os.path.join(module.scope.basedir, newer.removeprefix("file://"))
        return loader.source_file(newer if os.path.isfile(here) else older, *where)
    from rulekit.compiler.fetch import download
    from rulekit.language.exceptions import WorkflowError

    try:
        return download(newer)
    except WorkflowError:
        return loader.source_file(older, *where)


def _wrapper_tag(meta_wrapper: str) -> str | None:
    """The version that wrappers inside take for ``master``; from version 8 on they say it."""
    tag = meta_wrapper.split("/", 1)[0]
    number = tag.lstrip("v").split(".", 1)[0]
    if "://" in meta_wrapper or (number.isdecimal() and int(number) >= 8):
        return None
    return tag


def _with_parents(space: Space, changes: dict[str, Directive]) -> dict[str, Directive]:
    """Changes of this statement, and over them those that the file itself is used with."""
    if space.overrides is None:
        return changes
    return {**changes, **space.overrides}


def _may_replace(
    scope: FileScope,
    loc: Loc,
    file: str,
    module: ModuleDeclaration,
    rules: tuple[str, ...] | None,
    rename: Callable[[str], str] | None,
) -> bool:
    """Whether the named rules may take the place of those that ``use rule *`` imported."""
    if rules is None:
        module.imported.append((rename, set()))
        return False
    matched = set()
    for rule in rules:
        new = rename(rule) if rename is not None else rule
        for earlier, specialised in module.imported:
            if (earlier(rule) if earlier is not None else rule) != new:
                continue
            if rule in specialised:
                scope._fail(
                    "RK0245",
                    f"the rule `{rule}` of module `{module.name}` is changed twice",
                    loc,
                    file,
                )
            specialised.add(rule)
            matched.add(rule)
    return matched == set(rules)


def inherit(
    scope: FileScope,
    loc: Loc,
    file: str,
    rules: tuple[str, ...] | None,
    pattern: str | None,
    changes: dict[str, Directive] | None,
) -> None:
    """``use rule a as b with:`` inside one namespace: a copy of a rule with other directives."""
    space = scope.space
    if rules is None or len(rules) != 1:
        scope._fail(
            "RK0245", "rules of the same workflow are derived one at a time", loc, file,
            help="`use rule a as b with:`",
        )  # fmt: skip
    if pattern is None:
        scope._fail(
            "RK0245",
            "the derived rule needs a name",
            loc,
            file,
            help=f"`use rule {rules[0]} as b with:`",
        )
    base = space.rules.get(rules[0]) or scope.loader.drafts.get(space.final_name(rules[0]))
    if base is None:
        scope._fail(
            "RK0235", f"there is no rule `{rules[0]}`", loc, file, at=rules[0],
            help=did_you_mean("rule", rules[0], space.rules),
        )  # fmt: skip
    name = pattern.replace("*", rules[0])
    directives = dict(base.directives)
    # What belongs to the base alone.
    for keyword in ("name", "default_target"):
        directives.pop(keyword, None)
    if changes is not None:
        directives = overridden(directives, changes, scope.loader, name)
    scope.add("rule", name, loc, file, base.docstring, directives, base.run)


__all__ = ["CONFIG", "ModuleDeclaration", "declare", "inherit", "use"]
