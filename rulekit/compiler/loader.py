"""One load of a rule file: the state that all its files share, and running them."""

from __future__ import annotations

import os
import sys

from rulekit.compiler.config import ConfigState
from rulekit.compiler.pathvars import CONFIG, PathvarError, Pathvars
from rulekit.compiler.problems import Problems, place
from rulekit.compiler.scope import FileScope, warn_unknown_names
from rulekit.compiler.space import DefaultPrefix, Space
from rulekit.compiler.views import CheckpointsView, Names, RulesView, StorageView, WorkflowView
from rulekit.errors.diagnostic import Diagnostic
from rulekit.errors.tree import RuleFileError, RulekitError
from rulekit.language import storagestate
from rulekit.language.exceptions import WorkflowError
from rulekit.language.names import provide
from rulekit.model.rule import CheckpointGate, Hook, Rule, Workflow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Never

    from rulekit.compiler.drafts import Draft, Loc
    from rulekit.compiler.modules import ModuleDeclaration
    from rulekit.compiler.settings import LoadSettings

_MOST_DEPTH = 200  # of includes and modules in each other


class Loader:
    """Reads the main file and what it leads to, then makes the `Workflow`."""

    def __init__(self, main_file: str, settings: LoadSettings) -> None:
        self.main_file = main_file
        self.settings = settings
        self.problems = Problems()
        self.config = ConfigState(settings)
        self.gate = CheckpointGate()
        self.storage = StorageView()
        storagestate.begin(settings.storage, settings.path_prefix)
        self.drafts: dict[str, Draft] = {}  # by public name, in the order of reading
        self.scopes: list[FileScope] = []  # files being read, the innermost last
        self.source_files: dict[str, None] = {}
        self.included: set[str] = set()
        self.origins: dict[str, str] = {}  # folder of a downloaded file to the URL it is of
        self.default_target: str | None = None
        self.ruleorder: list[tuple[tuple[str, ...], Loc, str]] = []
        self.localrules: dict[str, tuple[Loc, str]] = {}
        self.envvars: dict[str, None] = {}
        self.hooks: dict[str, Hook] = {}
        self.scatter: dict[str, int] = {}
        self.resource_scopes: dict[str, str] = {}
        self.report: str | None = None
        self.workdir: str | None = None
        self.first_workdir = os.getcwd()
        self.uses_pathvars = False
        self.dynamics = False  # `dynamic` of old files is used
        # Mistakes in rules that matter only if the rule is used.
        self.defects: list[Diagnostic] = []
        self.notes: list[str] = []
        self.workflow_view = WorkflowView(self)
        self.main = self.new_space(Pathvars(), None, None)
        if settings.path_prefix:
            self.main.prefixes = (DefaultPrefix(settings.path_prefix),)

    def note(self, text: str) -> None:
        """Something to be said that is no warning; once is enough."""
        if text not in self.notes:
            self.notes.append(text)

    def new_space(
        self, pathvars: Pathvars, parent: Space | None, module: ModuleDeclaration | None
    ) -> Space:
        """A fresh namespace with the names that every rule file has."""
        namespace: dict[str, Any] = {
            "__name__": "rulefile",
            "__builtins__": __builtins__,
            "config": self.config.initial() if parent is None else {},
            "workflow": self.workflow_view,
            "storage": self.storage,
        }
        space = Space(self, namespace, pathvars, parent, module)
        namespace["rules"] = RulesView(space)
        namespace["checkpoints"] = CheckpointsView(space)
        if parent is None:
            namespace["scatter"] = Names("scatter")
            namespace["gather"] = Names("gather")
        else:
            namespace["scatter"] = parent.namespace["scatter"]
            namespace["gather"] = parent.namespace["gather"]
        if parent is None and "pathvars" in namespace["config"]:
            self._config_pathvars(space, (1, 1, 1, 1), self.main_file)
        return space

    def take_config_pathvars(self, space: Space, loc: Loc, file: str) -> None:
        """Let `config["pathvars"]` count, if there is one."""
        if space.namespace["config"].get("pathvars"):
            self._config_pathvars(space, loc, file)

    def _config_pathvars(self, space: Space, loc: Loc, file: str) -> None:
        self.uses_pathvars = True
        try:
            space.pathvars.update(space.namespace["config"]["pathvars"] or {}, CONFIG)
        except PathvarError as error:
            self.problems.error("RK0249", f"in `config`: {error}", file, loc)

    def source_file(self, value: Any, basedir: str, keyword: str, loc: Loc, file: str) -> str:
        """The absolute path of a rule file that a statement names. Raises `RuleFileError`."""
        if hasattr(value, "get_path_or_uri") and not isinstance(value, str):
            value = self.copied_source(value, loc, file)
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, str) and basedir in self.origins and "://" not in value:
            # Relative to a file behind a URL.
            from urllib.parse import urljoin

            value = urljoin(self.origins[basedir], value)
        if not isinstance(value, str) or not value:
            self._fail("RK0239", f"`{keyword}` takes a path, not {value!r}", loc, file)
        if "://" in value:
            if value.startswith("file://"):
                value = value[len("file://") :]
            else:
                value = self._downloaded(value, keyword, loc, file)
        path = os.path.normpath(os.path.join(basedir, os.path.expanduser(value)))
        if not os.path.isfile(path):
            from rulekit.language.configs import _beside

            what = "is a folder" if os.path.isdir(path) else "does not exist"
            self._fail(
                "RK0243", f"the file `{path}` {what}", loc, file, at=value, help=_beside(path)
            )
        if len(self.scopes) > _MOST_DEPTH:
            self._fail("RK0243", "files include each other without end", loc, file)
        return path

    def copied_source(self, value: Any, loc: Loc, file: str) -> str:
        """The path of a local copy of a file in a git repository. Raises `RuleFileError`."""
        from rulekit.compiler.fetch import local_copy

        try:
            return local_copy(value)
        except WorkflowError as error:
            self._fail("RK0243", str(error).split("\n")[0], loc, file)

    def _downloaded(self, url: str, keyword: str, loc: Loc, file: str) -> str:
        if not url.startswith(("http://", "https://")):
            self._fail(
                "RK0247",
                f"`{keyword}` of `{url}` is not supported",
                loc,
                file,
                help="rule files are read from paths, from http(s) and from git repositories",
            )
        from rulekit.compiler.fetch import download

        try:
            path = download(url)
        except WorkflowError as error:
            self._fail("RK0243", str(error), loc, file)
        self.origins[os.path.dirname(path)] = url.rpartition("/")[0] + "/"
        return path

    def _fail(
        self,
        code: str,
        message: str,
        loc: Loc,
        file: str,
        *,
        at: str | None = None,
        help: str | None = None,  # noqa: A002
    ) -> Never:
        self.problems.error(code, message, file, loc, at=at, help=help)
        self.problems.raise_if_any()
        raise AssertionError("there is an error")

    # -- running -------------------------------------------------------------------------------

    def execute(self, scope: FileScope) -> None:
        """Run one file in its namespace. Raises `RuleFileError`; `SystemExit` goes through."""
        from rulekit.compiler.cache import compiled

        path = scope.file
        self.source_files[path] = None
        self.included.add(path)
        code, names_used, warnings = compiled(path)
        self.problems.warnings += warnings
        folder = scope.basedir
        if folder not in sys.path:
            sys.path.insert(_behind_standard_library(), folder)
        namespace = scope.space.namespace
        provide(namespace, names_used)
        before = namespace.get("__rulekit__")
        namespace["__rulekit__"] = scope
        self.scopes.append(scope)
        try:
            exec(code, namespace)  # noqa: S102  this is what a rule file is for
        finally:
            self.scopes.pop()
            if before is not None:
                namespace["__rulekit__"] = before

    def run_main(self) -> None:
        """Run the main file. Raises `RuleFileError` with all that was found up to then."""
        scope = FileScope(self.main, self.main_file, leads=True)
        # `workflow` and functions of the file may ask for it when all is read.
        try:
            self.execute(scope)
        except RulekitError as error:
            raise self._with_problems(error) from error.__cause__
        except RecursionError:
            raise RuleFileError(
                "the rule file calls itself without end (recursion)",
                code="RK0230",
                span=place(self.main_file, (1, 1, 1, 1)),
            ) from None
        except Exception as error:
            from rulekit.language.usererrors import diagnose, frames

            if not frames(error):
                raise  # not the user's code: a bug of ours
            found = diagnose(error)
            errors = [*self.problems.errors, found]
            raise RuleFileError(diagnostics=tuple(errors)) from error
        self.scopes.append(scope)

    def _with_problems(self, error: RulekitError) -> RulekitError:
        known = self.problems.errors
        found = list(error.diagnostics)
        if found[0].span is None:
            from rulekit.language.usererrors import frames

            inside = frames(error)
            if inside:
                one = found[0]
                found[0] = Diagnostic(
                    one.code, one.message, inside[-1][1], one.caret, one.labels, one.notes, one.help
                )
        merged = [*known, *(one for one in found if one not in known)]
        return type(error)(diagnostics=tuple(merged))

    # -- the result ----------------------------------------------------------------------------

    def shell_code(self, command: str) -> str:
        """What the staleness aspect *code* compares of a shell command's template."""
        if (
            "\n" not in command
            and "#" not in command
            and "  " not in command
            and "\t" not in command
            and command == command.strip()
        ):
            return command  # nothing that normalising would take away
        from rulekit.model.normalise import shell_text

        return shell_text(command)

    def finish(self) -> Workflow:
        """The workflow. Raises `RuleFileError` with all errors that were found."""
        from rulekit.compiler.rules import Finisher

        if self.dynamics:
            from rulekit.compiler.dynamics import translate

            translate(self)
        finisher = Finisher(self)
        rules: list[Rule] = []
        for draft in self.drafts.values():
            rule = finisher.finish(draft, len(rules))
            if rule is not None:
                draft.rule = rule
                rules.append(rule)
        if self.problems.errors:
            self.problems.errors += self.defects
        self.problems.raise_if_any()
        if self.ruleorder or self.localrules:
            warn_unknown_names(self)
        settings = self.settings
        from rulekit.language.shell import shell

        return Workflow(
            main_file=self.main_file,
            basedir=os.path.dirname(self.main_file),
            rules=tuple(rules),
            default_target=self.default_target,
            ruleorder=tuple(names for names, _, _ in self.ruleorder),
            localrules=frozenset(self.localrules),
            constraints=self.main.constraints,
            envvars=tuple(self.envvars),
            config=self.main.namespace["config"],
            configfiles=tuple(self.config.files),
            workdir=self.workdir,
            onstart=self.hooks.get("onstart"),
            onsuccess=self.hooks.get("onsuccess"),
            onerror=self.hooks.get("onerror"),
            shell=shell.settings(),
            scattergather={**self.scatter, **settings.set_scatter},
            resource_scopes={**self.resource_scopes, **settings.set_resource_scopes},
            source_files=tuple(self.source_files),
            namespace=self.main.namespace,
            checkpoints=self.gate,
            report=self.report,
            warnings=tuple(self.problems.warnings),
            notes=tuple(self.notes),
            stores=storagestate.found(),
        )


def _behind_standard_library() -> int:
    """Where in `sys.path` the modules beside a rule file come: before what is installed, but a
    file named `copy.py` must not stand in for Python's own `copy`, here or in any library."""
    library = os.path.dirname(os.__file__)
    own = (library, os.path.join(library, "lib-dynload"))
    return max((at for at, entry in enumerate(sys.path, 1) if entry in own), default=0)
