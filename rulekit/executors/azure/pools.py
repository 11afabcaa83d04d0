"""The pools and jobs of a run: made when the first task needs them, gone at the end."""

from __future__ import annotations

import math
import time

from rulekit.errors import InfrastructureError
from rulekit.executors.azure import definitions, images, lease, names
from rulekit.executors.azure.client import ServiceError
from rulekit.executors.azure.lease import LeaseKeeper
from rulekit.executors.azure.sizes import Shape, Sizes
from rulekit.model import vmsizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.images import Image
    from rulekit.executors.azure.settings import AzureSettings

_POOL_FIELDS = ["id", "state", "vmSize", "taskSlotsPerNode", "metadata"]
_FOREIGN_FIELDS = [*_POOL_FIELDS, "virtualMachineConfiguration", "enableAutoScale"]


class OpenPool:
    """A pool with the job of this run in it. `image` is set where every task must name one."""

    def __init__(self, shape: Shape, pool_id: str, job_id: str, keeper: LeaseKeeper | None) -> None:
        self.shape = shape
        self.pool_id = pool_id
        self.job_id = job_id
        self.keeper = keeper  # None: a foreign pool
        self.needs_image = False
        self.beat = 0.0  # when a job in a foreign pool was last told that its driver lives
        self.tasks = 0  # outstanding
        self.slots = 0  # of those
        self.has_job = False  # whether `job_id` was made
        self.jobs: list[str] = []  # all that were made in it, and are to go with it
        self._first = job_id

    def made(self) -> None:
        """The job is there now."""
        self.has_job = True
        self.jobs.append(self.job_id)

    def next_job(self) -> None:
        """Tasks go to another job from now on; those before stay as long as the pool."""
        if self.has_job:
            self.job_id = f"{self._first}-{len(self.jobs) + 1}"
            self.has_job = False

    @property
    def ours(self) -> bool:
        """Whether the pool was made by this run."""
        return self.keeper is not None


class Pools:
    """All pools of a run, one for each shape, or the one that was named."""

    def __init__(
        self,
        service: BatchService,
        settings: AzureSettings,
        run: str,
        say: Callable[[str, str], None],
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._run = run
        self._say = say
        self._labels = dict(labels or {})
        self._open: dict[str, OpenPool] = {}
        self._sizes: Sizes | None = None
        self._foreign: Any = None
        self._images: tuple[Image, ...] | None = None
        self._script: bytes | None = None

    @property
    def all(self) -> tuple[OpenPool, ...]:
        """Those that are open."""
        return tuple(self._open.values())

    def sizes(self) -> Sizes:
        """What chooses shapes; asks for the pool that was named. Raises InfrastructureError."""
        if self._sizes is None:
            fixed = self._fixed() if self._settings.pool else None
            self._sizes = Sizes(self._settings, fixed)
            unknown = self._sizes.unknown
            if unknown:
                self._say("warning", unknown)
        return self._sizes

    def _fixed(self) -> Shape:
        name = self._settings.pool
        assert name is not None
        try:
            pool = self._service.call("get_pool", name, select=_FOREIGN_FIELDS)
        except ServiceError as error:
            if error.name not in ("PoolNotFound", "ResourceNotFound"):
                raise
            raise self._no_pool(name) from None
        if str(pool.state).lower().rpartition(".")[2] != "active":
            raise InfrastructureError(
                f"the pool `{name}` is being deleted",
                code="RK0619",
                help="name another one, or none: then rulekit makes its own",
            )
        self._foreign = pool
        size = vmsizes.size(pool.vm_size)
        return Shape(pool.vm_size, pool.task_slots_per_node or 1, False, size)

    def _no_pool(self, name: str) -> InfrastructureError:
        from rulekit.errors.diagnostic import did_you_mean

        known = [pool.id for pool in self._service.each("list_pools", select=["id"])]
        return InfrastructureError(
            f"there is no pool `{name}` in the Batch account",
            code="RK0619",
            help=did_you_mean("pool", name, known)
            or (f"there is {', '.join(known[:10])}" if known else "the account has no pool at all"),
        )

    def pool_of(self, shape: Shape) -> str:
        """The name of the pool of a shape, made or not."""
        return self._settings.pool or names.pool_id(self._run, shape.name)

    def job_of(self, shape: Shape) -> str:
        """The name of the job of a shape, made or not."""
        return names.job_id(self._run, self.pool_of(shape), shape.name)

    def is_open(self, shape: Shape) -> bool:
        """Whether the pool of a shape was made, or looked up."""
        return shape.name in self._open

    # --- opening --------------------------------------------------------------------------

    def open(self, shape: Shape) -> OpenPool:
        """The pool of a shape, made if need be. Raises InfrastructureError."""
        found = self._open.get(shape.name)
        if found is not None:
            return found
        if self._settings.pool:
            opened = OpenPool(shape, self.pool_of(shape), self.job_of(shape), None)
            machine = self._foreign.virtual_machine_configuration
            opened.needs_image = bool(machine and machine.container_configuration)
        else:
            keeper = LeaseKeeper(self._settings.lease_minutes, shape.spot)
            opened = OpenPool(shape, self.pool_of(shape), self.job_of(shape), keeper)
            self._make(opened)
        self._open[shape.name] = opened
        return opened

    def adopt(self, opened: OpenPool) -> None:
        """Look after the pool of an earlier run, and end it with this one."""
        self._open.setdefault(f"{opened.pool_id} of an earlier run", opened)

    def next_jobs(self) -> None:
        """Tasks go to new jobs from now on."""
        for shape, opened in self._open.items():
            if shape == opened.shape.name:
                opened.next_job()

    def _make(self, opened: OpenPool) -> None:
        keeper = opened.keeper
        assert keeper is not None
        settings = self._settings
        now = time.time()
        first = keeper.due(self._wanted(opened, first=True), now)
        assert first is not None
        body = definitions.pool(
            opened.pool_id,
            self._run,
            opened.shape,
            self._image(opened.shape),
            settings,
            lease.formula(first),
            self.start_script(),
            self._labels,
        )
        if settings.identity_resource_id:
            from rulekit.executors.azure import armpools

            armpools.create(settings, body)
        else:
            try:
                self._service.call("create_pool", pool=body)
            except ServiceError as error:
                # A repeated request finds what the first one made.
                if error.name != "PoolExists":
                    raise
        keeper.sent(first, now)
        count = settings.max_nodes if settings.autoscale else settings.node_count
        upto = "up to " if settings.autoscale else ""
        self._say("info", f"pool {opened.pool_id}: {upto}{count} x {opened.shape.vm_size}")

    def _image(self, shape: Shape) -> Image:
        if self._images is None and not self._settings.image_id:
            self._images = tuple(
                images.image_from_wire(row)
                for row in self._service.rows("/supportedimages", {"maxresults": "1000"})
            )
        arch = shape.size.arch if shape.size is not None else "x64"
        image, notes = images.choose(self._images or (), self._settings, time.time(), arch)
        for note in notes:
            self._say("warning", note)
        return image

    def start_script(self) -> bytes | None:
        """The script that machines run before all, fetched once. Raises InfrastructureError if it
        cannot be read, or is too long."""
        url = self._settings.start_task_url
        if url is None:
            return None
        if self._script is None:
            from rulekit.executors.azure import startscript

            script = startscript.fetch(url.reveal())
            definitions.check_start_script(script)
            self._script = script
        return self._script

    # --- tending --------------------------------------------------------------------------

    def _wanted(self, opened: OpenPool, first: bool = False) -> int:
        """How many machines the tasks that are out could use."""
        settings = self._settings
        if not settings.autoscale:
            return settings.node_count if opened.tasks or first else 0
        need = math.ceil(opened.slots / max(opened.shape.slots, 1))
        # The same tasks, packed badly: a task of 3 slots leaves a machine of 4 half empty.
        return min(max(need, 1 if opened.tasks or first else 0), settings.max_nodes)

    def tend(self, now: float) -> None:
        """Move the leases on and fit the numbers of machines. `now` in seconds of the epoch.

        Raises InfrastructureError if a lease could not be renewed until shortly before its end.
        """
        for opened in self._open.values():
            keeper = opened.keeper
            if keeper is None:
                self._beat(opened, now)
                continue
            due = keeper.due(self._wanted(opened), now)
            if due is None:
                continue
            try:
                self._service.call(
                    "enable_pool_auto_scale",
                    opened.pool_id,
                    {
                        "autoScaleFormula": lease.formula(due),
                        "autoScaleEvaluationInterval": definitions.duration(lease.INTERVAL_S),
                    },
                )
            except ServiceError as error:
                if error.name == "TooManyEnableAutoScaleRequests":
                    continue
                last = keeper.last
                if last is None or last.end - now < 120:
                    raise
                self._say("warning", f"the lease of {opened.pool_id} was not renewed: {error}")
                continue
            keeper.sent(due, now)

    def labels(self, opened: OpenPool, now: float) -> dict[str, str]:
        """The metadata of the job in a pool: in a foreign pool it holds the lease."""
        labels = dict(self._labels)
        if not opened.ours:
            opened.beat = now
            labels[names.LEASE] = str(int(now + self._settings.lease_minutes * 60))
        return labels

    def _beat(self, opened: OpenPool, now: float) -> None:
        """Tell the job in a foreign pool that its driver lives, for `rulekit azure gc`."""
        if not opened.jobs or now - opened.beat < self._settings.lease_minutes * 20:
            return
        metadata = definitions.metadata(self._run, self.labels(opened, now))
        for job in opened.jobs:
            try:
                self._service.call("update_job", job, {"metadata": metadata})
            except ServiceError as error:
                self._say("warning", f"the job {job} was not told that we live: {error}")

    # --- the end --------------------------------------------------------------------------

    def close(self, *, keep_pool: bool) -> list[str]:
        """Delete the jobs and, unless they are kept, our pools; what could not be deleted."""
        left: list[str] = []
        for opened in self._open.values():
            for job in opened.jobs:
                if not self._gone("delete_job", f"/jobs/{job}"):
                    left.append(f"job {job}")
            if (
                opened.ours
                and not keep_pool
                and not self._gone("delete_pool", f"/pools/{opened.pool_id}")
            ):
                left.append(f"pool {opened.pool_id}")
        return left

    def _gone(self, operation: str, path: str) -> bool:
        try:
            self._service.send(operation, "DELETE", path)
        except ServiceError as error:
            fine = ("PoolNotFound", "JobNotFound", "PoolBeingDeleted", "JobBeingDeleted")
            return error.name in (*fine, "ResourceNotFound")
        return True
