"""An order from begin to end: fetch, run, store, tell."""

from __future__ import annotations

import os
import time

from rulekit.frozen import replace
from rulekit.node.depot import Depot
from rulekit.node.fetch import Fetch
from rulekit.node.orders import Order, check_order, streams_of
from rulekit.node.site import Site
from rulekit.node.store import PROTECTED, Item, Store
from rulekit.node.trouble import Trouble
from rulekit.node.web import PATIENCE_S
from rulekit.runner import attempt as steps
from rulekit.runner import drive, orphans
from rulekit.runner.command import Environments
from rulekit.runner.files import Refused, is_managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.model.spec import FileResult, JobResult, JobSpec
    from rulekit.node.container import Boxes

_LAST_WORDS_S = 30.0  # for logs, after a cancel or a failing service


def _quiet(_text: str) -> None:
    pass


def run_order(
    order: Any,
    secrets: Mapping[str, Any],
    root: str,
    say: Callable[[str], None] = _quiet,
    *,
    local_root: str | None = None,
    environments: Environments | None = None,
    started: Callable[[str, int], None] | None = None,
    listener: int | None = None,
    sources: str | None = None,
    patience_s: float = PATIENCE_S,
    keep: bool = False,
    report: dict[str, Any] | None = None,
) -> list[JobResult]:
    """One order; a result for each of its jobs. Call it in the main thread of a process that does
    nothing else: signals and the current directory are its own.

    order: the JSON object. say: gets lines about the progress. root: an absolute folder that nobody else uses. local_root: the
    driver's working directory, where this is the driver's machine. environments: what jobs
    inherit. started(token, pid): told of each process of a job. listener: as in `drive.run`.
    sources: the folder with the order's unpacked sources. patience_s: how long the storage is
    asked again. keep: leave the folders for a look. report: gets figures (bytes, seconds, requests).

    Raises ValueError for an order that cannot be read, nothing else.
    """
    checked = (
        order if isinstance(order, Order) else check_order(order, local=local_root is not None)
    )
    watch = drive.Watch(listener)
    try:
        work = Work(checked, secrets, Site(root, local_root), watch, say, patience_s)
        work.environments(environments)
        results = work.run(started or (lambda _token, _pid: None), sources, keep)
        if report is not None:
            report.update(work.figures)
        return results
    finally:
        watch.close()


class Work:
    """The state of one order."""

    def __init__(
        self,
        order: Order,
        secrets: Mapping[str, Any],
        site: Site,
        watch: drive.Watch,
        say: Callable[[str], None],
        patience_s: float,
    ) -> None:
        self._order = order
        self._secrets = secrets
        self._site = site
        self._watch = watch
        self._say = say
        self._began = time.monotonic()
        deadline = None if order.limit_s is None else self._began + order.limit_s
        sas = secrets.get("sas") or {}
        self._depot = Depot(order.accounts, sas, watch, patience_s, deadline=deadline)
        self._results: dict[str, JobResult] = {}
        self._facts: dict[str, FileResult] = {}
        self._boxes: Boxes | None = None
        self.figures: dict[str, float] = {}
        self._environments = Environments({})

    def environments(self, given: Environments | None) -> None:
        """What jobs inherit: `given`, or this process's, and the variables of the secrets."""
        values = self._secrets.get("environment") or {}
        wanted = {name: values[name] for name in self._order.envvars if name in values}
        if given is None:
            base = {name: value for name, value in os.environ.items() if not name.startswith("RK_")}
            self._environments = Environments({**base, **wanted})
            return
        self._environments = given.extended(wanted)

    def run(
        self, started: Callable[[str, int], None], sources: str | None, keep: bool
    ) -> list[JobResult]:
        """Everything. Raises nothing."""
        order, site = self._order, self._site
        trouble: Refused | None = None
        try:
            self._prepare(sources)
            if any(streams_of(spec) for spec in order.specs):
                self._all_together(started)
            else:
                for number in range(len(order.specs)):
                    self._job(number, started)
            self._store()
        except Refused as refused:
            trouble = refused
        except Exception as error:
            trouble = _bug(error)
        for spec in order.specs:
            found = self._results.get(spec.token)
            if trouble is not None and (found is None or found.ok):
                self._results[spec.token] = self._refused(spec, trouble)
        try:
            self._logs(trouble)
        except Exception as error:
            self._say(f"the logs could not be stored: {_told(error)}")
        self._depot.close()
        os.chdir(os.path.dirname(site.root))
        if not keep and not any(spec.keep_incomplete for spec in self._failed()):
            try:
                site.clear()
                os.unlink(site.output)
                os.rmdir(site.root)
            except (OSError, Refused):
                pass
        return [self._results[spec.token] for spec in order.specs]

    # -- before ------------------------------------------------------------------------------

    def _prepare(self, sources: str | None) -> None:
        order, site = self._order, self._site
        if os.path.exists(site.work):
            # Who ran this before was killed; the jobs may not know it yet.
            orphans.stop([spec.token for spec in order.specs], 0.0)
        site.make()
        staged = [path for spec in order.specs for path in _named(spec)]
        if sources is not None:
            site.mirror(sources, staged, deep=True)
        if site.local_root is not None:
            local = _made_here(order)
            site.mirror(site.local_root, [*order.files, *order.inner, *local], deep=False)
        self._find_containers()
        made = {output.path for spec in order.specs for output in spec.outputs}
        wanted = {
            path: order.files[path]
            for spec in order.specs
            for path in spec.inputs
            if path in order.files and path not in made
        }
        old = {
            output.path: order.files[output.path]
            for spec in order.specs
            for output in spec.outputs
            if "update" in output.flags and output.path in order.files
        }
        began = time.monotonic()
        fetch = Fetch(self._depot, site.work, site.parts)
        try:
            fetch.run(wanted | old, old)
        finally:
            self._facts |= {path: fetch.facts[path] for path in wanted if path in fetch.facts}
        self._check_protected()
        if wanted:
            self._tell("fetched", len(wanted), self._depot.fetched_bytes, began)

    def _find_containers(self) -> None:
        wanted = [
            (spec, image, options)
            for spec, image, options in zip(
                self._order.specs, self._order.images, self._order.options, strict=True
            )
            if image and not spec.body.get("function")
        ]
        if not wanted:
            return
        from rulekit.node.container import Boxes, find_engine

        engine = find_engine()
        engine.registries = self._secrets.get("registries") or ()
        engine.asked = lambda: bool(self._watch.asked)
        for image in sorted({image for _, image, _ in wanted}):
            engine.pull(image, self._say)
        local = self._site.local_root
        self._boxes = Boxes(engine, self._site, [local] if local else [])
        self._boxes.handed = tuple(
            name for name in self._order.envvars if name in (self._secrets.get("environment") or {})
        )
        for spec, image, options in wanted:
            self._boxes.add(spec, image, options)
        self._environments.wrap = self._boxes.wrap

    def _check_protected(self) -> None:
        for spec in self._order.specs:
            for output in spec.outputs:
                place = self._order.files.get(output.path)
                if place is None or "protected" not in output.flags:
                    continue
                there = self._depot.account(place[0]).head(place[1], place[2])
                if there is not None and there.metadata.get(PROTECTED):
                    raise Refused(
                        "protected", f"the stored output `{output.path}` exists and is protected"
                    )

    # -- jobs --------------------------------------------------------------------------------

    def _job(self, number: int, started: Callable[[str, int], None]) -> None:
        failed = self._failed_maker(number)
        if failed is not None:
            why = f"`{failed.key}`, whose output it needs, has failed"
            self._note(self._refused(self._order.specs[number], Refused("partner", why)))
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
        if order.limit_s is not None:
            left = max(1.0, order.limit_s - (time.monotonic() - self._began))
            spec = replace(spec, timeout_s=min(left, spec.timeout_s or left))
        boxed = self._boxes is not None and self._boxes.has(spec)
        if boxed and spec.body["kind"] == "script" and spec.body.get("interpreter"):
            # The image's own, whatever this machine's is.
            program, *rest = spec.body["interpreter"]
            name = os.path.basename(program)
            name = "python3" if spec.body.get("language") == "python" else name
            spec = replace(spec, body={**spec.body, "interpreter": [name, *rest]})
        return spec

    def _note(self, result: JobResult) -> None:
        """A job has come to its end."""
        if self._boxes is not None and not result.ok:
            spec = next(one for one in self._order.specs if one.token == result.token)
            if self._boxes.has(spec):
                result = self._explained(spec, result)
        self._results[result.token] = result

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
            if not self._results[spec.token].ok and any(o.path in needed for o in spec.outputs):
                return spec
        return None

    # -- after -------------------------------------------------------------------------------

    def _store(self) -> None:
        order, site = self._order, self._site
        items = []
        done = [spec for spec in order.specs if self._results[spec.token].ok]
        for spec in done:
            for output in spec.outputs:
                if output.path in order.files and is_managed(output.flags):
                    items.append(self._item(output.path, output.flags))
            if spec.benchmark and spec.benchmark in order.files:
                items.append(self._item(spec.benchmark, {}))
        began = time.monotonic()
        if items:
            store = Store(self._depot, order.token)
            try:
                store.outputs(items)
            finally:
                self._facts |= store.facts
            self._tell("stored", len(items), self._depot.stored_bytes, began)
        for spec in done:
            site.deliver(spec, order.files, only_logs=False)
            self._results[spec.token] = self._with_facts(self._results[spec.token])

    def _item(self, path: str, flags: Mapping[str, Any]) -> Item:
        return Item(
            path,
            self._order.files[path],
            os.path.join(self._site.work, path),
            "directory" in flags,
            "protected" in flags,
        )

    def _with_facts(self, result: JobResult) -> JobResult:
        facts = self._facts
        return replace(
            result,
            outputs=tuple([facts.get(file.path, file) for file in result.outputs]),
            inputs=tuple([facts.get(file.path, file) for file in result.inputs]),
        )

    def _logs(self, trouble: Refused | None) -> None:
        """Logs and what the jobs said, of failed jobs too."""
        order, site = self._order, self._site
        items = []
        for spec in self._order.specs:
            for path in spec.logs:
                source = os.path.join(site.work, path)
                if path in order.files and os.path.isfile(source):
                    items.append(Item(path, order.files[path], source))
            if not self._results[spec.token].ok:
                try:
                    site.deliver(spec, order.files, only_logs=True)
                except (Refused, OSError) as error:
                    self._say(f"the logs of `{spec.key}` stay behind: {_told(error)}")
        if order.output is not None and os.path.exists(site.output):
            items.append(Item("the output of the jobs", order.output, site.output))
        if not items:
            return
        depot = self._depot
        failing = trouble is not None and trouble.problem in ("storage", "timeout")
        if failing or self._watch.asked:
            depot = depot.renewed(_LAST_WORDS_S)
        Store(depot, order.token).plain(items)

    # -- words -------------------------------------------------------------------------------

    def _refused(self, spec: JobSpec, trouble: Refused) -> JobResult:
        """A job that has no result, or whose outputs could not be stored."""
        result = steps.refused(spec, trouble)
        before = self._results.get(spec.token)
        if before is not None:
            result = replace(
                result, exit_code=before.exit_code, started=before.started, usage=before.usage
            )
        return result

    def _failed(self) -> list[JobSpec]:
        return [spec for spec in self._order.specs if not self._results[spec.token].ok]

    def _tell(self, verb: str, count: int, size: int, began: float) -> None:
        seconds = time.monotonic() - began
        self.figures |= {
            f"{verb}_bytes": size,
            f"{verb}_s": round(seconds, 3),
            "requests": self._depot.web.requests,
            "repeats": self._depot.web.repeats,
        }
        files = "file" if count == 1 else "files"
        self._say(f"{verb} {count} {files}, {size / 1e6:.1f} MB in {seconds:.1f} s")


def is_passing(results: list[JobResult]) -> bool:
    """Whether the machine failed rather than a job: elsewhere it may go well."""
    return any(result.problem in ("storage", "node", "container", "disk") for result in results)


def _named(spec: JobSpec) -> list[str]:
    paths = [*spec.inputs, *(output.path for output in spec.outputs), *spec.logs]
    return [path for path in (*paths, spec.benchmark) if path and path[0] != "/"]


def _made_here(order: Order) -> list[str]:
    """Outputs and logs that belong to this disk: their folders must not be links into it."""
    return [
        path
        for spec in order.specs
        for path in (*(output.path for output in spec.outputs), *spec.logs, spec.benchmark)
        if path and path[0] != "/" and path not in order.files
    ]


def _bug(error: Exception) -> Trouble:
    """An error nobody thought of, in a line: where it was, and what it is. Its text may hold
    anything, so it is not told."""
    trace = error.__traceback__
    where = ""
    while trace is not None:
        name = os.path.basename(trace.tb_frame.f_code.co_filename)
        where = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Trouble("node", f"a fault in rulekit itself: {type(error).__name__} at {where}", True)


def _told(error: BaseException) -> str:
    return error.detail if isinstance(error, Refused) else type(error).__name__
