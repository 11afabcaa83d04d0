"""What goes wrong on a node, as the problem of a job's result."""

from __future__ import annotations

from rulekit.runner.files import Refused


class Trouble(Refused):
    """An order cannot go on. `problem` and `detail` as in `JobResult`; never holds a secret.

    passing: it lies with the machine or the network and may be gone elsewhere or later.
    problem: the runner's, and ``storage`` (the service cannot be reached or fails),
    ``container``, ``node`` (this program).
    """

    def __init__(self, problem: str, detail: str, passing: bool = False) -> None:
        super().__init__(problem, detail)
        self.passing = passing


class Cancelled(Trouble):
    """Somebody asked to stop."""

    def __init__(self) -> None:
        super().__init__("cancelled", "")


class ServiceTrouble(Trouble):
    """The storage service said no, or nothing. `status` is 0 where there was no answer."""

    def __init__(
        self, problem: str, detail: str, status: int, code: str, passing: bool = False
    ) -> None:
        super().__init__(problem, detail, passing)
        self.status = status
        self.code = code
