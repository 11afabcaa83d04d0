"""What the emulator knows: pools with their nodes, jobs with their tasks.

All of it is read and changed under `World.lock` only. Specifications are kept in wire form, as the
user sent them with the service's defaults filled in; what the service itself decides has its own
attributes. `views` puts both together.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from rulekit.emulator.autoscale import SampleStore
from rulekit.emulator.clock import Clock, Timer
from rulekit.emulator.faults import Faults
from rulekit.emulator.formats import new_etag
from rulekit.emulator.ledger import Ledger
from rulekit.emulator.processes import Reaper
from rulekit.emulator.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.emulator.execution import Run


class Entity:
    """Anything with an id, a state and an entity tag."""

    kind = ""

    def __init__(self, world: World, ident: str, state: str) -> None:
        now = world.clock.now()
        self.world = world
        self.id = ident
        self.created = now
        self.modified = now
        self.etag = new_etag(now)
        self.state = state
        self.state_time = now
        self.previous: str | None = None
        self.previous_time: float | None = None
        world.ledger.change(self.kind, self.label, "", state)

    @property
    def label(self) -> str:
        """Its name in the ledger."""
        return self.id

    def move(self, state: str, note: str = "") -> None:
        """Go to another state; the entity tag stays, because no user edited anything."""
        if state == self.state:
            return
        self.previous, self.previous_time = self.state, self.state_time
        self.state, self.state_time = state, self.world.clock.now()
        self.world.ledger.change(self.kind, self.label, self.previous, state, note)

    def edited(self) -> None:
        """A user changed it: new entity tag, new time."""
        self.modified = self.world.clock.now()
        self.etag = new_etag(self.modified)


class Pool(Entity):
    """A pool. `spec` holds what was asked for; the targets are those in force now."""

    kind = "pool"

    def __init__(self, world: World, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.nodes: OrderedDict[str, Node] = OrderedDict()
        self.target_dedicated = int(spec.get("targetDedicatedNodes") or 0)
        self.target_spot = int(spec.get("targetLowPriorityNodes") or 0)
        self.allocation = "steady"
        self.allocation_time = world.clock.now()
        self.resize_errors: list[dict[str, Any]] = []
        self.resize_timer: Timer | None = None
        self.deallocation = "requeue"
        self.autoscale_run: dict[str, Any] | None = None
        self.autoscale_timer: Timer | None = None
        self.autoscale_enabled_at: float | None = None
        self.samples = SampleStore(world.clock.speed)
        self.succeeded = 0
        self.failed = 0
        self.auto_of: Job | None = None
        self.identities: dict[str, dict[str, str]] = {}
        super().__init__(world, spec["id"], "active")

    @property
    def slots(self) -> int:
        """Task slots of each node."""
        return int(self.spec["taskSlotsPerNode"])

    @property
    def is_container_pool(self) -> bool:
        """Whether every task must name a container."""
        machine = self.spec.get("virtualMachineConfiguration") or {}
        return machine.get("containerConfiguration") is not None

    def allocate(self, state: str) -> None:
        """Change the allocation state."""
        if self.allocation != state:
            self.world.ledger.change("allocation", self.id, self.allocation, state)
            self.allocation, self.allocation_time = state, self.world.clock.now()


class Node(Entity):
    """A machine of a pool: a directory, and processes in it."""

    kind = "node"

    def __init__(self, pool: Pool, ident: str, dedicated: bool, number: int, root: str) -> None:
        self.pool = pool
        self.dedicated = dedicated
        self.number = number
        self.root = root
        self.allocated = pool.world.clock.now()
        self.booted = self.allocated
        self.scheduling = "enabled"
        self.leaving = False
        self.held = False  # its tasks are being taken away
        self.gone = False
        self.errors: list[dict[str, Any]] = []
        self.runs: dict[str, Run] = {}  # of tasks, by `job/task`
        self.chores: dict[str, Run] = {}  # start, preparation and release tasks
        self.used_slots = 0
        self.exclusive = False
        self.start_info: dict[str, Any] | None = None
        self.recent: list[Task] = []
        self.total_run = 0
        self.total_succeeded = 0
        self.users: dict[str, dict[str, Any]] = {}
        self.preparations: dict[str, Preparation] = {}  # by job key
        self.images: set[str] = set()
        self.timer: Timer | None = None
        self.started_with: dict[str, Any] | None = None
        super().__init__(pool.world, ident, "creating")

    def settle(self) -> None:
        """Go to the state that fits a node that is up: running, idle, or offline."""
        if self.runs:
            self.move("running")
        else:
            self.move("idle" if self.scheduling == "enabled" else "offline")

    @property
    def usable(self) -> bool:
        """Whether tasks may be put on it."""
        return (
            self.state in ("idle", "running")
            and self.scheduling == "enabled"
            and not self.leaving
            and not self.gone
        )


class Preparation:
    """The preparation and release task of one job on one node."""

    def __init__(self, node: Node, job: Job) -> None:
        self.node = node
        self.job = job
        self.state = "running"
        self.result: str | None = None
        self.info: dict[str, Any] = {}
        self.release_info: dict[str, Any] | None = None
        self.directory = ""
        self.release_directory = ""
        self.retries = 0
        self.waiting: list[Callable[[bool], None]] = []


class Job(Entity):
    """A job with its tasks, those that may run now in `ready`."""

    kind = "job"

    def __init__(self, world: World, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.tasks: dict[str, Task] = {}
        self.ready: OrderedDict[int, Task] = OrderedDict()
        self.unsorted = False
        self.running = 0
        self.number = world.number()
        self.next_task = 1
        self.dependents: dict[str, list[Task]] = {}
        self.range_dependents: list[Task] = []
        self.satisfied_numbers: set[int] = set()
        self.started = world.clock.now()
        self.ended: float | None = None
        self.pool_id: str = ""
        self.scheduling_error: dict[str, Any] | None = None
        self.terminate_reason: str | None = None
        self.timer: Timer | None = None
        self.preparations: dict[str, Preparation] = {}  # by node id
        self.disable_option = ""
        self.schedule_id: str | None = None
        self.counts = {"active": 0, "running": 0, "completed": 0, "succeeded": 0, "failed": 0}
        self.slot_counts = dict(self.counts)
        super().__init__(world, spec["id"], "active")

    @property
    def priority(self) -> int:
        """−1000 to 1000; higher goes first."""
        return int(self.spec.get("priority") or 0)


class Task(Entity):
    """A task and what became of it."""

    kind = "task"

    def __init__(self, job: Job, spec: dict[str, Any]) -> None:
        self.job = job
        self.spec = spec
        self.number = job.next_task
        job.next_task += 1
        self.slots = int(spec.get("requiredSlots") or 1)
        self.manager = False
        self.waits_for: set[str] = set()
        self.ranges: list[list[int]] = []  # start, end, how many are not yet satisfied
        self.node: Node | None = None
        self.node_info: dict[str, Any] | None = None
        self.directory: str | None = None
        self.files_gone = ""
        self.run: Run | None = None
        self.counted = ""
        self.started: float | None = None
        self.ended: float | None = None
        self.exit_code: int | None = None
        self.failure: dict[str, Any] | None = None
        self.container: dict[str, Any] | None = None
        self.result: str | None = None
        self.retries = 0
        self.retried_at: float | None = None
        self.requeues = 0
        self.requeued_at: float | None = None
        self.satisfied = False
        self.cpu = (0.0, 0.0)
        super().__init__(job.world, spec["id"], "active")

    @property
    def label(self) -> str:
        """`job/task`."""
        return f"{self.job.id}/{self.id}"

    def move(self, state: str, note: str = "") -> None:
        """As for every entity; keeps the counts of the job right."""
        super().move(state, note)
        self.count()

    def count(self) -> None:
        """Bring the counts of the job up to date with this task."""
        kind = "running" if self.state == "preparing" else self.state
        if kind == "completed":
            kind = "succeeded" if self.result == "success" else "failed"
        if kind == self.counted:
            return
        for name, sign in ((self.counted, -1), (kind, 1)):
            if not name:
                continue
            for key in (name, "completed") if name in ("succeeded", "failed") else (name,):
                self.job.counts[key] += sign
                self.job.slot_counts[key] += sign * self.slots
        self.counted = kind


class World:
    """Everything there is, with the lock that guards it and the threads that work on it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.clock = Clock(settings.speed, self.lock)
        self.ledger = Ledger(self.clock)
        self.faults = Faults(self.clock)
        self.reaper = Reaper()
        self.workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="emulator-worker")
        self.pools: dict[str, Pool] = {}
        self.jobs: dict[str, Job] = {}
        self.schedules: dict[str, Any] = {}
        self.url = ""
        self.account = ""
        self.closed = False
        self._numbers = 0
        self._kicked = False
        self._schedulers: list[Callable[[], None]] = []
        self._listeners: dict[str, list[Callable[..., None]]] = {}

    def number(self) -> int:
        """A number that grows."""
        self._numbers += 1
        return self._numbers

    def on(self, event: str, listener: Callable[..., None]) -> None:
        """Call `listener` whenever `event` is told. So rooms above hear of what is below them."""
        self._listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Callable[..., None]) -> None:
        """Stop calling `listener`."""
        self._listeners[event] = [x for x in self._listeners.get(event, []) if x is not listener]

    def tell(self, event: str, *values: Any) -> None:
        """Call those who wait for `event`."""
        for listener in self._listeners.get(event, ()):
            listener(*values)

    def on_kick(self, action: Callable[[], None]) -> None:
        """Register the scheduler's pass."""
        self._schedulers.append(action)

    def kick(self) -> None:
        """Something changed that may let a task start: one pass soon, however often this is said."""
        if not self._kicked and not self.closed:
            self._kicked = True
            self.clock.after(0.0, self._pass)

    def _pass(self) -> None:
        self._kicked = False
        for action in self._schedulers:
            action()

    def discard(self, path: str) -> None:
        """Remove a directory: out of sight at once, so that its name can be used again."""
        aside = os.path.join(self.settings.root, f".gone{self.number()}")
        try:
            os.rename(path, aside)
        except OSError:
            return
        self.work(lambda: shutil.rmtree(aside, ignore_errors=True))

    def work(self, action: Callable[[], None]) -> None:
        """Run `action` in a worker thread, outside the lock."""
        if not self.closed:
            self.workers.submit(self._guarded, action)

    def _guarded(self, action: Callable[[], None]) -> None:
        import traceback

        try:
            action()
        except Exception:
            self.clock.errors.append(traceback.format_exc())
