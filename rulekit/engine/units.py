"""Jobs that run together, as one to the schedule: pipes and services join them.

The schedule sees a group's *leader* only: it needs what all of them need, asks for what all of
them ask for, and is done when all of them are.
"""

from __future__ import annotations

from rulekit.errors import Label, PlanError
from rulekit.planning.streams import together
from rulekit.scheduling import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from rulekit.engine.loop import Attempt
    from rulekit.model.spec import JobResult, JobSpec
    from rulekit.planning.groups import Grouping
    from rulekit.planning.plan import Plan
    from rulekit.planning.streams import Stream
    from rulekit.scheduling import Offer


class Contracted:
    """What the schedule asks of a plan, with one job for each group."""

    __slots__ = ("needs", "run", "waits")

    def __init__(
        self,
        needs: Sequence[Sequence[int]],
        run: Sequence[int],
        waits: Collection[int],
    ) -> None:
        self.needs = needs
        self.run = run
        self.waits = waits


class Units:
    """The groups of one plan. `members[leader]` are those of a group that are still to run."""

    __slots__ = ("_offer", "_plan", "_streams", "leader", "members")

    def __init__(
        self, plan: Plan, run: Sequence[int], offer: Offer, grouping: Grouping | None = None
    ) -> None:
        """`grouping`: groups of rules count, too. Raises `PlanError`."""
        self._plan = plan
        self._offer = offer
        self._streams: tuple[Stream, ...] = plan.streams
        self.members: dict[int, tuple[int, ...]] = {}
        self.leader: dict[int, int] = {}
        groups = together(plan, run, self._streams)
        if grouping is not None:
            from rulekit.planning.groups import group_units

            groups = [unit.jobs for unit in group_units(plan, run, grouping)]
        for group in groups:
            self.members[group[0]] = group
            for job in group:
                self.leader[job] = group[0]

    def contracted(self, run: Sequence[int]) -> Contracted:
        """The plan with one job for each group."""
        plan = self._plan
        if not self.members:
            return Contracted(plan.needs, run, plan.waits)
        leader = self.leader
        needs: list[Sequence[int]] = list(plan.needs)
        left = bytearray(run)
        waits = {leader.get(job, job) for job in plan.waits}
        for first, group in self.members.items():
            outside = (n for job in group for n in plan.needs[job] if leader.get(n) != first)
            needs[first] = tuple(dict.fromkeys(leader.get(n, n) for n in outside))
            for job in group[1:]:
                left[job] = 0
        for job in range(len(left)):
            if left[job] and job not in self.members:
                own = needs[job]
                if any(n in leader for n in own):
                    needs[job] = tuple(dict.fromkeys(leader.get(n, n) for n in own))
        return Contracted(needs, left, waits)

    def request(self, request: Callable[[int, int], Request]) -> Callable[[int, int], Request]:
        """What an attempt of a job, or of a group by its leader, asks for."""
        if not self.members:
            return request

        def of(job: int, attempt: int) -> Request:
            group = self.members.get(job)
            if group is None:
                return request(job, attempt)
            return self._sum([request(one, attempt) for one in group])

        return of

    def retries(self, retries: Callable[[int], int]) -> Callable[[int], int]:
        """How often a job, or a group, may be tried again."""
        if not self.members:
            return retries
        members = self.members
        return lambda job: max(retries(one) for one in members.get(job, (job,)))

    def _sum(self, requests: Sequence[Request]) -> Request:
        limits = self._offer.resources or {}
        amounts: dict[str, int] = {}
        for request in requests:
            for name, amount in request.resources:
                amounts[name] = min(amounts.get(name, 0) + amount, limits.get(name, amount))
        cores = min(sum(request.cores for request in requests), self._offer.cores)
        return Request(
            cores, tuple(sorted(amounts.items())), max(request.priority for request in requests)
        )

    def check(self, request: Callable[[int, int], Request]) -> None:
        """Whether what must run at once fits into what there is. Raises `PlanError`."""
        for group in self.members.values():
            self._check_group(group, {job: request(job, 1) for job in group})

    def _check_group(self, group: Sequence[int], requests: Mapping[int, Request]) -> None:
        offer = self._offer
        parties = self._parties(group)
        services = {stream.maker for stream in self._streams if stream.kind == "service"}
        steady = [party for party in parties if services & set(party)]
        passing = [party for party in parties if not services & set(party)]
        asked: list[tuple[str, int, int]] = []
        limits = {"cores": offer.cores, **(offer.resources or {})}
        for name, limit in limits.items():
            use = [sum(_amount(requests[job], name) for job in party) for party in steady]
            most = max((sum(_amount(requests[j], name) for j in p) for p in passing), default=0)
            asked.append((name, sum(use) + most, limit))
        for name, amount, limit in asked:
            if amount > limit:
                plan = self._plan
                names = ", ".join(f"`{plan.key(job)}`" for job in group[:4])
                more = f" and {len(group) - 4} more" if len(group) > 4 else ""
                option = f"--cores {amount}" if name == "cores" else f"--resources {name}={amount}"
                raise PlanError(
                    f"{names}{more} run at the same time and need {amount} {name} together, but "
                    f"there are only {limit}",
                    code="RK0416",
                    span=plan.rule_of(group[0]).span,
                    labels=tuple(
                        Label(plan.rule_of(job).span, "runs beside it")
                        for job in {plan.rule[j]: j for j in group[1:]}.values()
                        if plan.rule[job] != plan.rule[group[0]]
                    ),
                    help=f"they are joined by pipes or services: give them enough, `{option}`",
                )

    def _parties(self, group: Sequence[int]) -> list[list[int]]:
        """The jobs of a group that pipes connect."""
        mark = {job: job for job in group}
        for stream in self._streams:
            if stream.kind == "pipe" and stream.maker in mark:
                for reader in stream.readers:
                    if reader in mark:
                        old, new = mark[reader], mark[stream.maker]
                        mark = {job: new if m == old else m for job, m in mark.items()}
        parties: dict[int, list[int]] = {}
        for job, m in mark.items():
            parties.setdefault(m, []).append(job)
        return list(parties.values())

    def limits(
        self, specs: Sequence[JobSpec], request: Callable[[int, int], Request]
    ) -> tuple[list[dict[str, int]], dict[str, int]]:
        """What each attempt of a group uses of cores and limited resources, and what there is."""
        requests = [request(spec.id, spec.attempt) for spec in specs]
        total = self._sum(requests)
        amounts = [{"_cores": one.cores, **dict(one.resources)} for one in requests]
        return amounts, {"_cores": total.cores, **dict(total.resources)}

    def again(self, leader: int, failed: Collection[int]) -> None:
        """Another attempt of a group: of what failed, and of what that must run beside."""
        group = set(self.members[leader])
        wanted = set(failed)
        todo = list(wanted)
        while todo:
            job = todo.pop()
            for stream in self._streams:
                beside: tuple[int, ...] = ()
                if job in stream.readers:
                    beside = (stream.maker,)
                elif job == stream.maker and stream.kind == "pipe":
                    beside = stream.readers
                for one in beside:
                    if one in group and one not in wanted:
                        wanted.add(one)
                        todo.append(one)
        self.members[leader] = tuple(sorted(wanted))


class OpenGroup:
    """A group that runs: who has not ended yet, and what failed."""

    __slots__ = ("cancelled", "failures", "left")

    def __init__(self, jobs: Iterable[int]) -> None:
        self.left = set(jobs)
        self.failures: list[tuple[Attempt, JobResult]] = []
        self.cancelled = False

    def ended(self, attempt: Attempt, result: JobResult) -> None:
        """Takes the result of one of them."""
        self.left.discard(attempt.job)
        if not result.ok:
            self.failures.append((attempt, result))
            self.cancelled = self.cancelled or result.problem == "cancelled"


def _amount(request: Request, name: str) -> int:
    return request.cores if name == "cores" else dict(request.resources).get(name, 0)
