"""An order from begin to end: fetch, run, store, tell."""

from __future__ import annotations

import os
import time

from rulekit.frozen import replace
from rulekit.node.copies import Copies
from rulekit.node.depot import Depot
from rulekit.node.fetch import Fetch
from rulekit.node.hush import hush
from rulekit.node.jobs import Jobs, refused_after
from rulekit.node.orders import Order, check_order
from rulekit.node.site import Site
from rulekit.node.store import PROTECTED, Item, Store
from rulekit.node.trouble import Trouble
from rulekit.node.web import PATIENCE_S, tls
from rulekit.runner import drive, orphans
from rulekit.runner.files import Refused, is_managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.model.spec import FileResult, JobResult, JobSpec
    from rulekit.runner.command import Environments

_LAST_WORDS_S = 30.0  # for logs, after a cancel or a failing service


def make_ready(order: Mapping[str, Any]) -> None:
    """Loads what `run_order` will need: for a process whose forks run orders."""
    accounts = order.get("accounts") or {}
    if any(str(account.get("url")).startswith("https:") for account in accounts.values()):
        tls()


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
    watch: drive.Watch | None = None,
    copies: str | None = None,
    shared: str | None = None,
) -> list[JobResult]:
    """One order; a result for each of its jobs. Call it in the main thread of a process that does
    nothing else: signals and the current directory are its own.

    order: the JSON object. say: gets lines about the progress. root: an absolute folder that nobody
    else uses. local_root: the driver's working directory, where this is the driver's machine.
    environments: what jobs inherit. started(token, pid): told of each process of a job. listener: as in `drive.run`.
    sources: the folder with the order's unpacked sources. patience_s: how long the storage is
    asked again. keep: leave the folders for a look. report: gets figures (bytes, seconds, requests).
    watch: the one of a caller who listened to signals before. copies: a folder for copies of fetched
    files, which are not fetched again. shared: a folder for environments, which stay for others.

    Raises ValueError for an order that cannot be read, nothing else.
    """
    checked = (
        order if isinstance(order, Order) else check_order(order, local=local_root is not None)
    )
    own = watch or drive.Watch(listener)
    try:
        site = Site(root, local_root)
        work = Work(checked, secrets, site, own, say, patience_s, environments, copies, shared)
        results = work.run(started or (lambda _token, _pid: None), sources, keep)
        if report is not None:
            report.update(work.figures)
        return results
    finally:
        if watch is None:
            own.close()


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
        environments: Environments | None,
        copies: str | None = None,
        shared: str | None = None,
    ) -> None:
        self._order = order
        self._secrets = secrets
        self._site = site
        self._watch = watch
        self._say = say
        self._began = time.monotonic()
        deadline = None if order.limit_s is None else self._began + order.limit_s
        sas = secrets.get("sas") or {}
        values = secrets.get("environment") or {}
        self._depot = Depot(order.accounts, sas, watch, patience_s, deadline=deadline)
        self._copies = None if copies is None else Copies(copies)
        self._shared = shared or os.path.join(site.root, "environments")
        self._facts: dict[str, FileResult] = {}
        self.figures: dict[str, float] = {}
        self._jobs = Jobs(order, site, watch, environments, values, deadline)
        self._results = self._jobs.results

    def run(
        self, started: Callable[[str, int], None], sources: str | None, keep: bool
    ) -> list[JobResult]:
        """Everything. Raises nothing."""
        order, site = self._order, self._site
        trouble: Refused | None = None
        try:
            self._prepare(sources)
            self._jobs.run(started)
            self._store()
        except Refused as refused:
            trouble = refused
        except Exception as error:
            trouble = _bug(error)
        for spec in order.specs:
            found = self._results.get(spec.token)
            if trouble is not None and (found is None or found.ok):
                self._results[spec.token] = refused_after(spec, trouble, found)
        try:
            self._logs(trouble)
        except Exception as error:
            self._say(f"the logs could not be stored: {_told(error)}")
        self._depot.close()
        try:
            os.chdir(os.path.dirname(site.root))
        except OSError:
            pass
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
        again = os.path.exists(site.work)
        if again:
            # Who ran this before was killed; the jobs may not know it yet.
            orphans.stop([spec.token for spec in order.specs], 0.0)
        site.make()
        staged = [path for spec in order.specs for path in _named(spec)]
        if sources is not None:
            site.mirror(sources, staged, deep=True)
        if site.local_root is not None:
            local = _made_here(order)
            site.mirror(site.local_root, [*order.files, *order.inner, *local], deep=False)
        self._jobs.find_containers(self._secrets.get("registries") or (), sources, again, self._say)
        if order.environments:
            from rulekit.node.environment import environment_here

            self._jobs.find_environments(
                lambda pack: environment_here(
                    self._depot, pack, self._shared, self._say, lambda: bool(self._watch.asked)
                )
            )
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
        fetch = Fetch(self._depot, site.work, site.parts, self._copies)
        try:
            fetch.run(wanted | old, old)
        finally:
            self._facts |= {path: fetch.facts[path] for path in wanted if path in fetch.facts}
        self._check_protected()
        if wanted:
            self._tell("fetched", len(wanted), self._depot.fetched_bytes, began)

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
            hush(site.output, (self._secrets.get("environment") or {}).values())
            items.append(Item("the output of the jobs", order.output, site.output))
        if not items:
            return
        depot = self._depot
        failing = trouble is not None and trouble.problem in ("storage", "timeout")
        if failing or self._watch.asked:
            depot = depot.renewed(_LAST_WORDS_S)
        Store(depot, order.token).plain(items)

    # -- words -------------------------------------------------------------------------------

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
