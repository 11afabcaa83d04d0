"""The thread that talks to Azure: takes orders from a queue, gives answers to another one.

Only this thread uses the Batch service and the storage while a run goes on. It never touches what
the loop owns; `inbox` and `outbox` are all that is shared.
"""

from __future__ import annotations

import queue
import time

from rulekit.errors import InfrastructureError, RulekitError
from rulekit.executors.azure import failures, logs
from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.health import Health, Limits
from rulekit.executors.azure.lines import Lines
from rulekit.executors.azure.meter import Meter
from rulekit.executors.azure.pace import Pace
from rulekit.executors.azure.submission import Submission
from rulekit.executors.azure.tasks import DONE, RUNNING, WAITING
from rulekit.executors.azure.tracker import Tracker
from rulekit.executors.local import Started
from rulekit.runner import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.logs import LiveLogs
    from rulekit.executors.azure.pools import OpenPool, Pools
    from rulekit.executors.azure.setup import Setup
    from rulekit.executors.azure.staging import RunFiles
    from rulekit.executors.azure.tasks import Task
    from rulekit.model.spec import JobResult

_FEW = 8  # results of a batch that are read one by one; more by a list
_AGAIN_MOST = 3  # repetitions of a task that failed for a reason of the infrastructure
_TEND_S = 5.0
_GATHER_S = 0.03


class Worker:
    """All that is done for one run. `run` is the thread."""

    def __init__(
        self,
        service: BatchService,
        pools: Pools,
        setup: Setup,
        files: RunFiles,
        journal: str | None,
        outbox: deque[Any],
        wake: Callable[[], None],
        say: Callable[[str, str], None],
        pace: Pace | None = None,
        limits: Limits | None = None,
        live: LiveLogs | None = None,
        outputs: str | None = None,
    ) -> None:
        """`live` shows what running tasks write; `outputs` is the folder that gets the output of
        tasks that failed."""
        self.inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self.service = service
        self.pools = pools
        self.files = files
        self._journal = Lines(journal)
        self._submission = Submission(
            service, pools, setup, files, self._journal, self._refuse, self._track
        )
        self._outbox = outbox
        self._wake = wake
        self._pace = pace or Pace()
        self._say = say
        self._limits = limits or Limits()
        self._health: dict[str, Health] = {}
        self._meter = Meter(service, say, self._limits.meter_s)
        self._live = live
        self._outputs = outputs
        self.outputs: dict[str, str] = {}  # of failed attempts: token to path
        self._trackers: dict[str, Tracker] = {}
        self._opened: dict[str, OpenPool] = {}
        self._waiting: list[Task] = []
        self._image = service.settings.container_image  # of jobs that name none
        self._no_images: dict[str, str] = {}  # those that cannot be had, and why
        self._to_cancel: dict[str, bool] = {}  # token to whether it is not to be waited for
        self._by_token: dict[str, Task] = {}
        self._asked = time.monotonic()
        self._tended = 0.0
        self._closing = False
        self.failed: RulekitError | None = None

    # --- the thread -----------------------------------------------------------------------

    def run(self) -> None:
        """Work until told to close. An error ends the work and is handed to the loop."""
        try:
            while not self._closing:
                self._take(self._pause())
                self._step()
        except RulekitError as error:
            self._fail(error)
        except BaseException as error:
            import traceback

            text = self.service.masked("".join(traceback.format_exception(error)))
            self._fail(InfrastructureError(f"internal error of the Azure executor\n{text}"))

    def _step(self) -> None:
        if self._to_cancel:
            time.sleep(_GATHER_S)  # an interrupt cancels all jobs, one after the other
            self._take(0.0)
            self._cancel()
        if self._waiting:
            self._submit()
        now = time.monotonic()
        if self._by_token and now - self._asked >= self._pace.pause_s:
            self._ask(now)
        if now - self._tended >= _TEND_S and self._opened:
            self._tended = now
            self.pools.tend(time.time())
            for health in dict.fromkeys(self._health.values()):
                health.look()
            self._meter.look(
                self._opened,
                [task for tracker in self._trackers.values() for task in tracker.out.values()],
            )
        self._flush()

    def _pause(self) -> float:
        """Seconds until there is something to do."""
        if self._waiting:
            return 0.0
        now = time.monotonic()
        pause = 60.0
        if self._by_token:
            pause = self._asked + self._pace.pause_s - now
        if self._opened:
            pause = min(pause, self._tended + _TEND_S - now)
        return max(pause, 0.0)

    def _take(self, pause: float) -> None:
        """Messages from the loop; waits for the first one at most so long."""
        try:
            message = self.inbox.get(timeout=pause) if pause > 0 else self.inbox.get_nowait()
            while True:
                self._handle(message)
                message = self.inbox.get_nowait()
        except queue.Empty:
            return

    def _handle(self, message: tuple[Any, ...]) -> None:
        if message[0] == "submit":
            if not self._by_token:
                self._pace.fresh()
                self._asked = time.monotonic()
            for task in message[1]:
                self._waiting.append(task)
                self._remember(task)
        elif message[0] == "attach":
            self._attach(message[1], message[2])
        elif message[0] == "cancel":
            self._to_cancel[message[1]] = self._to_cancel.get(message[1], False) or message[2]
        elif message[0] == "close":
            self._closing = True

    def _remember(self, task: Task) -> None:
        for token in task.tokens:
            self._by_token[token] = task

    def _flush(self) -> None:
        self._journal.write()
        if self._outbox:
            self._wake()

    def _fail(self, error: RulekitError) -> None:
        """The end of this executor: every order that is out is answered, with the reason."""
        self.failed = error
        now = time.time()
        for task in dict.fromkeys(self._by_token.values()):
            self._outbox.extend(task.failed("lost", failures.of_error(error), now, now))
        self._by_token.clear()
        self._outbox.append(error)
        try:
            self._journal.write()
        except InfrastructureError:
            pass
        self._wake()

    # --- submission -----------------------------------------------------------------------

    def _submit(self) -> None:
        waiting, self._waiting = self._waiting, []
        left = []
        for task in waiting:
            if task.cancelled:
                self._refuse(task, "cancelled", "")
                continue
            dead = next((one for one in task.images(self._image) if one in self._no_images), None)
            if dead is not None:
                self._refuse(task, "image", self._no_images[dead])
                continue
            left.append(task)
        for opened, task in self._submission.submit(left):
            self._count(opened, task, 1)
            self._trackers[task.job_id].add([task])

    def _refuse(self, task: Task, problem: str, text: str) -> None:
        now = time.time()
        self._answer(task, task.failed(problem, text, now, now))

    def _count(self, opened: OpenPool, task: Task, sign: int) -> None:
        opened.tasks += sign
        opened.slots += sign * task.slots

    def _track(self, opened: OpenPool, job_id: str = "") -> None:
        """Look after a job (default: the pool's of now) and its pool from now on."""
        job_id = job_id or opened.job_id
        if job_id in self._opened:
            return
        self._trackers[job_id] = Tracker(self.service, job_id)
        same = (self._health[job] for job, one in self._opened.items() if one is opened)
        health = next(same, None)
        self._health[job_id] = health or Health(
            self.service, opened, self.files, self._say, self._limits
        )
        self._opened[job_id] = opened

    # --- answers --------------------------------------------------------------------------

    def _ask(self, now: float) -> None:
        """One question for each job with tasks out, and the results of those that have ended."""
        ended: list[Task] = []
        for job_id, tracker in self._trackers.items():
            if not tracker.out:
                continue
            begun, done = tracker.changes()
            for task in begun:
                self._outbox.extend(Started(token, 0) for token in task.tokens)
                if task.is_unlucky(self.service.settings.spot_preemptions):
                    self._leave_spot(task, tracker)
            if begun or done:
                self._health[job_id].moved()
            ended += done
            for task in tracker.lost():
                self._count(self._opened[job_id], task, -1)
                if task.specs and task.again < _AGAIN_MOST and not task.cancelled:
                    self._once_more(task, "the service does not know the task any more")
                else:
                    self._refuse(task, "lost", "the service does not know the task any more")
        if ended:
            self._collect(ended)
        if self._live is not None:
            out = (t for tracker in self._trackers.values() for t in tracker.out.values())
            self._live.look(task for task in out if task.state == RUNNING)
        self._pace.asked(len(ended), len(self._by_token), now - self._asked)
        self._asked = now

    def _collect(self, ended: Sequence[Task]) -> None:
        batches: dict[tuple[int, int], list[Task]] = {}
        for task in ended:
            batches.setdefault((id(task.files), task.batch), []).append(task)
        for (_, batch), tasks in batches.items():
            files = tasks[0].files or self.files
            found: dict[str, list[JobResult]] = {}
            if len(tasks) > _FEW:
                found = files.results(batch)
            for task in tasks:
                results = found.get(task.token)
                if results is None:
                    results = files.result(batch, task.token)
                self._ended(task, results)

    def _ended(self, task: Task, results: list[JobResult] | None) -> None:
        self._count(self._opened[task.job_id], task, -1)
        verdict = failures.judge(task.facts, task.node)
        again = bool(task.specs) and verdict.again and task.again < _AGAIN_MOST
        again = again and not task.cancelled
        if again and not _succeeded(task, results):
            # The node may have told more than that it failed.
            details = [result.detail for result in results or () if not result.ok]
            self._once_more(task, self.service.masked((details or [""])[0]) or verdict.text)
            return
        told = results is not None and {r.token for r in results} >= set(task.tokens)
        output: bytes | None = None
        failed = results is None or not all(result.ok for result in results)
        if self._live is not None or failed:
            output = self._output(task, failed)
        if results is not None and told:
            for result in results:
                if result.problem == "image":
                    # Other tasks would hear the same: they are not sent, or not again.
                    named = (one for one in task.images(self._image) if one in result.detail)
                    self._no_images.update(dict.fromkeys(named, result.detail))
            self._answer(task, results)
            return
        problem, text = "cancelled", ""
        if not task.cancelled:
            problem, text = verdict.problem, self.service.masked(failures.explain(verdict, output))
        began, over = failures.times(task.facts, time.time())
        self._answer(task, task.failed(problem, text, began, over))

    def _once_more(self, task: Task, why: str) -> None:
        self._say("warning", f"{task.key}: {why}; once more")
        task.again += 1
        task.state = WAITING
        self._waiting.append(task)

    def _leave_spot(self, task: Task, tracker: Tracker) -> None:
        """A task that spot machines lost too often, and that has just begun again on one."""
        path = f"/jobs/{task.job_id}/tasks/{task.id}/terminate"
        try:
            self.service.send("terminate", "POST", path, None)
        except ServiceError as error:
            if not error.name.endswith("Completed"):  # then its result is told as usual
                self._say("warning", str(error))
            return
        tracker.out.pop(task.id.lower(), None)
        self._count(self._opened[task.job_id], task, -1)
        task.dedicated = True
        times = "once" if task.preempted == 1 else f"{task.preempted} times"
        self._once_more(task, f"its spot machine was taken away {times}: to a dedicated one")
        task.preempted = 0

    def _output(self, task: Task, failed: bool) -> bytes | None:
        """What the jobs of a task that has ended wrote; kept on this machine if it failed."""
        files = task.files or self.files
        data: bytes | None = None
        if failed and self._outputs is not None:
            kept = logs.keep(files, task.batch, task.token, self._outputs, self.service.masked)
            if kept is not None:
                self.outputs.update(dict.fromkeys(task.tokens, kept[0]))
                data = kept[1]
        else:
            try:
                data = files.output(task.batch, task.token)
            except RulekitError:
                data = None  # it was only for a look
        if self._live is not None:
            self._live.ended(task, data)
        return data

    def _answer(self, task: Task, results: Iterable[JobResult]) -> None:
        task.state = DONE
        for result in results:
            if self._by_token.pop(result.token, None) is None:
                continue
            self._journal.add({"r": wire.result_to_tuple(result)})
            self._outbox.append(result)

    # --- cancelling -----------------------------------------------------------------------

    def _cancel(self) -> None:
        """End what was asked to end: a job as a whole where all of its tasks are to go."""
        wanted, self._to_cancel = self._to_cancel, {}
        soft: dict[str, list[Task]] = {}
        hard: list[Task] = []
        for token, is_hard in wanted.items():
            task = self._by_token.get(token)
            if task is None:
                continue
            if not task.cancelled and task.state != WAITING:
                soft.setdefault(task.job_id, []).append(task)
            task.cancelled = True
            if is_hard and task not in hard:
                hard.append(task)
        for job_id, tasks in soft.items():
            paths = [f"/jobs/{job_id}/tasks/{task.id}/terminate" for task in tasks]
            out = self._trackers[job_id].out.values()
            if len(tasks) > _FEW and all(task.cancelled for task in out):
                paths = [f"/jobs/{job_id}/terminate"]
            for path in paths:
                self._end(path)
        for task in hard:
            tracker = self._trackers.get(task.job_id)
            if tracker is not None and tracker.out.pop(task.id.lower(), None) is not None:
                self._count(self._opened[task.job_id], task, -1)
            self._refuse(task, "cancelled", "")
        self._pace.fresh()

    def _end(self, path: str) -> None:
        body = {"terminateReason": "cancelled by the user"} if path.count("/") == 3 else None
        try:
            self.service.send("terminate", "POST", path, body)
        except ServiceError as error:
            if not error.name.endswith(("Completed", "NotFound", "Terminated", "Deleted")):
                self._say("warning", str(error))

    def _attach(self, task: Task, opened: OpenPool) -> None:
        """A task of an earlier run is ours from now on."""
        self._remember(task)
        self._track(opened, task.job_id)
        self._count(opened, task, 1)
        if str(task.facts.get("state")).lower() == "completed":
            self._collect([task])
        else:
            self._trackers[task.job_id].add([task])


def _succeeded(task: Task, results: list[JobResult] | None) -> bool:
    """Whether the node had told of a success before the task ended in whatever way."""
    if results is None:
        return False
    return {r.token for r in results} >= set(task.tokens) and all(r.ok for r in results)
