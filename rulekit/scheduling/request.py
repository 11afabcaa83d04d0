"""What one attempt of a job asks for, and what a run offers."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Request:
    """Cores and named resources of one attempt, already capped to what the run offers.

    `resources` holds only the limited ones, as sorted (name, amount) pairs. A job of higher
    `priority` goes first.
    """

    cores: int
    resources: tuple[tuple[str, int], ...] = ()
    priority: float = 0


@frozen
class Offer:
    """What the run may use at once: cores, jobs (None: no limit), named resources."""

    cores: int
    jobs: int | None = None
    resources: Mapping[str, int] | None = None
