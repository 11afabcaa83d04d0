"""Software of the jobs of a run: which environments they need, and having them before jobs start.

Environment modules are only named in an order; conda environments are made by
`rulekit.environments`, images are fetched by `rulekit.engine.images`. Nothing is made before
`make` is called: a dry run only asks what is known. Where modules are switched on and a rule names
some, they take the place of its conda environment and its container, as in Snakemake.
"""

from __future__ import annotations

import os

from rulekit.engine.asked import conda_source, image_of
from rulekit.engine.asked import rule_source as rule_source
from rulekit.errors.tree import RulekitError, SoftwareError
from rulekit.frozen import frozen, replace
from rulekit.model.rule import ContainerizedImage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rulekit.engine.definitions import JobDefinitions
    from rulekit.engine.images import Images
    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.environments import CondaSettings, EnvironmentStore, Progress
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan

    Say = Callable[[str, str], None]  # level, text

ENVIRONMENTS = "conda"  # folder of the store, in the state directory


@frozen
class Wanted:
    """What one job asks for: modules, or a conda environment (a path, a name) and an image."""

    modules: tuple[str, ...] = ()
    conda: str | None = None
    image: str | None = None
    inside: bool = False  # the image holds the environment already

    def __bool__(self) -> bool:
        return bool(self.modules or self.conda or self.image)


_NOTHING = Wanted()


class Software:
    """The environments of one run. `elsewhere(plan, job)`: whether a job runs on a machine with
    which this one shares nothing: what it needs is solved here and made there."""

    def __init__(
        self,
        settings: RunSettings,
        elsewhere: Callable[[Plan, int], bool] = lambda _plan, _job: False,
    ) -> None:
        self._settings = settings
        self._methods = settings.deployment
        self._elsewhere = elsewhere
        self._constant: dict[int, Wanted] = {}
        self._identities: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        self._store: EnvironmentStore | None = None
        self._images: Images | None = None
        self._fetched: set[str] = set()

    # -- what a job asks for -------------------------------------------------------------------

    def wanted(
        self, plan: Plan, definitions: JobDefinitions, number: int, *, fetch: bool = True
    ) -> Wanted:
        """What a job asks for as far as it is switched on. What depends on files that are not there
        yet is left out, and, unless `fetch`, environments of wrappers that lie elsewhere. Raises
        `RulekitError` if a function of the user's fails."""
        index = plan.rule[number]
        found = self._constant.get(index)
        if found is not None:
            return found
        rule = plan.workflow.rules[index]
        found, constant = self._look(rule, plan, definitions, number, fetch)
        if constant:
            self._constant[index] = found
        return found

    def _look(
        self, rule: Rule, plan: Plan, definitions: JobDefinitions, number: int, fetch: bool
    ) -> tuple[Wanted, bool]:
        if rule.body.kind in ("none", "template_engine"):
            return _NOTHING, True
        if "env-modules" in self._methods and rule.envmodules:
            return Wanted(rule.envmodules), True
        conda: str | None = None
        image: str | None = None
        constant = True
        if "conda" in self._methods:
            if rule.conda is not None:
                constant = not (callable(rule.conda) or "{" in str(rule.conda))
                conda = conda_source(rule, plan, definitions.values, number)
            elif rule.body.kind == "wrapper":
                if fetch or definitions.filled(number).startswith("file:"):
                    constant = "{" not in rule.body.text
                    conda = definitions.wrapper_environment(number)
                else:
                    constant = False
        if "apptainer" in self._methods and rule.container:
            constant = constant and not (callable(rule.container) or "{" in str(rule.container))
            image = image_of(rule, plan, number)
        inside = bool(conda) and type(image) is ContainerizedImage
        return (Wanted((), conda, image, inside) if conda or image else _NOTHING), constant

    # -- what it is compared by ----------------------------------------------------------------

    def text(self, plan: Plan, definitions: JobDefinitions, number: int) -> str:
        """The text whose change makes a job stale. Never makes anything; raises nothing for what
        is wrong: the job itself will say so."""
        try:
            wanted = self.wanted(plan, definitions, number, fetch=False)
        except RulekitError:
            return "unknown"
        if wanted.modules:
            return "modules " + " ".join(wanted.modules)
        parts = []
        rule = plan.rule_of(number)
        if rule.body.kind == "wrapper" and rule.conda is None and "conda" in self._methods:
            # Versions of wrappers do not change; one of one's own is what its files say.
            name = definitions.filled(number)
            own = name.startswith("file:") and wanted.conda is not None
            parts.append(f"conda {self._identity(wanted.conda or '') if own else name}")
        elif wanted.conda is not None and wanted.inside:
            parts.append(f"conda {_inside(wanted.conda)}")
        elif wanted.conda is not None:
            parts.append(f"conda {self._identity(wanted.conda)}")
        if wanted.image is not None:
            there = self._elsewhere(plan, number)
            image = wanted.image if there else self.images.identity(wanted.image)
            parts.append(f"container {image}")
        return "\n".join(parts)

    def is_constant(self, index: int) -> bool:
        """Whether all jobs of a rule ask for the same."""
        return index in self._constant

    def _identity(self, source: str) -> str:
        found = self._identities.get(source)
        if found is None:
            try:
                found = self.store.known(source).identity or source
            except RulekitError:
                found = source
            self._identities[source] = found
        return found

    # -- having it -------------------------------------------------------------------------------

    @property
    def store(self) -> EnvironmentStore:
        """The store of conda environments of this run."""
        if self._store is None:
            from rulekit.environments import EnvironmentStore, read_settings

            chosen = self._settings.software
            beside = os.path.abspath(os.path.join(self._settings.state_dir, ENVIRONMENTS))
            folder = os.path.abspath(chosen.conda_prefix) if chosen.conda_prefix else beside

            def given() -> CondaSettings:  # reads YAML: not before it is needed
                return read_settings(base_path=chosen.conda_base_path, frozen=chosen.conda_frozen)

            self._store = EnvironmentStore(folder, given, memory=beside)
        return self._store

    @property
    def images(self) -> Images:
        """The container images of this run."""
        if self._images is None:
            from rulekit.engine.images import Images

            self._images = Images(self._settings)
        return self._images

    def make(self, stage: Stage, say: Say, *, all_jobs: bool = False) -> int:
        """Has everything that the jobs which will run ask for (`all_jobs`: all of the plan); the
        number of environments. Raises `SoftwareError`, with the place of a rule."""
        here: dict[str, Rule] = {}
        there: dict[str, Rule] = {}
        images: dict[str, Rule] = {}
        for number, rule, wanted in self._needs(stage, all_jobs):
            if wanted.image is not None and not self._elsewhere(stage.plan, number):
                images.setdefault(wanted.image, rule)
            if wanted.conda is not None and not wanted.inside:
                group = there if self._elsewhere(stage.plan, number) else here
                group.setdefault(wanted.conda, rule)
        self._fetch(images, say)
        self._make_conda(here, say)
        for source, rule in there.items():
            if f"there {source}" not in self._prefixes:
                self._solve(source, rule, say)
        if here or there or images:
            stage.definitions.forget_environments()
        return len(here) + len(there)

    def conda_sources(self, stage: Stage) -> dict[str, list[str]]:
        """The conda environments that jobs of the plan ask for (files, names, folders), each with
        the names of its rules. Raises `RulekitError`."""
        found: dict[str, list[str]] = {}
        for _, rule, wanted in self._needs(stage, all_jobs=True):
            if wanted.conda is not None:
                rules = found.setdefault(wanted.conda, [])
                if rule.name not in rules:
                    rules.append(rule.name)
        return found

    def missing(self, stage: Stage) -> list[str]:
        """What would have to be made or fetched for the jobs that would run, in sentences."""
        found: dict[str, None] = {}
        for number, _rule, wanted in self._needs(stage, False, fetch=False):
            here = not self._elsewhere(stage.plan, number)
            if wanted.conda is not None and not wanted.inside and here:
                try:
                    known = self.store.known(wanted.conda)
                    there, problem = known.complete, known.problem
                except RulekitError as error:
                    there, problem = False, error.diagnostics[0].message
                if not there:  # with a problem a run would end
                    what = f"cannot be made: {problem}" if problem else "will be created"
                    found[f"Conda environment {_near(wanted.conda)} {what}."] = None
            if wanted.image is not None and here and self.images.is_missing(wanted.image):
                found[f"Container image {wanted.image} will be pulled."] = None
        return list(found)

    def _needs(
        self, stage: Stage, all_jobs: bool, *, fetch: bool = True
    ) -> Iterator[tuple[int, Rule, Wanted]]:
        plan, run = stage.plan, stage.forecast.run
        seen: set[int] = set()
        for number in range(len(plan)):
            index = plan.rule[number]
            if index in seen or not (run[number] or all_jobs):
                continue
            wanted = self.wanted(plan, stage.definitions, number, fetch=fetch)
            if self.is_constant(index):
                seen.add(index)
            if wanted:
                yield number, plan.workflow.rules[index], wanted

    def _fetch(self, images: dict[str, Rule], say: Say) -> None:
        missing = {one: rule for one, rule in images.items() if one not in self._fetched}
        if not missing:
            return
        try:
            if not self._fetched:
                self.images.sweep(say)
            self.images.make(missing, say)
        except RulekitError as error:
            raise _placed(error, missing) from error
        self._fetched.update(missing)

    def _make_conda(self, sources: dict[str, Rule], say: Say) -> None:
        missing = {one: rule for one, rule in sources.items() if one not in self._prefixes}
        if not missing:
            return
        told: set[tuple[str, str]] = set()

        def progress(news: Progress) -> None:
            # Counts of packages come many times a second.
            if (news.source, news.stage) not in told and news.stage != "found":
                told.add((news.source, news.stage))
                say("info", _sentence(news))

        try:
            made = self.store.make(
                list(missing), say=progress, secrets=tuple(self._settings.secrets)
            )
        except RulekitError as error:
            raise _placed(error, missing) from error
        for source, one in made.items():
            self._prefixes[source] = one.prefix
            self._identities[source] = one.identity

    def _solve(self, source: str, rule: Rule, say: Say) -> None:
        try:
            identity, _lock = self.store.lock_for(
                source, "linux-64", say=lambda news: say("info", _sentence(news))
            )
        except RulekitError as error:
            raise _placed(error, {source: rule}) from error
        self._identities[source] = identity
        self._prefixes[f"there {source}"] = f"env:{identity}"

    def order(self, stage: Stage, number: int, say: Say) -> dict[str, Any] | None:
        """What `JobSpec.software` of a job is; made now if it was not known before what the job
        needs. Raises `RulekitError`."""
        plan = stage.plan
        wanted = self.wanted(plan, stage.definitions, number)
        if not wanted:
            return None
        if wanted.modules:
            return {"modules": list(wanted.modules)}
        made: dict[str, Any] = {}
        if wanted.conda is not None:
            rule = plan.rule_of(number)
            key = wanted.conda
            if wanted.inside:
                self._prefixes[key] = _inside(wanted.conda)
            elif self._elsewhere(plan, number):
                key = f"there {wanted.conda}"
                if key not in self._prefixes:
                    self._solve(wanted.conda, rule, say)
            elif key not in self._prefixes:
                self._make_conda({wanted.conda: rule}, say)
            made["conda"] = self._prefixes[key]
            if self._settings.software.keep_search_paths:
                made["keep_search_paths"] = True
        if wanted.image is not None and not self._elsewhere(plan, number):
            self._fetch({wanted.image: plan.rule_of(number)}, say)
            made["container"] = self.images.order(wanted.image)
        return made or None


def _inside(source: str) -> str:
    """Where an environment is in an image that `--containerize` described."""
    from rulekit.engine.containerize import prefix_of

    return prefix_of(source)


def _near(source: str) -> str:
    """A path as short as it can be said; a name as it is."""
    if os.sep not in source:
        return source
    near = os.path.relpath(source)
    return source if near.startswith(os.pardir) else near


def _sentence(news: Progress) -> str:
    name = _near(news.source)
    return news.text if name in news.text else f"{name}: {news.text}"


def _placed(error: RulekitError, sources: dict[str, Rule]) -> RulekitError:
    """The error, with the rule that asks for what could not be had."""
    first = error.diagnostics[0]
    said = " ".join((first.message, *first.notes, first.span.file if first.span else ""))
    named = [rule for source, rule in sources.items() if source in said]
    rule = named[0] if named else next(iter(sources.values()))
    if first.span is None:
        first = replace(first, span=rule.span, caret=f"needed by rule `{rule.name}`")
    else:
        place = f"{os.path.relpath(rule.span.file)}:{rule.span.line}"
        first = replace(first, notes=(*first.notes, f"needed by rule `{rule.name}` ({place})"))
    kind = type(error) if isinstance(error, SoftwareError) else SoftwareError
    return kind(first.message, diagnostics=(first, *error.diagnostics[1:]))
