"""One submission: its folder, and what is known of it."""

from __future__ import annotations

import json
import os
import shutil
import time

from rulekit.runner import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.model.spec import JobSpec


class Submission:
    """One or several attempts that are one job to the cluster. Times are of the monotonic clock."""

    def __init__(
        self,
        number: int,
        specs: tuple[JobSpec, ...],
        amounts: tuple[dict[str, int], ...],
        folder: str,
    ) -> None:
        self.number = number
        self.specs = specs
        self.amounts = amounts
        self.folder = folder
        self.label = specs[0].rule
        self.open = {spec.token: spec for spec in specs}  # without an answer
        self.id: str | None = None  # the cluster's
        self.submitted: float | None = None
        self.over: float | None = None  # when it was known to have ended
        self.state: str | None = None  # what the status command said last
        self.checking = False
        self.checked: float | None = None
        self.trouble = 0  # answers of the status command that were none
        self.cancelled = False
        self.withdrawn = False  # it will never start
        self.failed = False
        self.seen: dict[str, float] = {}  # when a result was first seen
        self._beat: tuple[int, float] | None = None  # time in the file, and when it was new here

    def write_order(self, done: str, budget: Mapping[str, int]) -> None:
        """Puts the order on file. Raises OSError."""
        order = {
            "format": 1,
            "specs": [wire.spec_to_json(spec) for spec in self.specs],
            "amounts": self.amounts,
            "budget": dict(budget),
            "done": done,
        }
        path = os.path.join(self.folder, "order.json")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(order, stream)
            stream.flush()
            os.fsync(stream.fileno())

    def write_id(self) -> None:
        """Notes the cluster's id for people who look."""
        try:
            with open(os.path.join(self.folder, "id"), "w", encoding="utf-8") as file:
                file.write(f"{self.id or ''}\n")
        except OSError:
            pass

    def ask_to_stop(self) -> None:
        """Takes the order back if it was not begun; else asks whoever carries it out to stop."""
        self.withdrawn = withdraw(self.folder)
        if not self.withdrawn:
            try:
                with open(os.path.join(self.folder, "stop"), "w", encoding="utf-8"):
                    pass
            except OSError:
                pass

    def is_silent(self, now: float, limit_s: float) -> bool:
        """Whether it was begun and gave no sign of life for so long; by our clock alone."""
        beat = last_beat(self.folder)
        if beat is None:
            return False  # it waits in the cluster's queue, for as long as that takes
        if self._beat is None or self._beat[0] != beat:
            self._beat = (beat, now)
        return now - self._beat[1] > limit_s

    def is_alone_with(self, spec: JobSpec) -> bool:
        """Whether outputs need not be seen here: they stay on the node."""
        return any("nodelocal" in output.flags for output in spec.outputs)


def withdraw(folder: str) -> bool:
    """Takes an order back; False if somebody has begun it."""
    try:
        os.rename(os.path.join(folder, "order.json"), os.path.join(folder, "withdrawn.json"))
    except FileNotFoundError:
        return not os.path.exists(os.path.join(folder, "taken.json"))
    except OSError:
        return False
    return True


def last_beat(folder: str) -> int | None:
    """The time of the last sign of life in nanoseconds of the file system's clock, or None."""
    try:
        return os.stat(os.path.join(folder, "alive")).st_mtime_ns
    except OSError:
        return None


def remove_tree(folder: str) -> None:
    """Removes a folder of ours; what cannot be removed stays."""
    shutil.rmtree(folder, ignore_errors=True)


def wait_until_over(folder: str, limit_s: float, look_s: float = 1.0) -> None:
    """Waits until a submission that was begun has ended, or gives no sign of life for so long."""
    number = os.path.basename(folder)
    ended = os.path.join(os.path.dirname(os.path.dirname(folder)), "done", f"{number}.ended")
    beat, since = last_beat(folder), time.monotonic()
    while not os.path.exists(ended):
        time.sleep(look_s)
        found = last_beat(folder)
        if found != beat:
            beat, since = found, time.monotonic()
        elif time.monotonic() - since > limit_s:
            return
