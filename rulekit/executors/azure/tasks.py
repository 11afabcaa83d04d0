"""The orders of a run on their way: what the driver knows of each task it has made."""

from __future__ import annotations

from rulekit.executors.azure import names, sizes
from rulekit.frozen import frozen
from rulekit.model.spec import JobResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from rulekit.executors.azure.sizes import Need, Shape
    from rulekit.executors.azure.staging import RunFiles
    from rulekit.model.spec import JobSpec

# States of a task as the driver sees it.
WAITING, SENT, RUNNING, DONE = range(4)


@frozen
class Details:
    """What an order of a job says beside its spec: container, resources for the machine."""

    image: str | None = None
    options: tuple[str, ...] = ()
    resources: Mapping[str, Any] | None = None


class Task:
    """One task: an attempt of a job, or several that run together or one after the other."""

    __slots__ = (
        "again",
        "batch",
        "cancelled",
        "dedicated",
        "details",
        "facts",
        "files",
        "hard",
        "id",
        "inner",
        "job_id",
        "lost_since",
        "named",
        "need",
        "node",
        "preempted",
        "shape",
        "slots",
        "specs",
        "state",
        "together",
        "tokens",
    )

    def __init__(
        self,
        specs: Sequence[JobSpec],
        details: Sequence[Details],
        together: tuple[list[dict[str, int]], dict[str, int]] | None = None,
        inner: Sequence[str] = (),
    ) -> None:
        self.specs = tuple(specs)
        self.inner = tuple(inner)
        self.details = tuple(details)
        self.together = together
        self.tokens = tuple(spec.token for spec in specs)
        needs = [
            sizes.need_of(spec.threads, detail.resources or {})
            for spec, detail in zip(specs, details, strict=True)
        ]
        self.need: Need = sizes.together(needs)
        if together is not None:  # at the same time: all of it adds up
            self.need = sizes.Need(
                sum(n.threads for n in needs),
                sum(n.memory_mib for n in needs),
                sum(n.disk_mib for n in needs),
                sum(n.gpus for n in needs),
            )
        self.shape: Shape | None = None
        self.slots = 1
        self.id = ""
        self.named = ""  # what an earlier run called it
        self.job_id = ""
        self.batch = 0
        self.again = 0
        self.state = WAITING
        self.node = ""
        self.preempted = 0
        self.cancelled = False
        self.dedicated = False  # not on a spot machine any more
        self.hard = False
        self.lost_since = 0.0
        self.facts: dict[str, Any] = {}
        self.files: RunFiles | None = None  # of an earlier run, whose task it is

    @classmethod
    def earlier(cls, shown: str, task_id: str, job_id: str, batch: int) -> Task:
        """A task that an earlier run has sent, by its display name. Its orders are not known here."""
        task = cls((), ())
        task.tokens = tokens_of(shown)
        task.named = shown.partition(" ")[2]
        task.id, task.job_id, task.batch = task_id, job_id, batch
        task.state = SENT
        return task

    @property
    def key(self) -> str:
        """What the user calls the job."""
        return self.specs[0].key if self.specs else self.named or self.id

    @property
    def token(self) -> str:
        """The token of the first attempt: the name of the whole."""
        return self.tokens[0]

    def name(self) -> str:
        """The id of the task; that of a repetition by us differs."""
        first = self.specs[0]
        return names.task_id(first.rule, first.token, first.attempt, self.again)

    def shown(self) -> str:
        """`TOKEN[,TOKEN...] key`: the display name, by which a later run finds the attempt."""
        return f"{','.join(self.tokens)} {self.specs[0].key}"

    def limit_s(self) -> float | None:
        """Seconds for the whole task: its jobs' own limits are kept by the node program, this is
        for a node program that hangs. None if a job has no limit."""
        total = 3600.0  # for staging
        for spec in self.specs:
            if spec.timeout_s is None:
                return None
            total += spec.timeout_s + 60
        return total

    def images(self, usual: str | None) -> list[str]:
        """The images of its jobs; `usual` is that of jobs that name none."""
        return [image for detail in self.details if (image := detail.image or usual)]

    def is_unlucky(self, most: int) -> bool:
        """Whether spot machines were taken away from it `most` times, if that is not 0."""
        spot = self.shape is not None and self.shape.spot
        return spot and 0 < most <= self.preempted and not self.cancelled

    def failed(self, problem: str, detail: str, began: float, ended: float) -> Iterator[JobResult]:
        """The answer for each of its attempts when there is no result from the node."""
        numbers = {spec.token: spec.id for spec in self.specs}
        for token in self.tokens:
            number = numbers.get(token, -1)
            yield JobResult(number, token, False, 1, problem, detail, (), (), began, ended, {}, ())


def tokens_of(shown: str) -> tuple[str, ...]:
    """The tokens in a display name; none if it is not one of ours."""
    first, _, rest = shown.partition(" ")
    return tuple(first.split(",")) if rest and first else ()
