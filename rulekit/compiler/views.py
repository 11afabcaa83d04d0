"""`rules`, `checkpoints`, `scatter`, `gather`, `workflow`: objects that rule files read."""

from __future__ import annotations

import os
import sys

from rulekit.compiler.rules import stripped
from rulekit.language.exceptions import UnknownRuleException, WorkflowError
from rulekit.language.sources import SourcePath
from rulekit.model.flags import FlaggedStr, flags_of
from rulekit.model.namedlist import InputFiles, Log, Namedlist, OutputFiles, Params
from rulekit.model.rule import CheckpointPending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from rulekit.compiler.drafts import Draft, RawEntry
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.space import Space


class UnknownRule(UnknownRuleException, AttributeError):
    """`rules.NAME` of a rule that is not there (yet)."""


def _listed(
    kind: type[Namedlist], entries: Iterable[RawEntry], change: Callable[[Any], Any]
) -> Namedlist:
    items: list[Any] = []
    names: dict[str, int | tuple[int, int]] = {}
    for name, values, is_list in entries:
        start = len(items)
        items += map(change, values)
        if name is not None:
            names[name] = (start, len(items)) if is_list else start
    return kind(items, names)


class RuleView:
    """One rule: `output`, `input`, `log`, `benchmark`, `params` as declared, and its `name`."""

    __slots__ = ("_draft", "_made")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._made: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._draft.name

    @property
    def rule(self) -> RuleView:
        return self

    @property
    def output(self) -> Any:
        found = self._made.get("output")
        if found is None:
            draft = self._draft
            fixed = {"fixed_rule": draft.name} if draft.registered else {}

            def produced(value: str) -> FlaggedStr:
                text = str(stripped(value))
                modified = flags_of(value).get("path_modified")
                return FlaggedStr(text, {**fixed, "path_modified": True} if modified else fixed)

            found = self._made["output"] = _listed(OutputFiles, draft.outputs, produced)
        return found

    @property
    def input(self) -> Any:
        found = self._made.get("input")
        if found is None:
            found = self._made["input"] = _listed(InputFiles, self._draft.inputs, stripped)
        return found

    @property
    def log(self) -> Any:
        found = self._made.get("log")
        if found is None:
            found = self._made["log"] = _listed(Log, self._draft.logs, stripped)
        return found

    @property
    def benchmark(self) -> Any:
        return stripped(self._draft.benchmark)

    @property
    def params(self) -> Any:
        params = self._draft.params
        return Params(
            [value for _, value in params],
            {name: i for i, (name, _) in enumerate(params) if name is not None},
        )

    @property
    def threads(self) -> Any:
        directive = self._draft.directives.get("threads")
        return directive.args[0] if directive is not None and directive.args else 1

    @property
    def resources(self) -> Any:
        directive = self._draft.directives.get("resources")
        return Params.from_dict(directive.kwargs if directive is not None else {})

    @property
    def docstring(self) -> str | None:
        return self._draft.docstring

    @property
    def is_checkpoint(self) -> bool:
        return self._draft.kind == "checkpoint"

    @property
    def lineno(self) -> int:
        return self._draft.loc[0]

    @property
    def snakefile(self) -> str:
        return self._draft.file

    def __str__(self) -> str:
        return self._draft.name

    def __repr__(self) -> str:
        return f"<rule {self._draft.name}>"


class RulesView:
    """`rules`: the rules of one namespace that are defined so far, by name."""

    def __init__(self, space: Space) -> None:
        self.__dict__["_space"] = space
        self.__dict__["_views"] = {}

    def __getattr__(self, name: str) -> RuleView:
        space: Space = self.__dict__["_space"]
        draft = space.rules.get(name)
        if draft is None:
            if name.startswith("__"):
                raise AttributeError(name)
            raise _unknown("rule", name, space.rules)
        views: dict[str, RuleView] = self.__dict__["_views"]
        view = views.get(name)
        if view is None or view._draft is not draft:
            view = views[name] = RuleView(draft)
        return view

    __getitem__ = __getattr__

    def has(self, name: str) -> bool:
        return name in self.__dict__["_space"].rules

    __contains__ = has

    def __iter__(self) -> Iterator[RuleView]:
        return (getattr(self, name) for name in list(self.__dict__["_space"].rules))

    def __dir__(self) -> list[str]:
        return list(self.__dict__["_space"].rules)


def _unknown(kind: str, name: str, known: Iterable[str]) -> UnknownRule:
    from rulekit.errors.diagnostic import did_you_mean

    names = list(known)
    help_ = did_you_mean(kind, name, names)
    if help_ is None:
        help_ = f"a {kind} can be used below the place where it is defined"
        if 0 < len(names) <= 12:
            help_ += "; so far there are " + ", ".join(f"`{one}`" for one in names)
    return UnknownRule(f"there is no {kind} `{name}`", help_)


class CheckpointsView:
    """`checkpoints`: those of one namespace, by name."""

    def __init__(self, space: Space) -> None:
        self.__dict__["_space"] = space

    def __getattr__(self, name: str) -> CheckpointView:
        space: Space = self.__dict__["_space"]
        draft = space.checkpoints.get(name)
        if draft is None:
            if name.startswith("__"):
                raise AttributeError(name)
            if name in space.rules:
                raise UnknownRule(
                    f"the rule `{name}` is no checkpoint",
                    f"write `checkpoint {name}:` to make it one",
                )
            raise _unknown("checkpoint", name, space.checkpoints)
        return CheckpointView(draft)

    __getitem__ = __getattr__

    def __dir__(self) -> list[str]:
        return list(self.__dict__["_space"].checkpoints)


class CheckpointView:
    """One checkpoint; `get` gives what its job made."""

    __slots__ = ("_draft",)

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    @property
    def rule(self) -> RuleView:
        return RuleView(self._draft)

    def get(self, **wildcards: Any) -> CheckpointJob:
        """The finished job of these wildcards. Raises `CheckpointPending` if it has not run."""
        from rulekit.language.jobvalues import static_layout

        draft = self._draft
        rule = draft.rule
        if rule is None:
            raise CheckpointPending(draft.name, (), ())
        missing = [name for name in rule.wildcard_names if name not in wildcards]
        if missing:
            raise WorkflowError(
                f"`checkpoints.{draft.own_name}.get` needs a value for "
                + " and ".join(f"`{name}`" for name in missing)
            )
        values = tuple([str(wildcards[name]) for name in rule.wildcard_names])
        layout = static_layout(rule.outputs)
        assert layout is not None
        items, names = layout
        named = dict(zip(rule.wildcard_names, values, strict=True))
        files = []
        for item in items:
            assert item.pattern is not None
            files.append(item.pattern.fill([named[name] for name in item.pattern.names]))
        gate = draft.scope.space.loader.gate
        if (rule.name, values) not in gate.done:
            raise CheckpointPending(rule.name, values, tuple(files))
        if gate.fetch is not None:
            gate.fetch(files)
        # Prefixes are in the paths already, and must not be put there again.
        flags = {"path_modified": True} if draft.scope.space.modifies_paths else {}
        made = [FlaggedStr(file, flags) for file in files]
        return CheckpointJob(self.rule, OutputFiles(made, names))


class CheckpointJob:
    """A checkpoint's finished job: its `output` and its `rule`."""

    __slots__ = ("output", "rule")

    def __init__(self, rule: RuleView, output: OutputFiles) -> None:
        self.rule = rule
        self.output = output


class Names:
    """`scatter` and `gather`: functions by name."""

    def __init__(self, what: str) -> None:
        self.__dict__["_what"] = what

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = [one for one in self.__dict__ if one != "_what"]
        raise UnknownRule(
            f"there is no {self.__dict__['_what']} process `{name}`",
            "`scattergather:` declares " + ", ".join(f"`{one}`" for one in known)
            if known
            else f"declare it: `scattergather: {name}=8`",
        )


class WorkflowView:
    """`workflow`: what rule files ask of the workflow as a whole."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    @property
    def basedir(self) -> SourcePath:
        """The folder of the main rule file."""
        return SourcePath(os.path.dirname(self._loader.main_file))

    @property
    def current_basedir(self) -> SourcePath:
        """The folder of the file that is being read."""
        return SourcePath(self._loader.scopes[-1].basedir)

    @property
    def main_snakefile(self) -> str:
        return self._loader.main_file

    @property
    def snakefile(self) -> str:
        """The file of the line that asks."""
        return sys._getframe(1).f_code.co_filename

    @property
    def included(self) -> tuple[str, ...]:
        return tuple(self._loader.source_files)

    @property
    def included_stack(self) -> list[SourcePath]:
        return [SourcePath(scope.file) for scope in self._loader.scopes]

    @property
    def cores(self) -> int | None:
        return self._loader.settings.cores

    @property
    def nodes(self) -> int | None:
        return self._loader.settings.nodes

    @property
    def global_resources(self) -> dict[str, Any]:
        settings = self._loader.settings
        return {**settings.resources, "_cores": settings.cores, "_nodes": settings.nodes}

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self._loader.scopes[-1].space.namespace["config"]
        return found

    @property
    def globals(self) -> dict[str, Any]:
        return self._loader.scopes[-1].space.namespace

    @property
    def configfiles(self) -> list[str]:
        return self._loader.config.files

    @property
    def overwrite_configfiles(self) -> list[str]:
        return list(self._loader.settings.configfiles)

    @property
    def overwrite_config(self) -> dict[str, Any]:
        return self._loader.config.overwrite

    @property
    def workdir_init(self) -> str:
        return self._loader.first_workdir

    @property
    def overwrite_workdir(self) -> str | None:
        return self._loader.settings.directory

    @property
    def rules(self) -> list[RuleView]:
        return [RuleView(draft) for draft in self._loader.drafts.values()]

    def get_rule(self, name: str) -> RuleView:
        draft = self._loader.drafts.get(name)
        if draft is None:
            raise _unknown("rule", name, self._loader.drafts)
        return RuleView(draft)

    def is_rule(self, name: str) -> bool:
        return name in self._loader.drafts

    def list_rules(self) -> list[str]:
        return list(self._loader.drafts)

    @property
    def default_target(self) -> str | None:
        return self._loader.default_target

    @default_target.setter
    def default_target(self, name: str | None) -> None:
        self._loader.default_target = name

    @property
    def wildcard_constraints(self) -> dict[str, str]:
        return self._loader.scopes[-1].space.constraints

    @property
    def modules(self) -> dict[str, Any]:
        return dict(self._loader.scopes[-1].space.modules)

    @property
    def envvars(self) -> set[str]:
        return set(self._loader.envvars)

    @property
    def is_main_process(self) -> bool:
        return self._loader.settings.is_main_process

    @property
    def attempt(self) -> int:
        return self._loader.settings.attempt

    @property
    def use_conda(self) -> bool:
        return "conda" in self._loader.settings.software

    @property
    def use_singularity(self) -> bool:
        return "apptainer" in self._loader.settings.software

    use_apptainer = use_singularity

    @property
    def use_env_modules(self) -> bool:
        return "env-modules" in self._loader.settings.software

    @property
    def persistence(self) -> Settings:
        return Settings(path=os.path.join(os.getcwd(), ".rulekit"))

    @property
    def deployment_settings(self) -> Settings:
        return Settings(deployment_method=set(self._loader.settings.software), conda_prefix=None,
                        apptainer_prefix=None, apptainer_args="", conda_frontend="conda")  # fmt: skip

    @property
    def resource_settings(self) -> Settings:
        settings = self._loader.settings
        return Settings(cores=settings.cores, nodes=settings.nodes, resources=settings.resources,
                        overwrite_scatter=dict(settings.set_scatter), max_threads=None)  # fmt: skip

    @property
    def storage_settings(self) -> Settings:
        prefix = self._loader.settings.path_prefix
        return Settings(
            default_storage_provider="fs" if prefix else None,
            default_storage_prefix=prefix.rstrip("/"),
            shared_fs_usage=None,
        )

    @property
    def executor_settings(self) -> None:
        return None

    @property
    def remote_execution_settings(self) -> Settings:
        return Settings(jobname="snakejob.{name}.{jobid}.sh", envvars=set(self._loader.envvars))

    @property
    def logfile(self) -> None:
        return None

    def source_path(self, rel_path: Any) -> FlaggedStr:
        """The path of a file beside the rule file of the line that asks."""
        path = os.fspath(rel_path)
        file = sys._getframe(1).f_code.co_filename
        full = os.path.normpath(os.path.join(os.path.dirname(file), path))
        return FlaggedStr(full, {"sourcecache_entry": full})

    def __repr__(self) -> str:
        return f"<workflow {self._loader.main_file}>"


class StorageView:
    """`storage`, made when it is used: see `language.storageproviders.StorageNames`."""

    def __init__(self) -> None:
        self._made: Any = None

    def names(self) -> Any:
        """What it stands for."""
        if self._made is None:
            from rulekit.language.storageproviders import StorageNames

            self._made = StorageNames()
        return self._made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.names()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.names(), name)

    def __repr__(self) -> str:
        return "<storage>"


class Settings:
    """Some settings by name."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
