"""Which job next, within resources. A state machine: events in, commands out.

Rules of this file. It knows job numbers, not files' contents; it asks no clock and no disk.
Every change of a job's state goes through `_move`, along `TRANSITIONS`. What it is given:
the plan, which jobs run, and a function that says what an attempt asks for.

    wanted ──▶ ready ──▶ running ──▶ done
                 ▲          │
                 └──────────┤ another attempt
                            └──▶ failed        skipped: below a failure

Among ready jobs the one of higher priority goes first, then the one with the lower number, which
finishes a branch before it opens the next (numbers follow the search, depth first) and so keeps
few temporary files alive. A job that does not fit now lets smaller ones pass.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from rulekit.frozen import frozen
from rulekit.scheduling.request import Offer, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Protocol

    class Graph(Protocol):
        """What is asked of a plan (or of something that stands for one)."""

        @property
        def needs(self) -> Sequence[Sequence[int]]: ...
        @property
        def waits(self) -> Collection[int]: ...


WANTED, READY, RUNNING, DONE, FAILED, SKIPPED = range(6)
STATE_NAMES = ("wanted", "ready", "running", "done", "failed", "skipped")
TRANSITIONS = frozenset(
    {
        (WANTED, READY),
        (WANTED, SKIPPED),
        (READY, RUNNING),
        (READY, SKIPPED),
        (RUNNING, DONE),
        (RUNNING, READY),
        (RUNNING, FAILED),
    }
)


@frozen
class Launch:
    """Start this attempt of the job."""

    job: int
    attempt: int


class IllegalTransition(AssertionError):
    """A bug: a job was moved from a state to one that does not follow it."""


class Schedule:
    """The progress of one run over one plan."""

    __slots__ = (
        "_attempts",
        "_classes",
        "_free",
        "_free_cores",
        "_free_jobs",
        "_least",
        "_left",
        "_open",
        "_plan",
        "_request",
        "_requests",
        "_retries",
        "_state",
        "_stopped",
        "_users",
        "counts",
        "keep_going",
    )

    def __init__(
        self,
        plan: Graph,
        run: Sequence[int],
        request: Callable[[int, int], Request],
        retries: Callable[[int], int],
        offer: Offer,
        keep_going: bool = False,
    ) -> None:
        """`run[j]` is true for each job that must run; `request(job, attempt)` and `retries(job)`
        are asked when a job becomes ready and when it fails."""
        self._plan = plan
        self._request = request
        self._retries = retries
        self.keep_going = keep_going
        self._stopped = False
        self._free_cores = offer.cores
        self._free_jobs = offer.jobs if offer.jobs is not None else -1
        self._free = dict(offer.resources or {})
        self._least = 1 << 30  # the fewest cores that a job has asked for
        self._attempts: dict[int, int] = {}
        self._requests: dict[int, Request] = {}
        # Ready jobs by what they ask for: within a class only the first is looked at.
        self._classes: dict[tuple[int, tuple[tuple[str, int], ...]], list[tuple[float, int]]] = {}
        self._state: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._users: dict[int, list[int]] = {}
        self.counts = [0] * len(STATE_NAMES)
        wanted = [job for job in range(len(run)) if run[job]]
        self._open = len(wanted)
        self.counts[WANTED] = len(wanted)
        needs = plan.needs
        users = self._users
        ready = []
        waits = plan.waits
        for job in wanted:
            self._state[job] = WANTED
            # What waits for a checkpoint is ready under a later plan only.
            left = 1 if job in waits else 0
            for needed in needs[job]:
                if run[needed]:
                    left += 1
                    if needed in users:
                        users[needed].append(job)
                    else:
                        users[needed] = [job]
            if left:
                self._left[job] = left
            else:
                ready.append(job)
        for job in ready:
            self._make_ready(job, 1)

    # -- questions ---------------------------------------------------------------------------

    def state(self, job: int) -> int | None:
        """The state of a job, None if it does not take part."""
        return self._state.get(job)

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing more will be started."""
        return self.counts[RUNNING] == 0 and (
            self._stopped or self.counts[READY] + self.counts[WANTED] == 0
        )

    @property
    def total(self) -> int:
        return self._open

    @property
    def full(self) -> bool:
        """Whether there is no room for any other job."""
        return self._free_cores <= 0 or self._free_jobs == 0

    def waiting_for(self) -> str | None:
        """Which resource the best ready job waits for; None if nothing is ready or it fits."""
        best = min(
            ((heap[0], key) for key, heap in self._classes.items() if heap),
            default=None,
        )
        if best is None:
            return None
        cores, resources = best[1]
        if cores > self._free_cores:
            return f"cores (needs {cores}, {self._free_cores} free)"
        for name, amount in resources:
            if amount > self._free[name]:
                return f"{name} (needs {amount}, {self._free[name]} free)"
        return "a free job slot" if self._free_jobs == 0 else None

    # -- commands ----------------------------------------------------------------------------

    def launches(self, most: int = 1 << 30) -> list[Launch]:
        """The attempts to start now; they count as running from here on."""
        found: list[Launch] = []
        if self._stopped:
            return found
        classes = self._classes
        while len(found) < most and self._free_jobs != 0 and self._free_cores >= self._least:
            best_key = None
            best: tuple[float, int] | None = None
            for key, heap in classes.items():
                if (best is None or heap[0] < best) and self._fits(key):
                    best, best_key = heap[0], key
            if best is None or best_key is None:
                break
            heap = classes[best_key]
            heappop(heap)
            if not heap:
                del classes[best_key]
            job = best[1]
            self._take(best_key, -1)
            self._move(job, RUNNING)
            found.append(Launch(job, self._attempts.get(job, 1)))
        return found

    def succeeded(self, job: int) -> None:
        """The running attempt of `job` succeeded: its resources are free, its users come nearer."""
        self._move(job, DONE)
        self._release(job)
        left = self._left
        for user in self._users.get(job, ()):
            remaining = left.get(user, 0) - 1
            if remaining > 0:
                left[user] = remaining
            elif remaining == 0:
                del left[user]
                if self._state[user] == WANTED:
                    self._make_ready(user, 1)

    def failed(self, job: int, *, may_retry: bool = True) -> bool:
        """The running attempt failed. The result says whether there will be another one."""
        if self._state.get(job) != RUNNING:
            raise self._illegal(job, FAILED)
        self._release(job)
        attempt = self._attempts.get(job, 1)
        if may_retry and not self._stopped and attempt <= self._retries(job):
            self._attempts[job] = attempt + 1
            self._make_ready(job, attempt + 1)
            return True
        self._move(job, FAILED)
        todo = list(self._users.get(job, ()))
        while todo:
            user = todo.pop()
            if self._state[user] == WANTED:
                self._move(user, SKIPPED)
                todo.extend(self._users.get(user, ()))
        if not self.keep_going:
            self._stopped = True
        return False

    def resume(self, job: int, attempt: int) -> None:
        """Take over a job that runs already (from the schedule of an earlier plan)."""
        if self._state.get(job) == READY:
            self._withdraw(job)
        else:
            self._move(job, READY)
        self._attempts[job] = attempt
        request = self._requests[job] = self._request(job, attempt)
        self._take((request.cores, request.resources), -1)
        self._move(job, RUNNING)

    def assume_failed(self, job: int) -> None:
        """Take over that a job failed for good under an earlier plan."""
        stopped = self._stopped
        self.resume(job, 1 << 30)
        self.failed(job, may_retry=False)
        self._stopped = stopped

    def _withdraw(self, job: int) -> None:
        request = self._requests[job]
        key = (request.cores, request.resources)
        heap = self._classes[key]
        heap.remove((-request.priority, job))
        heapify(heap)
        if not heap:
            del self._classes[key]

    def stop(self) -> None:
        """Start nothing more; what runs may end."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        return self._stopped

    # -- inside ------------------------------------------------------------------------------

    def _make_ready(self, job: int, attempt: int) -> None:
        request = self._requests[job] = self._request(job, attempt)
        self._move(job, READY)
        if request.cores < self._least:
            self._least = request.cores
        key = (request.cores, request.resources)
        heap = self._classes.get(key)
        if heap is None:
            self._classes[key] = [(-request.priority, job)]
        else:
            heappush(heap, (-request.priority, job))

    def _fits(self, key: tuple[int, tuple[tuple[str, int], ...]]) -> bool:
        if key[0] > self._free_cores:
            return False
        free = self._free
        return all(amount <= free[name] for name, amount in key[1])

    def _take(self, key: tuple[int, tuple[tuple[str, int], ...]], sign: int) -> None:
        self._free_cores += sign * key[0]
        if self._free_jobs >= 0:
            self._free_jobs += sign
        for name, amount in key[1]:
            self._free[name] += sign * amount

    def _release(self, job: int) -> None:
        request = self._requests.pop(job)
        self._free_cores += request.cores
        if self._free_jobs >= 0:
            self._free_jobs += 1
        for name, amount in request.resources:
            self._free[name] += amount

    def _move(self, job: int, state: int) -> None:
        old = self._state.get(job)
        if old is None or (old, state) not in TRANSITIONS:
            raise self._illegal(job, state)
        self._state[job] = state
        self.counts[old] -= 1
        self.counts[state] += 1

    def _illegal(self, job: int, state: int) -> IllegalTransition:
        old = self._state.get(job)
        name = "not in this run" if old is None else STATE_NAMES[old]
        return IllegalTransition(f"job {job}: {name} to {STATE_NAMES[state]}")

    def validate(self, offer: Offer) -> None:
        """Checks every invariant; for tests. Raises `AssertionError`."""
        by_state = [0] * len(STATE_NAMES)
        for state in self._state.values():
            by_state[state] += 1
        assert by_state == self.counts, (by_state, self.counts)
        ready = {job for heap in self._classes.values() for _, job in heap}
        assert ready == {job for job, state in self._state.items() if state == READY}
        running = [job for job, state in self._state.items() if state == RUNNING]
        assert self._free_cores == offer.cores - sum(self._requests[j].cores for j in running)
        assert self._free_cores >= 0
        for name, limit in (offer.resources or {}).items():
            used = sum(dict(self._requests[j].resources).get(name, 0) for j in running)
            assert self._free[name] == limit - used >= 0
        for job, state in self._state.items():
            if state in (READY, RUNNING, DONE):
                for needed in self._plan.needs[job]:
                    assert self._state.get(needed, DONE) == DONE, (job, needed)
