"""One namespace of rules: the main workflow, or a module's.

Files that include each other share one space; a module gets its own, with a way to its parent.
"""

from __future__ import annotations

from rulekit.language.flags import flag
from rulekit.model.flags import FlaggedStr, flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.compiler.drafts import Directive, Draft
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.modules import ModuleDeclaration
    from rulekit.compiler.pathvars import Pathvars


class PrefixError(ValueError):
    """Two of a module's prefixes fit one path."""


class Prefix:
    """How a module's relative paths are changed: one prefix, or a table of replacements."""

    def __init__(self, prefix: str | None, table: Mapping[str, str] | None) -> None:
        self.prefix = prefix if prefix is None or prefix.endswith("/") else prefix + "/"
        self.table = table

    def apply(self, path: str) -> str:
        if path.startswith(("/", "..")):
            return path
        if self.table is not None:
            fitting = [one for one in self.table if path.startswith(one)]
            if len(fitting) > 1:
                raise PrefixError(
                    f"the path `{path}` fits several prefixes of `replace_prefix`: "
                    + ", ".join(f"`{one}`" for one in fitting)
                )
            return self.table[fitting[0]] + path[len(fitting[0]) :] if fitting else path
        return path if self.prefix is None else self.prefix + path


class DefaultPrefix(Prefix):
    """The folder of all relative paths of a run: that of ``--default-storage-prefix`` for storage
    of the kind `fs`. The outermost prefix."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, None)

    def apply(self, path: str) -> str:
        if "{" not in path and ("//" in path or "./" in path):
            from posixpath import normpath

            path = normpath(path)
        return super().apply(path)


class Space:
    """The state that the files of one namespace share.

    `rules` are all drafts by the names that hold inside. `rename` turns such a name into the one
    of the parent space, None drops the rule.
    """

    def __init__(
        self,
        loader: Loader,
        namespace: dict[str, Any],
        pathvars: Pathvars,
        parent: Space | None = None,
        module: ModuleDeclaration | None = None,
    ) -> None:
        self.loader = loader
        self.namespace = namespace
        self.pathvars = pathvars
        self.parent = parent
        self.module = module
        self.rules: dict[str, Draft] = {}
        self.checkpoints: dict[str, Draft] = {}
        self.constraints: dict[str, str] = {}
        self.modules: dict[str, ModuleDeclaration] = {}
        self.input_flags: tuple[Callable[..., Any], ...] = ()
        self.output_flags: tuple[Callable[..., Any], ...] = ()
        self.container: Any = None
        self.skip_configfile = False
        self.skip_validation = False
        self.wrapper_tag: str | None = None
        # Of the `use rule` statement that reads a module.
        self.rename: Callable[[str], str] | None = None
        self.only: frozenset[str] | None = None
        self.exclude: frozenset[str] = frozenset()
        self.overrides: Mapping[str, Directive] | None = None
        self.may_replace = False
        self.prefixes: tuple[Prefix, ...] = ()  # the innermost module's first

    @property
    def is_module(self) -> bool:
        return self.parent is not None

    @property
    def modifies_paths(self) -> bool:
        return bool(self.prefixes)

    def public_name(self, name: str) -> str | None:
        """The name under which the whole workflow knows the rule; None if it is not imported."""
        space: Space | None = self
        while space is not None:
            if (space.only is not None and name not in space.only) or name in space.exclude:
                return None
            if space.rename is not None:
                name = space.rename(name)
            space = space.parent
        return name

    def final_name(self, name: str) -> str:
        """As `public_name`, whether it is imported or not."""
        space: Space | None = self
        while space is not None:
            if space.rename is not None:
                name = space.rename(name)
            space = space.parent
        return name

    def modified(self, path: Any, kind: str) -> Any:
        """`path` with the prefixes of modules, unless it has them or is flagged `local`."""
        if not self.prefixes:
            return path
        flags = flags_of(path)
        if flags and (
            "path_modified" in flags or flags.get("local") or "sourcecache_entry" in flags
        ):
            return path
        text = str(path)
        if text[:5] in ("az://", "ab://"):
            from rulekit.language.storagenames import table

            return table().converted(path)
        for prefix in self.prefixes:
            text = prefix.apply(text)
        if text == path:
            return path
        multiext = flags.get("multiext")
        if multiext:
            stem = multiext["prefix"]
            for prefix in self.prefixes:
                stem = prefix.apply(stem)
            flags = {**flags, "multiext": {**multiext, "prefix": stem}}
        return flag(FlaggedStr(text, flags), "path_modified")
