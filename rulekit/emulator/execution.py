"""One command on one node: stage its files, start it, hear of its end, store what it wrote.

A `Run` goes through this once. Its owner (task, start task, preparation, release) hears of the
end once, under the lock, with the outcome.
"""

from __future__ import annotations

import os
import shlex

from rulekit.emulator import layout, staging
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.emulator.clock import Timer
    from rulekit.emulator.processes import Process
    from rulekit.emulator.state import Node


@frozen
class Outcome:
    """How a run ended. `phase`: `pre` (never started), `run`, `upload`, or `lost` (no result)."""

    exit_code: int | None
    failure: dict[str, Any] | None
    phase: str
    container: dict[str, Any] | None = None


@frozen
class Order:
    """What to run. `directory` is the task directory; `limit` the wall-clock limit in seconds."""

    command: str
    directory: str
    environment: dict[str, str]
    resources: Any = None
    outputs: Any = None
    container: dict[str, Any] | None = None
    limit: float | None = None
    keep: bool = False
    job: str = ""
    task: str = ""


class Run:
    """A command on its way."""

    def __init__(
        self,
        node: Node,
        order: Order,
        ended: Callable[[Run, Outcome], None],
    ) -> None:
        self.node = node
        self.world = node.world
        self.order = order
        self.container: dict[str, Any] | None = None
        self._ended = ended
        self._process: Process | None = None
        self._timer: Timer | None = None
        self._stop: Outcome | None = None
        self._over = False
        self._exit: int | None = None
        self._argv_used: list[str] = []
        self.world.work(self._prepare)

    def stop(self, code: str, message: str) -> None:
        """End it, as a user or a time limit does; its outcome comes as for every run."""
        with self.world.lock:
            if self._over or self._stop is not None:
                return
            self._stop = Outcome(None, staging.failure(code, message), "run")
            self._kill()

    def lose(self) -> None:
        """The node is gone: kill everything; nobody hears of an outcome."""
        with self.world.lock:
            self._over = True
            self._cancel_timer()
            self._kill()

    def _kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        if self.order.container is not None:
            from rulekit.emulator import containers

            argv = self._argv_used
            self.world.work(lambda: containers.kill(argv))

    # In a worker thread, without the lock.

    def _prepare(self) -> None:
        if self._over:
            return
        order = self.order
        try:
            self._provoke("disk-full", "DiskFull", "There is not enough disk space", "servererror")
            self._provoke(
                "resource-file", "BlobDownloadMiscError", "Download failed", "servererror"
            )
            layout.make_task(order.directory, order.keep)
            workdir = f"{order.directory}/wd"
            staging.fetch_resources(order.resources, workdir, self._token)
            argv = self._argv(workdir)
        except staging.StagingError as error:
            self._finish(Outcome(None, error.info, "pre", self.container))
            return
        except OSError as error:
            info = staging.failure("ResourceDirectoryCreateFailed", str(error), "servererror")
            self._finish(Outcome(None, info, "pre", self.container))
            return
        except Exception as error:
            # A mistake here must not leave a task that runs for ever.
            info = staging.failure("Unknown", f"{type(error).__name__}: {error}", "servererror")
            self._finish(Outcome(None, info, "pre", self.container))
            raise
        self._launch(argv, workdir)

    def _launch(self, argv: list[str], workdir: str) -> None:
        order = self.order
        self._argv_used = argv
        if self._over or self._stop is not None:
            self._finish(Outcome(None, None, "pre"))
            return
        try:
            process = self.world.reaper.start(
                argv,
                workdir,
                order.environment,
                f"{order.directory}/stdout.txt",
                f"{order.directory}/stderr.txt",
                self._exited,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL, or a name with `=`
            missing = isinstance(error, (FileNotFoundError, PermissionError))
            info = staging.failure(
                "CommandProgramNotFound" if missing else "CommandLaunchFailed",
                "The specified command program is not found"
                if missing
                else "The command could not be started",
                Message=str(error),
            )
            self._finish(Outcome(None, info, "pre", self.container))
            return
        with self.world.lock:
            self._process = process
            if self._over or self._stop is not None:
                self._kill()
            elif order.limit is not None and self._exit is None:
                self._timer = self.world.clock.after(order.limit, self._too_long)

    def _argv(self, workdir: str) -> list[str]:
        order = self.order
        try:
            argv = shlex.split(order.command)
        except ValueError as error:
            info = staging.failure("CommandLaunchFailed", f"The command line is malformed: {error}")
            raise staging.StagingError(info) from error
        if order.container is not None:
            from rulekit.emulator import containers

            return containers.wrap(self, argv, workdir)
        if not argv:
            info = staging.failure("CommandProgramNotFound", "The command line is empty")
            raise staging.StagingError(info)
        # As on a node: a relative path is relative to the working directory.
        if "/" in argv[0] and not os.path.isabs(argv[0]):
            argv[0] = os.path.join(workdir, argv[0])
        return argv

    def _token(self, resource: str) -> str:
        from rulekit.emulator import identities

        return identities.storage_token(self.node.pool, resource)

    def _provoke(self, event: str, code: str, message: str, category: str) -> None:
        order = self.order
        pool = self.node.pool.id
        found = self.world.faults.event(event, pool=pool, job=order.job, task=order.task)
        if found is not None:
            code = str(found.plan.get("code") or code)
            message = str(found.plan.get("message") or message)
            raise staging.StagingError(staging.failure(code, message, category))

    def _too_long(self) -> None:
        self.stop("TaskEnded", "Task exceeded its maximum allowed wall clock time")

    # In the reaper's thread.

    def _exited(self, code: int) -> None:
        self._exit = code
        with self.world.lock:
            self._cancel_timer()
            if self._over:
                return
        if self.order.outputs:
            self.world.work(self._upload)
        else:
            self._conclude(None)

    def _upload(self) -> None:
        succeeded = self._exit == 0 and self._stop is None
        try:
            self._provoke("output-file", "FileUploadMiscError", "Upload failed", "servererror")
            workdir = f"{self.order.directory}/wd"
            staging.store_outputs(self.order.outputs, workdir, succeeded, self._token)
        except staging.StagingError as error:
            self._conclude(error.info)
        else:
            self._conclude(None)

    def _conclude(self, upload: dict[str, Any] | None) -> None:
        code = self._exit
        if upload is not None:
            self._finish(Outcome(code, upload, "upload", self.container))
        elif code == 0:
            self._finish(Outcome(0, None, "run", self.container))
        else:
            info = staging.failure(
                "FailureExitCode",
                "The task exited with an exit code representing a failure",
                Message="The task exited with an exit code representing a failure",
            )
            self._finish(Outcome(code, info, "run", self.container))

    def _finish(self, outcome: Outcome) -> None:
        with self.world.lock:
            if self._over:
                return
            self._over = True
            self._cancel_timer()
            if self._stop is not None:
                # What a killed process returns is still shown, as the service does.
                outcome = Outcome(self._exit, self._stop.failure, "run", self.container)
            self._ended(self, outcome)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
