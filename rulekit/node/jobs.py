"""The jobs of an order, run on this machine: one after the other, or joined by pipes."""

from __future__ import annotations

import os
import time

from rulekit.frozen import replace
from rulekit.node.orders import environment_of, paths_of, streams_of
from rulekit.runner import attempt as steps
from rulekit.runner import drive
from rulekit.runner.command import Environments
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec
    from rulekit.node.container import Boxes
    from rulekit.node.environment import Pack
    from rulekit.node.orders import Order
    from rulekit.node.site import Site

_OWN = "RK_"  # variables of this program begin with it: jobs do not get them


class Jobs:
    """The jobs of one order. `results` holds one for each that has ended, by its token."""

    def __init__(
        self,
        order: Order,
        site: Site,
        watch: drive.Watch,
        environments: Environments | None,
        values: Mapping[str, str],
        deadline: float | None,
    ) -> None:
        """`environments`: what jobs inherit, None for this process's. `values` holds those of the
        order's `envvars`. `deadline`: moment of the monotonic clock that ends every job."""
        self.results: dict[str, JobResult] = {}
        self._order = order
        self._site = site
        self._watch = watch
        self._deadline = deadline
        self._boxes: Boxes | None = None
        self._handed = {name: values[name] for name in order.envvars if name in values}
        if environments is None:
            own = {name: value for name, value in os.environ.items() if name[:3] != _OWN}
            environments = Environments(own)
        self._environments = environments.extended(self._handed)
        self._prefixes: dict[str, str] = {}  # of environments, by identity

    def find_environments(self, bring: Callable[[Pack], str]) -> None:
        """Gets ready for jobs with packed environments: `bring` gives the folder of each. Raises
        Refused."""
        from rulekit.node.environment import Pack

        for spec in self._order.specs:
            identity = environment_of(spec)
            if identity is not None and identity not in self._prefixes:
                place, digest = self._order.environments[identity]
                self._prefixes[identity] = bring(Pack(identity, place, digest))

    def find_containers(
        self,
        registries: Iterable[Mapping[str, Any]],
        sources: str | None,
        again: bool,
        say: Callable[[str], None],
    ) -> None:
        """Gets ready for jobs in containers, if there are any; pulls their images. Raises Refused.

        `registries`: who may pull (server, user, password). `sources`: the folder that the links
        in the working directory lead to. `again`: somebody was killed who ran this before, and may
        have left containers.
        """
        order = self._order
        wanted = [
            (spec, image, options)
            for spec, image, options in zip(order.specs, order.images, order.options, strict=True)
            if image and not spec.body.get("function")
        ]
        if not wanted:
            return
        from rulekit.node.container import Boxes, find_engine

        engine = find_engine()
        engine.registries = tuple(registries)
        engine.asked = lambda: bool(self._watch.asked)
        for image in sorted({image for _, image, _ in wanted}):
            engine.pull(image, say)
        local = self._site.local_root
        self._boxes = Boxes(
            engine,
            self._site,
            [local] if local else [],
            [sources] if sources else [],
            tuple(self._handed),
        )
        for spec, image, options in wanted:
            self._boxes.add(spec, image, options)
            if again:
                engine.stop(self._boxes.name(spec))
        self._environments.wrap = self._boxes.wrap

    def run(self, started: Callable[[str, int], None]) -> None:
        """All of them. `started` is told token and process id. Raises Refused."""
        if any(streams_of(spec) for spec in self._order.specs):
            self._all_together(started)
            return
        for number in range(len(self._order.specs)):
            self._job(number, started)

    def _job(self, number: int, started: Callable[[str, int], None]) -> None:
        failed = self._failed_maker(number)
        if failed is not None:
            why = f"`{failed.key}`, whose output it needs, has failed"
            self._note(steps.refused(self._order.specs[number], Refused("partner", why)))
            return
        spec = self._here(number)
        try:
            self._site.receive(spec, self._order.files)
        except Refused as refused:
            self._note(steps.refused(spec, refused))
            return
        self._note(
            drive.run(
                spec,
                self._environments,
                lambda pid: started(spec.token, pid),
                watch=self._watch,
            )
        )

    def _all_together(self, started: Callable[[str, int], None]) -> None:
        """Jobs that pipes and services join run side by side."""
        from rulekit.runner.together import Together

        order = self._order
        specs = [self._here(number) for number in range(len(order.specs))]
        for spec in specs:
            self._site.receive(spec, order.files)
        amounts, budget = order.limits or ([{} for _ in specs], {})
        Together(
            specs, amounts, budget, self._environments, self._note, started, watch=self._watch
        ).work()

    def _here(self, number: int) -> JobSpec:
        """A job as it is run on this machine, now."""
        order = self._order
        spec = self._site.adapted(
            order.specs[number], order.moved, capture=order.output is not None
        )
        if all(path in order.files for path in paths_of(spec)):
            spec = replace(spec, digest_limit=-1)  # the storage tells digests
        if self._deadline is not None:
            left = max(1.0, self._deadline - time.monotonic())
            spec = replace(spec, timeout_s=min(left, spec.timeout_s or left))
        boxed = self._boxes is not None and self._boxes.has(spec)
        identity = environment_of(spec)
        if identity is not None:
            spec = self._with_environment(spec, self._prefixes[identity], boxed)
        kind = spec.body["kind"]
        if boxed and kind in ("script", "notebook") and spec.body.get("interpreter"):
            # The image's own, whatever this machine's is.
            program, *rest = spec.body["interpreter"]
            name = os.path.basename(program)
            own = kind == "notebook" or spec.body.get("language") == "python"
            name = "python3" if own else name
            spec = replace(spec, body={**spec.body, "interpreter": [name, *rest]})
        return spec

    def _with_environment(self, spec: JobSpec, prefix: str, boxed: bool) -> JobSpec:
        software = {**(spec.software or {}), "conda": prefix}
        if not boxed:
            return replace(spec, software=software)
        assert self._boxes is not None
        self._boxes.activate(spec, prefix, bool(software.get("keep_search_paths")))
        return replace(spec, software=None)

    def _note(self, result: JobResult) -> None:
        """A job has come to its end."""
        if self._boxes is not None:
            spec = next(one for one in self._order.specs if one.token == result.token)
            if self._boxes.has(spec):
                # What was measured is the program that asked for the container.
                result = replace(result, usage={})
                result = result if result.ok else self._explained(spec, result)
        self.results[result.token] = result

    def _explained(self, spec: JobSpec, result: JobResult) -> JobResult:
        boxes = self._boxes
        assert boxes is not None
        if result.problem in ("cancelled", "timeout", "partner"):
            boxes.engine.stop(boxes.name(spec))
            return result
        if result.problem is not None:
            return result
        code, problem, detail = boxes.explain(spec, result.exit_code)
        return replace(
            result, exit_code=code, problem=problem or None, detail=detail or result.detail
        )

    def _failed_maker(self, number: int) -> JobSpec | None:
        """An earlier job whose output this one needs and that has failed."""
        order = self._order
        needed = frozenset(order.specs[number].inputs)
        for spec in order.specs[:number]:
            if not self.results[spec.token].ok and any(o.path in needed for o in spec.outputs):
                return spec
        return None


def refused_after(spec: JobSpec, trouble: Refused, before: JobResult | None) -> JobResult:
    """The result of a job that was not run, or that ended well (`before`) but for what came after:
    its outputs could not be stored."""
    result = steps.refused(spec, trouble)
    if before is None:
        return result
    return replace(result, exit_code=before.exit_code, started=before.started, usage=before.usage)
